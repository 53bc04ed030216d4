/* One admin client. */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "limits.h"
#include "log.h"
#include "methods.h"
#include "net.h"

enum { READ_CHUNK = 16 * 1024 };
#define PEER_POLL 1.0 /* seconds between looks whether a client not read from is there at all */
/* Until a client is stuck: one that reads none of its answers, of which a slow one takes a piece
   now and then, and one that has begun a line, which may come in two. */
#define UNREAD_SECONDS 2.0
#define BEGUN_SECONDS  0.1

static struct session *session_of(struct engine *engine)
{
	return container_of(engine, struct session, e);
}

static size_t unsent(const struct session *session)
{
	return session->out.len - session->out_at;
}

/* -- answers -- */

static struct batch *batch_of(struct session *session, const struct call *call)
{
	struct batch *batch;

	TAILQ_FOREACH (batch, &session->batches, link)
		if (batch->call == call)
			return batch;
	return NULL;
}

/* What is kept for the client, sent or not yet. */
static size_t backlog(const struct session *session)
{
	return unsent(session) + session->behind.len;
}

/* Output in one piece, behind a stream that is under way. One that is incomplete for lack of memory
   ends the session: see session_update. */
static void put(struct session *session, const struct buf *text, bool streaming)
{
	struct buf *out = session->streamer && !streaming ? &session->behind : &session->out;

	if (unsent(session) == 0)
		session->sent_at = loop_now(session->e.loop);
	out->failed |= text->failed;
	buf_append(out, text->data, text->len);
}

static void put_line(struct session *session, const struct buf *text, bool streaming)
{
	put(session, text, streaming);
	buf_append(session->streamer && !streaming ? &session->behind : &session->out, "\n", 1);
}

/* Sends what there is and runs what may run, later in this turn: an answer may come up in the
   middle of anything. */
static void stir(struct session *session)
{
	if (!session->stepping)
		session->ready(session);
}

static void stream_over(struct session *session)
{
	session->streamer = NULL;
	put(session, &session->behind, true);
	buf_reset(&session->behind);
}

/* Answers that were held back may be written again. */
static void go_on_streaming(struct session *session)
{
	struct call *call;

	TAILQ_FOREACH (call, &session->calls, link)
		call_go_on(call);
}

static void finish_batch(struct session *session, struct batch *batch)
{
	const struct buf *answer;

	if (!batch_is_over(batch))
		return;
	answer = batch_answer(batch);
	if (answer)
		put_line(session, answer, false);
	TAILQ_REMOVE(&session->batches, batch, link);
	batch_free(batch);
}

static void call_answered(struct call *call)
{
	struct session *session = call->owner;
	struct batch *batch = batch_of(session, call);

	TAILQ_REMOVE(&session->calls, call, link);
	session->ncalls--;
	session->used = loop_now(session->e.loop);
	if (call->id.at && batch)
		batch_add(batch, &call->reply);
	else if (call->id.at)
		put_line(session, &call->reply, session->streamer == call);
	if (session->streamer == call) {
		stream_over(session);
		go_on_streaming(session);
	}
	call_free(call);
	if (batch) {
		batch->call = NULL;
		finish_batch(session, batch);
	}
	stir(session);
}

static bool call_take(struct call *call)
{
	struct session *session = call->owner;

	/* A batch is one line: it is sent when all of it is there. */
	if (!call->id.at || batch_of(session, call))
		return true;
	if (session->streamer && session->streamer != call)
		return false;
	if (unsent(session) >= SESSION_OUTPUT_HIGH)
		return false;
	session->streamer = call;
	put(session, &call->reply, true);
	buf_reset(&call->reply);
	stir(session);
	return unsent(session) < SESSION_OUTPUT_HIGH;
}

static void call_notify(struct call *call, const struct buf *line)
{
	struct session *session = call->owner;

	if (backlog(session) >= SESSION_OUTPUT_HIGH)
		return;
	put(session, line, false);
	stir(session);
}

