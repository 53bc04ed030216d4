/* The making of a process: from the clone to its program. */
#include "launch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "net.h"

/* How long a child may take to become its program. */
#define PATIENCE_SECONDS 2.0

enum {
	STACK_SIZE = 64 * 1024, /* of a child until it runs its program */
	REPORT_FD = 3,		/* where a process of another user tells what failed */
	NUDGE_MS = 10,		/* it is woken each time it has been silent for so long */
};

/* The child runs in our memory while we stand still (CLONE_VM | CLONE_VFORK): nothing is copied,
   and it reports by writing here. It has copies of its own of descriptors, signal handlers, limits,
   umask and working directory. Only async-signal-safe calls; the sanitizer must not mark its stack,
   which is part of ours and is left by no return.

   Not so if it becomes somebody else: whatever that user runs already could then stop it, and us
   with it, for good. It gets a copy of our memory and reports through a pipe. */
struct launch {
	const struct spawn *spawn;
	struct rlimit nofile;
	pid_t parent;
	bool rehearsal;	    /* look, do not run */
	int report;	    /* the pipe; -1: none */
	volatile int error; /* errno of what failed; 0: the program runs */
	bool silent;	    /* it took too long, and may take longer to die */
};

/* -- in the child -- */

#define BARE __attribute__((no_sanitize_address))

/* Before the mask is lifted: our handlers would run in our memory. */
static void BARE reset_signals(void)
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

static int BARE set_fds(struct launch *launch)
{
	const struct spawn *spawn = launch->spawn;
	unsigned first = REPORT_FD;
	int flags;

	if (launch->rehearsal)
		return 0;
	if (dup2(spawn->in_out, 0) < 0 || dup2(spawn->in_out, 1) < 0 || dup2(spawn->error, 2) < 0)
		return -1;
	if (launch->report >= 0) {
		if (launch->report != REPORT_FD && dup3(launch->report, REPORT_FD, O_CLOEXEC) < 0)
			return -1;
		launch->report = REPORT_FD;
		first++;
	}
	/* Ours are close-on-exec from birth; this is for those we inherited. */
	if (close_range(first, ~0U, 0) < 0 && errno != ENOSYS)
		return -1;
	flags = fcntl(0, F_GETFL);
	return flags < 0 ? -1 : fcntl(0, F_SETFL, flags & ~O_NONBLOCK);
}

/* What a service manager gave to noded is not the program's. */
static int BARE set_privileges(const struct identity *identity)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return identity->given ? identity_take(identity) : 0;
}

/* Returns only if it failed: errno is set. */
static void BARE run(struct launch *launch)
{
	const struct spawn *spawn = launch->spawn;

	reset_signals();
	umask(022);
	if (setsid() < 0 || chdir("/") < 0 || setrlimit(RLIMIT_NOFILE, &launch->nofile) < 0 ||
	    set_fds(launch) < 0 || set_privileges(&spawn->identity) < 0)
		return;
	/* After the change of ids, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	/* It died before the line above? Then nobody will tell us. */
	if (getppid() != launch->parent)
		_exit(127);
	if (!launch->rehearsal)
		execve(spawn->program, spawn->argv, spawn->environment);
	else if (syscall(SYS_faccessat, AT_FDCWD, spawn->program, X_OK) == 0)
		_exit(0);
}

