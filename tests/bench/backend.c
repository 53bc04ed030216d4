/* The backend of the bench: echoes, or answers bulk streams as flow.h describes.
 * usage: backend echo|bulk ADDRESS           prints the address, serves until it is killed */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "place.h"

enum { EVENTS = 256, ACCEPTS = 64 };

struct peer {
	int fd;
	size_t header; /* bytes of it that have come */
	struct flow_header announced;
	struct flow flow;
};

static int epoll_fd;
static bool is_echo;

static void watch(struct peer *peer, int operation, unsigned int events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};

	if (epoll_ctl(epoll_fd, operation, peer->fd, &event) < 0)
		fail("cannot watch a socket:", "epoll_ctl");
}

static void accept_some(int listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct peer *peer;

		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0)
			fail("cannot accept:", "accept4");
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			fail("out of memory", "backend");
		peer->fd = fd;
		watch(peer, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void leave(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

/* Clients wait for their answer before they send again, so it always fits. */
static void echo(struct peer *peer)
{
	static char bytes[65536];
	ssize_t n = read(peer->fd, bytes, sizeof(bytes));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		leave(peer);
	else if (send(peer->fd, bytes, n, MSG_NOSIGNAL) != n)
		fail("an answer did not fit", "echo");
}

static void read_header(struct peer *peer)
{
	char *header = (char *)&peer->announced;
	size_t left = sizeof(peer->announced) - peer->header;
	ssize_t n = read(peer->fd, header + peer->header, left);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		leave(peer);
		return;
	}
	peer->header += n;
	if (peer->header < sizeof(peer->announced))
		return;
	peer->flow.to_send = peer->announced.down;
	peer->flow.to_receive = peer->announced.up;
	peer->flow.check = peer->announced.check;
	if (peer->flow.to_send > 0)
		watch(peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

/* Everything went both ways: says so, and is ready for another header. */
static void finish(struct peer *peer)
{
	struct flow_trailer trailer = {.received = peer->flow.received};
	ssize_t n = send(peer->fd, &trailer, sizeof(trailer), MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN) {
		watch(peer, EPOLL_CTL_MOD, EPOLLOUT);
		return;
	}
	if (n != sizeof(trailer))
		fail("cannot send a trailer:", "bulk");
	peer->header = 0;
	memset(&peer->flow, 0, sizeof(peer->flow));
	watch(peer, EPOLL_CTL_MOD, EPOLLIN);
}

static void bulk(struct peer *peer, unsigned int events)
{
	struct flow *flow = &peer->flow;

	if (peer->header < sizeof(peer->announced)) {
		read_header(peer);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && flow->received < flow->to_receive)
		flow_receive(flow, peer->fd);
	if (events & EPOLLOUT && flow->sent < flow->to_send) {
		flow_send(flow, peer->fd);
		if (flow->sent == flow->to_send)
			watch(peer, EPOLL_CTL_MOD, EPOLLIN);
	}
	if (flow->sent == flow->to_send && flow->received == flow->to_receive)
		finish(peer);
}

static void serve(int listener)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, -1);

	if (n < 0 && errno != EINTR)
		fail("cannot wait:", "epoll_wait");
	for (int i = 0; i < n; i++) {
		struct peer *peer = events[i].data.ptr;

		if (!peer)
			accept_some(listener);
		else if (is_echo)
			echo(peer);
		else
			bulk(peer, events[i].events);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct place place;
	int listener;

	if (argc != 3 || (strcmp(argv[1], "echo") != 0 && strcmp(argv[1], "bulk") != 0)) {
		fprintf(stderr, "usage: backend echo|bulk ADDRESS\n");
		return 2;
	}
	is_echo = strcmp(argv[1], "echo") == 0;
	raise_descriptor_limit();
	place = place_parse(argv[2]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	listener = place_listen(&place);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
		fail("cannot watch a socket:", "epoll");
	for (;;)
		serve(listener);
}
