/* What must hold of noded whenever it is at rest. */
#include "invariants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../server/admin.h"
#include "../../server/child.h"
#include "../../server/limits.h"
#include "../../server/net.h"
#include "../../server/session.h"
#include "kernel.h"
#include "world.h"

enum { DEADLINES = 32 };
/* Not libev's own, which takes no const. */
#define IS_ACTIVE(watcher) ((watcher)->active != 0)
#define SLACK		   0.5			/* seconds a timer may be late */
#define PATIENCE	   UINT64_C(1000000000) /* nanoseconds until what noded missed is noticed */

/* An end under way, by its server's key. */
struct ending {
	char key[ADDRESS_TEXT_SIZE];
	double stop_at; /* END_STOP is due, or was issued */
	bool stopping;
	uint64_t total; /* connections to see off */
};

/* What one look counts. */
struct census {
	const char *owner[FD_MAX];
	uint64_t connections, forwards, programs, waiters, calls_waiting;
	struct ending ending[DEADLINES];
	size_t nendings;
};

static struct domain *domain;
static struct census census, before;
static double node_end_at; /* 0: nobody asked it to end */

/* -- finding the node -- */

void __real_waits_open(struct domain *opened);
void __wrap_waits_open(struct domain *opened);

void __wrap_waits_open(struct domain *opened)
{
	domain = opened;
	/* Here sockets hold less than a large piece usually is. */
	domain->env->loop->pipes.large = SOCKET_BUFFER / 4;
	__real_waits_open(opened);
}

struct domain *invariants_domain(void)
{
	return domain;
}

const struct engine *invariants_node(void)
{
	return domain ? domain->root : NULL;
}

static const struct engine *part(const char *kind)
{
	const struct engine *child;

	TAILQ_FOREACH (child, &domain->root->brood->list, sibling)
		if (strcmp(child->kind->name, kind) == 0)
			return child;
	return NULL;
}

bool invariants_runs(const struct file *client)
{
	struct conn_index *index = domain ? &domain->transport->index : NULL;
	const struct conn *conn = index ? conn_after(index, 0) : NULL;

	while (conn &&
	       (conn->fd < 0 || !client->sock->peer || fd_file(conn->fd) != client->sock->peer))
		conn = conn_after(index, conn->e.id);
	return conn && conn->e.phase == PHASE_RUNNING;
}

bool invariants_excused(void)
{
	return kernel_failed(FAULT_malloc) + kernel_failed(FAULT_calloc) +
		   kernel_failed(FAULT_realloc) + kernel_failed(FAULT_strdup) +
		   kernel_failed(FAULT_send) + kernel_failed(FAULT_recv) +
		   kernel_failed(FAULT_poll) + kernel_failed(FAULT_getsockopt) +
		   kernel_failed(FAULT_epoll_ctl) >
	       0;
}

/* -- who owns what -- */

static void own(int fd, const char *who)
{
	const struct file *file = fd < 0 ? NULL : fd_file(fd);

	if (fd < 0)
		return;
	if (!file)
		violated("%s holds descriptor %d, which is not open", who, fd);
	if (!file->sock)
		violated("%s holds descriptor %d, which is no socket", who, fd);
	if (census.owner[fd])
		violated("descriptor %d belongs to %s and to %s", fd, census.owner[fd], who);
	census.owner[fd] = who;
}

/* One whose number may have been taken from under it: then it is not its own any more. */
static void own_bound(int fd, ino_t ino, const char *who)
{
	const struct file *file = fd < 0 ? NULL : fd_file(fd);

	if (world.snatched && (!file || file->ino != ino))
		return;
	own(fd, who);
}

/* -- sessions -- */

static const struct admin_client *client_of(const struct session *session)
{
	const struct file *file = fd_file(session->fd);

	for (unsigned i = 0; i < SESSIONS; i++)
		if (file && file->sock->peer && world.session[i].file == file->sock->peer)
			return &world.session[i];
	return NULL;
}