static int BARE launch_main(void *argument)
{
	struct launch *launch = argument;
	int error;

	run(launch);
	error = launch->error = errno;
	if (launch->report >= 0 && write(launch->report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* -- in noded -- */

/* The one place that makes a process. -1: errno is set. Else its pid. */
static pid_t launch_clone(struct launch *launch)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	int flags = launch->report < 0 ? CLONE_VM | CLONE_VFORK : 0;
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(launch_main, stack + sizeof(stack), flags | SIGCHLD, launch);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

/* Reads what the child reports, or that its program has taken its place (end of file). Whoever has
   become its user may stop it: it is made to go on. */
static void await_report(struct launch *launch, int report, pid_t pid)
{
	double end = clock_seconds() + PATIENCE_SECONDS;
	struct pollfd waiting = {.fd = report, .events = POLLIN};
	int error = 0;

	while (poll(&waiting, 1, NUDGE_MS) <= 0) {
		if (clock_seconds() >= end) {
			launch->silent = true;
			launch->error = ETIMEDOUT;
			return;
		}
		kill(pid, SIGCONT);
	}
	if (read(report, &error, sizeof(error)) == sizeof(error))
		launch->error = error;
}

/* launch->error tells whether the program runs or the process is about to end: it may have been
   stopped once more, so it is killed. */
static pid_t launch_with_report(struct launch *launch)
{
	int ends[2], error;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	launch->report = ends[1];
	pid = launch_clone(launch);
	error = errno;
	close(ends[1]);
	if (pid > 0)
		await_report(launch, ends[0], pid);
	if (pid > 0 && launch->error)
		kill(pid, SIGKILL);
	close(ends[0]);
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
	case EPERM:
		return ERR_PERMISSION_DENIED;
	case EAGAIN:
		return ERR_LIMIT_REACHED;
	default:
		return net_is_shortage(error) ? ERR_LIMIT_REACHED : ERR_IO_ERROR;
	}
}

static int describe_failure(const struct launch *launch, struct err *err)
{
	const struct spawn *spawn = launch->spawn;
	int error = launch->error;

	if (launch->silent) {
		err_set(err, ERR_IO_ERROR, "%s does not run after %.0f s as user %u, group %u",
			spawn->program, PATIENCE_SECONDS, (unsigned)spawn->identity.user,
			(unsigned)spawn->identity.group);
		err->sys = error;
		return -1;
	}
	if (!spawn->identity.given)
		return err_sys(err, launch_error(error), error, "%s cannot be run", spawn->program);
	return err_sys(err, launch_error(error), error, "%s cannot be run by user %u, group %u",
		       spawn->program, (unsigned)spawn->identity.user,
		       (unsigned)spawn->identity.group);
}

int launch_wait(pid_t pid, siginfo_t *info)
{
	int result;

	do
		result = waitid(P_PID, (id_t)pid, info, WEXITED);
	while (result < 0 && errno == EINTR);
	return result;
}

int launch_program(const struct spawn *spawn, pid_t *pid, struct err *err)
{
	struct launch launch = {.spawn = spawn, .parent = getpid(), .report = -1};
	siginfo_t info;

	assert(spawn->in_out > 2 && spawn->error > 2);
	if (getrlimit(RLIMIT_NOFILE, &launch.nofile) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "the descriptor limit cannot be read");
	if (net_child_nofile() < launch.nofile.rlim_max)
		launch.nofile.rlim_cur = net_child_nofile();
	*pid = spawn->identity.given ? launch_with_report(&launch) : launch_clone(&launch);
	if (*pid < 0)
		return err_sys(err, launch_error(errno), errno, "no process for %s",
			       spawn->program);
	if (!launch.error)
		return 0;
	/* One that hangs in a system call is not waited for: it is reaped like an orphan. */
	if (!launch.silent)
		launch_wait(*pid, &info);
	fcntl(spawn->in_out, F_SETFL, fcntl(spawn->in_out, F_GETFL) | O_NONBLOCK);
	return describe_failure(&launch, err);
}

int launch_rehearse(const struct spawn *spawn, struct err *err)
{
	struct launch launch = {
	    .spawn = spawn, .parent = getpid(), .rehearsal = true, .report = -1};
	siginfo_t info = {0};
	pid_t pid;

	if (getrlimit(RLIMIT_NOFILE, &launch.nofile) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "the descriptor limit cannot be read");
	pid = launch_with_report(&launch);
	if (pid < 0)
		return err_sys(err, launch_error(errno), errno, "no process to look at %s",
			       spawn->program);
	if (!launch.silent)
		launch_wait(pid, &info);
	if (launch.error)
		return describe_failure(&launch, err);
	/* The end of the pipe is not its word: it may have been killed. */
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	return err_set(
	    err, ERR_IO_ERROR, "whether %s can be run was not found out: %s %d", spawn->program,
	    info.si_code == CLD_EXITED ? "exit status" : "killed by signal", info.si_status);
}
