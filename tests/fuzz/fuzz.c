/* What every fuzz target shares, and the two functions libFuzzer calls. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((weak)) void fuzz_begin(void)
{
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_begin();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}

/* By descriptor: a target may have made stderr its own. */
void fuzz_fail(const char *file, int line, const char *source)
{
	dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, source);
	abort();
}

struct input input_of(const uint8_t *data, size_t size)
{
	return (struct input){.at = data, .end = data + size};
}

size_t input_left(const struct input *input)
{
	return (size_t)(input->end - input->at);
}

uint8_t input_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

unsigned input_below(struct input *input, unsigned n)
{
	return input_byte(input) % n;
}

static char *take(struct input *input, size_t n)
{
	char *text = malloc(n + 1);

	if (text == NULL)
		abort();
	memcpy(text, input->at, n);
	text[n] = '\0';
	input->at += n;
	return text;
}

char *input_string(struct input *input)
{
	size_t left = input_left(input), n = left > 0 ? strnlen((const char *)input->at, left) : 0;
	char *text = take(input, n);

	input->at += n < left;
	return text;
}

char *input_rest(struct input *input, size_t *n)
{
	*n = input_left(input);
	return take(input, *n);
}

/* One code point of UTF-8 with its length, by arithmetic: what it encodes must be the shortest way
   to write it. 0: there is none. */
static size_t decode(const unsigned char *bytes, size_t n, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = 1;

	if (bytes[0] < 0x80) {
		*point = bytes[0];
		return 1;
	}
	while (len < 5 && bytes[0] & 0x80 >> len)
		len++;
	if (len == 1 || len > 4 || len > n)
		return 0;
	*point = bytes[0] & 0x7fU >> len;
	for (size_t i = 1; i < len; i++) {
		if (bytes[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (bytes[i] & 0x3f);
	}
	return *point < least[len] || *point > 0x10ffff || *point >> 11 == 0x1b ? 0 : len;
}

bool is_shown(const char *bytes, size_t n)
{
	uint32_t point;

	for (size_t i = 0, len; i < n; i += len) {
		len = decode((const unsigned char *)bytes + i, n - i, &point);
		if (len == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0) ||
		    point == 0x2028 || point == 0x2029)
			return false;
	}
	return true;
}
