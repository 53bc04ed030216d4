/* Clients that stay: each sends a message, waits for the answer, and sends the next. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "load.h"

struct client {
	int fd;
	uint64_t serial; /* of the message */
	uint64_t began;
	size_t got;
};

static const struct load *load;
static int epoll_fd;
static uint64_t sent, answered;

static const char *message(const struct client *client)
{
	return flow_bytes(client->serial * sizeof(uint64_t));
}

static void ping(struct client *client)
{
	client->serial = sent++;
	client->got = 0;
	client->began = now_ns();
	if (send(client->fd, message(client), load->size, MSG_NOSIGNAL) != (ssize_t)load->size)
		fail("cannot send:", "pingpong");
}

/* Returns whether the answer is complete. */
static bool receive(struct client *client)
{
	char bytes[65536];
	ssize_t n = read(client->fd, bytes, sizeof(bytes));

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		fail("closed before the answer was complete", "pingpong");
	if (client->got + n > load->size || memcmp(bytes, message(client) + client->got, n) != 0)
		fail("another answer than expected", "pingpong");
	client->got += n;
	return client->got == load->size;
}

/* One round trip each before the clock runs: whoever is behind the address has connected, too. */
static void open_one(struct client *client)
{
	client->fd = place_connect(&load->place);
	poll(&(struct pollfd){.fd = client->fd, .events = POLLOUT}, 1, -1);
	ping(client);
	while (!receive(client))
		poll(&(struct pollfd){.fd = client->fd, .events = POLLIN}, 1, -1);
	watch_socket(epoll_fd, EPOLL_CTL_ADD, client->fd, EPOLLIN, client);
}

static void pong(struct client *client)
{
	if (!receive(client))
		return;
	took(now_ns() - client->began);
	answered++;
	if (load->count ? sent < load->count : !told_to_stop())
		ping(client);
}

static bool is_over(void)
{
	return load->count ? answered == load->count : answered == sent;
}

int load_pingpong(const struct load *given)
{
	struct client *clients = calloc(given->clients, sizeof(*clients));
	struct epoll_event events[LOAD_EVENTS];
	uint64_t began;

	if (!clients || given->size > FLOW_CHUNK)
		fail("too much", "pingpong");
	load = given;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int i = 0; i < load->clients; i++)
		open_one(&clients[i]);
	sent = 0;
	wait_for_start();
	began = now_ns();
	for (unsigned int i = 0; i < load->clients && (!load->count || sent < load->count); i++)
		ping(&clients[i]);
	while (!is_over()) {
		int n = epoll_wait(epoll_fd, events, LOAD_EVENTS, -1);

		for (int i = 0; i < n; i++)
			pong(events[i].data.ptr);
	}
	report(answered, began);
	wait_for_end();
	free(clients);
	return 0;
}