static void look_at_session(const struct session *session)
{
	const struct call *call;
	unsigned n = 0;

	own(session->fd, "a session");
	TAILQ_FOREACH (call, &session->calls, link) {
		n++;
		census.calls_waiting += call->waiter.waiting;
		if (!call->waiter.waiting && !call->abandon && !call->produce)
			violated("a call of %s waits for nothing", call->method->name);
		if (call->owner != session)
			violated("a call in the wrong session");
	}
	if (n != session->ncalls || n > SESSION_CALLS_MAX)
		violated("a session of %u calls counts %u", n, session->ncalls);
}

/* Whether input may wait: the session is at one of its limits. */
static bool holds_back(const struct session *session)
{
	return session->farewell || session->streamer || session->ncalls >= SESSION_CALLS_MAX ||
	       session->out.len - session->out_at + session->behind.len >= SESSION_OUTPUT_LOW ||
	       session->e.phase != PHASE_RUNNING || session->eof;
}

/* Everything is read, written and run: what has no reason to wait is answered. */
static void owe(struct admin_client *client, struct asked *asked)
{
	if (!asked->owed) {
		asked->owed = client->collect == 0;
		asked->due = kernel.now + asked->ms * 1000000;
	} else if (kernel.now > asked->due && asked->ms != LONG && !client->lazy &&
		   !client->excused && !invariants_excused()) {
		violated("request %u is not answered in time", asked->id);
	}
}

static void settle_session(const struct session *session)
{
	const struct file *file = fd_file(session->fd);
	const struct admin_client *found = client_of(session);
	struct admin_client *client = found ? &world.session[found - world.session] : NULL;

	if (holds_back(session))
		return;
	if (!IS_ACTIVE(&session->io))
		violated("a session does not watch its client");
	if (session->lines)
		violated("a session sits on lines that it may run");
	if (file->sock->len > 0 || !client || client->out.len > 0)
		return;
	/* Everything it said was taken on. */
	for (size_t i = 0; i < client->nasked; i++)
		owe(client, &client->asked[i]);
}

/* -- listeners -- */

static void look_at_listener(const struct listener *listener)
{
	own_bound(listener->fd, listener->ino, "a listener");
	own(listener->waiting_fd, "a client held by a listener");
	own(listener->kept_fd, "a bound socket");
}

static void settle_listener(const struct listener *listener)
{
	bool paused = IS_ACTIVE(&listener->pause);

	if (engine_is_ending(&listener->e))
		return;
	if (listener->e.phase == PHASE_RUNNING && !IS_ACTIVE(&listener->io) && !paused &&
	    listener->fd >= 0)
		violated("a listener that runs does not watch for clients");
	if (listener->e.phase == PHASE_SUSPENDED && listener->e.why == REASON_FULL &&
	    listener->ops->has_room(listener->e.parent))
		violated("a listener is paused for being full, and there is room");
	if (listener->e.phase == PHASE_SUSPENDED && listener->e.why == REASON_FD_LIMIT && !paused)
		violated("a listener is short of descriptors and will never try again");
}

/* -- connections -- */

static void look_at_conn(const struct conn *conn, const struct pool *pool)
{
	enum handler_id kind = conn->spec->handler->id;

	census.connections++;
	census.forwards += kind == HANDLER_FORWARD;
	census.programs += kind == HANDLER_EXEC;
	own(conn->fd, "a connection");
	if (conn->link != &pool->link)
		violated("a connection in the wrong pool");
	if (conn_find(pool->link.index, conn->e.id) != conn)
		violated("connection %llu is not found by its number",
			 (unsigned long long)conn->e.id);
}

static void settle_conn(const struct conn *conn)
{
	enum handler_id kind = conn->spec->handler->id;
	const struct sock *sock = conn->fd < 0 ? NULL : fd_file(conn->fd)->sock;

	if (conn->e.phase != PHASE_RUNNING || !sock)
		return;
	if (kind != HANDLER_ECHO && kind != HANDLER_DISCARD)
		return;
	if (sock->len > 0 && sock->peer && sock->peer->sock->len == 0)
		violated("a connection does not read what its client said");
	if (sock->len == 0 && sock->eof && sock->peer && sock->peer->sock->len == 0)
		violated("a connection has missed its client's end");
}

/* -- servers -- */

