/* One direction of bytes from one socket to another. */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool try_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void moved_fail(struct relay_moved *moved, enum relay_status status, int error)
{
	moved->status = status;
	moved->error = error;
}

/* Writes what the receiver takes at once; gives how much that was. */
static size_t relay_send(int to, const char *bytes, size_t n, struct relay_moved *moved)
{
	ssize_t sent = send(to, bytes, n, MSG_NOSIGNAL);

	if (sent < 0) {
		if (!try_later(errno))
			moved_fail(moved, RELAY_WRITE_FAILED, errno);
		return 0;
	}
	moved->out += (size_t)sent;
	return (size_t)sent;
}

static void relay_hold(struct relay *relay, const char *bytes, size_t n, struct relay_moved *moved)
{
	relay->held = malloc(n);
	if (!relay->held) {
		moved_fail(moved, RELAY_WRITE_FAILED, ENOMEM);
		return;
	}
	memcpy(relay->held, bytes, n);
	relay->at = 0;
	relay->len = (uint32_t)n;
}

static void relay_flush(struct relay *relay, int to, struct relay_moved *moved)
{
	relay->at +=
	    (uint32_t)relay_send(to, relay->held + relay->at, relay->len - relay->at, moved);
	if (relay->at == relay->len)
		relay_free(relay);
}

/* Once, not until EAGAIN: others have their turn, and the scratch buffer stays in the cache. */
static void relay_read(struct relay *relay, struct loop *loop, int from, int to,
		       struct relay_moved *moved)
{
	ssize_t got = recv(from, loop->scratch, LOOP_SCRATCH, 0);
	size_t sent;

	if (got < 0) {
		if (!try_later(errno))
			moved_fail(moved, RELAY_READ_FAILED, errno);
		return;
	}
	if (got == 0) {
		relay->ended = true;
		return;
	}
	moved->in = (size_t)got;
	if (relay->discard)
		return;
	sent = relay_send(to, loop->scratch, (size_t)got, moved);
	if (moved->status == RELAY_OK && sent < (size_t)got)
		relay_hold(relay, loop->scratch + sent, (size_t)got - sent, moved);
}

struct relay_moved relay_move(struct relay *relay, struct loop *loop, int from, int to,
			      bool readable)
{
	struct relay_moved moved = {.status = RELAY_OK};

	if (relay->held)
		relay_flush(relay, to, &moved);
	if (readable && moved.status == RELAY_OK && relay_wants_read(relay)) {
		if (relay->ended)
			relay->deaf = true;
		else
			relay_read(relay, loop, from, to, &moved);
	}
	return moved;
}

void relay_pass_end(struct relay *relay, int to)
{
	if (relay->fin || !relay_finished(relay))
		return;
	relay->fin = true;
	/* It fails only where the receiver is gone, which its own events tell. */
	shutdown(to, SHUT_WR);
}

bool relay_wants_read(const struct relay *relay)
{
	return !relay->deaf && !relay->held;
}

bool relay_wants_write(const struct relay *relay)
{
	return relay->held != NULL;
}

bool relay_finished(const struct relay *relay)
{
	return (relay->ended || relay->deaf) && !relay->held;
}

void relay_no_more(struct relay *relay)
{
	relay->deaf = true;
}

void relay_free(struct relay *relay)
{
	free(relay->held);
	relay->held = NULL;
	relay->at = relay->len = 0;
}

void relay_watch(struct loop *loop, ev_io *io, int events)
{
	if (ev_is_active(io) && io->events == events)
		return;
	/* Not active, yet it has news: that it was dropped. Its callback is about to hear of it;
	   started again it would be deaf, since for libev nothing has changed. */
	if (events && !ev_is_active(io) && (ev_is_pending(io) || loop_has_news(io)))
		return;
	ev_io_stop(loop->ev, io);
	loop_untell(loop, io);
	if (!events)
		return;
	/* Not ev_io_set, which makes libev call epoll_ctl(2) even if nothing has changed. */
	io->events = (io->events & EV__IOFDSET) | events;
	ev_io_start(loop->ev, io);
}
