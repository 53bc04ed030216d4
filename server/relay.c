/* One direction of bytes from one socket to another. */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A stream is a bulk after so many large pieces in a row, until so many that are small: less than a
   quarter of that. */
enum { LARGE_ENOUGH = 2, SMALL_ENOUGH = 4 };
enum { SPLICED_AT_ONCE = PIPE_SIZE };

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

static void drop_held(struct relay *relay)
{
	free(relay->held);
	relay->held = NULL;
	relay->at = relay->len = 0;
}

static void flush_held(struct relay *relay, int to, struct relay_moved *moved)
{
	relay->at +=
	    (uint32_t)relay_send(to, relay->held + relay->at, relay->len - relay->at, moved);
	if (relay->at == relay->len)
		drop_held(relay);
}

/* -- through a pipe -- */

/* Gives the pipe back once nothing is in it, so that streams that only pause keep none. */
static void settle_pipe(struct relay *relay, struct loop *loop)
{
	if (relay->pipe->held > 0)
		return;
	pipe_give(loop, relay->pipe);
	relay->pipe = NULL;
}

static void drop_pipe(struct relay *relay, struct loop *loop)
{
	if (relay->pipe)
		pipe_give(loop, relay->pipe);
	relay->pipe = NULL;
}

/* Splicing is denied: what the pipe has is held here. */
static void empty_pipe(struct relay *relay, struct loop *loop, struct relay_moved *moved)
{
	struct pipe *pipe = relay->pipe;
	ssize_t got;

	relay->spliceable = false;
	relay->held = malloc(pipe->held);
	while (relay->held && relay->len < pipe->held) {
		got = read(pipe->out, relay->held + relay->len, pipe->held - relay->len);
		if (got <= 0)
			break;
		relay->len += (uint32_t)got;
	}
	if (relay->len < pipe->held)
		moved_fail(moved, RELAY_WRITE_FAILED, relay->held ? EIO : ENOMEM);
	drop_pipe(relay, loop);
}

static bool is_denied(int error)
{
	return error == EINVAL || error == ENOSYS;
}

static void flush_pipe(struct relay *relay, struct loop *loop, int to, struct relay_moved *moved)
{
	struct pipe *pipe = relay->pipe;
	ssize_t sent =
	    splice(pipe->out, NULL, to, NULL, pipe->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (sent > 0) {
		pipe->held -= (size_t)sent;
		moved->out += (size_t)sent;
		settle_pipe(relay, loop);
	} else if (sent < 0 && is_denied(errno)) {
		empty_pipe(relay, loop, moved);
	} else if (sent < 0 && !try_later(errno)) {
		moved_fail(moved, RELAY_WRITE_FAILED, errno);
	}
}

/* A stream that keeps coming in large pieces is a bulk, until it calms down. */
static void relay_judge(struct relay *relay, const struct loop *loop, size_t got)
{
	bool unlike = relay->bulk ? got < loop->pipes.large / 4 : got >= loop->pipes.large;

	relay->unlike = unlike ? relay->unlike + 1 : 0;
	if (relay->unlike < (relay->bulk ? SMALL_ENOUGH : LARGE_ENOUGH))
		return;
	relay->bulk = !relay->bulk;
	relay->unlike = 0;
}

/* -- both ways -- */

static void relay_flush(struct relay *relay, struct loop *loop, int to, struct relay_moved *moved)
{
	if (relay->held)
		flush_held(relay, to, moved);
	else
		flush_pipe(relay, loop, to, moved);
}

/* What a read gave: false if that was nothing to go on with. */
static bool relay_took(struct relay *relay, ssize_t got, struct relay_moved *moved)
{
	if (got > 0)
		moved->in = (size_t)got;
	else if (got == 0)
		relay->ended = true;
	else if (!try_later(errno))
		moved_fail(moved, RELAY_READ_FAILED, errno);
	return got > 0;
}

static void relay_copy(struct relay *relay, struct loop *loop, int from, int to,
		       struct relay_moved *moved)
{
	ssize_t got = recv(from, loop->scratch, LOOP_SCRATCH, 0);
	size_t sent;

	if (!relay_took(relay, got, moved) || relay->discard)
		return;
	sent = relay_send(to, loop->scratch, (size_t)got, moved);
	if (moved->status == RELAY_OK && sent < (size_t)got)
		relay_hold(relay, loop->scratch + sent, (size_t)got - sent, moved);
	relay_judge(relay, loop, (size_t)got);
}

/* False: it is to be copied. So is what splice(2) sees nothing of: at an urgent byte it says that
   there is no input, or that it has ended, where recv(2) goes on (tcp(7)). But a failure counts:
   the kernel tells it once, and recv(2) would see an ordinary end. */
static bool relay_splice(struct relay *relay, struct loop *loop, int from, int to,
			 struct relay_moved *moved)
{
	ssize_t got;

	relay->pipe = pipe_take(loop);
	if (!relay->pipe)
		return false;
	got = splice(from, NULL, relay->pipe->in, NULL, SPLICED_AT_ONCE,
		     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (got < 0 && is_denied(errno))
		relay->spliceable = false;
	else if (got < 0 && !try_later(errno) && errno != ENOMEM)
		moved_fail(moved, RELAY_READ_FAILED, errno);
	if (got <= 0) {
		drop_pipe(relay, loop);
		return moved->status != RELAY_OK;
	}
	moved->in = (size_t)got;
	relay->pipe->held = (size_t)got;
	flush_pipe(relay, loop, to, moved);
	relay_judge(relay, loop, (size_t)got);
	return true;
}

/* Once, not until EAGAIN: others have their turn, and the scratch buffer stays in the cache. */
static void relay_read(struct relay *relay, struct loop *loop, int from, int to,
		       struct relay_moved *moved)
{
	if (!relay->spliceable || !relay->bulk || !relay_splice(relay, loop, from, to, moved))
		relay_copy(relay, loop, from, to, moved);
}

struct relay_moved relay_move(struct relay *relay, struct loop *loop, int from, int to,
			      bool readable)
{
	struct relay_moved moved = {.status = RELAY_OK};

	if (relay_wants_write(relay))
		relay_flush(relay, loop, to, &moved);
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

void relay_no_more(struct relay *relay)
{
	relay->deaf = true;
}

void relay_free(struct relay *relay, struct loop *loop)
{
	drop_held(relay);
	drop_pipe(relay, loop);
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
