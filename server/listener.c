/* A listening socket. */
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

enum { ACCEPT_BATCH = 64 };
/* How long handshakes begun before new ones were refused may take to finish. On loopback they are
   a matter of scheduling; elsewhere of a round trip. */
#define GRACE_LOOPBACK 0.01
#define GRACE_NETWORK  0.25
#define SHORTAGE_PAUSE 1.0
#define VAIN_PAUSE     0.1

enum accept_status {
	ACCEPT_EMPTY, /* nobody is waiting */
	ACCEPT_MORE,  /* the batch is full, more may be waiting */
	ACCEPT_FULL,  /* the owner has no room */
	ACCEPT_SHORT, /* no descriptors or memory, or a rule against it */
	ACCEPT_VAIN,  /* as many as a batch failed in a row, without being short of anything */
	ACCEPT_DEAD,  /* the socket does not listen any more; errno says why */
};

static const char closed_under_us[] = "the listening descriptor was closed";

static struct listener *listener_of(struct engine *engine)
{
	return container_of(engine, struct listener, e);
}

static const char *listener_subject(const struct engine *engine, char *text, size_t size)
{
	(void)size;
	return address_text(&container_of(engine, const struct listener, e)->address, text);
}

/* -- the socket itself -- */

static bool is_our_socket(const struct listener *listener)
{
	return net_is_socket(listener->fd, listener->ino);
}

/* 1 if the kernel will never give us a client again: shut down or destroyed. A listening socket
   that lives shows none of these. -1: it cannot be told now. */
static int look_for_hang_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};
	int n = poll(&pfd, 1, 0);

	return n <= 0 ? n : (pfd.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static bool is_hung_up(int fd)
{
	return look_for_hang_up(fd) > 0;
}

static bool has_clients_waiting(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLIN;
}

/* -- accepting -- */

static void shortage_begins(struct listener *listener, int error)
{
	char subject[ADDRESS_TEXT_SIZE];

	listener->shortages++;
	if (listener->short_of_fds)
		return;
	listener->short_of_fds = true;
	listener->shortage_error = error;
	listener->shortage_began = loop_now(listener->e.loop);
	listener_subject(&listener->e, subject, sizeof(subject));
	log_warning(subject, "accepting pauses: %s; clients wait in the backlog", strerror(error));
}

static void shortage_ends(struct listener *listener)
{
	char subject[ADDRESS_TEXT_SIZE];

	if (!listener->short_of_fds)
		return;
	listener->short_of_fds = false;
	listener_subject(&listener->e, subject, sizeof(subject));
	log_info(subject, "accepting again: %llu times %s in %.0f s",
		 (unsigned long long)listener->shortages,
		 net_is_shortage(listener->shortage_error) ? "out of descriptors" : "in vain",
		 loop_now(listener->e.loop) - listener->shortage_began);
	listener->shortages = 0;
}

static int accept_one(struct listener *listener, struct address *peer)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int fd;

	do {
		len = sizeof(name);
		fd = accept4(listener->fd, (struct sockaddr *)&name, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && net_is_out_of_fds(errno) &&
		 (net_shed(errno) || (listener->reserve && net_reserve_give())));
	if (fd >= 0)
		address_from_sockaddr(peer, (struct sockaddr *)&name, len);
	return fd;
}

static enum accept_status accept_failed(struct listener *listener, bool first)
{
	int error = errno;

	listener->in_vain = 0;
	if (error == EAGAIN)
		return ACCEPT_EMPTY;
	/* What still listens is not dead: a security module's rule lets accept(2) fail too, and a
	   new socket would fare no better. */
	if (!net_is_shortage(error) && !(is_our_socket(listener) && net_listens(listener->fd))) {
		errno = error;
		return ACCEPT_DEAD;
	}
	/* The kernel looks for a descriptor before it looks whether a client is there. Who is
	   closing has not been woken for one; but a Unix socket that was shut down always says it
	   was. */
	if (engine_is_ending(&listener->e) && !address_is_unix(&listener->address))
		first = false;
	if (!first && !has_clients_waiting(listener->fd))
		return ACCEPT_EMPTY;
	shortage_begins(listener, error);
	return ACCEPT_SHORT;
}

/* Whether the queue is empty cannot be told without accepting: a Unix socket that is shut down says
   it is readable for ever. So while closing without a place, one client is held here. Closing is
   administration: descriptors of the reserve are given up until one is of use; those whose numbers
   are beyond a limit that was lowered are of none. Half of them stay for clients of the admin
   socket, however many servers close. */
static enum accept_status hold_one(struct listener *listener)
{
	struct address peer;
	int fd = -1, error;

	if (listener->waiting_fd >= 0)
		return ACCEPT_FULL;
	for (int i = 0; i < ACCEPT_BATCH && fd < 0; i++) {
		fd = accept_one(listener, &peer);
		error = errno;
		if (fd >= 0 || net_accept_is_transient(error) ||
		    (error == EMFILE && net_reserve_has(NET_RESERVE / 2 + 1) && net_reserve_give()))
			continue;
		errno = error;
		return accept_failed(listener, true);
	}
	if (fd < 0)
		return ACCEPT_VAIN;
	listener->waiting_fd = fd;
	return ACCEPT_FULL;
}

/* Whoever is accepted can also be served. */
static bool can_serve(const struct listener *listener)
{
	return listener->reserve || net_margin_has();
}

/* The client that was held, or the first of the queue. */
static int next_client(struct listener *listener, struct address *peer)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	int fd = listener->waiting_fd;

	if (fd < 0)
		return accept_one(listener, peer);
	listener->waiting_fd = -1;
	if (getpeername(fd, (struct sockaddr *)&name, &len) < 0) {
		/* It has gone meanwhile; whoever serves it will notice. */
		name.ss_family = listener->address.sa.sa_family;
		len = address_is_unix(&listener->address) ? sizeof(sa_family_t)
							  : listener->address.len;
	}
	address_from_sockaddr(peer, (struct sockaddr *)&name, len);
	return fd;
}

