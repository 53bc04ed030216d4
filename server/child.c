/* Child processes: spawned in a session of their own, watched, told to leave, killed with their
   group, reaped; orphans that become ours are reaped and counted. */
#include "child.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define CLOSE_SECONDS 2.0 /* supervisor_close takes at most about this long */

enum {
	STACK_SIZE = 64 * 1024, /* of a child until it runs its program */
};

static int compare_pids(const struct child *a, const struct child *b)
{
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

RB_PROTOTYPE(child_tree, child, by_pid, compare_pids)
RB_GENERATE(child_tree, child, by_pid, compare_pids)

/* -- between clone and execve -- */

/* The child runs in our memory while we stand still (CLONE_VM | CLONE_VFORK): nothing is copied,
   and it reports by writing here. It has copies of its own of descriptors, signal handlers, limits,
   umask and working directory. Only async-signal-safe calls; the sanitizer must not mark its stack,
   which is part of ours and is left by no return. */
struct launch {
	const struct spawn *spawn;
	struct rlimit nofile;
	pid_t parent;
	volatile int error; /* errno of what failed; 0: the program runs */
};

/* Before the mask is lifted: our handlers would run in our memory. */
static void __attribute__((no_sanitize_address)) launch_reset_signals(void)
{
	/* The kernel's struct: handler (SIG_DFL is 0), flags, restorer, mask. libc's sigaction(2)
	   refuses 32 and 33, which are its own, and which some programs pass on ignored. */
	const struct {
		unsigned long handler, flags, restorer, mask;
	} action = {0};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(action.mask));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int __attribute__((no_sanitize_address)) launch_set_fds(const struct spawn *spawn)
{
	int flags;

	if (dup2(spawn->in_out, 0) < 0 || dup2(spawn->in_out, 1) < 0 || dup2(spawn->error, 2) < 0)
		return -1;
	/* Ours are close-on-exec from birth; this is for those we inherited. */
	if (close_range(3, ~0U, 0) < 0 && errno != ENOSYS)
		return -1;
	flags = fcntl(0, F_GETFL);
	return flags < 0 ? -1 : fcntl(0, F_SETFL, flags & ~O_NONBLOCK);
}

static int __attribute__((no_sanitize_address)) launch_run(void *argument)
{
	struct launch *launch = argument;
	const struct spawn *spawn = launch->spawn;

	launch_reset_signals();
	umask(022);
	if (setsid() < 0 || chdir("/") < 0 || setrlimit(RLIMIT_NOFILE, &launch->nofile) < 0 ||
	    launch_set_fds(spawn) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		goto fail;
	/* It died before the line above? Then nobody will tell us. */
	if (getppid() != launch->parent)
		_exit(127);
	execve(spawn->program, spawn->argv, spawn->environment);
fail:
	launch->error = errno;
	_exit(127);
}

/* The one place that makes a process. -1: errno is set. Else its pid; launch->error tells whether
   the program runs or the process has ended. */
static pid_t launch_clone(struct launch *launch)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(launch_run, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, launch);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

static enum error_code launch_error(int error)
{
	switch (error) {
	case ENOENT:
	case EACCES:
	case ENOTDIR:
	case ENOEXEC:
	case ELIBBAD:
	case ELOOP:
	case EISDIR:
		return ERR_PROGRAM_NOT_FOUND;
	case EAGAIN:
		return ERR_LIMIT_REACHED;
	default:
		return net_is_shortage(error) ? ERR_LIMIT_REACHED : ERR_IO_ERROR;
	}
}

static void wait_for(pid_t pid, siginfo_t *info)
{
	while (waitid(P_PID, (id_t)pid, info, WEXITED) < 0 && errno == EINTR)
		;
}

int child_spawn(struct child *child, struct supervisor *supervisor, const struct spawn *spawn,
		struct err *err)
{
	struct launch launch = {.spawn = spawn, .parent = getpid()};
	siginfo_t info;
	pid_t pid;

	assert(spawn->in_out > 2 && spawn->error > 2 && child->exited);
	if (getrlimit(RLIMIT_NOFILE, &launch.nofile) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "the descriptor limit cannot be read");
	if (net_child_nofile() < launch.nofile.rlim_max)
		launch.nofile.rlim_cur = net_child_nofile();
	pid = launch_clone(&launch);
	if (pid < 0)
		return err_sys(err, launch_error(errno), errno, "no process for %s",
			       spawn->program);
	if (launch.error) {
		wait_for(pid, &info);
		fcntl(spawn->in_out, F_SETFL, fcntl(spawn->in_out, F_GETFL) | O_NONBLOCK);
		return err_sys(err, launch_error(launch.error), launch.error, "%s cannot be run",
			       spawn->program);
	}
	child->supervisor = supervisor;
	child->pid = pid;
	RB_INSERT(child_tree, &supervisor->tree, child);
	supervisor->children++;
	loop_mark(supervisor->loop);
	return 0;
}

/* -- afterwards -- */

void child_signal(const struct child *child, int signal_number)
{
	if (child->pid)
		kill(-child->pid, signal_number);
}

static void child_remove(struct child *child)
{
	RB_REMOVE(child_tree, &child->supervisor->tree, child);
	child->supervisor->children--;
	child->pid = 0;
	loop_mark(child->supervisor->loop);
}

void child_forget(struct child *child)
{
	if (!child->pid)
		return;
	child_signal(child, SIGKILL);
	child_remove(child);
}

/* A process that has ended; until it is reaped its number, and that of its group, is not given to
   anybody else. */
static void supervisor_reap(struct supervisor *supervisor, pid_t pid)
{
	struct child key = {.pid = pid}, *child = RB_FIND(child_tree, &supervisor->tree, &key);
	siginfo_t info = {0};

	if (child)
		kill(-pid, SIGKILL);
	wait_for(pid, &info);
	if (!child) {
		supervisor->adopted++;
		loop_mark(supervisor->loop);
		return;
	}
	child_remove(child);
	child->exited(child, info.si_code != CLD_EXITED, info.si_status);
}

/* Whoever has ended and is not reaped yet; 0: nobody, -1: there is no child at all. */
static pid_t next_ended(void)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? -1 : info.si_pid;
}

static bool reap_slice(struct job *job)
{
	struct supervisor *supervisor = container_of(job, struct supervisor, reaping);
	pid_t pid;

	while (loop_may(&supervisor->loop->ending)) {
		pid = next_ended();
		if (pid <= 0)
			return false;
		supervisor_reap(supervisor, pid);
	}
	return true;
}

static void on_sigchld(struct ev_loop *ev, ev_signal *watcher, int revents)
{
	struct supervisor *supervisor = container_of(watcher, struct supervisor, sigchld);

	(void)ev;
	(void)revents;
	loop_post(supervisor->loop, &supervisor->reaping);
}

int supervisor_open(struct supervisor *supervisor, struct loop *loop, struct err *err)
{
	*supervisor = (struct supervisor){.loop = loop, .reaping.run = reap_slice};
	RB_INIT(&supervisor->tree);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "orphans cannot be adopted");
	ev_signal_init(&supervisor->sigchld, on_sigchld, SIGCHLD);
	ev_signal_start(loop->ev, &supervisor->sigchld);
	return 0;
}

