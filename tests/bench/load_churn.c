/* Clients that connect, send a message, read the answer, close, and begin again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "load.h"

struct client {
	int fd;
	bool sent;
	uint64_t serial; /* of the connection; its message is like no other's */
	uint64_t began;
	size_t got;
};

static const struct load *load;
static int epoll_fd;
static uint64_t started, finished;

/* 8 bytes further for each: the words of a flow differ. */
static const char *message(const struct client *client)
{
	return flow_bytes(client->serial * sizeof(uint64_t));
}

static size_t answer_size(void)
{
	return load->expect ? strlen(load->expect) : load->size;
}

/* On loopback TCP is mostly connected when connect returns; if not, an event comes when it is. */
static void send_message(struct client *client)
{
	ssize_t n = load->size ? send(client->fd, message(client), load->size, MSG_NOSIGNAL) : 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n != (ssize_t)load->size)
		fail("cannot send:", "churn");
	if (load->to_end && load->size > 0 && shutdown(client->fd, SHUT_WR) < 0)
		fail("cannot end sending:", "churn");
	client->sent = true;
}

static void start(struct client *client)
{
	client->serial = started++;
	client->sent = false;
	client->got = 0;
	client->began = now_ns();
	client->fd = place_connect(&load->place);
	watch_socket(epoll_fd, EPOLL_CTL_ADD, client->fd, EPOLLIN | EPOLLOUT | EPOLLET, client);
	send_message(client);
}

static void finish(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	took(now_ns() - client->began);
	finished++;
	if (started < load->count)
		start(client);
}

/* Returns whether the connection goes on. */
static bool receive(struct client *client)
{
	char bytes[4096];
	ssize_t n = read(client->fd, bytes, sizeof(bytes));
	const char *expected = load->expect ? load->expect : message(client);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		fail("cannot receive:", "churn");
	if (client->got + n > answer_size() || memcmp(bytes, expected + client->got, n) != 0)
		fail("another answer than expected", "churn");
	client->got += n;
	if (n == 0 && client->got < answer_size())
		fail("closed before the answer was complete", "churn");
	if (n > 0 && (load->to_end || client->got < answer_size()))
		return true;
	finish(client);
	return false;
}

static void act(struct client *client)
{
	if (!client->sent)
		send_message(client);
	while (client->sent && receive(client))
		continue;
}

int load_churn(const struct load *given)
{
	struct client *clients = calloc(given->clients, sizeof(*clients));
	struct epoll_event events[LOAD_EVENTS];
	uint64_t began;

	if (!clients || given->size > FLOW_CHUNK)
		fail("too much", "churn");
	load = given;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	wait_for_start();
	began = now_ns();
	for (unsigned int i = 0; i < load->clients && started < load->count; i++)
		start(&clients[i]);
	while (finished < load->count) {
		int n = epoll_wait(epoll_fd, events, LOAD_EVENTS, -1);

		for (int i = 0; i < n; i++)
			act(events[i].data.ptr);
	}
	report(finished, began);
	wait_for_end();
	free(clients);
	return 0;
}
