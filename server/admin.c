/* An admin socket. */
#include "admin.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../proto/wire.h"
#include "limits.h"
#include "log.h"
#include "methods.h"
#include "net.h"

enum { ADMIN_BACKLOG = 128 };
#define CHECK_INTERVAL 0.5 /* seconds */
#define END_SECONDS    2.0 /* for clients to read their last answers */

static struct admin *admin_of(struct engine *engine)
{
	return container_of(engine, struct admin, e);
}

/* -- running requests -- */

static void session_ready(struct session *session)
{
	struct admin *admin = admin_of(session->e.parent);

	if (session->queued)
		return;
	session->queued = true;
	TAILQ_INSERT_TAIL(&admin->ready, session, link);
	loop_post(admin->e.loop, &admin->running);
}

/* All clients together get one slice of a turn, one request each in turn. */
static bool run_requests(struct job *job)
{
	struct admin *admin = container_of(job, struct admin, running);
	struct session *session;

	while ((session = TAILQ_FIRST(&admin->ready)) && loop_may(&admin->e.loop->requests)) {
		TAILQ_REMOVE(&admin->ready, session, link);
		session->queued = false;
		if (session_step(session))
			session_ready(session);
		else
			session_update(session);
	}
	net_reserve_fill();
	return session != NULL;
}

/* -- clients -- */

