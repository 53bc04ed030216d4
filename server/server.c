/* A server: one address and all that serves it. */
#include "server.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

/* Longest that the queue of a full server is served once it is suspended. */
#define SUSPEND_SECONDS 5.

static struct server *server_of(struct engine *engine)
{
	return container_of(engine, struct server, e);
}

static const struct server *server_const(const struct engine *engine)
{
	return container_of(engine, const struct server, e);
}

/* -- listening -- */

static bool has_room(struct engine *owner)
{
	return pool_has_room(server_of(owner)->pool);
}

static void accepted(struct engine *owner, int fd, const struct address *peer)
{
	struct server *server = server_of(owner);

	uint64_t before = pool_count(server->pool);

	pool_add(server->pool, fd, peer);
	if (engine_is_ending(owner))
		server->stop_total += pool_count(server->pool) - before;
}

static void forget_loss(struct server *server)
{
	free(server->loss_detail);
	server->loss_detail = NULL;
	server->loss_error = 0;
	server->loss = REASON_NONE;
	backoff_stop(&server->retry);
}

static void note_loss(struct server *server, int error, const char *detail)
{
	free(server->loss_detail);
	server->loss_detail = strdup(detail);
	server->loss_error = error;
}

/* What follows happens when the listener has gone: see listener_gone. */
static void lost(struct engine *owner, enum reason why, int error, const char *detail)
{
	struct server *server = server_of(owner);

	note_loss(server, error, detail);
	server->loss = why;
}

static const struct listener_ops listener_ops = {has_room, accepted, lost};

/* A number closed under us may be somebody else's by now: then it is forgotten, never closed. */
static int bound_socket(struct server *server)
{
	if (server->bound_fd >= 0 && !net_is_socket(server->bound_fd, server->bound_ino))
		server->bound_fd = -1;
	return server->bound_fd;
}

static int listen_again(struct server *server, struct err *err)
{
	struct listen_options options = {
	    .address = server->address,
	    .backlog = server->backlog,
	    .mode = server->mode,
	    .bound_fd = bound_socket(server),
	};

	if (listener_open(&server->listener, &server->e, &listener_ops, &options, false, err) < 0)
		return -1;
	server->bound_fd = -1;
	forget_loss(server);
	return 0;
}

/* -- loss and return -- */

static void try_again(struct backoff *backoff)
{
	struct server *server = container_of(backoff, struct server, retry);
	struct err err = {0};

	if (listen_again(server, &err) == 0) {
		server->restarts++;
		engine_set_phase(&server->e, PHASE_RUNNING, REASON_NONE, 0);
		return;
	}
	log_debug(server->key, "cannot listen again: %s", err.detail);
	note_loss(server, err.sys, err.detail);
	loop_mark(server->e.loop);
	backoff_failed(&server->retry);
}

static void listener_gone(struct server *server, struct listener *listener)
{
	server->listener = NULL;
	server->bound_fd = listener->kept_fd;
	server->bound_ino = listener->ino;
	listener->kept_fd = -1;
	/* At a stop and at a suspension. The pool was there before the listener, and goes after. */
	server->pool->refused += listener->refused_at_stop;
	if (engine_is_ending(&server->e)) {
		server->accepted_at_stop += listener->accepted_at_stop;
		server->refused_at_stop += listener->refused_at_stop;
		return;
	}
	if (server->loss == REASON_NONE) {
		engine_set_phase(&server->e, PHASE_SUSPENDED, REASON_REQUESTED, 0);
		return;
	}
	engine_set_phase(&server->e, PHASE_SUSPENDED, server->loss, server->loss_error);
	/* A turn later, so that everyone can see that it was away. */
	if (server->restart)
		backoff_start(&server->retry);
}

/* -- engine -- */

static void pool_gone(struct server *server)
{
	server->drained = server->pool->drained;
	server->stopped = server->pool->stopped;
	server->killed = server->pool->killed;
	server->pool = NULL;
}

static void part_gone(struct engine *engine, struct engine *child)
{
	struct server *server = server_of(engine);

	if (server->listener && child == &server->listener->e)
		listener_gone(server, server->listener);
	else
		pool_gone(server);
}

static void room(struct engine *owner)
{
	struct server *server = server_of(owner);

	if (server->listener)
		listener_resume(server->listener);
}

static const struct pool_ops pool_ops = {room};

static bool end_server(struct engine *engine, enum end how)
{
	struct server *server = server_of(engine);

	(void)how;
	if (server->stop_began == 0) {
		server->stop_began = loop_now(engine->loop);
		server->stop_total = server->pool ? pool_count(server->pool) : 0;
		backoff_stop(&server->retry);
	}
	/* Ended as a part of the whole: then its own deadline bounds it too. */
	if (!engine->deadline)
		engine_end_within(engine, (double)server->drain_ms / 1000,
				  (double)server->kill_ms / 1000);
	return true;
}

