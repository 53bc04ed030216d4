/* Streams that carry much in one direction or both, as flow.h describes. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"
#include "load.h"

struct stream {
	int fd;
	struct flow flow;
	struct flow_trailer trailer;
	size_t got; /* bytes of the trailer */
};

static int epoll_fd;
static unsigned int streams_open;

static void open_one(const struct load *load, struct stream *stream)
{
	stream->fd = place_connect(&load->place);
	poll(&(struct pollfd){.fd = stream->fd, .events = POLLOUT}, 1, -1);
	stream->flow.to_send = load->up / load->clients;
	stream->flow.to_receive = load->down / load->clients;
	stream->flow.check = load->check;
}

static void begin(const struct load *load, struct stream *stream)
{
	struct flow_header header = {stream->flow.to_send, stream->flow.to_receive, load->check};
	unsigned int events = EPOLLIN | (stream->flow.to_send ? EPOLLOUT : 0);

	if (send(stream->fd, &header, sizeof(header), MSG_NOSIGNAL) != sizeof(header))
		fail("cannot send:", "bulk");
	watch_socket(epoll_fd, EPOLL_CTL_ADD, stream->fd, events, stream);
	streams_open++;
}

static void read_trailer(struct stream *stream)
{
	size_t left = sizeof(stream->trailer) - stream->got;
	ssize_t n = read(stream->fd, (char *)&stream->trailer + stream->got, left);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		fail("a stream ended too early", "bulk");
	stream->got += n;
	if (stream->got < sizeof(stream->trailer))
		return;
	if (stream->flow.sent < stream->flow.to_send ||
	    stream->trailer.received != stream->flow.to_send)
		fail("not everything arrived", "bulk");
	watch_socket(epoll_fd, EPOLL_CTL_DEL, stream->fd, 0, NULL);
	streams_open--;
}

static void act(struct stream *stream, unsigned int events)
{
	struct flow *flow = &stream->flow;

	if (events & EPOLLOUT && flow->sent < flow->to_send) {
		flow_send(flow, stream->fd);
		if (flow->sent == flow->to_send)
			watch_socket(epoll_fd, EPOLL_CTL_MOD, stream->fd, EPOLLIN, stream);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (flow->received < flow->to_receive)
		flow_receive(flow, stream->fd);
	else
		read_trailer(stream);
}

int load_bulk(const struct load *load)
{
	struct stream *streams = calloc(load->clients, sizeof(*streams));
	struct epoll_event events[LOAD_EVENTS];
	uint64_t began;

	if (!streams)
		fail("out of memory", "bulk");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int i = 0; i < load->clients; i++)
		open_one(load, &streams[i]);
	wait_for_start();
	began = now_ns();
	for (unsigned int i = 0; i < load->clients; i++)
		begin(load, &streams[i]);
	while (streams_open > 0) {
		int n = epoll_wait(epoll_fd, events, LOAD_EVENTS, -1);

		for (int i = 0; i < n; i++)
			act(events[i].data.ptr, events[i].events);
	}
	report((load->up / load->clients + load->down / load->clients) * load->clients, began);
	wait_for_end();
	free(streams);
	return 0;
}