static void take_client(struct listener *listener, int fd, const struct address *peer)
{
	listener->accepted++;
	if (engine_is_ending(&listener->e)) {
		listener->accepted_at_stop++;
		/* It inherited the filter that keeps new clients out. */
		net_accept_syn(fd);
	}
	listener->ops->accepted(listener->e.parent, fd, peer);
}

/* The more have left and are yet to be closed, the fewer, or those who come would add their
   descriptors to theirs without end. A turn closes one at least. */
static int batch_size(const struct listener *listener)
{
	uint32_t halvings = listener->e.loop->unclosed / 16;

	return halvings < 6 ? ACCEPT_BATCH >> halvings : 1;
}

/* Accepts a batch within the limits. */
static enum accept_status accept_batch(struct listener *listener)
{
	bool ending = engine_is_ending(&listener->e);
	int most = batch_size(listener);
	struct address peer;
	int fd;

	for (int i = 0; i < most; i++) {
		if (!listener->ops->has_room(listener->e.parent))
			return ending ? hold_one(listener) : ACCEPT_FULL;
		fd = can_serve(listener) ? next_client(listener, &peer) : -1;
		if (fd < 0 && net_accept_is_transient(errno)) {
			listener->aborted++;
			listener->in_vain++;
			loop_mark(listener->e.loop);
			continue;
		}
		/* One that is held is not in the queue, and waits for whatever is short. */
		if (fd < 0 && ending && (errno == EMFILE || listener->waiting_fd >= 0)) {
			enum accept_status status = hold_one(listener);

			return status == ACCEPT_FULL ? ACCEPT_SHORT : status;
		}
		if (fd < 0)
			return accept_failed(listener, i == 0);
		listener->in_vain = 0;
		take_client(listener, fd, &peer);
		if (listener->fd < 0)
			return ACCEPT_EMPTY;
	}
	return listener->in_vain < ACCEPT_BATCH ? ACCEPT_MORE : ACCEPT_VAIN;
}

/* -- watching -- */

static void unwatch(struct listener *listener)
{
	ev_io_stop(listener->e.loop->ev, &listener->io);
	loop_untell(listener->e.loop, &listener->io);
}

static void watch(struct listener *listener, bool on)
{
	if (on && listener->fd >= 0)
		ev_io_start(listener->e.loop->ev, &listener->io);
	else
		unwatch(listener);
}

/* A number closed under us may be somebody else's by now: nothing may be done to it any more. */
static void forget_foreign(struct listener *listener)
{
	if (listener->fd < 0 || is_our_socket(listener))
		return;
	watch(listener, false);
	listener->fd = -1;
}

static bool is_usable(struct listener *listener)
{
	forget_foreign(listener);
	return listener->fd >= 0;
}

