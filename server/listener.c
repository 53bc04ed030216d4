/* A listening socket. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
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

enum accept_status {
	ACCEPT_EMPTY, /* nobody is waiting */
	ACCEPT_MORE,  /* the batch is full, more may be waiting */
	ACCEPT_FULL,  /* the owner has no room */
	ACCEPT_SHORT, /* no descriptors or memory */
	ACCEPT_DEAD,  /* the socket does not listen any more; errno says why */
};

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
	struct stat st;

	return fstat(listener->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == listener->ino;
}

/* True if the kernel will never give us a client again: shut down or destroyed. A listening socket
   that lives shows none of these. */
static bool is_hung_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};

	return poll(&pfd, 1, 0) == 1 && pfd.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

static bool has_clients_waiting(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLIN;
}

static int reuse_address(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* -- accepting -- */

static void shortage_begins(struct listener *listener, int error)
{
	char subject[ADDRESS_TEXT_SIZE];

	listener->shortages++;
	if (listener->short_of_fds)
		return;
	listener->short_of_fds = true;
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
	log_info(subject, "accepting again: %llu times out of descriptors in %.0f s",
		 (unsigned long long)listener->shortages,
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
	} while (fd < 0 && errno == EMFILE && listener->reserve && net_reserve_give());
	if (fd >= 0)
		address_from_sockaddr(peer, (struct sockaddr *)&name, len);
	return fd;
}

static enum accept_status accept_failed(struct listener *listener, bool first)
{
	if (errno == EAGAIN)
		return ACCEPT_EMPTY;
	if (!net_is_shortage(errno))
		return ACCEPT_DEAD;
	/* The kernel looks for a descriptor before it looks whether a client is there. */
	if (!first && !has_clients_waiting(listener->fd))
		return ACCEPT_EMPTY;
	shortage_begins(listener, errno);
	return ACCEPT_SHORT;
}

/* Accepts a batch within the limits. */
static enum accept_status accept_batch(struct listener *listener)
{
	struct engine *owner = listener->e.parent;
	struct address peer;
	int fd;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		if (!listener->ops->has_room(owner))
			return ACCEPT_FULL;
		fd = accept_one(listener, &peer);
		if (fd < 0 && net_accept_is_transient(errno)) {
			listener->aborted++;
			continue;
		}
		if (fd < 0)
			return accept_failed(listener, i == 0);
		listener->accepted++;
		if (engine_is_ending(&listener->e)) {
			listener->accepted_at_stop++;
			/* It inherited the filter that keeps new clients out. */
			net_accept_syn(fd);
		}
		listener->ops->accepted(owner, fd, &peer);
		if (listener->fd < 0)
			return ACCEPT_EMPTY;
	}
	return ACCEPT_MORE;
}

/* -- watching -- */

static void watch(struct listener *listener, bool on)
{
	if (on && listener->fd >= 0)
		ev_io_start(listener->e.loop->ev, &listener->io);
	else
		ev_io_stop(listener->e.loop->ev, &listener->io);
}

