/* The connection pool of a server. */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static struct pool *pool_of(struct engine *engine)
{
	return container_of(engine, struct pool, e);
}

/* -- counting those that left -- */

static int compare_closed(const struct pool_closed *a, uint8_t why, int number)
{
	return a->why != why ? a->why - why : a->number - number;
}

/* The row of a reason in an ordered array, made if it is missing; NULL when out of memory. */
static struct pool_closed *closed_row(struct pool_closed **rows, size_t *n, uint8_t why, int number)
{
	struct pool_closed *grown;
	size_t i = 0;

	if (why != REASON_EXIT && why != REASON_SIGNAL && why != REASON_ERROR)
		number = 0;
	while (i < *n && compare_closed(&(*rows)[i], why, number) < 0)
		i++;
	if (i < *n && compare_closed(&(*rows)[i], why, number) == 0)
		return &(*rows)[i];
	grown = reallocarray(*rows, *n + 1, sizeof(**rows));
	if (!grown)
		return NULL;
	*rows = grown;
	memmove(&grown[i + 1], &grown[i], (*n - i) * sizeof(*grown));
	grown[i] = (struct pool_closed){.why = why, .number = number};
	++*n;
	return &grown[i];
}

static void count_end(struct pool *pool, const struct conn *conn)
{
	struct pool_closed *row =
	    closed_row(&pool->closed, &pool->nclosed, conn->e.why, conn->e.error);

	if (row)
		row->count++;
	if (!engine_is_ending(pool->e.parent) || pool->opening || conn->left_early)
		return;
	if (conn->e.why == REASON_KILLED)
		pool->killed++;
	else if (conn->e.why == REASON_STOPPED || conn->e.why == REASON_DEADLINE)
		pool->stopped++;
	else
		pool->drained++;
}

static void remember(struct pool *pool, const struct conn *conn)
{
	struct pool_past *past;

	if (!pool->past)
		pool->past = calloc(POOL_LAST_CLOSED, sizeof(*pool->past));
	if (!pool->past)
		return;
	past = &pool->past[pool->npast++ % POOL_LAST_CLOSED];
	*past = (struct pool_past){
	    .id = conn->e.id,
	    .why = conn->e.why,
	    .number = conn->e.error,
	    .bytes_in = conn->bytes_in,
	    .bytes_out = conn->bytes_out,
	    .opened = conn->opened,
	    .closed = loop_wall(conn->e.loop),
	};
	conn_peer(conn, &past->peer);
	if (conn->spec->handler->status)
		conn->spec->handler->status(conn, past->status);
}

/* -- engine -- */

static void release_pool(struct engine *engine)
{
	struct pool *pool = pool_of(engine);

	ev_timer_stop(engine->loop->ev, &pool->idle);
	loop_cancel(engine->loop, &pool->idling);
	log_limit_end(&pool->trouble);
	log_limit_end(&pool->link.failures);
	log_limit_end(&pool->link.chatter);
}

static void destroy_pool(struct engine *engine)
{
	struct pool *pool = pool_of(engine);

	free(pool->closed);
	free(pool->past);
	free(pool);
}

static void conn_gone(struct engine *engine, struct engine *child)
{
	struct pool *pool = pool_of(engine);
	struct conn *conn = container_of(child, struct conn, e);

	count_end(pool, conn);
	remember(pool, conn);
	pool->ops->room(pool->e.parent);
}

static const char *pool_subject(const struct engine *engine, char *text, size_t size)
{
	(void)size;
	return address_text(container_of(engine, const struct pool, e)->link.server, text);
}

static int pool_log_level(const struct engine *engine)
{
	(void)engine;
	return -1;
}

/* -- fields -- */

static void write_closed(struct json *json, const struct pool_closed *rows, size_t n)
{
	char text[REASON_TEXT_SIZE];

	json_object(json);
	for (size_t i = 0; i < n; i++) {
		json_key_u64(json, reason_text(text, rows[i].why, rows[i].number), rows[i].count);
	}
	json_object_end(json);
}

void pool_write_limit(struct json *json, uint64_t limit)
{
	if (limit == UINT64_MAX)
		json_null(json);
	else
		json_u64(json, limit);
}

static void write_limit(struct json *json, const void *owner)
{
	pool_write_limit(json, ((const struct pool *)owner)->limit);
}

static void write_pool_closed(struct json *json, const void *owner)
{
	const struct pool *pool = owner;

	write_closed(json, pool->closed, pool->nclosed);
}

