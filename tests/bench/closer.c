/* What closing costs whoever does it, the reference of the stop metrics: accepts COUNT connections,
 * with BACKEND opens one there for each, and on a line of standard input closes all in a bare loop.
 * usage: closer ADDRESS COUNT [BACKEND]     prints its address, then "ready", then the CPU time in
 *                                           microseconds that the closing took */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int accept_one(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
		if (errno != EAGAIN)
			fail("cannot accept:", "accept4");
		poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	size_t count, open = 0;
	struct place place, backend;
	uint64_t began;
	int listener;
	int *fds;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: closer ADDRESS COUNT [BACKEND]\n");
		return 2;
	}
	raise_descriptor_limit();
	place = place_parse(argv[1]);
	count = strtoul(argv[2], NULL, 10);
	fds = calloc(count * 2 + 1, sizeof(*fds));
	if (!fds)
		fail("out of memory", "closer");
	if (argc == 4)
		backend = place_parse(argv[3]);
	listener = place_listen(&place);
	for (size_t i = 0; i < count; i++) {
		fds[open++] = accept_one(listener);
		if (argc == 4)
			fds[open++] = place_connect(&backend);
	}
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		return 0;
	began = cpu_ns();
	for (size_t i = 0; i < open; i++)
		close(fds[i]);
	printf("%.1f\n", (double)(cpu_ns() - began) / 1000);
	free(fds);
	return 0;
}