/* -- the end -- */

/* The parent of a process, 0 if it is not known. proc(5): the name, in parentheses, may hold any
   character. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	const char *after;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	after = strrchr(text, ')');
	if (!after || sscanf(after, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* Kills our direct children, also those we never heard of. Nobody else can have their numbers: they
   are kept until we reap. */
static void kill_children(struct supervisor *supervisor)
{
	const struct dirent *entry;
	struct child *child;
	pid_t self = getpid();
	DIR *proc;

	RB_FOREACH (child, child_tree, &supervisor->tree)
		child_signal(child, SIGKILL);
	proc = opendir("/proc");
	if (!proc)
		return;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == self)
			kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
	closedir(proc);
}

void supervisor_close(struct supervisor *supervisor)
{
	const struct timespec pause = {.tv_nsec = 5000000L};
	int tries = (int)(CLOSE_SECONDS * 1e9) / (int)pause.tv_nsec;
	pid_t pid;

	for (;;) {
		while ((pid = next_ended()) > 0)
			supervisor_reap(supervisor, pid);
		if (pid < 0 || tries-- == 0)
			break;
		/* Again each time: the children of those killed become ours. */
		kill_children(supervisor);
		nanosleep(&pause, NULL);
	}
	loop_cancel(supervisor->loop, &supervisor->reaping);
	ev_signal_stop(supervisor->loop->ev, &supervisor->sigchld);
}
