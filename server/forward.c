/* The forward handler: relays a client to a backend, both ways. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler.h"
#include "net.h"
#include "relay.h"

#define RETRY_SECONDS	 0.02 /* a Unix backend whose backlog is full, */
#define RETRY_MOST	 0.32 /* and twice as long each time, until this */
#define PRESENCE_SECONDS 1.0  /* is the peer of a half-closed connection still there? */
#define FAILURE_SECONDS	 10.0 /* one warning a server in this time */

/* What may go to a backend before its socket is tuned: one segment wherever it goes, and nothing
   delays the first. */
enum { FIRST_WORDS = 512 };

enum progress { CONNECTING, CONNECTED, FAILED };

/* Only while it is needed, so that an idle connection costs less. */
struct patience {
	ev_timer timer;
	struct forward *forward;
	double deadline; /* loop_now() at which trying again makes no sense */
};

struct forward {
	struct conn conn;
	ev_io client, backend;
	struct relay up;	   /* client to backend */
	struct relay down;	   /* backend to client */
	struct patience *patience; /* while connecting, and while half-closed; else NULL */
	struct late_tune tuning;   /* of the backend's socket */
	int fd;			   /* the backend; -1 if there is none */
	bool connected;
	bool backend_first; /* its end of file came before the client's */
};

static struct forward *forward_of(struct conn *conn)
{
	return container_of(conn, struct forward, conn);
}

static struct backend_totals *totals_of(const struct forward *forward)
{
	return &forward->conn.spec->env->backends;
}

/* -- patience -- */

static int patience_start(struct forward *forward, void (*tick)(struct ev_loop *, ev_timer *, int),
			  double after, double repeat)
{
	struct patience *patience = malloc(sizeof(*patience));

	if (!patience)
		return -1;
	patience->forward = forward;
	patience->deadline = loop_now(forward->conn.e.loop) + forward->conn.spec->connect_timeout;
	ev_timer_init(&patience->timer, tick, after, repeat);
	ev_timer_start(forward->conn.e.loop->ev, &patience->timer);
	forward->patience = patience;
	return 0;
}

static void patience_stop(struct forward *forward)
{
	if (!forward->patience)
		return;
	ev_timer_stop(forward->conn.e.loop->ev, &forward->patience->timer);
	free(forward->patience);
	forward->patience = NULL;
}

/* -- relaying -- */

/* The only one to start and stop the watchers. */
static void forward_update(struct forward *forward)
{
	struct loop *loop = forward->conn.e.loop;
	int client = 0, backend = 0;

	if (forward->connected) {
		if (relay_wants_read(&forward->up))
			client |= EV_READ;
		if (relay_wants_write(&forward->down))
			client |= EV_WRITE;
		if (relay_wants_read(&forward->down))
			backend |= EV_READ;
		if (relay_wants_write(&forward->up))
			backend |= EV_WRITE;
	} else if (!address_is_unix(&forward->conn.spec->backend)) {
		backend = EV_WRITE;
	}
	relay_watch(loop, &forward->client, client);
	relay_watch(loop, &forward->backend, backend);
}

static struct relay_moved move_up(struct forward *forward, bool readable)
{
	struct conn *conn = &forward->conn;
	struct relay_moved moved =
	    relay_move(&forward->up, conn->e.loop, conn->fd, forward->fd, readable);

	if (moved.in)
		conn_moved(conn, moved.in, 0);
	else if (moved.out)
		conn_touch(conn);
	if (moved.out > FIRST_WORDS || (moved.out && conn->bytes_in > moved.in))
		late_tune_now(&forward->tuning);
	return moved;
}

static struct relay_moved move_down(struct forward *forward, bool readable)
{
	struct conn *conn = &forward->conn;
	struct relay_moved moved =
	    relay_move(&forward->down, conn->e.loop, forward->fd, conn->fd, readable);

	if (moved.out)
		conn_moved(conn, 0, moved.out);
	else if (moved.in)
		conn_touch(conn);
	if (forward->down.ended && !forward->up.ended)
		forward->backend_first = true;
	return moved;
}

/* Both directions; gives the failure, if one failed. Where a peer reads no more, what it said last
   still counts: an answer sent before its sender left is delivered. */
static struct relay_moved move_both(struct forward *forward, bool up_readable, bool down_readable)
{
	struct relay_moved up = {.status = RELAY_OK}, down = up;

	if (up_readable || relay_wants_write(&forward->up))
		up = move_up(forward, up_readable);
	if (up.status == RELAY_READ_FAILED)
		return up;
	down_readable = down_readable || up.status == RELAY_WRITE_FAILED;
	if (down_readable || relay_wants_write(&forward->down))
		down = move_down(forward, down_readable);
	if (up.status != RELAY_OK)
		return up;
	if (down.status == RELAY_WRITE_FAILED)
		(void)move_up(forward, true);
	return down;
}

