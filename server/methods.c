/* The methods: what each request does. */
#include "methods.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../proto/discover.h"
#include "../proto/params.h"
#include "../proto/path.h"
#include "limits.h"
#include "log.h"
#include "net.h"
#include "state.h"

bool method_permits(const struct method *method, struct domain *domain, const struct client *client,
		    struct err *err)
{
	if (client->role >= method_role(method))
		return true;
	access_explain(domain->access, client, method, err);
	refusals_note(&domain->refusals, loop_now(domain->root->loop), client->uid, err->detail);
	return false;
}

void method_run(struct call *call)
{
	static void (*const run[METHOD_COUNT])(struct call *) = {
#define X(id, name) [METHOD_##id] = do_##name,
	    METHODS(X)
#undef X
	};
	struct err err = {0};

	if (call->method->flags & METHOD_REFUSED_AT_END && engine_is_ending(call->domain->root)) {
		err_set(&err, ERR_SHUTTING_DOWN, "noded is shutting down");
		call_fail(call, &err);
		return;
	}
	run[method_id(call->method)](call);
}

/* -- looking around -- */

void do_discover(struct call *call)
{
	discover_write(call_result(call), handler_kinds(call->domain->env));
	call_done(call);
}

static void write_limits(struct json *json)
{
	const struct method *list = method_get(METHOD_LIST_CONNECTIONS);

	json_object(json);
	json_key_u64(json, "request_bytes", SCAN_LINE_MAX);
	json_key_u64(json, "request_depth", SCAN_DEPTH_MAX);
	json_key_u64(json, "request_values", SCAN_VALUES_MAX);
	json_key_u64(json, "batch_entries", SCAN_BATCH_MAX);
	json_key_u64(json, "id_string_bytes", SCAN_ID_STRING_MAX);
	json_key_u64(json, "id_number_characters", SCAN_ID_NUMBER_MAX);
	json_key_u64(json, "skip_bytes", SESSION_SKIP_MAX);
	json_key_u64(json, "calls_in_flight", SESSION_CALLS_MAX);
	json_key_u64(json, "output_high_bytes", SESSION_OUTPUT_HIGH);
	json_key_u64(json, "output_low_bytes", SESSION_OUTPUT_LOW);
	json_key_u64(json, "output_stuck_ms", SESSION_STUCK_MS);
	json_key_u64(json, "partial_line_ms", SESSION_PARTIAL_MS);
	json_key_u64(json, "parse_errors_in_a_row", SESSION_PARSE_ERRORS_MAX);
	json_key_u64(json, "clients", SESSION_CLIENTS_MAX);
	json_key_u64(json, "page_rows", param_find(list->params, list->nparams, "limit")->max);
	json_key_u64(json, "admin_slice_ms", (uint64_t)(LOOP_SLICE_SECONDS * 1000));
	json_key_u64(json, "duration_ms", DURATION_MAX_MS);
	json_key_u64(json, "fds", net_nofile());
	json_key_u64(json, "reserved_fds", NET_RESERVE);
	json_object_end(json);
}

void do_version(struct call *call)
{
	struct json *json = call_result(call);

	json_object(json);
	json_key_string(json, "name", call->domain->name);
	json_key_string(json, "version", NODED_VERSION);
	json_key(json, "protocol");
	json_object(json);
	json_key_u64(json, "major", PROTOCOL_MAJOR);
	json_key_u64(json, "minor", PROTOCOL_MINOR);
	json_object_end(json);
	json_key_u64(json, "pid", (uint64_t)getpid());
	json_key(json, "started_at");
	json_time(json, call->domain->started);
	json_key(json, "handlers");
	handler_kinds_write(json, call->domain->env);
	json_key(json, "limits");
	write_limits(json);
	json_object_end(json);
	call_done(call);
}

int call_server(struct call *call, const char *param, struct server **server)
{
	const char *text = call_string(call, param);
	struct address address;
	struct err err = {0};

	if (address_parse(&address, text, &err) == 0) {
		*server = transport_find(call->domain->transport, &address);
		if (*server)
			return 0;
		err_set(&err, ERR_NO_SUCH_SERVER, "nothing is served at %s", text);
	}
	call_fail(call, &err);
	return -1;
}

/* -- state -- */

struct reading {
	struct path path;
	struct state_page page;
	char after[ADDRESS_TEXT_SIZE];
	bool begun;
};

static void write_path(struct json *json, const struct path *path)
{
	struct buf text = {0};

	path_format(&text, path, path->count);
	json_key_string(json, "path", text.failed ? NULL : buf_string(&text));
	buf_free(&text);
}

static void begin_reading(struct call *call, struct reading *reading)
{
	if (reading->begun)
		return;
	reading->begun = true;
	call_result(call);
	json_object(&call->json);
	write_path(&call->json, &reading->path);
	json_key(&call->json, "value");
}

