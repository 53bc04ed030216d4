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
	STACK_SIZE = 16 * 1024, /* of a child until it runs its program */
	REPORT_FD = 3,		/* where a process of another user tells what failed */
	NUDGE_MS = 10,		/* it is woken each time it has been silent for so long */
};

/* The child runs in our memory while we stand still (CLONE_VM | CLONE_VFORK): nothing is copied,
   and it reports by writing here. It has copies of its own of signal handlers, limits, umask and
   working directory. Only async-signal-safe calls; the sanitizer must not mark its stack, which is
   part of ours and is left by no return.

   Its descriptors, too, are ours at first (CLONE_FILES): to copy the table costs more than all else
   when thousands are open. Its first call parts from them with a copy of the lowest few numbers,
   where it finds what it needs; any other call before that would open or close in noded. If that
   call fails it ends, and another child gets a copy of all.

   Not so if it becomes somebody else: whatever that user runs already could then stop it, and us
   with it, for good. It gets a copy of our memory and reports through a pipe. */
struct launch {
	const struct launcher *launcher;
	const struct spawn *spawn;
	struct rlimit nofile; /* the program's */
	rlim_t ours;	      /* no descriptor has that number or a higher one */
	int in_out, error_fd; /* where the child finds those of spawn */
	bool rehearsal;	      /* look, do not run */
	int report;	      /* the pipe; -1: none */
	volatile bool shares; /* the descriptors are still ours */
	volatile int error;   /* errno of what failed; 0: the program runs */
	bool silent;	      /* it took too long, and may take longer to die */
};

/* The kernel's struct. libc's sigaction(2) refuses 32 and 33, which are its own, and which some
   programs pass on ignored. */
struct kernel_action {
	unsigned long handler, flags, restorer, mask; /* handler: SIG_DFL is 0 */
};

static uint64_t signal_bit(int number)
{
	return (uint64_t)1 << (number - 1);
}

/* -- in the child -- */

#define BARE __attribute__((no_sanitize_address))

/* Before anything else. */
static int BARE leave_table(struct launch *launch)
{
	const struct launcher *launcher = launch->launcher;
	int last = launcher->in_out > launcher->error ? launcher->in_out : launcher->error;

	if (launch->shares && close_range((unsigned)last + 1, ~0U, CLOSE_RANGE_UNSHARE) < 0)
		return -1;
	launch->shares = false;
	return 0;
}

/* Before the mask is lifted: our handlers would run in our memory. */
static void BARE reset_signals(uint64_t altered)
{
	const struct kernel_action action = {0};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (altered & signal_bit(number))
			syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(action.mask));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing from that number on gets to the program. Ours are close-on-exec from birth; this is for
   those we inherited. */