static void pause_for(struct listener *listener, double seconds)
{
	struct ev_loop *ev = listener->e.loop->ev;

	ev_timer_stop(ev, &listener->pause);
	ev_timer_set(&listener->pause, seconds, 0.);
	ev_timer_start(ev, &listener->pause);
}

static void suspend(struct listener *listener, enum reason why)
{
	watch(listener, false);
	engine_set_phase(&listener->e, PHASE_SUSPENDED, why, 0);
	if (why == REASON_FD_LIMIT)
		pause_for(listener, SHORTAGE_PAUSE);
}

static void lose(struct listener *listener, enum reason why, int error, const char *detail)
{
	struct engine *owner = listener->e.parent;

	forget_foreign(listener);
	watch(listener, false);
	listener->ops->lost(owner, why, error, detail);
	engine_end(&listener->e, END_KILL, why, error);
}

/* The queue does not get shorter by trying: at once again would be a spin. */
static void pause_in_vain(struct listener *listener)
{
	listener->in_vain = 0;
	watch(listener, false);
	pause_for(listener, VAIN_PAUSE);
}

/* Woken for nobody: a socket that was shut down says EAGAIN for ever (Unix). */
static void woken_for_nobody(struct listener *listener)
{
	int hung_up = look_for_hang_up(listener->fd);

	if (hung_up > 0)
		lose(listener, REASON_LISTENER_LOST, 0, "the listening socket was shut down");
	else if (hung_up < 0)
		pause_in_vain(listener);
}

static void serve(struct listener *listener)
{
	uint64_t before = listener->accepted + listener->aborted;
	int error;

	switch (accept_batch(listener)) {
	case ACCEPT_EMPTY:
		if (listener->accepted + listener->aborted == before && listener->fd >= 0)
			woken_for_nobody(listener);
		return;
	case ACCEPT_MORE:
		return;
	case ACCEPT_FULL:
		suspend(listener, REASON_FULL);
		return;
	case ACCEPT_SHORT:
		suspend(listener, REASON_FD_LIMIT);
		return;
	case ACCEPT_VAIN:
		pause_in_vain(listener);
		return;
	case ACCEPT_DEAD:
		error = errno;
		if (is_our_socket(listener))
			lose(listener, REASON_LISTENER_LOST, error,
			     "the listening socket was destroyed");
		else
			lose(listener, REASON_LISTENER_LOST, EBADF, closed_under_us);
		return;
	}
}

/* -- closing without loss -- */

static void refuse_new(struct listener *listener)
{
	if (!address_is_unix(&listener->address)) {
		if (net_refuse_syn(listener->fd) < 0)
			log_debug("listener", "cannot attach the closing filter: %s",
				  strerror(errno));
		return;
	}
	/* The open socket pins its inode, so that nobody can get the same one meanwhile. */
	claim_drop(&listener->claim);
	/* connect(2) fails from here on, accept(2) still gives those in the queue. */
	shutdown(listener->fd, SHUT_RD);
}

/* Closed and counted; who has spoken reads an end, too, not a reset. */
static void refuse(struct listener *listener, int fd)
{
	listener->refused_at_stop++;
	/* All in one turn: what they have said would take too long to read. */
	if (listener->e.how == END_KILL) {
		close(fd);
		return;
	}
	/* It inherited the filter: its side of the end would not get through. */
	net_accept_syn(fd);
	net_close_gently(fd, address_is_unix(&listener->address));
}

/* Hearing them out is work that others wait for, as ending connections is. */
static bool may_refuse(struct listener *listener, int tried)
{
	if (listener->e.how == END_KILL)
		return tried < ACCEPT_BATCH;
	return listener->waiting_fd >= 0 || loop_may(&listener->e.loop->ending);
}

/* Nobody else is served: some of those without a place are refused. */
static enum accept_status refuse_batch(struct listener *listener)
{
	struct address peer;
	int fd;

	for (int i = 0; may_refuse(listener, i); i++) {
		fd = next_client(listener, &peer);
		if (fd < 0 && net_accept_is_transient(errno)) {
			listener->in_vain++;
			continue;
		}
		/* One is enough: it comes back with each close. */
		if (fd < 0 && errno == EMFILE && net_reserve_give())
			continue;
		if (fd < 0)
			return ACCEPT_EMPTY;
		listener->in_vain = 0;
		refuse(listener, fd);
	}
	return listener->in_vain < ACCEPT_BATCH ? ACCEPT_MORE : ACCEPT_VAIN;
}