static void look_at_pool(const struct pool *pool)
{
	uint64_t ended = 0, in = 0, used = 0, leaving = 0;
	const struct engine *child;
	const struct conn *conn;
	double last = 0;

	TAILQ_FOREACH (child, &pool->conns.list, sibling) {
		look_at_conn(container_of(child, const struct conn, e), pool);
		in += container_of(child, const struct conn, e)->bytes_in;
		leaving += container_of(child, const struct conn, e)->leaving;
	}
	TAILQ_FOREACH (conn, &pool->link.by_use, by_use) {
		used++;
		if (conn->used < last)
			violated("connections are out of order of use");
		last = conn->used;
	}
	if (used != pool->conns.count - leaving)
		violated("%llu of %llu connections are in order of use", (unsigned long long)used,
			 (unsigned long long)pool->conns.count);
	for (size_t i = 0; i < pool->nclosed; i++)
		ended += pool->closed[i].count;
	if (!invariants_excused() && pool->total != pool->conns.count + ended)
		violated("%llu connections were opened, %llu are open and %llu ended",
			 (unsigned long long)pool->total, (unsigned long long)pool->conns.count,
			 (unsigned long long)ended);
	if (in > pool->link.totals.bytes_in)
		violated("connections have received more than their pool");
}

static const struct ending *ending_before(const char *key)
{
	for (size_t i = 0; i < before.nendings; i++)
		if (strcmp(before.ending[i].key, key) == 0)
			return &before.ending[i];
	return NULL;
}

/* Seconds that an end may take beyond its deadline: programs that have ended are waited for until
   what they left is gone, or cannot be seen for a second. */
static double lateness(void)
{
	return SLACK + (TAILQ_EMPTY(&domain->env->supervisor->leaving) ? 0 : 1);
}

/* An end has a deadline, which is never put off, and keeps it. */
static void look_at_end(const struct server *server)
{
	double now = loop_now(server->e.loop), left = engine_deadline_left(&server->e);
	const struct ending *known = ending_before(server->key);
	struct ending ending = {.stop_at = now + left,
				.stopping = server->e.how >= END_STOP,
				.total = server->stop_total};

	memcpy(ending.key, server->key, sizeof(ending.key));
	if (kernel.cost > 1000 || census.nendings == DEADLINES)
		return;
	if (left < 0 && server->e.how < END_KILL)
		violated("%s is ending without a deadline", server->key);
	if (ending.stopping)
		ending.stop_at = known && known->stopping ? known->stop_at : now;
	else if (known && ending.stop_at > known->stop_at + SLACK)
		violated("the deadline of %s was put off", server->key);
	if (!ending.stopping && left <= 0 && known && now > known->stop_at + SLACK)
		violated("the drain of %s did not end at its deadline", server->key);
	if (ending.stopping && now > ending.stop_at + (double)server->kill_ms / 1000 + lateness())
		violated("%s is still there %.3f s after it was told to stop", server->key,
			 now - ending.stop_at);
	census.ending[census.nendings++] = ending;
}

void invariants_stopped(const char *key, uint64_t seen_off)
{
	for (size_t i = 0; i < census.nendings; i++)
		if (strcmp(census.ending[i].key, key) == 0 && seen_off < census.ending[i].total)
			violated("%s has seen off %llu of %llu connections", key,
				 (unsigned long long)seen_off,
				 (unsigned long long)census.ending[i].total);
}

static void look_at_counts(const struct server *server)
{
	const struct pool *pool = server->pool;
	uint64_t gone = pool ? pool->drained + pool->stopped + pool->killed
			     : server->drained + server->stopped + server->killed;

	if (server->stop_total != gone + (pool ? pool->conns.count : 0))
		violated("of %llu connections to see off %llu are gone and %llu are left",
			 (unsigned long long)server->stop_total, (unsigned long long)gone,
			 (unsigned long long)(pool ? pool->conns.count : 0));
}