/* The peer of a side that has ended is gone altogether, so that nothing can reach it any more.
   epoll says so by itself, but libev reports a hang-up only to those who wait for input, and at end
   of file that would never stop. */
static void on_presence(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct forward *forward = container_of(timer, struct patience, timer)->forward;
	struct conn *conn = &forward->conn;
	bool client = relay_finished(&forward->up);
	struct pollfd side = {.fd = client ? conn->fd : forward->fd};
	int error;

	(void)ev;
	(void)revents;
	if (poll(&side, 1, 0) <= 0 || !(side.revents & (POLLHUP | POLLERR)))
		return;
	error = net_error(side.fd);
	if (error)
		conn_end(conn, conn_reason(error), error);
	else
		conn_end(conn, client ? REASON_CLIENT_CLOSED : REASON_BACKEND_CLOSED, 0);
}

static void pass_ends(struct forward *forward)
{
	relay_pass_end(&forward->up, forward->fd);
	relay_pass_end(&forward->down, forward->conn.fd);
}

static bool flows(const struct forward *forward)
{
	return relay_flows(&forward->up) && relay_flows(&forward->down);
}

static void forward_move(struct forward *forward, bool up_readable, bool down_readable)
{
	bool flowed = flows(forward), up, down;
	struct relay_moved moved = move_both(forward, up_readable, down_readable);
	struct conn *conn = &forward->conn;

	/* Most often: there is nothing to change. */
	if (flowed && moved.status == RELAY_OK && flows(forward))
		return;
	up = relay_finished(&forward->up);
	down = relay_finished(&forward->down);
	if (moved.status != RELAY_OK) {
		conn_end(conn, conn_reason(moved.error), moved.error);
	} else if (up && down) {
		conn_end(conn,
			 forward->backend_first ? REASON_BACKEND_CLOSED : REASON_CLIENT_CLOSED, 0);
	} else {
		pass_ends(forward);
		/* Without memory for it the check is not made: the idle time-out remains. */
		if ((up || down) && !forward->patience)
			(void)patience_start(forward, on_presence, PRESENCE_SECONDS,
					     PRESENCE_SECONDS);
		forward_update(forward);
	}
}

/* -- connecting -- */

/* An ephemeral port may be chosen to connect to itself, and then answers (and keeps the backend
   from listening). */
static bool is_myself(const struct forward *forward)
{
	const struct handler_spec *spec = forward->conn.spec;
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	struct address local;

	if (address_port(&spec->backend) < spec->env->ephemeral ||
	    getsockname(forward->fd, (struct sockaddr *)&name, &len) < 0)
		return false;
	address_from_sockaddr(&local, (struct sockaddr *)&name, len);
	return address_equal(&local, &spec->backend);
}

static enum progress forward_try(const struct forward *forward, int *error)
{
	const struct address *backend = &forward->conn.spec->backend;

	if (connect(forward->fd, &backend->sa, backend->len) == 0)
		return CONNECTED;
	*error = errno;
	if (*error == EISCONN)
		return CONNECTED;
	if (*error == EINPROGRESS || *error == EALREADY || *error == EINTR)
		return CONNECTING;
	return *error == EAGAIN && address_is_unix(backend) ? CONNECTING : FAILED;
}

static void forward_connected(struct forward *forward)
{
	struct conn *conn = &forward->conn;
	bool unix_client = conn->peer.family == AF_UNIX;
	bool unix_backend = address_is_unix(&conn->spec->backend);

	patience_stop(forward);
	forward->connected = true;
	totals_of(forward)->connecting--;
	totals_of(forward)->open++;
	loop_mark(conn->e.loop);
	if (!unix_backend)
		late_tune_begin(&conn->spec->env->late_tunes, &forward->tuning, conn->e.loop,
				forward->fd);
	/* What comes from a Unix socket costs TCP more than copying it would: tests/bench. */
	forward->up.spliceable = !unix_client || unix_backend;
	forward->down.spliceable = !unix_backend || unix_client;
	conn_running(conn);
	forward_update(forward);
}

static void forward_failed(struct forward *forward, int error)
{
	struct conn *conn = &forward->conn;
	char server[ADDRESS_TEXT_SIZE], backend[ADDRESS_TEXT_SIZE];

	totals_of(forward)->failed++;
	address_text(conn->link->server, server);
	if (log_allowed(&conn->link->failures, 1, FAILURE_SECONDS, LOG_LEVEL_WARNING, server))
		log_warning(server, "backend %s cannot be reached: %s",
			    address_text(&conn->spec->backend, backend), strerror(error));
	conn_end(conn, REASON_ERROR, error);
}