/* Writes the value, or what there is time for. True: there is more. */
static bool read_state(struct call *call)
{
	struct reading *reading = call->more;
	struct state_ref ref;
	struct err err = {0};

	if (state_find(call->domain->root, &reading->path, &ref, &err) == 0) {
		begin_reading(call, reading);
		state_write(&call->json, &ref, &reading->page);
	} else if (reading->begun) {
		state_write_gone(&call->json, &reading->page);
	} else {
		call_fail(call, &err);
		return false;
	}
	if (reading->page.cut)
		return true;
	if (reading->page.paged) {
		json_key_string(&call->json, "next",
				reading->page.more ? reading->page.next : NULL);
		json_key_u64(&call->json, "total", reading->page.total);
	}
	json_object_end(&call->json);
	call_done(call);
	return false;
}

static void set_after(struct reading *reading, const cJSON *after)
{
	struct address address;
	struct err err;

	if (!after)
		return;
	reading->page.after = reading->after;
	if (cJSON_IsNumber(after))
		snprintf(reading->after, sizeof(reading->after), "%.0f", after->valuedouble);
	else if (address_parse(&address, after->valuestring, &err) == 0)
		address_text(&address, reading->after);
	else
		strlcpy(reading->after, after->valuestring, sizeof(reading->after));
}

void do_state(struct call *call)
{
	struct reading *reading = call->more = calloc(1, sizeof(*reading));
	struct err err = {0};

	if (!reading) {
		err_set(&err, ERR_LIMIT_REACHED, "out of memory");
		call_fail(call, &err);
		return;
	}
	if (path_parse(&reading->path, call_string(call, "path"), &err) < 0) {
		call_fail(call, &err);
		return;
	}
	reading->page.limit = call_u64(call, "limit");
	set_after(reading, param_get(call->params, "after"));
	reading->page.budget = &call->domain->root->loop->rows;
	call_stream(call, read_state);
}

/* -- starting -- */

static struct handler_spec *take_argv(struct handler_spec *spec, const cJSON *argv)
{
	const cJSON *arg;
	size_t i = 0;

	spec->argv = calloc((size_t)cJSON_GetArraySize(argv) + 1, sizeof(*spec->argv));
	if (!spec->argv)
		goto fail;
	cJSON_ArrayForEach (arg, argv) {
		char *copy = strdup(arg->valuestring);

		if (!copy)
			goto fail;
		spec->argv[i++] = copy;
	}
	return spec;
fail:
	handler_spec_free(spec);
	return NULL;
}

/* The spec of checked parameters; NULL: out of memory. */
static struct handler_spec *make_spec(struct call *call, struct err *err)
{
	const cJSON *handler = param_get(call->params, "handler");
	const struct handler_kind *kind = handler_kind_of(handler);
	struct handler_spec *spec = handler_spec_new(handler_kind_id(kind), call->domain->env);
	const cJSON *value;

	if (spec && handler && (value = param_get(handler, "backend")) &&
	    address_parse(&spec->backend, value->valuestring, err) < 0) {
		handler_spec_free(spec);
		return NULL;
	}
	if (spec && handler_kind_id(kind) == HANDLER_FORWARD)
		spec->connect_timeout =
		    (double)handler_u64(kind, handler, "connect_timeout_ms") / 1000;
	if (spec && handler && (value = param_get(handler, "argv")))
		spec = take_argv(spec, value);
	if (spec && handler && (value = param_get(handler, "user")))
		spec->identity = (struct identity){
		    .given = true,
		    .user = (uid_t)value->valuedouble,
		    .group = (gid_t)param_get(handler, "group")->valuedouble,
		};
	if (!spec)
		err_set(err, ERR_LIMIT_REACHED, "out of memory for a handler");
	return spec;
}

static uint64_t max_connections(const struct call *call, const struct handler_spec *spec)
{
	if (call_has(call, "max_connections"))
		return call_u64(call, "max_connections");
	return strtoull(handler_kind_get(spec->handler->id)->max_connections, NULL, 10);
}

static void answer_server(struct call *call, const struct server *server, const bool *created)
{
	struct json *json = call_result(call);

	json_object(json);
	json_key(json, "server");
	state_write_engine(json, &server->e);
	if (created) {
		json_key(json, "created");
		json_bool(json, *created);
	}
	json_object_end(json);
	call_done(call);
}

/* if_missing: a server with the same handler is as good as a new one. */
static bool is_there_already(struct call *call, const struct server_options *options,
			     struct server **server)
{
	*server = transport_find(call->domain->transport, &options->address);
	return *server && call_bool(call, "if_missing") && !engine_is_ending(&(*server)->e) &&
	       handler_spec_equal((*server)->spec, options->spec);
}