static void write_past(struct json *json, const struct pool *pool, const struct pool_past *past)
{
	char peer[ADDRESS_TEXT_SIZE], reason[REASON_TEXT_SIZE];
	bool counted = handler_kind_get(pool->spec->handler->id)->sees_bytes;

	json_object(json);
	json_key_u64(json, "id", past->id);
	json_key_string(json, "peer", address_text(&past->peer, peer));
	json_key_string(json, "reason", reason_text(reason, past->why, past->number));
	json_key_string(json, "status", past->status[0] ? past->status : NULL);
	json_key(json, "opened_at");
	json_time(json, past->opened);
	json_key(json, "closed_at");
	json_time(json, past->closed);
	json_key(json, "bytes_in");
	if (counted)
		json_u64(json, past->bytes_in);
	else
		json_null(json);
	json_key(json, "bytes_out");
	if (counted)
		json_u64(json, past->bytes_out);
	else
		json_null(json);
	json_object_end(json);
}

static void write_last_closed(struct json *json, const void *owner)
{
	const struct pool *pool = owner;
	uint64_t n = pool->npast < POOL_LAST_CLOSED ? pool->npast : POOL_LAST_CLOSED;

	json_array(json);
	for (uint64_t i = 1; i <= n; i++)
		write_past(json, pool, &pool->past[(pool->npast - i) % POOL_LAST_CLOSED]);
	json_array_end(json);
}

static const struct engine *find_member(const void *owner, const char *key)
{
	const struct pool *pool = owner;
	char *end;
	struct conn *conn;

	if (key[0] < '1' || key[0] > '9')
		return NULL;
	errno = 0;
	conn = conn_find(pool->link.index, strtoull(key, &end, 10));
	return !errno && !*end && conn && conn->e.parent == &pool->e ? &conn->e : NULL;
}

static const struct engine *next_member(const void *owner, const char *after)
{
	struct conn *conn = pool_after(owner, after ? strtoull(after, NULL, 10) : 0);

	return conn ? &conn->e : NULL;
}

static void member_key(const struct engine *member, char *text, size_t size)
{
	snprintf(text, size, "%llu", (unsigned long long)member->id);
}

static uint64_t count_members(const void *owner)
{
	return pool_count(owner);
}

static const struct field_map members = {find_member, next_member, member_key, count_members};

static const struct field pool_rows[] = {
    FIELD_AS("open", struct pool, conns.count, U64, "connections that are open"),
    FIELD_GET("limit", write_limit, "most that may be open; null: no limit"),
    FIELD(struct pool, total, U64, "connections ever opened"),
    FIELD(struct pool, refused, U64, "accepted but closed at once, unserved"),
    FIELD_AS("bytes_in", struct pool, link.totals.bytes_in, U64, "received from clients"),
    FIELD_AS("bytes_out", struct pool, link.totals.bytes_out, U64, "sent to clients"),
    FIELD_GET("closed", write_pool_closed, "how many ended, by reason"),
    FIELD_GET("last_closed", write_last_closed, "the last that ended, newest first"),
    FIELD_COLLECTION("connections", &members, FIELD_ASIDE, "the connections by id"),
};

static const struct field_table pool_fields = FIELD_TABLE(pool_rows);

static const struct engine_kind pool_kind = {
    .name = "connection_pool",
    .fields = &pool_fields,
    .release = release_pool,
    .destroy = destroy_pool,
    .child_gone = conn_gone,
    .subject = pool_subject,
    .log_level = pool_log_level,
    .parallel = true,
};

/* -- idle connections -- */

/* Sleeps until the connection that is idle longest may have been so for too long. */
static void idle_update(struct pool *pool)
{
	struct conn *oldest = TAILQ_FIRST(&pool->link.by_use);
	struct ev_loop *ev = pool->e.loop->ev;
	double left;

	if (pool->idle_timeout <= 0 || !oldest) {
		ev_timer_stop(ev, &pool->idle);
		return;
	}
	if (ev_is_active(&pool->idle))
		return;
	left = oldest->used + pool->idle_timeout - loop_now(pool->e.loop);
	ev_timer_set(&pool->idle, left > 0.001 ? left : 0.001, 0.);
	ev_timer_start(ev, &pool->idle);
}

static bool end_idle(struct job *job)
{
	struct pool *pool = container_of(job, struct pool, idling);
	double limit = loop_now(pool->e.loop) - pool->idle_timeout;
	struct conn *conn;

	while (pool->idle_timeout > 0 && (conn = TAILQ_FIRST(&pool->link.by_use)) &&
	       conn->used <= limit) {
		if (!loop_may(&pool->e.loop->ending))
			return true;
		/* One that is on its way out already has a deadline of its own. */
		if (conn->e.how >= END_STOP)
			conn_touch(conn);
		else
			conn_end(conn, REASON_IDLE, 0);
	}
	idle_update(pool);
	return false;
}