static void look_at_server(const struct server *server)
{
	bool ending = engine_is_ending(&server->e);

	own_bound(server->bound_fd, server->bound_ino, "a bound socket");
	if (!ending && server->e.phase == PHASE_RUNNING && !server->listener)
		violated("%s runs without a listener", server->key);
	if (!ending && server->e.phase == PHASE_SUSPENDED && server->listener)
		violated("%s is suspended with a listener", server->key);
	if (!ending && !server->pool)
		violated("%s is without a pool", server->key);
	if (!ending && server->bound_fd >= 0 && server->e.phase != PHASE_SUSPENDED)
		violated("%s keeps a silent socket and is not suspended", server->key);
	if (transport_find(domain->transport, &server->address) != server)
		violated("%s is not found by its address", server->key);
	if (server->pool)
		look_at_pool(server->pool);
	if (ending) {
		look_at_end(server);
		look_at_counts(server);
	}
}

/* Whoever has been idle for too long is seen off, or is about to be. */
static void settle_idle(struct pool *pool)
{
	const struct conn *oldest = TAILQ_FIRST(&pool->link.by_use);
	struct loop *loop = pool->e.loop;
	double left, late;

	if (pool->idle_timeout <= 0 || !oldest || pool->idling.queued)
		return;
	if (!IS_ACTIVE(&pool->idle))
		violated("nobody looks after idle connections");
	left = ev_timer_remaining(loop->ev, &pool->idle);
	late = kernel_seconds() + left - oldest->used;
	if (left > SLACK && late > pool->idle_timeout + SLACK)
		violated("a connection will be idle for %.3f s of %.3f", late, pool->idle_timeout);
}

static void settle_server(const struct server *server)
{
	bool retries = IS_ACTIVE(&server->retry.timer);

	if (engine_is_ending(&server->e))
		return;
	if (retries && (server->e.phase != PHASE_SUSPENDED || server->e.why == REASON_REQUESTED))
		violated("%s would listen again though nobody wants it", server->key);
	if (!retries && server->e.phase == PHASE_SUSPENDED && server->restart &&
	    server->e.why != REASON_REQUESTED)
		violated("%s has lost its listener and will not listen again", server->key);
	settle_idle(server->pool);
}

/* -- any engine -- */

static bool is_kind(const struct engine *engine, const char *name)
{
	return strcmp(engine->kind->name, name) == 0;
}

static void look_at_phase(const struct engine *engine)
{
	bool ending = engine->phase == PHASE_DRAINING || engine->phase == PHASE_STOPPING;

	if (engine->phase == PHASE_STOPPED)
		violated("a %s that has stopped is still in the tree", engine->kind->name);
	if (ending != engine_is_ending(engine))
		violated("a %s is %s and was %stold to end", engine->kind->name,
			 phase_name(engine->phase), engine_is_ending(engine) ? "" : "not ");
	if (engine->parent && engine->parent->how == END_NONE &&
	    engine->parent->phase > PHASE_SUSPENDED)
		violated("a %s under one that has ended", engine->kind->name);
}

static void look_at(const struct engine *engine)
{
	if (is_kind(engine, "session"))
		look_at_session(container_of(engine, const struct session, e));
	else if (is_kind(engine, "listener"))
		look_at_listener(container_of(engine, const struct listener, e));
	else if (is_kind(engine, "server"))
		look_at_server(container_of(engine, const struct server, e));
}

static void settle(const struct engine *engine)
{
	if (is_kind(engine, "session"))
		settle_session(container_of(engine, const struct session, e));
	else if (is_kind(engine, "listener"))
		settle_listener(container_of(engine, const struct listener, e));
	else if (is_kind(engine, "connection"))
		settle_conn(container_of(engine, const struct conn, e));
	else if (is_kind(engine, "server"))
		settle_server(container_of(engine, const struct server, e));
}

static void walk(const struct engine *engine, void (*visit)(const struct engine *))
{
	const struct engine *child;
	const struct waiter *waiter;
	uint64_t n = 0;

	visit(engine);
	LIST_FOREACH (waiter, &engine->waiters, link) {
		census.waiters++;
		if (!waiter->waiting)
			violated("one who waits for a %s does not know", engine->kind->name);
	}
	if (!engine->brood)
		return;
	if (engine->brood->owner != engine)
		violated("the children of a %s are another's", engine->kind->name);
	TAILQ_FOREACH (child, &engine->brood->list, sibling) {
		if (child->parent != engine)
			violated("a %s with the wrong parent", child->kind->name);
		n++;
		walk(child, visit);
	}
	if (n != engine->brood->count)
		violated("a %s of %llu children counts %llu", engine->kind->name,
			 (unsigned long long)n, (unsigned long long)engine->brood->count);
}

