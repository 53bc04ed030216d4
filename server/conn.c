/* One connection: opening, counting, touching, ending. */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler.h"
#include "net.h"

static int compare_ids(const struct conn *a, const struct conn *b)
{
	return a->e.id < b->e.id ? -1 : a->e.id > b->e.id;
}

RB_PROTOTYPE(conn_tree, conn, by_id, compare_ids)
RB_GENERATE(conn_tree, conn, by_id, compare_ids)

static bool sees_bytes(const struct conn *conn)
{
	return handler_kind_get(conn->spec->handler->id)->sees_bytes;
}

static struct conn *conn_of(struct engine *engine)
{
	return container_of(engine, struct conn, e);
}

/* -- engine -- */

static bool end_conn(struct engine *engine, enum end how)
{
	struct conn *conn = conn_of(engine);

	return conn->spec->handler->end(conn, how) && !conn->leaving;
}

static void close_client(struct conn *conn)
{
	if (conn->fd < 0)
		return;
	if (conn->e.why == REASON_RESET)
		net_close_reset(conn->fd);
	else if (conn->ended)
		close(conn->fd);
	else
		net_close_gently(conn->fd, conn->peer.family == AF_UNIX);
	conn->fd = -1;
}

static void release_conn(struct engine *engine)
{
	struct conn *conn = conn_of(engine);

	conn->spec->handler->close(conn);
	close_client(conn);
	conn->e.loop->unclosed -= conn->leaving;
	TAILQ_REMOVE(conn->leaving ? &conn->link->index->leaving : &conn->link->by_use, conn,
		     by_use);
	RB_REMOVE(conn_tree, &conn->link->index->tree, conn);
}

static void destroy_conn(struct engine *engine)
{
	struct conn *conn = conn_of(engine);

	free(conn->peer_path);
	free(conn);
}

static const char *conn_subject(const struct engine *engine, char *text, size_t size)
{
	const struct conn *conn = container_of(engine, const struct conn, e);
	char server[ADDRESS_TEXT_SIZE];

	address_text(conn->link->server, server);
	snprintf(text, size, "%s #%llu", server, (unsigned long long)engine->id);
	return text;
}

static void conn_log_detail(const struct engine *engine, struct buf *text)
{
	const struct conn *conn = container_of(engine, const struct conn, e);
	char peer[ADDRESS_TEXT_SIZE];
	struct address address;

	conn_peer(conn, &address);
	buf_printf(text, ", peer %s", address_text(&address, peer));
	if (engine->phase == PHASE_STOPPED && sees_bytes(conn))
		buf_printf(text, ", in %llu, out %llu", (unsigned long long)conn->bytes_in,
			   (unsigned long long)conn->bytes_out);
}

/* -- fields -- */

static void write_server(struct json *json, const void *owner)
{
	const struct conn *conn = owner;
	char text[ADDRESS_TEXT_SIZE];

	json_string(json, address_text(conn->link->server, text));
}

static void write_peer(struct json *json, const void *owner)
{
	char text[ADDRESS_TEXT_SIZE];
	struct address peer;

	conn_peer(owner, &peer);
	json_string(json, address_text(&peer, text));
}

static void write_local(struct json *json, const void *owner)
{
	const struct conn *conn = owner;
	struct address local = *conn->link->server;
	char text[ADDRESS_TEXT_SIZE];

	conn_local(conn, &local);
	json_string(json, address_text(&local, text));
}

static void write_idle(struct json *json, const void *owner)
{
	const struct conn *conn = owner;

	if (sees_bytes(conn))
		json_u64(json, (uint64_t)((loop_now(conn->e.loop) - conn->used) * 1000));
	else
		json_null(json);
}

static void write_bytes_in(struct json *json, const void *owner)
{
	const struct conn *conn = owner;

	if (sees_bytes(conn))
		json_u64(json, conn->bytes_in);
	else
		json_null(json);
}

static void write_bytes_out(struct json *json, const void *owner)
{
	const struct conn *conn = owner;

	if (sees_bytes(conn))
		json_u64(json, conn->bytes_out);
	else
		json_null(json);
}

static const struct field conn_rows[] = {
    FIELD_AS("id", struct conn, e.id, U64, "number, unique in this noded"),
    FIELD_GET("server", write_server, "the server's address"),
    ENGINE_FIELDS,
    FIELD_GET("peer", write_peer, "the client's address; \"unix:\" if it has none"),
    FIELD_GET("local", write_local, "the address it came in on"),
    FIELD_AS("opened_at", struct conn, opened, TIME, "when it was accepted"),
    FIELD_GET_TIMED("idle_ms", write_idle, "since a byte last moved; null with exec"),
    FIELD_GET("bytes_in", write_bytes_in, "received from the client; null with exec"),
    FIELD_GET("bytes_out", write_bytes_out, "sent to the client; null with exec"),
};

const struct field_table conn_fields = FIELD_TABLE(conn_rows);

static const struct field_table *handler_fields(const struct engine *engine)
{
	return container_of(engine, const struct conn, e)->spec->handler->fields;
}

const struct engine_kind conn_kind = {
    .name = "connection",
    .fields = &conn_fields,
    .end = end_conn,
    .release = release_conn,
    .destroy = destroy_conn,
    .subject = conn_subject,
    .log_detail = conn_log_detail,
    .more_fields = handler_fields,
};

/* -- addresses -- */

