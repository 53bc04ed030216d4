/* Lets the Nth call of one function fail: LD_PRELOAD this, with NTH naming a file that begins with
   struct plan. Whoever maps the file may change the plan at any time; an empty name counts nothing.

   Every function of libc by which noded and the libraries below it can be told of a failure is
   here. Let pass is what no kernel fails: epoll_ctl but for adding. A sanitized program has an
   allocator of its own in front of the three here. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

struct plan {
	char name[32];	     /* of the function that fails; "memory": malloc, calloc or realloc */
	int64_t first, last; /* of its calls, counted from 1, those that fail */
	int64_t error;	     /* errno they leave */
	int64_t count;	     /* calls so far */
	int64_t failed;	     /* of them those that failed */
	int64_t turns;	     /* calls of epoll_wait: turns of libev's loop; never reset here */
	int64_t is_old;	     /* the kernel tells neither the number of descriptors nor the children;
				and so that it does not matter how many others there are, /proc
				lists none but the children and init */
};

static volatile struct plan *plan;

/* A child between clone and execve runs in our memory and counts with us; a program it executes
   gets no LD_PRELOAD. */
__attribute__((constructor)) static void open_plan(void)
{
	const char *path = getenv("NTH");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		plan = page;
}

static bool is_planned(const char *name)
{
	size_t i = 0;

	while (name[i] && plan->name[i] == name[i])
		i++;
	return !name[i] && !plan->name[i];
}

/* The next call of what is planned. */
static bool counts(void)
{
	int64_t n = ++plan->count;

	if (n < plan->first || n > plan->last)
		return false;
	plan->failed++;
	errno = (int)plan->error;
	return true;
}

static bool fails(const char *name)
{
	return plan && is_planned(name) && counts();
}

static bool allocation_fails(const char *name)
{
	return plan && (is_planned(name) || is_planned("memory")) && counts();
}

/* The function this one stands in front of. */
#define REAL(name) ((__typeof__(&name))next(&next_##name, #name))

static void *next(void **known, const char *name)
{
	if (!*known)
		*known = dlsym(RTLD_NEXT, name);
	return *known;
}

#define CALL(type, name, params, args, failure)                                                    \
	static void *next_##name;                                                                  \
	type name params                                                                           \
	{                                                                                          \
		return fails(#name) ? (failure) : REAL(name) args;                                 \
	}

/* -- memory: glibc's own, since dlsym(3) may allocate -- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return allocation_fails("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return allocation_fails("calloc") ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return allocation_fails("realloc") ? NULL : __libc_realloc(old, size);
}

CALL(char *, strdup, (const char *text), (text), NULL)

/* -- sockets -- */

CALL(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
CALL(int, socketpair, (int family, int type, int protocol, int fds[2]),
     (family, type, protocol, fds), -1)
CALL(int, bind, (int fd, const struct sockaddr *name, socklen_t len), (fd, name, len), -1)
CALL(int, listen, (int fd, int backlog), (fd, backlog), -1)
CALL(int, accept4, (int fd, struct sockaddr *name, socklen_t *len, int flags),
     (fd, name, len, flags), -1)
CALL(int, connect, (int fd, const struct sockaddr *name, socklen_t len), (fd, name, len), -1)
CALL(int, getsockname, (int fd, struct sockaddr *name, socklen_t *len), (fd, name, len), -1)
CALL(int, getpeername, (int fd, struct sockaddr *name, socklen_t *len), (fd, name, len), -1)
CALL(int, getsockopt, (int fd, int level, int option, void *value, socklen_t *len),
     (fd, level, option, value, len), -1)
CALL(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t len),
     (fd, level, option, value, len), -1)
CALL(int, shutdown, (int fd, int how), (fd, how), -1)
CALL(ssize_t, recv, (int fd, void *bytes, size_t n, int flags), (fd, bytes, n, flags), -1)
CALL(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1)
CALL(ssize_t, send, (int fd, const void *bytes, size_t n, int flags), (fd, bytes, n, flags), -1)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1)
CALL(ssize_t, sendto,
     (int fd, const void *bytes, size_t n, int flags, const struct sockaddr *name, socklen_t len),
     (fd, bytes, n, flags, name, len), -1)

/* -- descriptors -- */

/* What fcntl and open take beside their fixed arguments fits a long. */
#define VARIADIC(name, last, params, args)                                                         \
	static void *next_##name;                                                                  \
	int name params                                                                            \
	{                                                                                          \
		va_list list;                                                                      \
		long extra;                                                                        \
                                                                                                   \
		va_start(list, last);                                                              \
		extra = va_arg(list, long);                                                        \
		va_end(list);                                                                      \
		return fails(#name) ? -1 : REAL(name) args;                                        \
	}

VARIADIC(fcntl, command, (int fd, int command, ...), (fd, command, extra))
VARIADIC(openat, flags, (int at, const char *path, int flags, ...), (at, path, flags, extra))

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);

	return len >= n && strcmp(path + len - n, end) == 0;
}

static void *next_open, *next_stat, *next_readdir, *next_close;

/* A kernel without CONFIG_PROC_CHILDREN. */
int open(const char *path, int flags, ...)
{
	va_list list;
	long extra;

	va_start(list, flags);
	extra = va_arg(list, long);
	va_end(list);
	if (fails("open"))
		return -1;
	if (plan && plan->is_old && ends_in(path, "/children")) {
		errno = ENOENT;
		return -1;
	}
	return REAL(open)(path, flags, extra);
}

/* Linux before 6.2. */
int stat(const char *path, struct stat *st)
{
	int status = fails("stat") ? -1 : REAL(stat)(path, st);

	if (status == 0 && plan && plan->is_old && strcmp(path, "/proc/self/fd") == 0)
		st->st_size = 0;
	return status;
}