/* A number closed under us may be somebody else's by now: nothing may be done to it any more. */
static void forget_foreign(struct listener *listener)
{
	if (listener->fd < 0 || is_our_socket(listener))
		return;
	watch(listener, false);
	listener->fd = -1;
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

static void serve(struct listener *listener)
{
	uint64_t before = listener->accepted + listener->aborted;
	int error;

	switch (accept_batch(listener)) {
	case ACCEPT_EMPTY:
		/* Woken for nobody: a socket that was shut down says EAGAIN for ever (Unix). */
		if (listener->accepted + listener->aborted == before && listener->fd >= 0 &&
		    is_hung_up(listener->fd))
			lose(listener, REASON_LISTENER_LOST, 0,
			     "the listening socket was shut down");
		return;
	case ACCEPT_MORE:
		return;
	case ACCEPT_FULL:
		suspend(listener, REASON_FULL);
		return;
	case ACCEPT_SHORT:
		suspend(listener, REASON_FD_LIMIT);
		return;
	case ACCEPT_DEAD:
		error = errno;
		lose(listener, REASON_LISTENER_LOST, error, "the listening socket was destroyed");
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

/* Stopping: no waiting any more. Those without a place are closed and counted. */
static void refuse_rest(struct listener *listener)
{
	struct address peer;
	int fd;

	for (;;) {
		fd = accept_one(listener, &peer);
		if (fd < 0 && net_accept_is_transient(errno))
			continue;
		if (fd < 0 && net_is_shortage(errno) && net_reserve_give())
			continue;
		if (fd < 0)
			return;
		close(fd);
		listener->refused_at_stop++;
	}
}

/* The queue is empty for now: done, or one grace more. */
static void queue_empty(struct listener *listener)
{
	if (address_is_unix(&listener->address) || listener->last_look) {
		engine_done(&listener->e);
		return;
	}
	if (!ev_is_active(&listener->pause))
		pause_for(listener,
			  address_is_loopback(&listener->address) ? GRACE_LOOPBACK : GRACE_NETWORK);
}

/* Serves the queue while draining, as places come free. */
static void drain_queue(struct listener *listener)
{
	switch (accept_batch(listener)) {
	case ACCEPT_EMPTY:
		/* A socket that is shut down is readable for ever. */
		watch(listener, !address_is_unix(&listener->address));
		queue_empty(listener);
		return;
	case ACCEPT_MORE:
		watch(listener, true);
		return;
	case ACCEPT_FULL:
		watch(listener, false);
		return;
	case ACCEPT_SHORT:
		watch(listener, false);
		pause_for(listener, SHORTAGE_PAUSE);
		return;
	case ACCEPT_DEAD:
		engine_done(&listener->e);
		return;
	}
}

static bool end_listener(struct engine *engine, enum end how)
{
	struct listener *listener = listener_of(engine);
	enum accept_status status = ACCEPT_MORE;

	forget_foreign(listener);
	if (listener->fd < 0 || how == END_KILL)
		return true;
	if (!listener->closing) {
		listener->closing = true;
		ev_timer_stop(engine->loop->ev, &listener->pause);
		refuse_new(listener);
	}
	if (how == END_DRAIN) {
		watch(listener, true);
		drain_queue(listener);
		return false;
	}
	while (status == ACCEPT_MORE)
		status = accept_batch(listener);
	if (status == ACCEPT_FULL || status == ACCEPT_SHORT)
		refuse_rest(listener);
	return true;
}

static void release_listener(struct engine *engine)
{
	struct listener *listener = listener_of(engine);

	forget_foreign(listener);
	watch(listener, false);
	ev_timer_stop(engine->loop->ev, &listener->pause);
	shortage_ends(listener);
	claim_drop(&listener->claim);
	if (listener->fd < 0)
		return;
	if (listener->keep_bound && !address_is_unix(&listener->address)) {
		/* Not listening, still bound: clients are refused, nobody is given the port, which
		   others with SO_REUSEADDR could bind too if we had it while we do not listen. */
		shutdown(listener->fd, SHUT_RDWR);
		net_accept_syn(listener->fd);
		reuse_address(listener->fd, 0);
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

static void on_readable(struct ev_loop *ev, ev_io *io, int revents)
{
	struct listener *listener = container_of(io, struct listener, io);

	(void)ev;
	(void)revents;
	if (engine_is_ending(&listener->e))
		drain_queue(listener);
	else
		serve(listener);
}

static void on_pause(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct listener *listener = container_of(timer, struct listener, pause);

	(void)ev;
	(void)revents;
	if (engine_is_ending(&listener->e)) {
		listener->last_look = true;
		drain_queue(listener);
	} else if (listener->e.phase == PHASE_SUSPENDED) {
		listener_resume(listener);
	} else {
		/* A whole pause without another shortage: it is over. */
		shortage_ends(listener);
	}
}

void listener_resume(struct listener *listener)
{
	if (listener->fd < 0)
		return;
	if (engine_is_ending(&listener->e)) {
		if (listener->e.phase == PHASE_DRAINING && !ev_is_active(&listener->io) &&
		    !ev_is_active(&listener->pause))
			drain_queue(listener);
		return;
	}
	if (listener->e.phase != PHASE_SUSPENDED || !listener->ops->has_room(listener->e.parent))
		return;
	if (listener->short_of_fds)
		pause_for(listener, SHORTAGE_PAUSE);
	engine_set_phase(&listener->e, PHASE_RUNNING, REASON_NONE, 0);
	watch(listener, true);
}

void listener_check(struct listener *listener)
{
	if (engine_is_ending(&listener->e))
		return;
	if (listener->fd < 0 || !is_our_socket(listener))
		lose(listener, REASON_LISTENER_LOST, EBADF, "the listening descriptor was closed");
	else if (is_hung_up(listener->fd))
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

static uint32_t effective_backlog(int wanted)
{
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
	int most = wanted;

	if (!file)
		return (uint32_t)wanted;
	if (fscanf(file, "%d", &most) != 1)
		most = wanted;
	fclose(file);
	return (uint32_t)(wanted < most ? wanted : most);
}

static int bind_failed(struct err *err, const struct address *address, const char *call)
{
	int error = errno;
	char text[ADDRESS_TEXT_SIZE];

	address_text(address, text);
	if (error == EADDRINUSE)
		return err_sys(err, net_bind_error(error), error,
			       "%s: another process listens there", text);
	return err_sys(err, net_bind_error(error), error, "cannot %s %s", call, text);
}

/* A socket whose port the kernel chose gives the port away when it is shut down; one that was bound
   to the port by number keeps it (inet_csk_listen_stop, SOCK_BINDPORT_LOCK). So bind a second one
   to the number while the first still holds it. */
static int bind_by_number(int fd, struct address *address)
{
	int named = net_socket(address);

	if (named >= 0 && reuse_address(named, 1) == 0 &&
	    bind(named, &address->sa, address->len) == 0 && dup3(named, fd, O_CLOEXEC) >= 0) {
		close(named);
		return 0;
	}
	if (named >= 0)
		close(named);
	return -1;
}

static int bind_tcp(int fd, struct address *address, struct err *err)
{
	bool any_port = address_port(address) == 0;
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	/* From the first run on: no waiting for TIME_WAIT, tcp(7). */
	if (reuse_address(fd, 1) < 0 || bind(fd, &address->sa, address->len) < 0)
		return bind_failed(err, address, "bind");
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return bind_failed(err, address, "bind");
	address_from_sockaddr(address, (struct sockaddr *)&name, len);
	if (any_port && bind_by_number(fd, address) < 0)
		return bind_failed(err, address, "bind");
	return 0;
}

static int open_tcp(struct listener *listener, int bound_fd, int backlog, struct err *err)
{
	if (bound_fd < 0 && bind_tcp(listener->fd, &listener->address, err) < 0)
		return -1;
	if (bound_fd >= 0 && reuse_address(bound_fd, 1) < 0)
		return bind_failed(err, &listener->address, "listen on");
	/* Inherited by what is accepted: saves a system call for each. */
	net_tune(listener->fd);
	if (listen(listener->fd, backlog) < 0)
		return bind_failed(err, &listener->address, "listen on");
	return 0;
}

static int open_unix(struct listener *listener, const struct listener_options *options,
		     struct err *err)
{
	char subject[ADDRESS_TEXT_SIZE];
	bool replaced = false;

	if (claim_take(&listener->claim, listener->fd, &options->address, options->mode,
		       options->backlog, &replaced, err) < 0)
		return -1;
	if (replaced)
		log_info(listener_subject(&listener->e, subject, sizeof(subject)),
			 "replaced a dead socket file of ours");
	return 0;
}

static int open_socket(struct listener *listener, const struct listener_options *options,
		       struct err *err)
{
	struct stat st;
	int failed;

	listener->fd = options->bound_fd;
	if (listener->fd < 0) {
		do
			listener->fd = net_socket(&options->address);
		while (listener->fd < 0 && errno == EMFILE && net_reserve_give());
	}
	if (listener->fd < 0)
		return bind_failed(err, &options->address, "open a socket for");
	if (address_is_unix(&options->address))
		failed = open_unix(listener, options, err);
	else
		failed = open_tcp(listener, options->bound_fd, options->backlog, err);
	if (!failed && fstat(listener->fd, &st) < 0)
		failed = bind_failed(err, &options->address, "examine");
	if (failed) {
		claim_drop(&listener->claim);
		close(listener->fd);
		return -1;
	}
	listener->ino = st.st_ino;
	return 0;
}

int listener_open(struct listener **opened, struct engine *parent, const struct listener_ops *ops,
		  const struct listener_options *options, struct err *err)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener) {
		if (options->bound_fd >= 0)
			close(options->bound_fd);
		return err_set(err, ERR_LIMIT_REACHED, "out of memory for a listener");
	}
	listener->address = options->address;
	listener->kept_fd = -1;
	listener->reserve = options->reserve;
	listener->ops = ops;
	listener->backlog = effective_backlog(options->backlog);
	if (open_socket(listener, options, err) < 0) {
		free(listener);
		return -1;
	}
	engine_init(&listener->e, &listener_kind, parent->loop, parent, NULL);
	ev_io_init(&listener->io, on_readable, listener->fd, EV_READ);
	ev_timer_init(&listener->pause, on_pause, 0., 0.);
	watch(listener, true);
	engine_set_phase(&listener->e, PHASE_RUNNING, REASON_NONE, 0);
	*opened = listener;
	return 0;
}
