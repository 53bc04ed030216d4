/* The transport: servers by address. */
#include "transport.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "net.h"

#define CHECK_INTERVAL 0.5 /* seconds: a loss is noticed within one */

static int compare_keys(const struct server *a, const struct server *b)
{
	return strcmp(a->key, b->key);
}

RB_PROTOTYPE(server_tree, server, by_key, compare_keys)
RB_GENERATE(server_tree, server, by_key, compare_keys)

static struct transport *transport_of(struct engine *engine)
{
	return container_of(engine, struct transport, e);
}

/* -- engine -- */

static void server_gone(struct engine *engine, struct engine *child)
{
	struct transport *transport = transport_of(engine);
	struct server *server = container_of(child, struct server, e);

	if (!server->served)
		return;
	RB_REMOVE(server_tree, &transport->tree, server);
	if (!engine_is_ending(engine))
		return;
	transport->ended++;
	transport->drained += server->drained;
	transport->stopped += server->stopped;
	transport->killed += server->killed;
}

static void release_transport(struct engine *engine)
{
	ev_timer_stop(engine->loop->ev, &transport_of(engine)->check);
}

static const char *transport_subject(const struct engine *engine, char *text, size_t size)
{
	(void)engine;
	strlcpy(text, "transport", size);
	return text;
}

static int transport_log_level(const struct engine *engine)
{
	(void)engine;
	return -1;
}

/* -- fields -- */

static const struct engine *find_server(const void *owner, const char *key)
{
	const struct transport *transport = owner;
	struct server like;
	const struct server *server;

	if (strlcpy(like.key, key, sizeof(like.key)) >= sizeof(like.key))
		return NULL;
	server = RB_FIND(server_tree, (struct server_tree *)(uintptr_t)&transport->tree, &like);
	return server ? &server->e : NULL;
}

static const struct engine *next_server(const void *owner, const char *after)
{
	struct server *server = transport_after(owner, after);

	return server ? &server->e : NULL;
}

static void server_key(const struct engine *member, char *text, size_t size)
{
	strlcpy(text, container_of(member, struct server, e)->key, size);
}

static uint64_t count_servers(const void *owner)
{
	return ((const struct transport *)owner)->servers.count;
}

static const struct field_map servers_map = {find_server, next_server, server_key, count_servers};

static void write_sum(struct json *json, const void *owner)
{
	const struct transport *transport = owner;
	struct pool_sum sum = {0};
	struct engine *child;

	TAILQ_FOREACH (child, &transport->servers.list, sibling)
		if (container_of(child, struct server, e)->pool)
			pool_sum_add(&sum, container_of(child, struct server, e)->pool);
	pool_sum_write(json, &sum);
	pool_sum_free(&sum);
}

static void write_handlers(struct json *json, const void *owner)
{
	handler_kinds_write(json, ((const struct transport *)owner)->env);
}

static const void *get_backends(const void *owner)
{
	return &((const struct transport *)owner)->env->backends;
}

static const struct field backend_rows[] = {
    FIELD(struct backend_totals, open, U64, "connections to backends that are open"),
    FIELD(struct backend_totals, connecting, U64, "of them not established yet"),
    FIELD(struct backend_totals, total, U64, "ever begun"),
    FIELD(struct backend_totals, failed, U64, "never established"),
};

static const struct field_table backend_fields = FIELD_TABLE(backend_rows);

static const struct field transport_rows[] = {
    ENGINE_FIELDS,
    FIELD_GET("handlers", write_handlers, "the kinds of handler a server may have"),
    FIELD_COLLECTION("servers", &servers_map, 0, "the servers by address"),
    FIELD_GET("connection_pool", write_sum, "the pools of all servers added up"),
    FIELD_PART("client_connection_pool", get_backends, &backend_fields, "sockets to backends"),
};

static const struct field_table transport_fields = FIELD_TABLE(transport_rows);

static const struct engine_kind transport_kind = {
    .name = "transport",
    .fields = &transport_fields,
    .release = release_transport,
    .child_gone = server_gone,
    .subject = transport_subject,
    .log_level = transport_log_level,
    .parallel = true,
};