static void BARE close_from(unsigned first, rlim_t end)
{
	if (close_range(first, ~0U, 0) == 0)
		return;
	/* Before Linux 5.9, or under a filter that does not know the call. */
	for (int fd = (int)first; (rlim_t)fd < end; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int BARE set_fds(struct launch *launch)
{
	unsigned first = REPORT_FD;
	int flags;

	if (launch->rehearsal)
		return 0;
	if (dup2(launch->in_out, 0) < 0 || dup2(launch->in_out, 1) < 0 ||
	    dup2(launch->error_fd, 2) < 0)
		return -1;
	if (launch->report >= 0) {
		if (launch->report != REPORT_FD && dup3(launch->report, REPORT_FD, O_CLOEXEC) < 0)
			return -1;
		launch->report = REPORT_FD;
		first++;
	}
	close_from(first, launch->ours);
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

	if (leave_table(launch) < 0)
		return;
	reset_signals(launch->launcher->altered);
	umask(022);
	if (setsid() < 0 || chdir("/") < 0 || setrlimit(RLIMIT_NOFILE, &launch->nofile) < 0 ||
	    set_fds(launch) < 0 || set_privileges(&spawn->identity) < 0)
		return;
	/* After the change of ids, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	/* It died before the line above? Then nobody will tell us. */
	if (getppid() != launch->launcher->self)
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

/* -- in noded: the places -- */

static int open_null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

void launcher_open(struct launcher *launcher)
{
	struct kernel_action action = {0};

	*launcher = (struct launcher){.self = getpid(), .in_out = open_null()};
	launcher->error = open_null();
	launcher->null = open_null();
	if (launcher->in_out < 0 || launcher->error < 0 || launcher->null < 0)
		launcher_close(launcher);
	for (int number = 1; number < NSIG; number++)
		if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof(action.mask)) < 0 ||
		    action.handler)
			launcher->altered |= signal_bit(number);
}

static void place_close(int *place)
{
	int fd = *place;

	*place = -1;
	if (fd >= 0)
		close(fd);
}

void launcher_close(struct launcher *launcher)
{
	place_close(&launcher->in_out);
	place_close(&launcher->error);
	place_close(&launcher->null);
}

/* False if there are no places (any more). */
static bool places_fill(struct launcher *launcher, int in_out, int error)
{
	if (launcher->null < 0)
		return false;
	if (dup3(in_out, launcher->in_out, O_CLOEXEC) >= 0 &&
	    dup3(error, launcher->error, O_CLOEXEC) >= 0)
		return true;
	launcher_close(launcher);
	return false;
}

/* Nobody's connection lives longer for having been there. */
static void places_empty(struct launcher *launcher)
{
	if (dup3(launcher->null, launcher->in_out, O_CLOEXEC) < 0 ||
	    dup3(launcher->null, launcher->error, O_CLOEXEC) < 0)
		launcher_close(launcher);
}

/* -- in noded: the process -- */

/* The one place that makes a process. -1: errno is set. Else its pid. */
static pid_t launch_clone(struct launch *launch)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	int flags =
	    (launch->report < 0 ? CLONE_VM | CLONE_VFORK : 0) | (launch->shares ? CLONE_FILES : 0);
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

int launch_wait(pid_t pid, siginfo_t *info)
{
	int result;

	do
		result = waitid(P_PID, (id_t)pid, info, WEXITED);
	while (result < 0 && errno == EINTR);
	return result;
}

/* With a copy of all descriptors. */
static pid_t launch_with_copy(struct launch *launch)
{
	launch->shares = false;
	launch->in_out = launch->spawn->in_out;
	launch->error_fd = launch->spawn->error;
	launch->error = 0;
	return launch_clone(launch);
}

static pid_t launch_sharing(struct launcher *launcher, struct launch *launch)
{
	siginfo_t info;
	pid_t pid;
	int error;

	if (!places_fill(launcher, launch->spawn->in_out, launch->spawn->error))
		return launch_with_copy(launch);
	launch->shares = true;
	launch->in_out = launcher->in_out;
	launch->error_fd = launcher->error;
	pid = launch_clone(launch);
	error = errno;
	places_empty(launcher);
	errno = error;
	if (pid < 0 || !launch->shares || !launch->error)
		return pid;
	/* It could not part from our descriptors. Only a shortage may be over the next time. */
	launch_wait(pid, &info);
	if (!net_is_shortage(launch->error))
		launcher_close(launcher);
	return launch_with_copy(launch);
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

	if (net_pipe(ends, launch->rehearsal ? net_reserve_give : net_margin_give) < 0)
		return -1;
	launch->report = ends[1];
	pid = launch_with_copy(launch);
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

int launch_program(struct launcher *launcher, const struct spawn *spawn, pid_t *pid,
		   struct err *err)
{
	struct launch launch = {.launcher = launcher, .spawn = spawn, .report = -1};
	siginfo_t info;

	assert(spawn->in_out > 2 && spawn->error > 2);
	if (getrlimit(RLIMIT_NOFILE, &launch.nofile) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "the descriptor limit cannot be read");
	launch.ours = launch.nofile.rlim_cur;
	if (net_child_nofile() < launch.nofile.rlim_max)
		launch.nofile.rlim_cur = net_child_nofile();
	*pid =
	    spawn->identity.given ? launch_with_report(&launch) : launch_sharing(launcher, &launch);
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

int launch_rehearse(struct launcher *launcher, const struct spawn *spawn, struct err *err)
{
	struct launch launch = {
	    .launcher = launcher, .spawn = spawn, .rehearsal = true, .report = -1};
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