static void keep_peer(struct conn *conn, const struct address *peer)
{
	size_t len;

	if (!address_is_unix(peer)) {
		memcpy(&conn->peer, &peer->sa, sizeof(conn->peer));
		return;
	}
	conn->peer.family = AF_UNIX;
	/* No NUL within a path, but in abstract names anywhere. */
	len = peer->len - offsetof(struct sockaddr_un, sun_path);
	if (peer->un.sun_path[0])
		len = strlen(peer->un.sun_path);
	/* A name that cannot be kept is not worth refusing a client for. */
	if (len == 0 || !(conn->peer_path = malloc(len + 1)))
		return;
	memcpy(conn->peer_path, peer->un.sun_path, len);
	conn->peer_path[len] = '\0';
	conn->peer_path_len = (uint8_t)len;
}

void conn_peer(const struct conn *conn, struct address *peer)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (conn->peer.family != AF_UNIX) {
		address_from_sockaddr(peer, (const struct sockaddr *)&conn->peer,
				      conn->peer.family == AF_INET ? sizeof(conn->peer.in)
								   : sizeof(conn->peer.in6));
		return;
	}
	if (conn->peer_path)
		memcpy(un.sun_path, conn->peer_path, conn->peer_path_len);
	address_from_sockaddr(
	    peer, (const struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + conn->peer_path_len));
}

void conn_local(const struct conn *conn, struct address *local)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	/* One address was listened on: it was that. */
	if (!address_is_wildcard(local) || conn->fd < 0)
		return;
	if (getsockname(conn->fd, (struct sockaddr *)&name, &len) == 0)
		address_from_sockaddr(local, (struct sockaddr *)&name, len);
}

/* -- life -- */

int conn_open(struct engine *parent, struct conn_link *link, const struct handler_spec *spec,
	      int fd, const struct address *peer, struct err *err)
{
	struct conn *conn = calloc(1, spec->handler->size);

	if (!conn) {
		close(fd);
		return err_set(err, ERR_LIMIT_REACHED, "out of memory for a connection");
	}
	engine_init(&conn->e, &conn_kind, parent->loop, parent, NULL);
	conn->e.id = ++link->index->last_id;
	conn->spec = spec;
	conn->link = link;
	conn->fd = fd;
	conn->opened = loop_wall(parent->loop);
	conn->used = loop_now(parent->loop);
	loop_opened(parent->loop, fd);
	keep_peer(conn, peer);
	RB_INSERT(conn_tree, &link->index->tree, conn);
	TAILQ_INSERT_TAIL(&link->by_use, conn, by_use);
	if (spec->handler->open(conn, err) < 0) {
		conn_end(conn, REASON_ERROR, err->sys);
		return -1;
	}
	loop_mark(parent->loop);
	return 0;
}

static bool close_some(struct job *job)
{
	struct conn_index *index = container_of(job, struct conn_index, closing);
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&index->leaving))) {
		if (!loop_may(&conn->e.loop->ending))
			return true;
		engine_done(&conn->e);
	}
	return false;
}

void conn_index_init(struct conn_index *index)
{
	*index = (struct conn_index){.closing.run = close_some};
	RB_INIT(&index->tree);
	TAILQ_INIT(&index->leaving);
}

/* A program that has a descriptor of its own is waited for instead. */
static void leave_later(struct conn *conn)
{
	struct conn_index *index = conn->link->index;

	if (conn->fd < 0 || conn->e.phase == PHASE_STARTING || loop_may(&conn->e.loop->leaving))
		return;
	conn->leaving = true;
	conn->left_early = !engine_is_ending(conn->e.parent->parent);
	conn->e.loop->unclosed++;
	TAILQ_REMOVE(&conn->link->by_use, conn, by_use);
	TAILQ_INSERT_TAIL(&index->leaving, conn, by_use);
	loop_post(conn->e.loop, &index->closing);
}

void conn_end(struct conn *conn, enum reason why, int error)
{
	if (conn->leaving)
		return;
	leave_later(conn);
	if (conn->e.how >= END_STOP) {
		why = conn->e.why;
		error = conn->e.error;
	}
	if (conn->e.how == END_KILL)
		engine_done(&conn->e);
	else
		engine_end(&conn->e, END_KILL, why, error);
}

void conn_running(struct conn *conn)
{
	if (conn->e.phase == PHASE_STARTING)
		engine_set_phase(&conn->e, PHASE_RUNNING, REASON_NONE, 0);
}

void conn_touch(struct conn *conn)
{
	struct conn_list *list = &conn->link->by_use;
	double now = loop_now(conn->e.loop);

	/* Again in one turn: its place in the order is as good. */
	if (conn->used == now)
		return;
	conn->used = now;
	if (conn->leaving || conn == TAILQ_LAST(list, conn_list))
		return;
	TAILQ_REMOVE(list, conn, by_use);
	TAILQ_INSERT_TAIL(list, conn, by_use);
}

void conn_moved(struct conn *conn, uint64_t in, uint64_t out)
{
	conn->bytes_in += in;
	conn->bytes_out += out;
	conn->link->totals.bytes_in += in;
	conn->link->totals.bytes_out += out;
	conn_touch(conn);
	loop_mark(conn->e.loop);
}

enum reason conn_reason(int error)
{
	return error == ECONNRESET || error == EPIPE ? REASON_RESET : REASON_ERROR;
}

struct conn *conn_find(struct conn_index *index, uint64_t id)
{
	struct conn key = {.e.id = id};

	return RB_FIND(conn_tree, &index->tree, &key);
}

struct conn *conn_after(struct conn_index *index, uint64_t after)
{
	struct conn key = {.e.id = after + 1};

	return RB_NFIND(conn_tree, &index->tree, &key);
}