/* -- interface -- */

static void on_check(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct transport *transport = container_of(timer, struct transport, check);
	struct engine *child, *next;

	(void)ev;
	(void)revents;
	TAILQ_FOREACH_SAFE (child, &transport->servers.list, sibling, next)
		server_check(container_of(child, struct server, e));
}

void transport_open(struct transport *transport, struct engine *node, struct handler_env *env)
{
	*transport = (struct transport){.env = env};
	RB_INIT(&transport->tree);
	conn_index_init(&transport->index);
	engine_init(&transport->e, &transport_kind, node->loop, node, &transport->servers);
	ev_timer_init(&transport->check, on_check, CHECK_INTERVAL, CHECK_INTERVAL);
	ev_timer_start(node->loop->ev, &transport->check);
	engine_set_phase(&transport->e, PHASE_RUNNING, REASON_NONE, 0);
}

/* Who asked may not have known of it, or have meant another: what it is, is said. */
static int refuse_second(const struct server *known, const struct handler_spec *asked,
			 struct err *err)
{
	struct buf words = {0};

	buf_printf(&words, "%s is served already, by ", known->key);
	handler_spec_words(known->spec, &words);
	if (!handler_spec_equal(known->spec, asked)) {
		buf_printf(&words, "; asked for was ");
		handler_spec_words(asked, &words);
	}
	err_set(err, ERR_ALREADY_EXISTS, "%s",
		buf_string_or(&words, "the address is served already"));
	buf_free(&words);
	return -1;
}

int transport_start(struct transport *transport, struct server_options *options,
		    struct server **started, struct err *err)
{
	struct server *known = transport_find(transport, &options->address);

	if (known) {
		if (engine_is_ending(&known->e))
			err_set(err, ERR_WRONG_STATE, "%s is %s; wait for its end", known->key,
				phase_name(known->e.phase));
		else
			refuse_second(known, options->spec, err);
		handler_spec_free(options->spec);
		return -1;
	}
	if (server_start(started, &transport->e, &transport->index, options, err) < 0)
		return -1;
	/* Port 0, and the kernel chose what a server that has lost its listener waits for. */
	if (RB_INSERT(server_tree, &transport->tree, *started)) {
		engine_end(&(*started)->e, END_KILL, REASON_NONE, 0);
		return err_set(err, ERR_ADDRESS_IN_USE,
			       "%s, the port that was free, is that of a server without its "
			       "listener; try again",
			       (*started)->key);
	}
	server_run(*started);
	loop_mark(transport->e.loop);
	return 0;
}

struct server *transport_find(const struct transport *transport, const struct address *address)
{
	char key[ADDRESS_TEXT_SIZE];
	const struct engine *found = find_server(transport, address_text(address, key));

	return found ? container_of(found, struct server, e) : NULL;
}

struct server *transport_after(const struct transport *transport, const char *after)
{
	struct server_tree *tree = (struct server_tree *)(uintptr_t)&transport->tree;
	struct server like, *server;

	if (!after)
		return RB_MIN(server_tree, tree);
	strlcpy(like.key, after, sizeof(like.key));
	server = RB_NFIND(server_tree, tree, &like);
	return server && strcmp(server->key, after) == 0 ? RB_NEXT(server_tree, tree, server)
							 : server;
}

uint64_t transport_connections(const struct transport *transport)
{
	struct engine *child;
	uint64_t count = 0;

	TAILQ_FOREACH (child, &transport->servers.list, sibling)
		if (container_of(child, struct server, e)->pool)
			count += pool_count(container_of(child, struct server, e)->pool);
	return count;
}

double transport_kill_seconds(const struct transport *transport)
{
	struct engine *child;
	uint64_t most = 2000;

	TAILQ_FOREACH (child, &transport->servers.list, sibling)
		if (container_of(child, struct server, e)->kill_ms > most)
			most = container_of(child, struct server, e)->kill_ms;
	return (double)most / 1000;
}