static void visit_turn(const struct engine *engine)
{
	look_at_phase(engine);
	look_at(engine);
}

/* -- descriptors that are no engine's -- */

/* Between launches nothing of a connection is left in its places. */
static void look_at_launcher(const struct launcher *launcher)
{
	const int places[] = {launcher->in_out, launcher->error, launcher->null};
	const struct file *file;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i] < 0)
			continue;
		file = fd_file(places[i]);
		if (!file || file->kind != KIND_NULL || census.owner[places[i]])
			violated("descriptor %d is not kept free for launches", places[i]);
		census.owner[places[i]] = "the launcher";
	}
}

static void look_at_fds(void)
{
	const struct pipes *pipes = &domain->env->loop->pipes;
	uint64_t kinds[KIND_EPOLL + 1] = {0}, backends = 0;

	for (int fd = 3; fd < FD_MAX; fd++) {
		const struct file *file = kernel.fd[fd].file;

		if (!file || file->foreign)
			continue;
		if (!kernel.fd[fd].cloexec)
			violated("descriptor %d would be inherited", fd);
		if (census.owner[fd])
			continue;
		kinds[file->kind]++;
		if (file->sock && !file->sock->called_connect)
			violated("socket %d belongs to nobody", fd);
		backends += file->sock != NULL;
	}
	if (backends != census.forwards)
		violated("%llu forwarded connections and %llu sockets to backends",
			 (unsigned long long)census.forwards, (unsigned long long)backends);
	if (kinds[KIND_PIPE_READ] > census.programs + pipes->open)
		violated("%llu programs, %u pipes for bulk and %llu pipes",
			 (unsigned long long)census.programs, pipes->open,
			 (unsigned long long)kinds[KIND_PIPE_READ]);
	if (kinds[KIND_PIPE_WRITE] != pipes->open)
		violated("%u pipes for bulk are %llu", pipes->open,
			 (unsigned long long)kinds[KIND_PIPE_WRITE]);
	if (kinds[KIND_EPOLL] > 1 || kinds[KIND_EVENT] > 1 ||
	    kinds[KIND_NULL] > NET_RESERVE + NET_MARGIN || kinds[KIND_INODE] + kinds[KIND_TEXT] > 0)
		violated(
		    "descriptors are left: epoll %llu, event %llu, null %llu, directory %llu, "
		    "text %llu",
		    (unsigned long long)kinds[KIND_EPOLL], (unsigned long long)kinds[KIND_EVENT],
		    (unsigned long long)kinds[KIND_NULL], (unsigned long long)kinds[KIND_INODE],
		    (unsigned long long)kinds[KIND_TEXT]);
}

static void look_at_pipes(void)
{
	const struct pipes *pipes = &domain->env->loop->pipes;
	const struct pipe *pipe;
	uint32_t spare = 0;

	TAILQ_FOREACH (pipe, &pipes->spare, link) {
		spare++;
		if (pipe->held > 0 || fd_file(pipe->out)->pipe->len > 0)
			violated("a spare pipe holds bytes");
	}
	if (spare != pipes->nspare || spare > pipes->open || pipes->open > PIPES_MOST)
		violated("%u pipes, %u spare, of them %u seen", pipes->open, pipes->nspare, spare);
	if (census.connections == 0 && spare != pipes->open)
		violated("%u pipes are lent to nobody", pipes->open - spare);
	if (spare > 0 && !IS_ACTIVE(&pipes->tick))
		violated("spare pipes will never be closed");
}

