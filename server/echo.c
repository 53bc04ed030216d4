/* The handlers that need nobody else: echo sends back what it receives, discard throws it away. */
#include <errno.h>

#include "handler.h"
#include "relay.h"

/* Of both: a discarding relay has no receiver. */
struct echo {
	struct conn conn;
	ev_io io;
	struct relay relay;
};

static struct echo *echo_of(struct conn *conn)
{
	return container_of(conn, struct echo, conn);
}

/* The only one to start and stop the watcher. */
static void echo_update(struct echo *echo)
{
	int events = 0;

	if (relay_wants_read(&echo->relay))
		events |= EV_READ;
	if (relay_wants_write(&echo->relay))
		events |= EV_WRITE;
	relay_watch(echo->conn.e.loop, &echo->io, events);
}

static void echo_hear(ev_io *io, int revents)
{
	struct echo *echo = container_of(io, struct echo, io);
	struct conn *conn = &echo->conn;
	struct relay_moved moved;

	if (loop_dropped(revents)) {
		conn_end(conn, REASON_ERROR, ENOMEM);
		return;
	}
	moved =
	    relay_move(&echo->relay, conn->e.loop, conn->fd, conn->fd, (revents & EV_READ) != 0);
	if (moved.in || moved.out)
		conn_moved(conn, moved.in, moved.out);
	if (moved.status != RELAY_OK)
		conn_end(conn, conn_reason(moved.error), moved.error);
	else if (relay_finished(&echo->relay))
		conn_end(conn, REASON_CLIENT_CLOSED, 0);
	else
		echo_update(echo);
}

static void on_event(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(container_of(io, struct echo, io)->conn.e.loop, io, revents, echo_hear);
}

static int echo_open(struct conn *conn, struct err *err)
{
	struct echo *echo = echo_of(conn);

	(void)err;
	ev_io_init(&echo->io, on_event, conn->fd, 0);
	conn_running(conn);
	echo_update(echo);
	return 0;
}

static int discard_open(struct conn *conn, struct err *err)
{
	echo_of(conn)->relay.discard = true;
	return echo_open(conn, err);
}

static bool echo_end(struct conn *conn, enum end how)
{
	struct echo *echo = echo_of(conn);

	if (how == END_KILL)
		relay_watch(conn->e.loop, &echo->io, 0);
	if (how != END_STOP)
		return how == END_KILL;
	relay_no_more(&echo->relay);
	if (relay_finished(&echo->relay))
		return true;
	echo_update(echo);
	return false;
}

static void echo_close(struct conn *conn)
{
	struct echo *echo = echo_of(conn);

	relay_watch(conn->e.loop, &echo->io, 0);
	relay_free(&echo->relay, conn->e.loop);
	conn->ended = echo->relay.ended;
}

const struct handler echo_handler = {
    .id = HANDLER_ECHO,
    .size = sizeof(struct echo),
    .open = echo_open,
    .end = echo_end,
    .close = echo_close,
};

const struct handler discard_handler = {
    .id = HANDLER_DISCARD,
    .size = sizeof(struct echo),
    .open = discard_open,
    .end = echo_end,
    .close = echo_close,
};