/* Who waits long asks less often: many may wait for the same backend. */
static void patience_grow(struct patience *patience)
{
	struct loop *loop = patience->forward->conn.e.loop;
	double left = patience->deadline - loop_now(loop);
	double next = 2 * patience->timer.repeat;

	if (next > RETRY_MOST)
		next = RETRY_MOST;
	if (next > left)
		next = left > 0.001 ? left : 0.001; /* 0 would be never */
	patience->timer.repeat = next;
	ev_timer_again(loop->ev, &patience->timer);
}

/* Time to try again, or no time left. */
static void on_patience(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct patience *patience = container_of(timer, struct patience, timer);
	struct forward *forward = patience->forward;
	enum progress progress = FAILED;
	int error = ETIMEDOUT;

	(void)ev;
	(void)revents;
	if (address_is_unix(&forward->conn.spec->backend) &&
	    loop_now(forward->conn.e.loop) < patience->deadline)
		progress = forward_try(forward, &error);
	if (progress == CONNECTED)
		forward_connected(forward);
	else if (progress == FAILED)
		forward_failed(forward, error);
	else
		patience_grow(patience);
}

/* Time is left: waits until the backend answers, or a while. -1: no memory for that. */
static int wait_for_backend(struct forward *forward)
{
	const struct handler_spec *spec = forward->conn.spec;

	if (address_is_unix(&spec->backend))
		return patience_start(forward, on_patience, RETRY_SECONDS, RETRY_SECONDS);
	return patience_start(forward, on_patience, spec->connect_timeout, 0.);
}

/* Of a backend that is looked at while connecting. */
static void forward_proceed(struct forward *forward, enum progress progress, int error)
{
	if (progress == CONNECTING && wait_for_backend(forward) < 0) {
		progress = FAILED;
		error = ENOMEM;
	}
	if (progress == CONNECTED)
		forward_connected(forward);
	else if (progress == FAILED)
		forward_failed(forward, error);
	else
		forward_update(forward);
}

/* The first look at a client whose backend is on this machine, in the turn of connect(2): such a
   connection stands by then, and what can be sent proves it. A client that has not spoken yet takes
   another connect(2), which tells. */
static void forward_look(struct forward *forward)
{
	struct conn *conn = &forward->conn;
	struct relay_moved moved;
	enum progress progress = CONNECTED;
	int error = 0;

	if (is_myself(forward)) {
		forward_failed(forward, ECONNREFUSED);
		return;
	}
	moved = move_up(forward, true);
	if (moved.status == RELAY_READ_FAILED) {
		conn_end(conn, conn_reason(moved.error), moved.error);
	} else if (moved.status == RELAY_OK) {
		if (!moved.out)
			progress = forward_try(forward, &error);
		forward_proceed(forward, progress, error);
	} else if (conn_reason(moved.error) == REASON_RESET) {
		/* It was there and has left; what it said last still counts. */
		forward_connected(forward);
		(void)move_down(forward, true);
		conn_end(conn, REASON_RESET, moved.error);
	} else {
		forward_failed(forward, moved.error);
	}
}

static void forward_answered(struct forward *forward, int error)
{
	if (!error && is_myself(forward))
		error = ECONNREFUSED;
	if (error)
		forward_failed(forward, error);
	else
		forward_connected(forward);
}

/* -- events -- */

static void client_hear(ev_io *io, int revents)
{
	struct forward *forward = container_of(io, struct forward, client);

	if (loop_dropped(revents))
		conn_end(&forward->conn, REASON_ERROR, ENOMEM);
	else if (forward->connected)
		forward_move(forward, (revents & EV_READ) != 0, false);
	else
		forward_look(forward);
}

static void backend_hear(ev_io *io, int revents)
{
	struct forward *forward = container_of(io, struct forward, backend);

	if (!forward->connected)
		forward_answered(forward, loop_dropped(revents) ? ENOMEM : net_error(forward->fd));
	else if (loop_dropped(revents))
		conn_end(&forward->conn, REASON_ERROR, ENOMEM);
	else
		forward_move(forward, false, (revents & EV_READ) != 0);
}

static void on_client(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(container_of(io, struct forward, client)->conn.e.loop, io, revents, client_hear);
}

static void on_backend(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(container_of(io, struct forward, backend)->conn.e.loop, io, revents,
		  backend_hear);
}

/* -- the handler -- */

/* Is it, or will it be, known in this turn whether the backend answers? */
static bool look_soon(struct forward *forward)
{
	const struct address *backend = &forward->conn.spec->backend;

	return !address_is_unix(backend) && address_is_loopback(backend) &&
	       loop_tell_later(forward->conn.e.loop, &forward->client, EV_READ, client_hear);
}