/* The queue is empty for now: done, or one grace more. */
static void queue_empty(struct listener *listener)
{
	if (address_is_unix(&listener->address) || listener->last_look ||
	    listener->e.how > END_DRAIN) {
		engine_done(&listener->e);
		return;
	}
	watch(listener, true);
	if (!ev_is_active(&listener->pause))
		pause_for(listener,
			  address_is_loopback(&listener->address) ? GRACE_LOOPBACK : GRACE_NETWORK);
}

/* Serves a batch of the queue while ending: as places come free, or at once. */
static void close_queue(struct listener *listener)
{
	enum accept_status status;

	if (!is_usable(listener)) {
		engine_done(&listener->e);
		return;
	}
	status = accept_batch(listener);
	if (listener->e.how > END_DRAIN && (status == ACCEPT_FULL || status == ACCEPT_SHORT))
		status = refuse_batch(listener);
	if (status == ACCEPT_VAIN && (listener->last_look || listener->e.how > END_DRAIN))
		status = ACCEPT_DEAD;
	switch (status) {
	case ACCEPT_EMPTY:
		queue_empty(listener);
		return;
	case ACCEPT_MORE:
		/* Or it was the last, and nobody would ever wake us. */
		watch(listener, true);
		ev_feed_event(listener->e.loop->ev, &listener->io, EV_READ);
		return;
	case ACCEPT_FULL:
		watch(listener, false);
		return;
	case ACCEPT_SHORT:
		watch(listener, false);
		pause_for(listener, SHORTAGE_PAUSE);
		return;
	case ACCEPT_VAIN:
		pause_in_vain(listener);
		return;
	case ACCEPT_DEAD:
		engine_done(&listener->e);
		return;
	}
}

static bool end_listener(struct engine *engine, enum end how)
{
	struct listener *listener = listener_of(engine);

	if (!is_usable(listener))
		return true;
	if (how == END_KILL) {
		/* Bounded by the backlog, and nothing but closing. */
		while (listener->closing && refuse_batch(listener) == ACCEPT_MORE)
			;
		return true;
	}
	if (!listener->closing) {
		listener->closing = true;
		listener->in_vain = 0;
		ev_timer_stop(engine->loop->ev, &listener->pause);
		refuse_new(listener);
	}
	close_queue(listener);
	return false;
}

static void release_listener(struct engine *engine)
{
	struct listener *listener = listener_of(engine);

	forget_foreign(listener);
	watch(listener, false);
	loop_shelter(&listener->exposed);
	ev_timer_stop(engine->loop->ev, &listener->pause);
	shortage_ends(listener);
	claim_drop(&listener->claim);
	if (listener->waiting_fd >= 0) {
		refuse(listener, listener->waiting_fd);
		listener->waiting_fd = -1;
	}
	if (listener->fd < 0)
		return;
	if (listener->keep_bound && !address_is_unix(&listener->address)) {
		listen_silence(listener->fd);
		listener->kept_fd = listener->fd;
	} else {
		close(listener->fd);
	}
	listener->fd = -1;
}

static void destroy_listener(struct engine *engine)
{
	struct listener *listener = listener_of(engine);

	if (listener->kept_fd >= 0)
		close(listener->kept_fd);
	free(listener);
}

static int listener_log_level(const struct engine *engine)
{
	return engine->phase == PHASE_SUSPENDED ? LOG_LEVEL_DEBUG : -1;
}

/* -- events -- */

static void hear(ev_io *io, int revents)
{
	struct listener *listener = container_of(io, struct listener, io);

	if (engine_is_ending(&listener->e)) {
		if (loop_dropped(revents)) {
			/* Set anew, so that libev asks the kernel again when it is started. */
			watch(listener, false);
			ev_io_set(io, io->fd, EV_READ);
		}
		close_queue(listener);
	} else if (!is_usable(listener)) {
		/* A number closed under us that is another server's listener by now: its clients.
		 */
		lose(listener, REASON_LISTENER_LOST, EBADF, closed_under_us);
	} else if (loop_dropped(revents)) {
		shortage_begins(listener, ENOMEM);
		suspend(listener, REASON_FD_LIMIT);
	} else {
		serve(listener);
	}
}

static void on_readable(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(container_of(io, struct listener, io)->e.loop, io, revents, hear);
}