static void look_at_sums(void)
{
	const struct backend_totals *backends = &domain->env->backends;
	const struct conn *conn;
	uint64_t indexed = 0, id = 0;

	while ((conn = conn_after(&domain->transport->index, id))) {
		id = conn->e.id;
		indexed++;
	}
	if (indexed != census.connections ||
	    transport_connections(domain->transport) != census.connections)
		violated("%llu connections, %llu of them indexed, %llu counted",
			 (unsigned long long)census.connections, (unsigned long long)indexed,
			 (unsigned long long)transport_connections(domain->transport));
	if (backends->open + backends->connecting != census.forwards)
		violated("%llu forwarded connections, %llu open and %llu connecting backends",
			 (unsigned long long)census.forwards, (unsigned long long)backends->open,
			 (unsigned long long)backends->connecting);
	if (census.waiters != census.calls_waiting)
		violated("%llu calls wait for an end, %llu are told of one",
			 (unsigned long long)census.calls_waiting,
			 (unsigned long long)census.waiters);
	if (domain->env->supervisor->children > census.programs)
		violated("%u programs run for %llu connections", domain->env->supervisor->children,
			 (unsigned long long)census.programs);
}

static void look_at_admin(void)
{
	const struct engine *engine = part("admin"), *child;
	const struct admin *admin = container_of(engine, const struct admin, e);
	uint64_t sessions = 0;

	if (!engine)
		return;
	TAILQ_FOREACH (child, &admin->parts.list, sibling)
		sessions += is_kind(child, "session");
	if (sessions != admin->sessions)
		violated("%llu sessions count as %llu", (unsigned long long)sessions,
			 (unsigned long long)admin->sessions);
	if (engine->phase == PHASE_RUNNING && !admin->listener)
		violated("nobody can administrate: no admin listener, and it is not noticed");
}

/* -- the looks -- */

void invariants_begin(void)
{
	domain = NULL;
	node_end_at = 0;
	memset(&census, 0, sizeof(census));
}

void invariants_turn(void)
{
	if (!domain || domain->root->phase == PHASE_STARTING ||
	    domain->root->phase == PHASE_STOPPED)
		return;
	before = census;
	memset(&census, 0, sizeof(census));
	walk(domain->root, visit_turn);
	look_at_launcher(&domain->env->supervisor->launcher);
	look_at_fds();
	look_at_pipes();
	look_at_sums();
	look_at_admin();
	if (domain->root->how != END_NONE && node_end_at == 0)
		node_end_at = kernel_seconds() + engine_deadline_left(domain->root) +
			      transport_kill_seconds(domain->transport) + 5 + SLACK;
	if (node_end_at > 0 && kernel.cost <= 1000 && kernel_seconds() > node_end_at)
		violated("the end of the node takes too long");
}

void invariants_settled(void)
{
	const struct process *process;
	const struct engine *admin;

	if (!domain || domain->root->phase == PHASE_STARTING ||
	    domain->root->phase == PHASE_STOPPED)
		return;
	/* What libev has not told yet: it goes to sleep on failures of epoll_ctl. */
	if (ev_pending_count(domain->root->loop->ev) > 0)
		return;
	walk(domain->root, settle);
	admin = part("admin");
	if (admin && admin->phase == PHASE_SUSPENDED &&
	    !IS_ACTIVE(&container_of(admin, const struct admin, e)->retry.timer))
		violated("the admin socket is lost and nobody tries again");
	TAILQ_FOREACH (process, &kernel.processes, link)
		if (process->zombie && process->parent == OUR_PID &&
		    kernel.now > process->ended + PATIENCE)
			violated("process %d has ended and is not reaped", (int)process->pid);
}

void invariants_end(void)
{
	const struct inode *inode;
	size_t foreign = 0;

	for (int fd = 3; fd < FD_MAX; fd++) {
		const struct file *file = kernel.fd[fd].file;

		foreign += file && file->foreign;
		if (file && !file->foreign)
			violated("descriptor %d of kind %d is left open", fd, (int)file->kind);
	}
	if (fd_count() != 3 + foreign)
		violated("standard descriptors are gone");
	if (!TAILQ_EMPTY(&kernel.processes) && kernel.fs_faults == 0)
		violated("process %d is left", (int)TAILQ_FIRST(&kernel.processes)->pid);
	TAILQ_FOREACH (inode, &kernel.inodes, link)
		if (inode->by_noded && !inode->touched && kernel.fs_faults == 0)
			violated("%s is left", inode->path);
	if (world.lines > 20 + 4 * world.actions)
		violated("%u lines above debug for %u actions", world.lines, world.actions);
	domain = NULL;
}
