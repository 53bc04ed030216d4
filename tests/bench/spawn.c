/* How long whole programs take, from their start to their end, their output thrown away.
 * usage: spawn COUNT [BEFORE... --] PROGRAM [ARGUMENT...]
 * BEFORE is run before each and not counted. Prints one line of JSON, times in microseconds. */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "place.h"

extern char **environ;

static double now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + (double)now.tv_nsec / 1000;
}

/* Of all programs so far. */
static double cpu(void)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + used.ru_utime.tv_usec +
	       used.ru_stime.tv_usec;
}

static void run(char **argv, const posix_spawn_file_actions_t *actions)
{
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], actions, NULL, argv, environ) != 0)
		fail("cannot start", argv[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		fail("not successful:", argv[0]);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	double *times = calloc(count + 1, sizeof(*times)), used = 0;
	char **before = NULL, **program = argv + 2;
	posix_spawn_file_actions_t actions;

	if (!times || count == 0) {
		fprintf(stderr, "usage: spawn COUNT [BEFORE... --] PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	for (char **arg = program; *arg; arg++)
		if (strcmp(*arg, "--") == 0) {
			*arg = NULL;
			before = program;
			program = arg + 1;
			break;
		}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < count; i++) {
		if (before)
			run(before, &actions);
		used -= cpu();
		times[i] = now();
		run(program, &actions);
		times[i] = now() - times[i];
		used += cpu();
	}
	posix_spawn_file_actions_destroy(&actions);
	qsort(times, count, sizeof(*times), compare);
	printf("{\"p50\": %.1f, \"min\": %.1f, \"cpu\": %.1f}\n", times[count / 2], times[0],
	       used / count);
	free(times);
	return 0;
}
