/* Three fences of the kernel: no_new_privs, Landlock, seccomp. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "filter.h"
#include "log.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* Linux 6.2 */
#endif

/* The leak checker of a sanitized build clones and traces at exit. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* -- directories -- */

int sandbox_add_directory(struct sandbox *sandbox, const char *path, struct err *err)
{
	char *real;
	struct stat st;

	if (sandbox->ndirectories == SANDBOX_DIRECTORIES_MAX)
		return err_set(err, ERR_LIMIT_REACHED, "more than %d directories",
			       SANDBOX_DIRECTORIES_MAX);
	real = realpath(path, sandbox->directory[sandbox->ndirectories]);
	if (!real || stat(real, &st) == -1)
		return err_sys(err, ERR_IO_ERROR, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ERR_IO_ERROR, ENOTDIR, "%s", path);
	sandbox->ndirectories++;
	return 0;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || strcmp(directory, "/") == 0);
}

/* Where the directory of an absolute path really is, in PATH_MAX bytes. */
static char *real_parent(char *real, const char *path)
{
	char parent[PATH_MAX];
	size_t len = (size_t)(strrchr(path, '/') - path);

	snprintf(parent, sizeof(parent), "%.*s", len > 0 ? (int)len : 1, path);
	return realpath(parent, real);
}

int sandbox_check(const struct sandbox *sandbox, const struct address *address, struct err *err)
{
	char real[PATH_MAX];

	/* A directory that is missing is reported by whoever wants to make the socket. */
	if (sandbox->ndirectories == 0 || !address_is_unix(address) ||
	    !real_parent(real, address->un.sun_path))
		return 0;
	for (size_t i = 0; i < sandbox->ndirectories; i++)
		if (is_below(real, sandbox->directory[i]))
			return 0;
	return err_set(err, ERR_BIND_DENIED, "%s is not below a --socket-dir of this noded (%s%s)",
		       real, sandbox->directory[0], sandbox->ndirectories > 1 ? ", ..." : "");
}

/* -- Landlock: landlock(7) -- */

static uint64_t handled_rights(const struct sandbox *sandbox, long abi)
{
	uint64_t rights = 0;

	if (sandbox->ndirectories > 0)
		/* Without REFER in the set nobody could rename from one directory to another. */
		rights |= LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER;
	if (sandbox->no_exec)
		rights |= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
			  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
			  LANDLOCK_ACCESS_FS_MAKE_SYM;
	if (sandbox->no_exec && abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (sandbox->no_exec && sandbox->ndirectories > 0)
		rights |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return rights;
}

static int allow_below(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	int result;

	rule.parent_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -1;
	result = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return result;
}

static int allow_sockets(int ruleset, const struct sandbox *sandbox, uint64_t handled,
			 const struct address *own, size_t nown)
{
	const uint64_t socket_rights =
	    handled & (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE);
	char parent[PATH_MAX];

	if (!sandbox->no_exec && allow_below(ruleset, "/", LANDLOCK_ACCESS_FS_REFER) < 0)
		return -1;
	for (size_t i = 0; i < sandbox->ndirectories; i++)
		if (allow_below(ruleset, sandbox->directory[i], socket_rights) < 0)
			return -1;
	for (size_t i = 0; i < nown; i++)
		if (!real_parent(parent, own[i].un.sun_path) ||
		    allow_below(ruleset, parent, socket_rights) < 0)
			return -1;
	return 0;
}

/* -1: errno says why there is none. */
static int enter_landlock(const struct sandbox *sandbox, const struct address *own, size_t nown)
{
	struct landlock_ruleset_attr attr = {0};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset, error = 0;

	if (abi < 2)
		/* The first forbids every rename between directories. */
		return abi < 0 ? -1 : (errno = EOPNOTSUPP, -1);
	attr.handled_access_fs = handled_rights(sandbox, abi);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -1;
	if ((sandbox->ndirectories > 0 &&
	     allow_sockets(ruleset, sandbox, attr.handled_access_fs, own, nown) < 0) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		error = errno;
	close(ruleset);
	errno = error;
	return error ? -1 : 0;
}

/* -- seccomp -- */

/* What noded calls, and what libc, libev and the allocator call for it, on the machines Debian
   has. What is not known on one of them is left out there. */
static const char *const allowed_calls[] = {
    /* sockets; socket(2) itself is below */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    /* bytes */
    "_llseek", "lseek", "pipe2", "pread64", "read", "readv", "splice", "write", "writev",
    /* waiting */
    "_newselect", "clock_nanosleep", "clock_nanosleep_time64", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "futex", "futex_time64", "nanosleep",
    "poll", "ppoll", "ppoll_time64", "restart_syscall", "select", "signalfd4", "timerfd_create",
    "timerfd_settime", "waitid",
    /* descriptors */
    "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "flock",
    /* files: claims, and what the kernel tells in /proc */
    "access", "chmod", "chown", "faccessat", "faccessat2", "fchmod", "fchmodat", "fchown",
    "fchownat", "fgetxattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "getcwd",
    "getdents", "getdents64", "getxattr", "lstat", "lstat64", "mkdir", "mkdirat", "newfstatat",
    "open", "openat", "readlink", "readlinkat", "rename", "renameat", "renameat2", "setxattr",
    "stat", "stat64", "statx", "umask", "unlink", "unlinkat",
    /* memory */
    "brk", "madvise", "mremap", "munmap",
    /* the process and its time */
    "clock_getres", "clock_gettime", "clock_gettime64", "exit", "exit_group", "getegid",
    "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getpid", "getrandom", "getrlimit",
    "gettid", "gettimeofday", "getuid", "getuid32", "prlimit64", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sched_getaffinity", "sched_yield", "sigaltstack", "sigreturn", "sysinfo",
    "tgkill", "time", "ugetrlimit", "uname"};

/* 0, or an errno. */
static int enter_seccomp(void)
{
	static const char *const mapping[] = {"mmap", "mmap2", "mprotect"};
	static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6};
	struct filter filter;

	if (SANITIZED)
		return EOPNOTSUPP;
	filter_begin(&filter);
	for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(*allowed_calls); i++)
		filter_allow(&filter, allowed_calls[i]);
	/* Memory, but none to run code from. */
	for (size_t i = 0; i < sizeof(mapping) / sizeof(*mapping); i++)
		filter_allow_without(&filter, mapping[i], 2, PROT_EXEC);
	filter_allow_values(&filter, "socket", 0, families, sizeof(families) / sizeof(*families));
	return filter_load(&filter);
}

void sandbox_enter(struct sandbox *sandbox, const struct address *own, size_t nown)
{
	int error;

	sandbox->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (!sandbox->no_new_privs)
		log_debug("sandbox", "no_new_privs is not to be had: %s", strerror(errno));
	if (sandbox->ndirectories > 0 || sandbox->no_exec) {
		sandbox->landlock = enter_landlock(sandbox, own, nown) == 0;
		if (!sandbox->landlock)
			log_debug("sandbox", "Landlock is not to be had: %s", strerror(errno));
	}
	if (sandbox->no_exec) {
		error = enter_seccomp();
		sandbox->seccomp = error == 0;
		if (error)
			log_debug("sandbox", "seccomp is not to be had: %s", strerror(error));
	}
}