static int forward_open(struct conn *conn, struct err *err)
{
	struct forward *forward = forward_of(conn);
	const struct handler_spec *spec = conn->spec;
	char backend[ADDRESS_TEXT_SIZE];
	enum progress progress = FAILED;
	int error = 0;

	totals_of(forward)->total++;
	totals_of(forward)->connecting++;
	forward->fd = net_socket(&spec->backend, net_margin_give);
	ev_io_init(&forward->client, on_client, conn->fd, 0);
	ev_io_init(&forward->backend, on_backend, forward->fd, 0);
	if (forward->fd < 0) {
		error = errno;
	} else {
		loop_opened(conn->e.loop, forward->fd);
		net_unpace(forward->fd, &spec->backend);
		progress = forward_try(forward, &error);
	}
	if (progress == CONNECTING && !look_soon(forward)) {
		if (wait_for_backend(forward) == 0) {
			forward_update(forward);
		} else {
			progress = FAILED;
			error = ENOMEM;
		}
	}
	if (progress == FAILED) {
		totals_of(forward)->failed++;
		return err_sys(err, ERR_IO_ERROR, error, "backend %s cannot be reached",
			       address_text(&spec->backend, backend));
	}
	if (progress == CONNECTED)
		forward_connected(forward);
	return 0;
}

/* Nothing calls it any more. */
static void forward_hush(struct forward *forward)
{
	struct loop *loop = forward->conn.e.loop;

	patience_stop(forward);
	relay_watch(loop, &forward->client, 0);
	relay_watch(loop, &forward->backend, 0);
}

static bool forward_end(struct conn *conn, enum end how)
{
	struct forward *forward = forward_of(conn);

	if (how == END_KILL)
		forward_hush(forward);
	if (how != END_STOP)
		return how == END_KILL;
	if (!forward->connected)
		return true;
	relay_no_more(&forward->up);
	relay_no_more(&forward->down);
	if (move_both(forward, false, false).status != RELAY_OK)
		return true;
	if (relay_finished(&forward->up) && relay_finished(&forward->down))
		return true;
	pass_ends(forward);
	forward_update(forward);
	return false;
}

static void close_backend(struct forward *forward)
{
	struct conn *conn = &forward->conn;

	if (conn->e.why == REASON_RESET) {
		net_close_reset(forward->fd);
	} else if (!forward->down.ended) {
		net_close_gently(forward->fd, address_is_unix(&conn->spec->backend));
	} else if (!conn->ended) {
		close(forward->fd);
	} else {
		net_close_both(forward->fd, conn->fd);
		conn->fd = -1;
	}
	forward->fd = -1;
}

static void forward_close(struct conn *conn)
{
	struct forward *forward = forward_of(conn);

	forward_hush(forward);
	relay_free(&forward->up, conn->e.loop);
	relay_free(&forward->down, conn->e.loop);
	if (forward->connected)
		totals_of(forward)->open--;
	else
		totals_of(forward)->connecting--;
	late_tune_cancel(&forward->tuning);
	conn->ended = forward->up.ended;
	if (forward->fd >= 0)
		close_backend(forward);
}

static int forward_check(struct handler_spec *spec, const struct address *serving, struct err *err)
{
	static const char param[] = "handler.backend";
	char text[ADDRESS_TEXT_SIZE];

	address_text(&spec->backend, text);
	if (address_reaches(&spec->backend, serving))
		return err_param(
		    err, ERR_ADDRESS_INVALID, param,
		    "backend %s is the address to be served: it would forward to itself", text);
	for (size_t i = 0; i < HANDLER_ADMINS; i++)
		if (spec->env->admin[i] && address_reaches(&spec->backend, spec->env->admin[i]))
			return err_param(err, ERR_ADDRESS_INVALID, param,
					 "backend %s is noded's admin socket", text);
	return 0;
}

static void forward_write(struct json *json, const struct handler_spec *spec)
{
	char backend[ADDRESS_TEXT_SIZE];

	json_key_string(json, "backend", address_text(&spec->backend, backend));
	json_key_u64(json, "connect_timeout_ms", (uint64_t)(spec->connect_timeout * 1000 + 0.5));
}

static void write_backend(struct json *json, const void *owner)
{
	const struct forward *forward = owner;
	char text[ADDRESS_TEXT_SIZE];

	json_string(json, address_text(&forward->conn.spec->backend, text));
}

static const struct field forward_rows[] = {
    FIELD_GET("backend", write_backend, "where it is forwarded to"),
};

static const struct field_table forward_fields = FIELD_TABLE(forward_rows);

const struct handler forward_handler = {
    .id = HANDLER_FORWARD,
    .size = sizeof(struct forward),
    .fields = &forward_fields,
    .check = forward_check,
    .write = forward_write,
    .open = forward_open,
    .end = forward_end,
    .close = forward_close,
};