static const struct call_ops call_ops = {call_answered, call_take, call_notify};

static void send_error(struct session *session, struct batch *batch, struct span id,
		       const struct err *err)
{
	struct buf answer = {0};

	wire_write_error(&answer, id, err, false);
	if (batch)
		batch_add(batch, &answer);
	else
		put_line(session, &answer, false);
	buf_free(&answer);
}

/* -- requests -- */

static void begin_request(struct session *session, const struct scan_entry *entry,
			  struct batch *batch)
{
	struct wire_request request;
	struct err err = {0};
	bool notification;
	struct call *call;

	/* Who may not call a method is told that, however he calls it. */
	if (wire_request_parse(&request, entry, &notification, &err) < 0 ||
	    !method_permits(request.method, session->domain, &session->client, &err) ||
	    wire_request_params(&request, entry, &err) < 0) {
		if (!notification)
			send_error(session, batch, request.id, &err);
		return;
	}
	call = call_new(session->domain, &session->client, &request, &call_ops, session);
	if (!call) {
		err_set(&err, ERR_INTERNAL_ERROR, "out of memory");
		if (request.id.at)
			send_error(session, batch, request.id, &err);
		return;
	}
	TAILQ_INSERT_TAIL(&session->calls, call, link);
	session->ncalls++;
	if (batch)
		batch->call = call;
	method_run(call);
}

static void begin_batch(struct session *session, struct span line)
{
	const struct span none = {0};
	struct err err = {0};
	struct batch *batch;

	if (session->scan->count == 0 || session->scan->batch_too_long) {
		err_set(&err, ERR_INVALID_REQUEST, "a batch has 1 to %d entries", SCAN_BATCH_MAX);
		send_error(session, NULL, none, &err);
		return;
	}
	batch = batch_new(session->scan, line);
	if (!batch) {
		err_set(&err, ERR_INTERNAL_ERROR, "out of memory for a batch");
		send_error(session, NULL, none, &err);
		return;
	}
	TAILQ_INSERT_TAIL(&session->batches, batch, link);
}

static void run_line(struct session *session, struct span line)
{
	const struct span none = {0};
	struct err err = {0};

	if (scan_line(session->scan, line.at, line.len, SCAN_REQUEST, &err) < 0) {
		send_error(session, NULL, none, &err);
		session->errors = err.code == ERR_PARSE_ERROR ? session->errors + 1 : 0;
		if (session->errors >= SESSION_PARSE_ERRORS_MAX)
			session->farewell = true;
		return;
	}
	session->errors = 0;
	if (session->scan->batch)
		begin_batch(session, line);
	else
		begin_request(session, &session->scan->entry[0], NULL);
}

static bool may_run(const struct session *session)
{
	return !session->farewell && session->ncalls < SESSION_CALLS_MAX && !session->streamer &&
	       backlog(session) < (session->choked ? SESSION_OUTPUT_LOW : SESSION_OUTPUT_HIGH);
}

static void too_long(struct session *session)
{
	const struct span none = {0};
	struct err err = {0};

	err_set(&err, ERR_REQUEST_TOO_LARGE, "a request line has at most %d bytes", SCAN_LINE_MAX);
	send_error(session, NULL, none, &err);
}

static struct batch *ready_batch(const struct session *session)
{
	struct batch *batch;

	TAILQ_FOREACH (batch, &session->batches, link)
		if (batch_is_ready(batch))
			return batch;
	return NULL;
}

/* At the end of noded no new line is begun, but a batch that was is carried through. */
static bool has_work(const struct session *session)
{
	return (session->lines && session->e.phase == PHASE_RUNNING) || ready_batch(session);
}