/* Also while its path is gone: whoever took it would lock the operator out. */
static bool is_admin(const struct call *call, const struct address *address)
{
	const struct handler_env *env = call->domain->env;

	for (size_t i = 0; i < HANDLER_ADMINS; i++)
		if (env->admin[i] && address_equal(address, env->admin[i]))
			return true;
	return false;
}

static int start_server(struct call *call, struct server **server, bool *created, struct err *err)
{
	struct server_options options = {0};

	if (address_parse(&options.address, call_string(call, "address"), err) < 0 ||
	    sandbox_check(call->domain->sandbox, &options.address, err) < 0)
		return -1;
	if (is_admin(call, &options.address)) {
		err_set(err, ERR_PATH_EXISTS, "%s is noded's admin socket",
			call_string(call, "address"));
		return -1;
	}
	options.spec = make_spec(call, err);
	if (!options.spec)
		return -1;
	if (options.spec->handler->check &&
	    options.spec->handler->check(options.spec, &options.address, err) < 0) {
		handler_spec_free(options.spec);
		return -1;
	}
	*created = !is_there_already(call, &options, server);
	if (!*created) {
		handler_spec_free(options.spec);
		return 0;
	}
	options.backlog = (int)call_u64(call, "backlog");
	options.mode = (mode_t)strtoul(call_string(call, "mode"), NULL, 8);
	options.max_connections = max_connections(call, options.spec);
	options.idle_timeout_ms = call_u64(call, "idle_timeout_ms");
	options.drain_ms = call_u64(call, "drain_ms");
	options.kill_ms = call_u64(call, "kill_ms");
	options.restart = strcmp(call_string(call, "restart"), "always") == 0;
	return transport_start(call->domain->transport, &options, server, err);
}

void do_start(struct call *call)
{
	struct server *server;
	struct err err = {0};
	bool created;

	if (start_server(call, &server, &created, &err) < 0)
		call_fail(call, &err);
	else
		answer_server(call, server, &created);
}

/* -- changing -- */

static void suspend(struct call *call, struct server *server);

/* A resume asked for in between may have been carried out by now: the later wish holds. */
static void suspended(struct waiter *waiter, struct engine *listener)
{
	struct call *call = container_of(waiter, struct call, waiter);
	struct server *server = container_of(listener->parent, struct server, e);

	if (server->listener)
		suspend(call, server);
	else
		answer_server(call, server, NULL);
}

static void suspend(struct call *call, struct server *server)
{
	struct err err = {0};

	if (server_suspend(server, &err) < 0) {
		call_fail(call, &err);
	} else if (server->listener) {
		call->waiter.done = suspended;
		engine_wait(&server->listener->e, &call->waiter);
	} else {
		answer_server(call, server, NULL);
	}
}

void do_suspend_server(struct call *call)
{
	struct server *server;

	if (call_server(call, "address", &server) == 0)
		suspend(call, server);
}

static void resume(struct call *call, struct server *server)
{
	struct err err = {0};

	if (server_resume(server, &err) < 0)
		call_fail(call, &err);
	else
		answer_server(call, server, NULL);
}

static void resume_closed(struct waiter *waiter, struct engine *listener)
{
	resume(container_of(waiter, struct call, waiter),
	       container_of(listener->parent, struct server, e));
}

void do_resume_server(struct call *call)
{
	struct server *server;

	if (call_server(call, "address", &server) < 0)
		return;
	/* Still closing what it listened with: that comes first. */
	if (!engine_is_ending(&server->e) && server->listener &&
	    engine_is_ending(&server->listener->e)) {
		call->waiter.done = resume_closed;
		engine_wait(&server->listener->e, &call->waiter);
		return;
	}
	resume(call, server);
}

void do_update_server(struct call *call)
{
	struct server *server;
	struct err err = {0};

	if (call_server(call, "address", &server) < 0)
		return;
	if (engine_is_ending(&server->e)) {
		err_set(&err, ERR_WRONG_STATE, "%s is %s", server->key,
			phase_name(server->e.phase));
		call_fail(call, &err);
		return;
	}
	if (call_has(call, "idle_timeout_ms") && call_u64(call, "idle_timeout_ms") > 0 &&
	    !handler_kind_get(server->spec->handler->id)->sees_bytes) {
		err_param(&err, ERR_INVALID_PARAMS, "idle_timeout_ms",
			  "noded does not see the bytes of an exec server");
		call_fail(call, &err);
		return;
	}
	if (call_has(call, "max_connections"))
		server_set_max_connections(server, call_u64(call, "max_connections"));
	if (call_has(call, "idle_timeout_ms"))
		server_set_idle_timeout(server, call_u64(call, "idle_timeout_ms"));
	if (call_has(call, "drain_ms"))
		server->drain_ms = call_u64(call, "drain_ms");
	if (call_has(call, "kill_ms"))
		server->kill_ms = call_u64(call, "kill_ms");
	if (call_has(call, "restart"))
		server_set_restart(server, strcmp(call_string(call, "restart"), "always") == 0);
	loop_mark(call->domain->root->loop);
	answer_server(call, server, NULL);
}

