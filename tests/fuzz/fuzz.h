/* What every fuzz target shares. A target is one file, tests/fuzz/NAME.c, with fuzz_one and, if it
   needs something set up, fuzz_begin. It checks properties, so that input which merely comes out
   wrong is found as surely as input that crashes. Linked with libFuzzer by `make fuzz`, and with
   replay.c, which runs the inputs in tests/fuzz/corpus/NAME/, by `make check`. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target's: runs one input, which must end in the state it began in. */
void fuzz_one(const uint8_t *data, size_t size);
/* The target's, once before the first input. A target without one gets one that does nothing. */
void fuzz_begin(void);

/* A property: ends the process with the place and the text of what does not hold. */
#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			fuzz_fail(__FILE__, __LINE__, #truth);                                     \
	} while (0)
void fuzz_fail(const char *file, int line, const char *source) __attribute__((noreturn));

/* An input being taken apart from its front. What is asked for beyond its end is 0. */
struct input {
	const uint8_t *at, *end;
};

struct input input_of(const uint8_t *data, size_t size);
size_t input_left(const struct input *input);
uint8_t input_byte(struct input *input);
/* A number below n (1..256). */
unsigned input_below(struct input *input, unsigned n);
/* The bytes up to the next NUL or the end as a string in memory of exactly its size, so that the
   sanitizer sees whoever reads behind it. Never NULL; the caller frees. */
char *input_string(struct input *input);
/* The same for all that is left, NULs and all: *n bytes and a NUL that is not counted. */
char *input_rest(struct input *input, size_t *n);

/* True if people may see every character: UTF-8 without controls, C1 and line separators among
   them. Knows it by itself, so that it cannot share a mistake with printable_sequence. */
bool is_shown(const char *bytes, size_t n);

#endif