/* By calls that nothing here counts. Where it has ended meanwhile errno says so. */
static bool is_kin(const char *pid)
{
	char path[64], text[512] = "";
	const char *after;
	int fd, parent = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	REAL(close)(fd);
	after = strrchr(text, ')');
	return after && sscanf(after, ") %*c %d", &parent) == 1 && parent == getpid();
}

struct dirent *readdir(DIR *dir)
{
	int error = errno;
	struct dirent *entry;

	for (;;) {
		entry = REAL(readdir)(dir);
		if (!entry || !plan || !plan->is_old || entry->d_type != DT_DIR ||
		    strspn(entry->d_name, "0123456789") == 0 || strcmp(entry->d_name, "1") == 0 ||
		    is_kin(entry->d_name))
			return entry;
		errno = error;
	}
}

CALL(int, pipe, (int fds[2]), (fds), -1)
CALL(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
CALL(ssize_t, splice, (int from, off64_t *at, int to, off64_t *there, size_t n, unsigned flags),
     (from, at, to, there, n, flags), -1)
CALL(int, dup2, (int fd, int to), (fd, to), -1)
CALL(int, dup3, (int fd, int to, int flags), (fd, to, flags), -1)
CALL(int, close_range, (unsigned from, unsigned to, int flags), (from, to, flags), -1)
CALL(ssize_t, read, (int fd, void *bytes, size_t n), (fd, bytes, n), -1)
CALL(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n), -1)
CALL(int, flock, (int fd, int operation), (fd, operation), -1)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), -1)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
CALL(int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms), -1)
CALL(int, epoll_create1, (int flags), (flags), -1)
CALL(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1)
CALL(int, eventfd, (unsigned count, int flags), (count, flags), -1)

static void *next_epoll_ctl, *next_epoll_wait;

/* The descriptor is gone also where close(2) reports a failure. */
int close(int fd)
{
	int status = REAL(close)(fd);

	return fails("close") ? -1 : status;
}

/* Only adding takes memory. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && fails("epoll_ctl"))
		return -1;
	return REAL(epoll_ctl)(epoll, operation, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int ms)
{
	if (plan)
		plan->turns++;
	return fails("epoll_wait") ? -1 : REAL(epoll_wait)(epoll, events, most, ms);
}

/* -- files -- */

CALL(int, lstat, (const char *path, struct stat *st), (path, st), -1)
CALL(int, faccessat, (int at, const char *path, int mode, int flags), (at, path, mode, flags), -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
CALL(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), -1)
CALL(int, unlink, (const char *path), (path), -1)
CALL(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), -1)
CALL(int, linkat, (int from_at, const char *from, int to_at, const char *to, int flags),
     (from_at, from, to_at, to, flags), -1)
CALL(int, renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags),
     (from_at, from, to_at, to, flags), -1)
CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
CALL(DIR *, opendir, (const char *path), (path), NULL)
CALL(DIR *, fdopendir, (int fd), (fd), NULL)
CALL(char *, realpath, (const char *path, char *real), (path, real), NULL)

/* What realpath is to a compiler that knows the size. */
char *__realpath_chk(const char *path, char *real, size_t size);
static void *next___realpath_chk;

char *__realpath_chk(const char *path, char *real, size_t size)
{
	return fails("realpath") ? NULL : REAL(__realpath_chk)(path, real, size);
}

CALL(int, fchownat, (int at, const char *path, uid_t uid, gid_t gid, int flags),
     (at, path, uid, gid, flags), -1)
CALL(int, setxattr, (const char *path, const char *name, const void *value, size_t n, int flags),
     (path, name, value, n, flags), -1)
CALL(char *, getcwd, (char *text, size_t size), (text, size), NULL)
CALL(int, gethostname, (char *text, size_t size), (text, size), -1)

/* -- users and groups -- */

CALL(struct passwd *, getpwnam, (const char *name), (name), NULL)
CALL(struct passwd *, getpwuid, (uid_t uid), (uid), NULL)
CALL(struct group *, getgrnam, (const char *name), (name), NULL)
CALL(int, getgrouplist, (const char *user, gid_t group, gid_t *groups, int *n),
     (user, group, groups, n), -1)

/* -- processes -- */

static void *next_prctl;

int prctl(int operation, ...)
{
	long extra[4];
	va_list list;

	va_start(list, operation);
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
		extra[i] = va_arg(list, long);
	va_end(list);
	return fails("prctl") ? -1 : REAL(prctl)(operation, extra[0], extra[1], extra[2], extra[3]);
}

CALL(int, chdir, (const char *path), (path), -1)
CALL(pid_t, setsid, (void), (), -1)
CALL(pid_t, getsid, (pid_t pid), (pid), -1)
CALL(int, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit), (resource, limit), -1)
CALL(int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit),
     -1)
CALL(int, execve, (const char *path, char *const argv[], char *const environment[]),
     (path, argv, environment), -1)
CALL(int, kill, (pid_t pid, int number), (pid, number), -1)
CALL(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options),
     -1)
CALL(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left), -1)

static void *next_syscall, *next_clone;

/* What libc has no function for, or where its own would do more. */
long syscall(long number, ...)
{
	long extra[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
		extra[i] = va_arg(list, long);
	va_end(list);
	return fails("syscall") ? -1
				: REAL(syscall)(number, extra[0], extra[1], extra[2], extra[3],
						extra[4], extra[5]);
}

/* noded gives the four arguments that every use needs. */
int clone(int (*run)(void *argument), void *stack, int flags, void *given, ...)
{
	return fails("clone") ? -1 : REAL(clone)(run, stack, flags, given);
}