void do_set_log_level(struct call *call)
{
	struct json *json = call_result(call);

	json_object(json);
	json_key_string(json, "previous", log_level_name(log_level()));
	json_object_end(json);
	log_set_level((enum log_level)log_level_find(call_string(call, "level")));
	loop_mark(call->domain->root->loop);
	call_done(call);
}

/* -- ending -- */

static void stopped(struct waiter *waiter, struct engine *engine)
{
	struct call *call = container_of(waiter, struct call, waiter);
	const struct server *server = container_of(engine, struct server, e);
	struct json *json = call_result(call);

	json_object(json);
	json_key_string(json, "address", server->key);
	json_key_string(json, "outcome", server_outcome(server));
	json_key_u64(json, "drained", server->drained);
	json_key_u64(json, "stopped", server->stopped);
	json_key_u64(json, "killed", server->killed);
	json_key_u64(json, "accepted_at_stop", server->accepted_at_stop);
	json_key_u64(json, "refused_at_stop", server->refused_at_stop);
	json_key_u64(json, "elapsed_ms",
		     (uint64_t)((loop_now(engine->loop) - server->stop_began) * 1000));
	json_object_end(json);
	call_done(call);
}

static void count_stop(const struct call *call, uint64_t *done, uint64_t *total)
{
	const struct server *server = container_of(call->subject, const struct server, e);

	*total = server->stop_total;
	*done = server->stop_total - (server->pool ? pool_count(server->pool) : 0);
}

static void answer_absent(struct call *call)
{
	struct json *json = call_result(call);
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	struct err err;

	if (address_parse(&address, call_string(call, "address"), &err) < 0)
		text[0] = '\0';
	else
		address_text(&address, text);
	json_object(json);
	json_key_string(json, "address", text);
	json_key_string(json, "outcome", "absent");
	json_object_end(json);
	call_done(call);
}

static void answer_stopping(struct call *call, const char *key, enum phase phase, uint64_t conns)
{
	struct json *json = call_result(call);

	json_object(json);
	json_key_string(json, "address", key);
	json_key_string(json, "phase", phase_name(phase));
	json_key_u64(json, "connections", conns);
	json_object_end(json);
	call_done(call);
}

void do_stop_server(struct call *call)
{
	struct address address;
	struct server *server;
	struct err err = {0};
	double seconds = -1;

	if (call_bool(call, "if_exists") &&
	    address_parse(&address, call_string(call, "address"), &err) == 0 &&
	    !transport_find(call->domain->transport, &address)) {
		answer_absent(call);
		return;
	}
	if (call_server(call, "address", &server) < 0)
		return;
	if (call_has(call, "deadline_ms"))
		seconds = (double)call_u64(call, "deadline_ms") / 1000;
	if (call_bool(call, "wait")) {
		call->waiter.done = stopped;
		engine_wait(&server->e, &call->waiter);
		server_stop(server, seconds, call_bool(call, "force"));
		if (call->waiter.waiting)
			call_progress(call, &server->e, count_stop);
		return;
	}
	server_stop(server, seconds, call_bool(call, "force"));
	answer_stopping(call, server->key, server->e.phase,
			server->pool ? pool_count(server->pool) : 0);
}

static void conn_ended(struct waiter *waiter, struct engine *engine)
{
	struct call *call = container_of(waiter, struct call, waiter);
	struct json *json = call_result(call);
	char text[REASON_TEXT_SIZE];

	json_object(json);
	json_key_u64(json, "id", engine->id);
	json_key_string(json, "reason", reason_text(text, engine->why, engine->error));
	json_object_end(json);
	call_done(call);
}

void do_close_connection(struct call *call)
{
	struct conn *conn = conn_find(&call->domain->transport->index, call_u64(call, "id"));
	const struct server *server;
	struct err err = {0};

	if (!conn) {
		err_set(&err, ERR_NO_SUCH_CONNECTION, "there is no connection %llu",
			(unsigned long long)call_u64(call, "id"));
		call_fail(call, &err);
		return;
	}
	server = container_of(conn->e.parent->parent, struct server, e);
	call->waiter.done = conn_ended;
	engine_wait(&conn->e, &call->waiter);
	if (call_bool(call, "force")) {
		engine_end(&conn->e, END_KILL, REASON_STOPPED, 0);
	} else {
		engine_end_within(&conn->e, 0, (double)server->kill_ms / 1000);
		engine_end(&conn->e, END_STOP, REASON_STOPPED, 0);
	}
}
