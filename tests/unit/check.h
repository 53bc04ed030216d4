/* What every unit test shares: checks that print TAP and are counted. A test program calls the
   macros and ends main with `return check_done();`. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check {
	unsigned run, failed;
};

static struct check check;

/* The last arguments of each are a printf format and its arguments: the name of the check. Each
   gives the truth of what it checked. */
#define CHECK(truth, ...)	   check_truth(__FILE__, __LINE__, #truth, (truth), __VA_ARGS__)
#define CHECK_STR(got, want, ...)  check_string(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
#define CHECK_UINT(got, want, ...) check_uint(__FILE__, __LINE__, (got), (want), __VA_ARGS__)

/* Bytes that TAP or a terminal would take for something else are shown as '?'. */
static inline void check_print(const char *text)
{
	for (; *text != '\0'; text++)
		putchar((unsigned char)*text < 0x20 || *text == '#' || *text == 0x7f ? '?' : *text);
}

static inline bool check_report(bool truth, const char *format, va_list args)
{
	char name[512];

	vsnprintf(name, sizeof name, format, args);
	check.run++;
	check.failed += !truth;
	printf("%sok %u - ", truth ? "" : "not ", check.run);
	check_print(name);
	putchar('\n');
	return truth;
}

static inline __attribute__((format(printf, 5, 6))) bool
check_truth(const char *file, int line, const char *source, bool truth, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	check_report(truth, format, args);
	va_end(args);
	if (!truth)
		printf("# %s:%d: %s\n", file, line, source);
	return truth;
}

static inline __attribute__((format(printf, 5, 6))) bool
check_string(const char *file, int line, const char *got, const char *want, const char *format, ...)
{
	bool same = got != NULL && want != NULL ? strcmp(got, want) == 0 : got == want;
	va_list args;

	va_start(args, format);
	check_report(same, format, args);
	va_end(args);
	if (!same) {
		printf("# %s:%d: got  ", file, line);
		check_print(got != NULL ? got : "(null)");
		printf("\n# %s:%d: want ", file, line);
		check_print(want != NULL ? want : "(null)");
		putchar('\n');
	}
	return same;
}

static inline __attribute__((format(printf, 5, 6))) bool
check_uint(const char *file, int line, uintmax_t got, uintmax_t want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	check_report(got == want, format, args);
	va_end(args);
	if (got != want)
		printf("# %s:%d: got %" PRIuMAX ", want %" PRIuMAX "\n", file, line, got, want);
	return got == want;
}

/* Prints the plan; gives main's status. A run of no checks, or whose output is lost, has failed. */
static inline int check_done(void)
{
	printf("1..%u\n", check.run);
	if (fflush(stdout) != 0)
		return 1;
	return check.failed > 0 || check.run == 0;
}

#endif
