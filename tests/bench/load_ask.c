/* Requests and their answers, one after the other, some at a time, or on a connection each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { CHUNK = 65536, LONGEST_END = 64 };

static const struct load *load;
static char bytes[LONGEST_END + CHUNK];
static size_t kept; /* of bytes: the beginning of an end, perhaps */

/* A blocking socket: whoever asks has nothing else to do. */
static int open_one(void)
{
	int fd = place_connect(&load->place);

	poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	kept = 0;
	return fd;
}

static void say(int fd, const char *text, size_t n)
{
	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		fail("cannot send:", "ask");
}

/* How many answers ended in what could be read. */
static uint64_t hear(int fd)
{
	size_t end = strlen(load->expect);
	ssize_t n = read(fd, bytes + kept, CHUNK);
	char *at = bytes, *found;
	uint64_t answers = 0;

	if (n <= 0)
		fail("closed before the answer was complete", "ask");
	kept += n;
	while ((found = memmem(at, bytes + kept - at, load->expect, end))) {
		answers++;
		at = found + end;
	}
	kept = bytes + kept - at;
	if (kept >= end) {
		at += kept - (end - 1);
		kept = end - 1;
	}
	memmove(bytes, at, kept);
	return answers;
}

static void ask(int fd, const char *text)
{
	say(fd, text, strlen(text));
	while (hear(fd) == 0)
		;
}

static void ask_in_turn(int fd)
{
	for (uint64_t i = 0; load->count ? i < load->count : !told_to_stop(); i++) {
		uint64_t began = now_ns();

		if (load->each) {
			close(fd);
			fd = open_one();
		}
		ask(fd, load->request);
		took(now_ns() - began);
	}
	close(fd);
}

/* As many requests as answers have come, in one piece. */
static void ask_ahead(int fd)
{
	size_t n = strlen(load->request), depth = load->clients;
	char *text = malloc(n * depth);
	uint64_t sent = 0, answered = 0;

	if (!text)
		fail("out of memory", "ask");
	for (size_t i = 0; i < depth; i++)
		memcpy(text + i * n, load->request, n);
	while (answered < load->count) {
		uint64_t more = depth - (sent - answered);

		if (more > load->count - sent)
			more = load->count - sent;
		if (more > 0)
			say(fd, text, more * n);
		sent += more;
		answered += hear(fd);
	}
	free(text);
	close(fd);
}

/* --clients is how many are asked at a time. */
int load_ask(const struct load *given)
{
	uint64_t began;
	int fd;

	load = given;
	if (!load->request || !load->expect || strlen(load->expect) > LONGEST_END)
		fail("a request and the end of an answer are needed", "ask");
	fd = open_one();
	if (load->first)
		ask(fd, load->first);
	wait_for_start();
	began = now_ns();
	if (load->clients > 1)
		ask_ahead(fd);
	else
		ask_in_turn(fd);
	report(load->count, began);
	wait_for_end();
	return 0;
}
