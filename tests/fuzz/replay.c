/* Runs a fuzz target on every file of a directory, in place of libFuzzer; prints TAP.
   usage: NAME DIRECTORY */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "../unit/check.h"
#include "fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static char current[512]; /* the file being replayed */

/* The sanitizers would exit, and nobody would know which file it was. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1";
}

static void on_death(int signum)
{
	static const char says[] = "# died of the input ";
	ssize_t n = write(STDOUT_FILENO, says, sizeof says - 1);

	n += write(STDOUT_FILENO, current, strlen(current));
	n += write(STDOUT_FILENO, "\n", 1);
	_exit(n > 0 ? 128 + signum : 1); /* TAP lacks its plan: tests/check counts a failure */
}

static size_t read_file(const char *path, uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t n;

	if (file == NULL) {
		perror(path);
		exit(2);
	}
	n = fread(data, 1, size, file);
	fclose(file);
	return n;
}

/* From memory of exactly its size. */
static void replay(const uint8_t *bytes, size_t n)
{
	uint8_t *data = malloc(n > 0 ? n : 1);

	if (data == NULL)
		abort();
	memcpy(data, bytes, n);
	fuzz_one(data, n);
	free(data);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	uint8_t *data = malloc(INPUT_MAX);
	struct dirent **entries;
	int n = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;

	if (n < 0 || data == NULL) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	signal(SIGABRT, on_death);
#ifndef __SANITIZE_ADDRESS__ /* which reports first, then aborts */
	signal(SIGSEGV, on_death);
	signal(SIGBUS, on_death);
	signal(SIGFPE, on_death);
#endif
	fuzz_begin();
	replay(data, 0);
	for (int i = 0; i < n; i++) {
		snprintf(current, sizeof current, "%s/%s", argv[1], entries[i]->d_name);
		replay(data, read_file(current, data, INPUT_MAX));
		free(entries[i]);
	}
	free(entries);
	free(data);
	CHECK(n > 0, "%d inputs of %s hold", n, argv[1]);
	return check_done();
}