static void step_batch(struct session *session, struct batch *batch)
{
	begin_request(session, batch_next(batch), batch);
	/* If it was the last and is answered already, call_answered has finished the batch, but for
	   an entry that was no call. */
	TAILQ_FOREACH (batch, &session->batches, link)
		if (batch_is_over(batch)) {
			finish_batch(session, batch);
			return;
		}
}

static void step_line(struct session *session)
{
	struct span line;

	switch (wire_next(&session->reader, session->eof, &line)) {
	case WIRE_MORE:
		session->lines = false;
		if (!wire_partial(&session->reader))
			session->partial_at = 0;
		else if (session->partial_at == 0)
			session->partial_at = session->used;
		break;
	case WIRE_LINE:
		session->partial_at = 0;
		run_line(session, line);
		break;
	case WIRE_TOO_LONG:
		too_long(session);
		break;
	}
	if (session->reader.skipped > SESSION_SKIP_MAX)
		session->farewell = true;
}

bool session_step(struct session *session)
{
	struct batch *batch;

	if (!may_run(session))
		return false;
	session->stepping = true;
	session->used = loop_now(session->e.loop);
	batch = ready_batch(session);
	if (batch)
		step_batch(session, batch);
	else if (has_work(session))
		step_line(session);
	session->stepping = false;
	return may_run(session) && has_work(session);
}

/* -- the socket -- */

static void leave(struct session *session, enum reason why, int error)
{
	engine_end(&session->e, END_KILL, why, error);
}

static void flush(struct session *session)
{
	ssize_t n;

	while (unsent(session) > 0) {
		n = send(session->fd, session->out.data + session->out_at, unsent(session),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			leave(session, REASON_RESET, errno);
			return;
		}
		session->out_at += (size_t)n;
		session->sent_at = loop_now(session->e.loop);
	}
	if (unsent(session) == 0) {
		buf_reset(&session->out);
		session->out_at = 0;
	}
}

/* A large answer is no reason to keep its memory, and what was sent need not be kept. */
static void trim(struct session *session)
{
	if (session->out.len == 0 && session->out.cap > SESSION_OUTPUT_LOW)
		buf_free(&session->out);
	if (session->out_at > SESSION_OUTPUT_LOW) {
		buf_consume(&session->out, session->out_at);
		session->out_at = 0;
	}
}

static void choke(struct session *session)
{
	bool was = session->choked;

	if (unsent(session) >= SESSION_OUTPUT_HIGH)
		session->choked = true;
	else if (unsent(session) < SESSION_OUTPUT_LOW)
		session->choked = false;
	if (unsent(session) < SESSION_OUTPUT_LOW && (was || session->streamer))
		go_on_streaming(session);
}

static void watch(struct session *session, int events)
{
	struct ev_loop *ev = session->e.loop->ev;

	if (events == (session->io.events & (EV_READ | EV_WRITE)) &&
	    ev_is_active(&session->io) == (events != 0))
		return;
	ev_io_stop(ev, &session->io);
	ev_io_set(&session->io, session->fd, events);
	if (events)
		ev_io_start(ev, &session->io);
}

static double earlier(double a, double b)
{
	return a < b ? a : b;
}

/* More is read once what was read is run, and what can be run is run in this turn or the next: the
   kernel need not be told of the moment in between. */
static bool will_want_input(const struct session *session)
{
	return !session->eof && may_run(session) && session->e.phase == PHASE_RUNNING;
}

static bool wants_input(const struct session *session)
{
	return !session->lines && will_want_input(session);
}

static void arm_timer(struct session *session)
{
	struct ev_loop *ev = session->e.loop->ev;
	double now = loop_now(session->e.loop), at = 1e300;

	if (session->partial_at > 0 && may_run(session))
		at = session->partial_at + SESSION_PARTIAL_MS / 1000.;
	if (unsent(session) > 0)
		at = earlier(at, session->sent_at + SESSION_STUCK_MS / 1000.);
	if (session->ncalls > 0 && !wants_input(session))
		at = earlier(at, now + PEER_POLL);
	ev_timer_stop(ev, &session->timer);
	if (at > 1e299)
		return;
	ev_timer_set(&session->timer, at > now ? at - now : 0., 0.);
	ev_timer_start(ev, &session->timer);
}

