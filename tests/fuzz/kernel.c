/* The model kernel: clock, faults, descriptors, readiness, signals. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	WATCHED_MAX = FD_MAX,
	RULES_MAX = 8,
	SPINS_MAX = 100, /* turns for nothing */
	MICROSECOND = 1000,
};

#define SIGNAL_BIT(number) (UINT64_C(1) << ((number)&63))

struct kernel kernel;

static struct slot table[FD_MAX];

/* What one epoll instance, the only one there is, watches. The kernel knows a registration by
   number and file, and forgets it when the file goes, not the number. */
static struct watched {
	struct file *file;
	int fd;
	struct epoll_event event;
} watched[WATCHED_MAX];

static struct rule {
	enum fault fault;
	int error;
	unsigned count, skip;
} rules[RULES_MAX];

static unsigned failed[FAULT_COUNT];
static void (*handlers[NSIG])(int);
static uint64_t blocked, pending; /* signals, a bit each */
static unsigned spins;
static uint64_t spins_changes;

/* -- time -- */

#define SECOND 1000000000ULL

static void tick(void)
{
	kernel.now += kernel.cost;
}

double kernel_seconds(void)
{
	return (double)kernel.now / 1e9;
}

CALL(int, clock_gettime, clockid_t clock, struct timespec *ts)
{
	uint64_t now = kernel.now + (clock == CLOCK_REALTIME ? (uint64_t)kernel.wall : 0);

	tick();
	ts->tv_sec = (time_t)(now / SECOND);
	ts->tv_nsec = (long)(now % SECOND);
	return 0;
}