static void refuse(int fd, const struct err *err)
{
	const struct span none = {0};
	struct buf line = {0};

	wire_write_error(&line, none, err, true);
	/* The socket buffer of a new connection takes it; if not, the client learns by the close.
	 */
	if (!line.failed && send(fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("admin", "a refused client did not hear why");
	buf_free(&line);
	net_close_gently(fd, true);
}

static struct session *session_at(struct engine *child)
{
	return container_of(child, struct session, e);
}

/* How many may be there for one more of that role to be let in. Observers do not take what
   operators need to come in: some places, and some of the descriptors kept back. An operator who is
   alone always has a place: no session took the descriptors that are short, and nobody else can
   help. */
static bool has_place(const struct admin *admin, enum role role)
{
	bool observes = role < ROLE_OPERATE;

	if (!observes && admin->sessions == 0)
		return true;
	if (!net_reserve_has(observes ? SESSION_OPERATORS_FDS : SESSION_SPARE_FDS))
		return false;
	if (observes && !admin->options.observe && admin->observers >= SESSION_OBSERVERS_MAX)
		return false;
	return admin->sessions < SESSION_CLIENTS_MAX;
}

/* The client of that role for whom `since` tells the earliest time. */
static struct session *find_earliest(const struct admin *admin, enum role role,
				     double (*since)(const struct session *session))
{
	struct session *earliest = NULL;
	double first = 0, at;
	struct engine *child;

	TAILQ_FOREACH (child, &admin->parts.list, sibling) {
		if ((admin->listener && child == &admin->listener->e) ||
		    session_at(child)->client.role != role)
			continue;
		at = since(session_at(child));
		if (at > 0 && (!earliest || at < first)) {
			earliest = session_at(child);
			first = at;
		}
	}
	return earliest;
}

/* An observer gives way if one is idle or stuck, and only to an operator an operator; the idle
   first. */
static bool make_room(struct admin *admin, enum role role)
{
	static double (*const since[])(const struct session *session) = {session_idle_since,
									 session_stuck_since};
	struct session *session = NULL;

	for (enum role whose = ROLE_OBSERVE; whose <= role && !session; whose++)
		for (size_t i = 0; i < sizeof(since) / sizeof(since[0]) && !session; i++)
			session = find_earliest(admin, whose, since[i]);
	if (session)
		session_give_way(session);
	return session != NULL;
}

static bool has_room(struct engine *owner)
{
	(void)owner;
	return true;
}

static bool may_enter(struct admin *admin, const struct client *client, struct err *err)
{
	struct domain *domain = admin->domain;

	if (client->role == ROLE_NONE) {
		access_explain(domain->access, client, NULL, err);
		refusals_note(&domain->refusals, loop_now(admin->e.loop), client->uid, err->detail);
		return false;
	}
	if (has_place(admin, client->role) || make_room(admin, client->role))
		return true;
	err_set(err, ERR_TOO_MANY_CLIENTS, "every admin session is in use");
	return false;
}

static void accepted(struct engine *owner, int fd, const struct address *peer)
{
	struct admin *admin = admin_of(owner);
	struct session *session;
	struct client client;
	struct err err = {0};

	(void)peer;
	access_identify(admin->domain->access, fd, admin->options.observe, &client);
	if (!may_enter(admin, &client, &err)) {
		refuse(fd, &err);
		return;
	}
	session = session_open(owner, admin->domain, &admin->scan, ++admin->last_id, fd, &client,
			       session_ready);
	if (!session)
		return;
	admin->sessions++;
	admin->observers += client.role == ROLE_OBSERVE;
	loop_mark(admin->e.loop);
}

/* -- listening -- */

static void lost(struct engine *owner, enum reason why, int error, const char *detail)
{
	struct admin *admin = admin_of(owner);

	(void)why;
	(void)error;
	strlcpy(admin->loss, detail, sizeof(admin->loss));
}

static const struct listener_ops listener_ops = {has_room, accepted, lost};

static int listen_there(struct admin *admin, struct err *err)
{
	struct listen_options options = {
	    .address = admin->options.address,
	    .backlog = ADMIN_BACKLOG,
	    .mode = admin->options.mode,
	    .owner = admin->options.owner,
	    .bound_fd = -1,
	};

	return listener_open(&admin->listener, &admin->e, &listener_ops, &options, true, err);
}

static void listen_again(struct backoff *backoff)
{
	struct admin *admin = container_of(backoff, struct admin, retry);
	struct err err = {0};

	if (listen_there(admin, &err) == 0) {
		engine_set_phase(&admin->e, PHASE_RUNNING, REASON_NONE, 0);
		return;
	}
	if (backoff->failures == 0)
		log_warning("admin", "%s; cannot listen again yet: %s", admin->loss, err.detail);
	backoff_failed(&admin->retry);
}

static void listener_gone(struct admin *admin)
{
	const struct listener *listener = admin->listener;

	admin->listener = NULL;
	if (engine_is_ending(&admin->e))
		return;
	engine_set_phase(&admin->e, PHASE_SUSPENDED, listener->e.why, listener->e.error);
	backoff_start(&admin->retry);
}

static void on_check(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct admin *admin = container_of(timer, struct admin, check);

	(void)ev;
	(void)revents;
	if (admin->listener)
		listener_check(admin->listener);
}

/* -- engine -- */

static void part_gone(struct engine *engine, struct engine *child)
{
	struct admin *admin = admin_of(engine);
	struct session *session;

	if (admin->listener && child == &admin->listener->e) {
		listener_gone(admin);
		return;
	}
	session = session_at(child);
	if (session->queued)
		TAILQ_REMOVE(&admin->ready, session, link);
	session->queued = false;
	admin->sessions--;
	admin->observers -= session->client.role == ROLE_OBSERVE;
	/* Before anybody else takes the descriptor it may have had of the reserve. */
	net_reserve_fill();
}

static bool end_admin(struct engine *engine, enum end how)
{
	struct admin *admin = admin_of(engine);

	backoff_stop(&admin->retry);
	waits_cancel(admin->domain);
	/* The path goes before any client reads its end of file, so that a restart finds it free.
	 */
	if (admin->listener)
		engine_end(&admin->listener->e, how, engine->why, engine->error);
	if (!engine->deadline)
		engine_end_within(engine, END_SECONDS, how == END_DRAIN ? 0. : END_SECONDS);
	return true;
}

static void release_admin(struct engine *engine)
{
	struct admin *admin = admin_of(engine);

	ev_timer_stop(engine->loop->ev, &admin->check);
	loop_cancel(engine->loop, &admin->running);
}

static const char *name_of(const struct engine *engine)
{
	return container_of(engine, const struct admin, e)->options.observe ? "observe" : "admin";
}

static const char *admin_subject(const struct engine *engine, char *text, size_t size)
{
	strlcpy(text, name_of(engine), size);
	return text;
}

static int admin_log_level(const struct engine *engine)
{
	const struct admin *admin = container_of(engine, const struct admin, e);

	/* One line, when it is back or when the first attempt has failed. */
	return engine->phase == PHASE_RUNNING && admin->loss[0] ? LOG_LEVEL_WARNING : -1;
}

static void admin_log_detail(const struct engine *engine, struct buf *text)
{
	const struct admin *admin = container_of(engine, const struct admin, e);
	char address[ADDRESS_TEXT_SIZE];

	buf_printf(text, ", listening again on %s: %s",
		   address_text(&admin->options.address, address), admin->loss);
}

static void write_clients(struct json *json, const void *owner)
{
	const struct admin *admin = container_of(owner, const struct admin, e);
	const struct session *session;
	const struct engine *child;

	json_array(json);
	TAILQ_FOREACH (child, &admin->parts.list, sibling) {
		if (admin->listener && child == &admin->listener->e)
			continue;
		session = container_of(child, const struct session, e);
		json_object(json);
		json_key_u64(json, "id", session->e.id);
		json_key_u64(json, "uid", session->client.uid);
		json_key_string(json, "role", role_name(session->client.role));
		json_object_end(json);
	}
	json_array_end(json);
}

static const struct access *access_of(const void *owner)
{
	return container_of(owner, const struct admin, e)->domain->access;
}

static void write_observers_group(struct json *json, const void *owner)
{
	json_string(json, access_of(owner)->observers_name);
}

static void write_operators_group(struct json *json, const void *owner)
{
	json_string(json, access_of(owner)->operators_name);
}

static const struct field admin_rows[] = {
    ENGINE_FIELDS,
    FIELD_AS("address", struct admin, options.address, ADDRESS, "its path"),
    FIELD_CHILD("listener", struct admin, listener, "its listening socket; null while lost"),
    FIELD(struct admin, sessions, U64, "clients connected"),
    FIELD(struct admin, observers, U64, "those of them with that role"),
    FIELD_CHILD("observe", struct admin, observe, "the socket for observers alone; null: none"),
    FIELD_GET("group", write_observers_group, "whose members observe (--admin-group); null: none"),
    FIELD_GET("operators", write_operators_group, "whose members operate; null: none"),
    FIELD_GET("clients", write_clients, "who they are: [{id, uid, role}, ...]"),
};

static const struct field_table admin_fields = FIELD_TABLE(admin_rows);

static const struct engine_kind admin_kind = {
    .name = "admin",
    .fields = &admin_fields,
    .end = end_admin,
    .release = release_admin,
    .child_gone = part_gone,
    .subject = admin_subject,
    .log_level = admin_log_level,
    .log_detail = admin_log_detail,
    .parallel = true,
};

int admin_open(struct admin *admin, struct engine *node, struct domain *domain,
	       const struct admin_options *options, struct err *err)
{
	admin->domain = domain;
	admin->options = *options;
	TAILQ_INIT(&admin->ready);
	admin->running.run = run_requests;
	engine_init(&admin->e, &admin_kind, node->loop, node, &admin->parts);
	backoff_init(&admin->retry, node->loop, listen_again);
	ev_timer_init(&admin->check, on_check, CHECK_INTERVAL, CHECK_INTERVAL);
	if (listen_there(admin, err) < 0) {
		engine_end(&admin->e, END_KILL, REASON_NONE, 0);
		return -1;
	}
	ev_timer_start(node->loop->ev, &admin->check);
	engine_set_phase(&admin->e, PHASE_RUNNING, REASON_NONE, 0);
	return 0;
}