static bool is_over(const struct session *session)
{
	bool ends = session->eof || session->e.phase != PHASE_RUNNING;

	if (unsent(session) > 0 || session->streamer)
		return false;
	if (session->farewell)
		return true;
	return ends && session->ncalls == 0 && TAILQ_EMPTY(&session->batches) && !has_work(session);
}

/* Sends, and sets what to wait for next, from what the session holds. */
void session_update(struct session *session)
{
	if (session->e.phase == PHASE_STOPPED)
		return;
	if (session->out.failed || session->behind.failed) {
		leave(session, REASON_ERROR, ENOMEM);
		return;
	}
	flush(session);
	if (session->e.phase == PHASE_STOPPED)
		return;
	choke(session);
	trim(session);
	if (is_over(session)) {
		leave(session, REASON_CLIENT_CLOSED, 0);
		return;
	}
	if (has_work(session) && may_run(session))
		session->ready(session);
	watch(session, (will_want_input(session) ? EV_READ : 0) | (unsent(session) ? EV_WRITE : 0));
	arm_timer(session);
}

static void receive(struct session *session)
{
	char *space = wire_read_space(&session->reader, READ_CHUNK);
	ssize_t n;

	if (!space) {
		leave(session, REASON_ERROR, ENOMEM);
		return;
	}
	/* recv, not recvmsg: descriptors that somebody passes are dropped by the kernel. */
	n = recv(session->fd, space, READ_CHUNK, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		leave(session, conn_reason(errno), errno);
		return;
	}
	if (n == 0)
		session->eof = true;
	session->reader.in.len += (size_t)n;
	/* At the end only what is not terminated may still be a request. */
	session->lines = n > 0 || wire_partial(&session->reader);
	session->used = loop_now(session->e.loop);
}

static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
	struct session *session = container_of(io, struct session, io);

	(void)ev;
	if (loop_dropped(revents)) {
		leave(session, REASON_ERROR, ENOMEM);
		return;
	}
	if (revents & EV_READ && wants_input(session))
		receive(session);
	session_update(session);
}

static bool is_gone(const struct session *session)
{
	struct pollfd pfd = {.fd = session->fd};

	return poll(&pfd, 1, 0) == 1 && pfd.revents & (POLLHUP | POLLERR);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct session *session = container_of(timer, struct session, timer);
	double now = loop_now(session->e.loop);
	const struct span none = {0};
	struct err err = {0};

	(void)ev;
	(void)revents;
	if (!wants_input(session) && is_gone(session)) {
		leave(session, REASON_CLIENT_CLOSED, 0);
		return;
	}
	if (unsent(session) > 0 && now >= session->sent_at + SESSION_STUCK_MS / 1000.) {
		log_info("admin", "client of uid %u reads nothing: closed",
			 (unsigned)session->client.uid);
		leave(session, REASON_IDLE, 0);
		return;
	}
	if (session->partial_at > 0 && may_run(session) &&
	    now >= session->partial_at + SESSION_PARTIAL_MS / 1000.) {
		err_set(&err, ERR_REQUEST_TIMEOUT, "the line was not finished within %d s",
			SESSION_PARTIAL_MS / 1000);
		send_error(session, NULL, none, &err);
		session->farewell = true;
	}
	session_update(session);
}

/* -- engine -- */

static bool end_session(struct engine *engine, enum end how)
{
	struct session *session = session_of(engine);

	if (how == END_KILL) {
		/* What the socket takes at once, it gets: it may be the answer to a shutdown. */
		flush(session);
		return true;
	}
	session_update(session);
	return false;
}