/* What libev asks for the time of day. */
CALL(int, gettimeofday, struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	model_clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

CALL(int, nanosleep, const struct timespec *time, struct timespec *left)
{
	(void)left;
	kernel.now += (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec;
	return 0;
}

/* -- faults -- */

void kernel_fail(enum fault which, int error, unsigned count, unsigned skip)
{
	struct rule *rule = &rules[0];

	for (size_t i = RULES_MAX; i-- > 0;)
		if (rules[i].count == 0 || rules[i].fault == which)
			rule = &rules[i];
	*rule = (struct rule){which, error, count, skip};
}

void kernel_heal(void)
{
	memset(rules, 0, sizeof(rules));
}

unsigned kernel_failed(enum fault which)
{
	return failed[which];
}

bool fault(enum fault which)
{
	tick();
	for (size_t i = 0; i < RULES_MAX; i++) {
		struct rule *rule = &rules[i];

		if (rule->count == 0 || rule->fault != which)
			continue;
		if (rule->skip > 0) {
			rule->skip--;
			continue;
		}
		rule->count--;
		failed[which]++;
		errno = rule->error;
		return true;
	}
	return false;
}

/* -- files -- */

struct file *file_new(enum file_kind kind)
{
	static ino_t last_ino = 1000;
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		abort();
	file->kind = kind;
	file->refs = 1;
	file->ino = ++last_ino;
	TAILQ_INSERT_HEAD(&kernel.files, file, link);
	return file;
}

void file_ref(struct file *file)
{
	file->refs++;
}

static void forget_watched(const struct file *file)
{
	for (size_t i = 0; i < WATCHED_MAX; i++)
		if (watched[i].file == file)
			watched[i].file = NULL;
}

static void pipe_closed(struct file *file)
{
	struct fifo *pipe = file->pipe;

	if (file->kind == KIND_PIPE_READ)
		pipe->readers--;
	else
		pipe->writers--;
	if (pipe->readers == 0 && pipe->writers == 0)
		free(pipe);
}

void file_unref(struct file *file)
{
	kernel.changes++;
	if (--file->refs > 0)
		return;
	forget_watched(file);
	if (file->sock)
		sock_closed(file);
	if (file->pipe)
		pipe_closed(file);
	if (file->inode)
		inode_close(file->inode);
	TAILQ_REMOVE(&kernel.files, file, link);
	free(file->sock);
	free(file);
}

uint32_t file_ready(const struct file *file)
{
	switch (file->kind) {
	case KIND_SOCKET:
		return sock_ready(file->sock);
	case KIND_PIPE_READ:
		return (file->pipe->len ? EPOLLIN : 0U) |
		       (file->pipe->writers ? 0U : (uint32_t)EPOLLHUP);
	case KIND_PIPE_WRITE:
		return (file->pipe->len < PIPE_BUFFER ? EPOLLOUT : 0U) |
		       (file->pipe->readers ? 0U : (uint32_t)EPOLLERR);
	case KIND_EVENT:
		return (file->count ? EPOLLIN : 0U) | EPOLLOUT;
	case KIND_SIGNAL:
		return file->count & pending ? EPOLLIN : 0;
	case KIND_NULL:
	case KIND_STDERR:
	case KIND_INODE:
	case KIND_TEXT:
	case KIND_EPOLL:
		break;
	}
	return EPOLLIN | EPOLLOUT;
}

/* -- descriptors -- */

static void fd_change(void)
{
	if (kernel.shared)
		violated("a child changes descriptors that are noded's");
}

struct file *fd_file(int fd)
{
	if (fd >= 0 && fd < FD_MAX && kernel.fd[fd].file)
		return kernel.fd[fd].file;
	errno = EBADF;
	return NULL;
}

int fd_free(void)
{
	for (int fd = 0; fd < FD_MAX && (size_t)fd < kernel.fd_limit; fd++)
		if (!kernel.fd[fd].file)
			return fd;
	errno = EMFILE;
	return -1;
}

int fd_install(struct file *file, bool cloexec)
{
	int fd = fd_free();

	fd_change();
	if (fd < 0) {
		file_unref(file);
		errno = EMFILE;
		return -1;
	}
	kernel.fd[fd] = (struct slot){file, cloexec};
	kernel.changes++;
	return fd;
}

size_t fd_count(void)
{
	size_t n = 0;

	for (int fd = 0; fd < FD_MAX; fd++)
		n += kernel.fd[fd].file != NULL;
	return n;
}

int fd_close(int fd)
{
	struct file *file = fd_file(fd);

	fd_change();
	if (!file)
		return -1;
	kernel.fd[fd].file = NULL;
	file_unref(file);
	return 0;
}

/* In a child that shares nothing but memory every number is its own. */
static bool in_child(void)
{
	return kernel.fd != table;
}

CALL(int, close, int fd)
{
	const struct file *file = fd_file(fd);

	tick();
	if (!file)
		violated("close of descriptor %d, which is not open", fd);
	if (file->foreign && !in_child())
		violated("close of descriptor %d, which is somebody else's", fd);
	return fd_close(fd);
}

CALL(int, close_range, unsigned first, unsigned last, int flags)
{
	if (fault(FAULT_close_range))
		return -1;
	if (kernel.shared && flags & CLOSE_RANGE_UNSHARE)
		process_unshare();
	for (unsigned fd = first; fd < FD_MAX && fd <= last; fd++) {
		if (!in_child())
			model_close((int)fd);
		else if (kernel.fd[fd].file)
			fd_close((int)fd);
	}
	return 0;
}

static int fd_put(int from, int to, bool cloexec)
{
	struct file *file = fd_file(from);

	fd_change();
	if (!file)
		return -1;
	file_ref(file);
	if (kernel.fd[to].file)
		fd_close(to);
	kernel.fd[to] = (struct slot){file, cloexec};
	return to;
}

CALL(int, dup2, int from, int to)
{
	return from == to ? to : fd_put(from, to, false);
}

CALL(int, dup3, int from, int to, int flags)
{
	return fault(FAULT_dup3) ? -1 : fd_put(from, to, flags & O_CLOEXEC);
}

static int fd_flags(int fd, int command, int flags)
{
	struct slot *slot = &kernel.fd[fd];

	switch (command) {
	case F_GETFD:
		return slot->cloexec ? FD_CLOEXEC : 0;
	case F_SETFD:
		fd_change();
		slot->cloexec = flags & FD_CLOEXEC;
		return 0;
	case F_GETFL:
		return O_RDWR | (slot->file->nonblock ? O_NONBLOCK : 0);
	case F_SETFL:
		slot->file->nonblock = flags & O_NONBLOCK;
		return 0;
	case F_SETPIPE_SZ:
		return flags;
	default:
		violated("fcntl with a command the model does not know: %d", command);
	}
}

CALL(int, fcntl, int fd, int command, ...)
{
	va_list more;
	int flags;

	if (!fd_file(fd))
		return -1;
	va_start(more, command);
	flags = va_arg(more, int);
	va_end(more);
	return fd_flags(fd, command, flags);
}

/* -- pipes, events, the log -- */

CALL(int, pipe2, int fd[2], int flags)
{
	struct file *in, *out;

	if (fault(FAULT_pipe2))
		return -1;
	in = file_new(KIND_PIPE_READ);
	out = file_new(KIND_PIPE_WRITE);
	in->pipe = out->pipe = calloc(1, sizeof(struct fifo));
	if (!in->pipe)
		abort();
	in->pipe->readers = in->pipe->writers = 1;
	in->nonblock = out->nonblock = flags & O_NONBLOCK;
	fd[0] = fd_install(in, flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_unref(out);
		return -1;
	}
	fd[1] = fd_install(out, flags & O_CLOEXEC);
	if (fd[1] >= 0)
		return 0;
	fd_close(fd[0]);
	return -1;
}

CALL(int, eventfd, unsigned count, int flags)
{
	struct file *file = file_new(KIND_EVENT);

	file->count = count;
	file->nonblock = flags & EFD_NONBLOCK;
	return fd_install(file, flags & EFD_CLOEXEC);
}

static ssize_t pipe_read(struct file *file, void *to, size_t n)
{
	struct fifo *pipe = file->pipe;

	if (pipe->len == 0 && pipe->writers > 0) {
		if (!file->nonblock)
			violated("a read from a pipe that would wait");
		errno = EAGAIN;
		return -1;
	}
	if (n > pipe->len)
		n = pipe->len;
	memcpy(to, pipe->bytes, n);
	pipe->len -= n;
	memmove(pipe->bytes, pipe->bytes + n, pipe->len);
	kernel.changes++;
	return (ssize_t)n;
}

static ssize_t event_read(struct file *file, void *to, size_t n)
{
	if (file->count == 0 || n < sizeof(file->count)) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(to, &file->count, sizeof(file->count));
	file->count = 0;
	kernel.changes++;
	return sizeof(file->count);
}

static ssize_t signal_read(struct file *file, void *to, size_t n)
{
	struct signalfd_siginfo info = {0};

	while (info.ssi_signo < NSIG && !(file->count & pending & SIGNAL_BIT(info.ssi_signo)))
		info.ssi_signo++;
	if (info.ssi_signo == NSIG || n < sizeof(info)) {
		errno = EAGAIN;
		return -1;
	}
	pending &= ~SIGNAL_BIT(info.ssi_signo);
	memcpy(to, &info, sizeof(info));
	kernel.changes++;
	return sizeof(info);
}

static ssize_t text_read(struct file *file, void *to, size_t n)
{
	size_t left = strlen(file->text + file->at);

	if (n > left)
		n = left;
	memcpy(to, file->text + file->at, n);
	file->at += n;
	return (ssize_t)n;
}

static ssize_t file_read(struct file *file, void *to, size_t n)
{
	switch (file->kind) {
	case KIND_PIPE_READ:
		return pipe_read(file, to, n);
	case KIND_EVENT:
		return event_read(file, to, n);
	case KIND_SIGNAL:
		return signal_read(file, to, n);
	case KIND_TEXT:
		return text_read(file, to, n);
	case KIND_SOCKET:
		return sock_recv(file, to, n, false);
	case KIND_NULL:
		return 0;
	case KIND_STDERR:
	case KIND_INODE:
	case KIND_PIPE_WRITE:
	case KIND_EPOLL:
		break;
	}
	errno = EBADF;
	return -1;
}

CALL(ssize_t, read, int fd, void *to, size_t n)
{
	struct file *file = fd_file(fd);

	/* libev reads its own eventfd, and knows no failure of it. */
	if (!file || (file->kind != KIND_EVENT && fault(FAULT_read)))
		return -1;
	return file_read(file, to, n);
}

CALL(ssize_t, __read_chk, int fd, void *to, size_t n, size_t size)
{
	(void)size;
	return model_read(fd, to, n);
}

CALL(ssize_t, write, int fd, const void *from, size_t n)
{
	struct file *file = fd_file(fd);

	if (file && file->kind == KIND_EVENT) {
		file->count++;
		return (ssize_t)n;
	}
	if (!file || fault(FAULT_write))
		return -1;
	if (file->kind != KIND_STDERR)
		violated("a write to descriptor %d, which is not the log", fd);
	world_log(from, n);
	return (ssize_t)n;
}

/* -- readiness -- */

CALL(int, poll, struct pollfd *fds, nfds_t n, int timeout)
{
	int ready = 0;

	if (timeout != 0)
		violated("a poll that would wait");
	if (fault(FAULT_poll))
		return -1;
	for (nfds_t i = 0; i < n; i++) {
		const struct file *file = fd_file(fds[i].fd);
		unsigned asked = (unsigned)fds[i].events | POLLERR | POLLHUP;

		fds[i].revents = file ? (short)(file_ready(file) & asked) : POLLNVAL;
		ready += fds[i].revents != 0;
	}
	return ready;
}

CALL(int, __poll_chk, struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	(void)size;
	return model_poll(fds, n, timeout);
}

CALL(int, epoll_create1, int flags)
{
	return fd_install(file_new(KIND_EPOLL), flags & EPOLL_CLOEXEC);
}

static struct watched *watched_find(int fd, const struct file *file)
{
	for (size_t i = 0; i < WATCHED_MAX; i++)
		if (watched[i].file == file && (!file || watched[i].fd == fd))
			return &watched[i];
	return NULL;
}

static int watched_change(struct watched *entry, const struct epoll_event *event)
{
	if (!entry) {
		errno = ENOENT;
		return -1;
	}
	/* The same again is no change, or a loop that does nothing else would look busy. */
	if (entry->event.events != event->events)
		kernel.changes++;
	entry->event = *event;
	return 0;
}

static int watched_add(int fd, struct file *file, const struct epoll_event *event)
{
	struct watched *entry;

	if (watched_find(fd, file)) {
		errno = EEXIST;
		return -1;
	}
	entry = watched_find(-1, NULL);
	if (!entry)
		violated("more descriptors are watched than there are");
	*entry = (struct watched){file, fd, *event};
	kernel.changes++;
	return 0;
}

CALL(int, epoll_ctl, int epoll, int command, int fd, struct epoll_event *event)
{
	struct file *file = fd_file(fd);
	struct watched *entry;

	(void)epoll;
	if (!file || (file->kind != KIND_EVENT && fault(FAULT_epoll_ctl)))
		return -1;
	entry = watched_find(fd, file);
	if (command == EPOLL_CTL_ADD)
		return watched_add(fd, file, event);
	if (command == EPOLL_CTL_MOD)
		return watched_change(entry, event);
	if (!entry) {
		errno = ENOENT;
		return -1;
	}
	entry->file = NULL;
	kernel.changes++;
	return 0;
}

static int events_at(size_t i, struct epoll_event *event)
{
	const struct watched *entry = &watched[kernel.reverse ? WATCHED_MAX - 1 - i : i];
	uint32_t ready;

	if (!entry->file)
		return 0;
	ready = file_ready(entry->file) & (entry->event.events | EPOLLERR | EPOLLHUP);
	if (!ready)
		return 0;
	*event = (struct epoll_event){.events = ready, .data = entry->event.data};
	return 1;
}

static int events_take(struct epoll_event *events, int max)
{
	int n = 0;

	for (size_t i = 0; i < WATCHED_MAX && n < max; i++)
		n += events_at(i, &events[n]);
	return n;
}

/* Turn after turn without sleeping, and nothing comes of it. */
static void check_spin(const struct epoll_event *events, int n)
{
	if (spins_changes != kernel.changes) {
		spins_changes = kernel.changes;
		spins = 0;
	}
	if (++spins <= SPINS_MAX)
		return;
	if (n > 0)
		violated("a busy loop: descriptor %d reports %#x and nothing comes of it",
			 (int)events[0].data.u32, events[0].events);
	/* Where every call takes long, the next timer is due before the last has been served. */
	if (kernel.cost <= MICROSECOND)
		violated("a busy loop: it never sleeps, and nothing happens");
}

CALL(int, epoll_wait, int epoll, struct epoll_event *events, int max, int timeout)
{
	uint64_t until = kernel.now + (uint64_t)timeout * 1000 * MICROSECOND, wakes;
	int n;

	(void)epoll;
	world_turn();
	while ((n = events_take(events, max)) == 0 && timeout != 0) {
		if (world_idle())
			continue;
		wakes = world_wakes();
		if (timeout < 0 && wakes == UINT64_MAX)
			violated("it sleeps for ever");
		spins = 0;
		if (timeout > 0 && until <= wakes) {
			kernel.now = until > kernel.now ? until : kernel.now;
			return 0;
		}
		kernel.now = wakes > kernel.now ? wakes : kernel.now;
	}
	check_spin(events, n);
	return n;
}

/* -- signals -- */

CALL(int, sigaction, int number, const struct sigaction *action, struct sigaction *before)
{
	if (before)
		*before = (struct sigaction){.sa_handler = handlers[number]};
	if (action)
		handlers[number] = action->sa_handler;
	return 0;
}

typedef void (*signal_handler)(int);

CALL(signal_handler, signal, int number, signal_handler handler)
{
	signal_handler before = handlers[number];

	handlers[number] = handler;
	return before;
}

static uint64_t bits_of(const sigset_t *set)
{
	uint64_t bits = 0;

	for (int number = 1; number < NSIG; number++)
		if (sigismember(set, number) == 1)
			bits |= SIGNAL_BIT(number);
	return bits;
}

static void deliver_pending(void)
{
	for (int number = 1; number < NSIG; number++)
		if (pending & ~blocked & SIGNAL_BIT(number)) {
			pending &= ~SIGNAL_BIT(number);
			kernel_signal(number);
		}
}

CALL(int, sigprocmask, int how, const sigset_t *set, sigset_t *before)
{
	if (before) {
		sigemptyset(before);
		for (int number = 1; number < NSIG; number++)
			if (blocked & SIGNAL_BIT(number))
				sigaddset(before, number);
	}
	if (in_child()) /* it has a mask of its own */
		return 0;
	if (set && how == SIG_SETMASK)
		blocked = bits_of(set);
	else if (set)
		blocked = how == SIG_BLOCK ? blocked | bits_of(set) : blocked & ~bits_of(set);
	deliver_pending();
	return 0;
}

CALL(int, signalfd, int fd, const sigset_t *set, int flags)
{
	struct file *file;

	if (fd >= 0)
		violated("signalfd of a descriptor that exists");
	file = file_new(KIND_SIGNAL);
	file->count = bits_of(set);
	file->nonblock = flags & SFD_NONBLOCK;
	return fd_install(file, flags & SFD_CLOEXEC);
}

void kernel_signal(int number)
{
	kernel.changes++;
	if (handlers[number] == SIG_IGN)
		return;
	if (blocked & SIGNAL_BIT(number)) {
		pending |= SIGNAL_BIT(number);
		return;
	}
	if (handlers[number] != SIG_DFL)
		handlers[number](number);
	else if (number != SIGCHLD)
		violated("signal %d would end it", number);
}

/* -- limits -- */

CALL(int, getrlimit, int resource, struct rlimit *limit)
{
	(void)resource;
	limit->rlim_cur = limit->rlim_max = kernel.fd_limit;
	return 0;
}

CALL(int, setrlimit, int resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

CALL(int, isatty, int fd)
{
	(void)fd;
	return 0;
}

/* -- the whole -- */

void kernel_boot(void)
{
	struct file *log;

	kernel = (struct kernel){
	    .now = 1000 * SECOND,
	    .wall = (int64_t)(1700000000 * SECOND),
	    .cost = MICROSECOND,
	    .fd_limit = FD_MAX,
	    .mask = 022,
	};
	TAILQ_INIT(&kernel.files);
	TAILQ_INIT(&kernel.inodes);
	TAILQ_INIT(&kernel.processes);
	memset(table, 0, sizeof(table));
	memset(watched, 0, sizeof(watched));
	memset(failed, 0, sizeof(failed));
	memset(handlers, 0, sizeof(handlers));
	kernel_heal();
	spins = 0;
	blocked = pending = 0;
	kernel.fd = table;
	sock_boot();
	fs_boot();
	process_boot();
	fd_install(file_new(KIND_NULL), false);
	fd_install(file_new(KIND_NULL), false);
	log = file_new(KIND_STDERR);
	fd_install(log, false);
}

void kernel_halt(void)
{
	for (int fd = 0; fd < FD_MAX; fd++)
		if (table[fd].file)
			fd_close(fd);
	process_halt();
	fs_halt();
	if (!TAILQ_EMPTY(&kernel.files))
		violated("the model lost track of a file of kind %d",
			 (int)TAILQ_FIRST(&kernel.files)->kind);
}