static void on_idle(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct pool *pool = container_of(timer, struct pool, idle);

	(void)ev;
	(void)revents;
	loop_post(pool->e.loop, &pool->idling);
}

/* -- interface -- */

struct pool *pool_open(struct engine *parent, const struct pool_ops *ops, struct conn_index *index,
		       const struct handler_spec *spec, const struct address *server)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	engine_init(&pool->e, &pool_kind, parent->loop, parent, &pool->conns);
	pool->ops = ops;
	pool->spec = spec;
	pool->limit = UINT64_MAX;
	pool->link.index = index;
	pool->link.server = server;
	TAILQ_INIT(&pool->link.by_use);
	ev_timer_init(&pool->idle, on_idle, 0., 0.);
	pool->idling.run = end_idle;
	engine_set_phase(&pool->e, PHASE_RUNNING, REASON_NONE, 0);
	return pool;
}

bool pool_has_room(const struct pool *pool)
{
	return pool->conns.count < pool->limit;
}

uint64_t pool_count(const struct pool *pool)
{
	return pool->conns.count;
}

void pool_add(struct pool *pool, int fd, const struct address *peer)
{
	char subject[ADDRESS_TEXT_SIZE];
	struct err err = {0};
	int status;

	pool->total++;
	pool->opening = true;
	status = conn_open(&pool->e, &pool->link, pool->spec, fd, peer, &err);
	pool->opening = false;
	if (status == 0) {
		idle_update(pool);
		return;
	}
	pool->refused++;
	pool_subject(&pool->e, subject, sizeof(subject));
	if (log_allowed(&pool->trouble, 1, 10., LOG_LEVEL_WARNING, subject))
		log_warning(subject, "connection not served: %s", err.detail);
}

void pool_set_limit(struct pool *pool, uint64_t limit)
{
	pool->limit = limit;
	loop_mark(pool->e.loop);
	pool->ops->room(pool->e.parent);
}

void pool_set_idle_timeout(struct pool *pool, double seconds)
{
	pool->idle_timeout = seconds;
	ev_timer_stop(pool->e.loop->ev, &pool->idle);
	idle_update(pool);
}

struct conn *pool_after(const struct pool *pool, uint64_t after)
{
	struct conn *conn;

	/* Children stand in the order of their ids. */
	if (after == 0) {
		struct engine *first = TAILQ_FIRST(&pool->conns.list);

		return first ? container_of(first, struct conn, e) : NULL;
	}
	conn = conn_find(pool->link.index, after);
	if (conn && conn->e.parent == &pool->e) {
		struct engine *next = TAILQ_NEXT(&conn->e, sibling);

		return next ? container_of(next, struct conn, e) : NULL;
	}
	/* The page's last one is gone meanwhile: pass over those of other servers. */
	do {
		conn = conn_after(pool->link.index, after);
		after = conn ? conn->e.id : after;
	} while (conn && conn->e.parent != &pool->e);
	return conn;
}

/* -- sums -- */

void pool_sum_add(struct pool_sum *sum, const struct pool *pool)
{
	struct pool_closed *row;

	sum->open += pool->conns.count;
	sum->limit = pool->limit == UINT64_MAX || sum->limit > UINT64_MAX - pool->limit
			 ? UINT64_MAX
			 : sum->limit + pool->limit;
	sum->total += pool->total;
	sum->refused += pool->refused;
	sum->bytes_in += pool->link.totals.bytes_in;
	sum->bytes_out += pool->link.totals.bytes_out;
	for (size_t i = 0; i < pool->nclosed; i++) {
		row = closed_row(&sum->closed, &sum->nclosed, pool->closed[i].why,
				 pool->closed[i].number);
		if (row)
			row->count += pool->closed[i].count;
	}
}

void pool_sum_write(struct json *json, const struct pool_sum *sum)
{
	json_object(json);
	json_key_u64(json, "open", sum->open);
	json_key(json, "limit");
	pool_write_limit(json, sum->limit);
	json_key_u64(json, "total", sum->total);
	json_key_u64(json, "refused", sum->refused);
	json_key_u64(json, "bytes_in", sum->bytes_in);
	json_key_u64(json, "bytes_out", sum->bytes_out);
	json_key(json, "closed");
	write_closed(json, sum->closed, sum->nclosed);
	json_object_end(json);
}

void pool_sum_free(struct pool_sum *sum)
{
	free(sum->closed);
}