static void on_pause(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct listener *listener = container_of(timer, struct listener, pause);

	(void)ev;
	(void)revents;
	if (engine_is_ending(&listener->e)) {
		listener->last_look = true;
		close_queue(listener);
	} else if (listener->e.phase == PHASE_SUSPENDED) {
		listener_resume(listener);
		/* The limit was lowered meanwhile: it waits for room now, not for descriptors. */
		if (listener->e.phase == PHASE_SUSPENDED)
			suspend(listener, REASON_FULL);
	} else {
		/* A whole pause without another shortage: it is over. */
		shortage_ends(listener);
		/* Also where accepting was in vain. */
		if (is_usable(listener))
			watch(listener, true);
	}
}

void listener_resume(struct listener *listener)
{
	bool ending = engine_is_ending(&listener->e);

	if (ending && (ev_is_active(&listener->io) || ev_is_active(&listener->pause)))
		return;
	if (!ending &&
	    (listener->e.phase != PHASE_SUSPENDED || !listener->ops->has_room(listener->e.parent)))
		return;
	if (!is_usable(listener)) {
		if (ending)
			engine_done(&listener->e);
		else
			lose(listener, REASON_LISTENER_LOST, EBADF, closed_under_us);
		return;
	}
	/* Never accept from here: whoever has just left may have been let in by us. */
	watch(listener, true);
	if (ending) {
		/* The one that is held is not in the queue: nothing would wake us for it. */
		ev_feed_event(listener->e.loop->ev, &listener->io, EV_READ);
		return;
	}
	if (listener->short_of_fds)
		pause_for(listener, SHORTAGE_PAUSE);
	engine_set_phase(&listener->e, PHASE_RUNNING, REASON_NONE, 0);
}

void listener_update(struct listener *listener)
{
	if (listener->e.phase == PHASE_RUNNING && !listener->ops->has_room(listener->e.parent))
		suspend(listener, REASON_FULL);
	else
		listener_resume(listener);
}

void listener_check(struct listener *listener)
{
	if (engine_is_ending(&listener->e))
		return;
	if (!is_usable(listener))
		lose(listener, REASON_LISTENER_LOST, EBADF, closed_under_us);
	/* A listener that is watched hears of it from the kernel. */
	else if (!ev_is_active(&listener->io) && is_hung_up(listener->fd))
		lose(listener, REASON_LISTENER_LOST, net_error(listener->fd),
		     "the listening socket was shut down");
	else if (address_is_unix(&listener->address) && !claim_holds(&listener->claim))
		lose(listener, REASON_PATH_REMOVED, 0, "the socket file is gone or was replaced");
}

/* -- opening -- */

static const struct field listener_rows[] = {
    FIELD(struct listener, fd, INT, "its descriptor in noded"),
    ENGINE_FIELDS,
    FIELD(struct listener, backlog, U32, "connections the kernel queues at most"),
    FIELD(struct listener, accepted, U64, "clients accepted"),
    FIELD(struct listener, aborted, U64, "clients gone before they were accepted"),
};

static const struct field_table listener_fields = FIELD_TABLE(listener_rows);

static const struct engine_kind listener_kind = {
    .name = "listener",
    .fields = &listener_fields,
    .end = end_listener,
    .release = release_listener,
    .destroy = destroy_listener,
    .subject = listener_subject,
    .log_level = listener_log_level,
};

int listener_open(struct listener **opened, struct engine *parent, const struct listener_ops *ops,
		  const struct listen_options *options, bool reserve, struct err *err)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct stat st;

	if (!listener)
		return err_set(err, ERR_LIMIT_REACHED, "out of memory for a listener");
	listener->fd = listen_open(options, &listener->address, &listener->claim, err);
	if (listener->fd < 0) {
		free(listener);
		return -1;
	}
	if (fstat(listener->fd, &st) == 0)
		listener->ino = st.st_ino;
	listener->kept_fd = listener->waiting_fd = -1;
	listener->reserve = reserve;
	listener->ops = ops;
	listener->backlog = listen_backlog(options->backlog);
	engine_init(&listener->e, &listener_kind, parent->loop, parent, NULL);
	loop_opened(parent->loop, listener->fd);
	ev_io_init(&listener->io, on_readable, listener->fd, EV_READ);
	loop_expose(parent->loop, &listener->exposed, &listener->io);
	ev_timer_init(&listener->pause, on_pause, 0., 0.);
	watch(listener, true);
	engine_set_phase(&listener->e, PHASE_RUNNING, REASON_NONE, 0);
	*opened = listener;
	return 0;
}