static void release_session(struct engine *engine)
{
	struct session *session = session_of(engine);
	struct batch *batch;
	struct call *call;

	ev_io_stop(engine->loop->ev, &session->io);
	ev_timer_stop(engine->loop->ev, &session->timer);
	while ((call = TAILQ_FIRST(&session->calls))) {
		TAILQ_REMOVE(&session->calls, call, link);
		call_free(call);
	}
	session->ncalls = 0;
	while ((batch = TAILQ_FIRST(&session->batches))) {
		TAILQ_REMOVE(&session->batches, batch, link);
		batch_free(batch);
	}
	/* Behind its end nothing can come that would be unread. */
	if (session->eof)
		close(session->fd);
	else
		net_close_gently(session->fd, true);
	session->fd = -1;
}

static void destroy_session(struct engine *engine)
{
	struct session *session = session_of(engine);

	wire_reader_free(&session->reader);
	buf_free(&session->out);
	buf_free(&session->behind);
	free(session);
}

static const char *session_subject(const struct engine *engine, char *text, size_t size)
{
	snprintf(text, size, "admin #%llu", (unsigned long long)engine->id);
	return text;
}

static const struct field session_rows[] = {
    FIELD_AS("id", struct session, e.id, U64, "number of the session"),
    ENGINE_FIELDS,
};

static const struct field_table session_fields = FIELD_TABLE(session_rows);

static const struct engine_kind session_kind = {
    .name = "session",
    .fields = &session_fields,
    .end = end_session,
    .release = release_session,
    .destroy = destroy_session,
    .subject = session_subject,
    .unseen = true,
};

struct session *session_open(struct engine *admin, struct domain *domain, struct scan *scan,
			     uint64_t id, int fd, const struct client *client,
			     void (*ready)(struct session *session))
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		close(fd);
		return NULL;
	}
	engine_init(&session->e, &session_kind, admin->loop, admin, NULL);
	session->e.id = id;
	session->domain = domain;
	session->scan = scan;
	session->fd = fd;
	session->client = *client;
	session->ready = ready;
	session->reader.max = SCAN_LINE_MAX;
	session->used = session->sent_at = loop_now(admin->loop);
	TAILQ_INIT(&session->calls);
	TAILQ_INIT(&session->batches);
	loop_opened(admin->loop, fd);
	ev_io_init(&session->io, on_io, fd, EV_READ);
	ev_timer_init(&session->timer, on_timer, 0., 0.);
	engine_set_phase(&session->e, PHASE_RUNNING, REASON_NONE, 0);
	session_update(session);
	return session;
}

/* What was sent may still wait to be read; an end that waits is none of it. */
static bool has_sent(const struct session *session)
{
	char byte;

	return recv(session->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* There is neither a request, read or not, nor a part of an answer. */
static bool has_nothing(const struct session *session)
{
	return session->ncalls == 0 && unsent(session) == 0 && !session->lines &&
	       !has_sent(session);
}

double session_idle_since(const struct session *session)
{
	return session->partial_at == 0 && has_nothing(session) ? session->used : 0;
}

double session_stuck_since(const struct session *session)
{
	double now = loop_now(session->e.loop);
	unsigned being_sent = session->streamer ? 1 : 0;

	/* It waits for more than what it does not read. */
	if (session->ncalls > being_sent)
		return 0;
	if (unsent(session) > 0)
		return now - session->sent_at >= UNREAD_SECONDS ? session->sent_at : 0;
	return has_nothing(session) && now - session->partial_at >= BEGUN_SECONDS
		   ? session->partial_at
		   : 0;
}

void session_give_way(struct session *session)
{
	const struct span none = {0};
	struct err err = {0};

	if (session_stuck_since(session) > 0 && unsent(session) == 0) {
		err_set(&err, ERR_REQUEST_TIMEOUT,
			"another client needed the place before the line was finished");
		send_error(session, NULL, none, &err);
	}
	leave(session, REASON_IDLE, 0);
}