static void release_server(struct engine *engine)
{
	struct server *server = server_of(engine);

	forget_loss(server);
	if (bound_socket(server) >= 0)
		close(server->bound_fd);
	server->bound_fd = -1;
}

static void destroy_server(struct engine *engine)
{
	struct server *server = server_of(engine);

	handler_spec_free(server->spec);
	free(server);
}

static const char *server_subject(const struct engine *engine, char *text, size_t size)
{
	strlcpy(text, server_const(engine)->key, size);
	return text;
}

static int server_log_level(const struct engine *engine)
{
	const struct server *server = server_const(engine);

	switch ((enum phase)engine->phase) {
	case PHASE_SUSPENDED:
		return server->loss == REASON_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
	case PHASE_RUNNING:
		return LOG_LEVEL_INFO;
	case PHASE_STOPPED:
		return server->served ? LOG_LEVEL_INFO : -1;
	case PHASE_STARTING:
	case PHASE_DRAINING:
	case PHASE_STOPPING:
	case PHASE_COUNT:
		break;
	}
	return server->served ? LOG_LEVEL_DEBUG : -1;
}

static void server_log_detail(const struct engine *engine, struct buf *text)
{
	const struct server *server = server_const(engine);

	if (engine->phase == PHASE_SUSPENDED && server->loss_detail)
		buf_printf(text, ", %s; %s", server->loss_detail,
			   server->restart ? "listening again as soon as possible"
					   : "until resume_server");
	if (engine->phase == PHASE_RUNNING && server->served)
		buf_printf(text, ", listening again");
	else if (engine->phase == PHASE_RUNNING)
		handler_describe(server->spec, text);
	if (engine->phase == PHASE_STOPPED)
		buf_printf(text, ", drained=%llu stopped=%llu killed=%llu ms=%.0f",
			   (unsigned long long)server->drained, (unsigned long long)server->stopped,
			   (unsigned long long)server->killed,
			   (loop_now(engine->loop) - server->stop_began) * 1000);
}

/* -- fields -- */

static void write_handler(struct json *json, const void *owner)
{
	handler_spec_write(json, ((const struct server *)owner)->spec);
}

static void write_error(struct json *json, const void *owner)
{
	const struct server *server = owner;

	if (!server->loss_detail) {
		json_null(json);
		return;
	}
	json_object(json);
	json_key_string(json, "name", reason_name(server->loss));
	json_key_string(json, "errno", server->loss_error ? errno_name(server->loss_error) : NULL);
	json_key_string(json, "detail", server->loss_detail);
	json_object_end(json);
}

static void write_restart(struct json *json, const void *owner)
{
	json_string(json, ((const struct server *)owner)->restart ? "always" : "never");
}

/* The pool holds it; a server that has lost its pool is gone within the turn. */
static void write_max_connections(struct json *json, const void *owner)
{
	const struct pool *pool = ((const struct server *)owner)->pool;

	pool_write_limit(json, pool ? pool->limit : UINT64_MAX);
}

static void write_mode(struct json *json, const void *owner)
{
	const struct server *server = owner;
	char text[8];

	snprintf(text, sizeof(text), "%04o", (unsigned)server->mode);
	json_string(json, address_is_unix(&server->address) ? text : NULL);
}

static void write_deadline(struct json *json, const void *owner)
{
	double left = engine_deadline_left(owner);

	if (left < 0)
		json_null(json);
	else
		json_u64(json, (uint64_t)(left * 1000));
}

static const struct field server_rows[] = {
    FIELD(struct server, address, ADDRESS, "address served, as bound"),
    ENGINE_FIELDS,
    FIELD_GET("error", write_error, "what became of the listener; null: nothing"),
    FIELD_GET("handler", write_handler, "what is done with connections"),
    FIELD_CHILD("listener", struct server, listener,
		"the listening socket; null when lost, suspended or stopped"),
    FIELD_CHILD("connection_pool", struct server, pool, "the connections"),
    FIELD_GET("restart", write_restart, "whether it listens again after a loss"),
    FIELD(struct server, restarts, U64, "times it did"),
    FIELD_GET("max_connections", write_max_connections,
	      "connections open at a time; null: no limit"),
    FIELD(struct server, idle_timeout_ms, U64, "a connection idle for so long is ended; 0: never"),
    FIELD(struct server, drain_ms, U64, "how long a stop lets connections end by themselves"),
    FIELD(struct server, kill_ms, U64, "how long one told to leave may take"),
    FIELD_GET("mode", write_mode, "permissions of the socket file; null for TCP"),
    FIELD_GET_TIMED("deadline_in_ms", write_deadline, "time left to an end under way, else null"),
};

static const struct field_table server_fields = FIELD_TABLE(server_rows);

static const struct engine_kind server_kind = {
    .name = "server",
    .fields = &server_fields,
    .end = end_server,
    .release = release_server,
    .destroy = destroy_server,
    .child_gone = part_gone,
    .subject = server_subject,
    .log_level = server_log_level,
    .log_detail = server_log_detail,
};

/* -- interface -- */

static struct server *server_new(struct engine *transport, struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->bound_fd = -1;
	server->address = options->address;
	server->spec = options->spec;
	server->spec->server = &server->address;
	server->backlog = options->backlog;
	server->mode = options->mode;
	server->restart = options->restart;
	server->idle_timeout_ms = options->idle_timeout_ms;
	server->drain_ms = options->drain_ms;
	server->kill_ms = options->kill_ms;
	address_text(&server->address, server->key);
	backoff_init(&server->retry, transport->loop, try_again);
	engine_init(&server->e, &server_kind, transport->loop, transport, &server->parts);
	return server;
}

int server_start(struct server **started, struct engine *transport, struct conn_index *index,
		 struct server_options *options, struct err *err)
{
	struct server *server = server_new(transport, options);

	if (!server) {
		handler_spec_free(options->spec);
		return err_set(err, ERR_LIMIT_REACHED, "out of memory for a server");
	}
	server->pool = pool_open(&server->e, &pool_ops, index, server->spec, &server->address);
	if (!server->pool) {
		err_set(err, ERR_LIMIT_REACHED, "out of memory for a server");
		goto fail;
	}
	pool_set_idle_timeout(server->pool, (double)server->idle_timeout_ms / 1000);
	pool_set_limit(server->pool, options->max_connections);
	if (listen_again(server, err) < 0)
		goto fail;
	server->address = server->listener->address;
	address_text(&server->address, server->key);
	*started = server;
	return 0;
fail:
	engine_end(&server->e, END_KILL, REASON_NONE, 0);
	return -1;
}

void server_run(struct server *server)
{
	engine_set_phase(&server->e, PHASE_RUNNING, REASON_NONE, 0);
	server->served = true;
}

int server_suspend(struct server *server, struct err *err)
{
	struct listener *listener = server->listener;

	if (engine_is_ending(&server->e))
		return err_set(err, ERR_WRONG_STATE, "%s is %s", server->key,
			       phase_name(server->e.phase));
	forget_loss(server);
	if (listener) {
		listener->keep_bound = true;
		/* While the pool is full the queue waits for places: not for long, somebody is
		   waiting for the answer. Without memory for a deadline it has ended at once. */
		engine_end_within(&listener->e, SUSPEND_SECONDS, (double)server->kill_ms / 1000);
		engine_end(&listener->e, END_DRAIN, REASON_REQUESTED, 0);
	} else if (server->e.why != REASON_REQUESTED) {
		engine_set_phase(&server->e, PHASE_SUSPENDED, REASON_REQUESTED, 0);
	}
	return 0;
}

int server_resume(struct server *server, struct err *err)
{
	if (engine_is_ending(&server->e))
		return err_set(err, ERR_WRONG_STATE, "%s is %s", server->key,
			       phase_name(server->e.phase));
	if (server->listener && engine_is_ending(&server->listener->e))
		return err_set(err, ERR_WRONG_STATE, "%s is still closing its listener",
			       server->key);
	if (server->listener)
		return 0;
	if (listen_again(server, err) < 0)
		return -1;
	engine_set_phase(&server->e, PHASE_RUNNING, REASON_NONE, 0);
	return 0;
}

void server_stop(struct server *server, double drain_seconds, bool force)
{
	if (drain_seconds < 0 && !engine_is_ending(&server->e))
		drain_seconds = (double)server->drain_ms / 1000;
	if (drain_seconds >= 0)
		engine_end_within(&server->e, drain_seconds, (double)server->kill_ms / 1000);
	if (force)
		engine_end(&server->e, END_STOP, REASON_STOPPED, 0);
	else
		engine_end(&server->e, END_DRAIN, REASON_REQUESTED, 0);
}

void server_check(struct server *server)
{
	if (server->listener)
		listener_check(server->listener);
}

void server_set_max_connections(struct server *server, uint64_t most)
{
	if (server->pool)
		pool_set_limit(server->pool, most);
	/* Nobody has to knock before it shows that there is no room. */
	if (server->listener)
		listener_update(server->listener);
}

void server_set_idle_timeout(struct server *server, uint64_t ms)
{
	server->idle_timeout_ms = ms;
	if (server->pool)
		pool_set_idle_timeout(server->pool, (double)ms / 1000);
}

void server_set_restart(struct server *server, bool always)
{
	server->restart = always;
	if (!always)
		backoff_stop(&server->retry);
	else if (server->loss != REASON_NONE && !backoff_is_active(&server->retry))
		backoff_start(&server->retry);
}

const char *server_outcome(const struct server *server)
{
	if (server->killed > 0)
		return "killed";
	return server->stopped > 0 ? "stopped" : "drained";
}
