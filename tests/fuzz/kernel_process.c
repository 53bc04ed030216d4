/* The model kernel: processes. A child runs noded's own code up to execve or _exit, with
   descriptors of its own; from then on the world says what it does. */
#include "kernel.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t last_pid;
static unsigned deaths;

/* Between clone and execve. */
static struct slot child_table[FD_MAX];
static struct process *newborn;
static jmp_buf born;

static struct process *process_new(pid_t parent)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		abort();
	process->pid = process->group = process->session = ++last_pid;
	process->parent = parent;
	TAILQ_INSERT_HEAD(&kernel.processes, process, link);
	kernel.changes++;
	return process;
}

struct process *process_get(unsigned n)
{
	struct process *process;
	unsigned alive = 0;

	TAILQ_FOREACH (process, &kernel.processes, link)
		alive += !process->zombie;
	if (alive == 0)
		return NULL;
	n %= alive;
	TAILQ_FOREACH (process, &kernel.processes, link)
		if (!process->zombie && n-- == 0)
			return process;
	return NULL;
}

static void process_free(struct process *process)
{
	TAILQ_REMOVE(&kernel.processes, process, link);
	kernel.changes++;
	free(process);
}

static void close_fds(struct process *process)
{
	for (int fd = 0; fd < 3; fd++) {
		if (process->fd[fd])
			file_unref(process->fd[fd]);
		process->fd[fd] = NULL;
	}
}

void process_end(struct process *process, bool signalled, int status)
{
	struct process *other;

	if (process->zombie)
		return;
	process->zombie = true;
	process->signalled = signalled;
	process->status = status;
	process->died = ++deaths;
	process->ended = kernel.now;
	close_fds(process);
	/* Orphans are noded's: it is their subreaper. */
	TAILQ_FOREACH (other, &kernel.processes, link) {
		if (other->parent != process->pid)
			continue;
		other->parent = OUR_PID;
		if (!other->zombie)
			continue;
		other->ended = kernel.now;
		kernel_signal(SIGCHLD);
	}
	if (process->parent == OUR_PID)
		kernel_signal(SIGCHLD);
}

struct process *process_fork(struct process *parent, bool own_group)
{
	struct process *process = process_new(parent->pid);

	if (!own_group) {
		process->group = parent->group;
		process->session = parent->session;
	}
	for (int fd = 0; fd < 3; fd++) {
		process->fd[fd] = parent->fd[fd];
		if (process->fd[fd])
			file_ref(process->fd[fd]);
	}
	return process;
}

/* -- birth -- */

void process_unshare(void)
{
	memcpy(child_table, kernel.fd, sizeof(child_table));
	for (int fd = 0; fd < FD_MAX; fd++)
		if (child_table[fd].file)
			file_ref(child_table[fd].file);
	kernel.fd = child_table;
	kernel.shared = false;
}

/* Not while the child's memory is ours: it returns here when it is a process of its own. */
static pid_t birth(int (*run)(void *), void *argument)
{
	if (setjmp(born) == 0) {
		run(argument);
		violated("the child returned without execve or _exit");
	}
	return newborn->pid;
}

CALL(int, clone, int (*run)(void *), void *stack, int flags, void *argument, ...)
{
	struct slot *ours = kernel.fd;
	mode_t mask = kernel.mask;
	pid_t pid;

	(void)stack;
	if (fault(FAULT_clone))
		return -1;
	if (!(flags & CLONE_VFORK))
		violated("clone with flags the model does not know: %#x", (unsigned)flags);
	newborn = process_new(OUR_PID);
	kernel.shared = flags & CLONE_FILES;
	if (!kernel.shared)
		process_unshare();
	pid = birth(run, argument);
	kernel.shared = false;
	for (int fd = 0; fd < FD_MAX && kernel.fd == child_table; fd++)
		if (child_table[fd].file)
			fd_close(fd);
	kernel.fd = ours;
	kernel.mask = mask;
	return pid;
}

CALL(int, execve, const char *path, char *const *argv, char *const *environment)
{
	if (fault(FAULT_execve))
		return -1;
	if (kernel.shared)
		violated("a program inherits all descriptors");
	if (!path || !argv[0] || !environment)
		violated("execve without a program, arguments or an environment");
	for (int fd = 3; fd < FD_MAX; fd++)
		if (kernel.fd[fd].file && !kernel.fd[fd].cloexec)
			violated("a program inherits descriptor %d", fd);
	for (int fd = 0; fd < 3; fd++) {
		newborn->fd[fd] = fd_file(fd);
		if (!newborn->fd[fd] || kernel.fd[fd].cloexec)
			violated("a program is without descriptor %d", fd);
		if (newborn->fd[fd]->nonblock)
			violated("a program's descriptor %d is non-blocking", fd);
		file_ref(newborn->fd[fd]);
	}
	if (newborn->fd[0] != newborn->fd[1] || !newborn->fd[0]->sock)
		violated("a program's input and output are not the connection");
	longjmp(born, 1);
}

CALL(void, _exit, int status)
{
	newborn->zombie = true;
	newborn->status = status;
	newborn->died = ++deaths;
	newborn->ended = kernel.now;
	kernel_signal(SIGCHLD);
	longjmp(born, 1);
}

CALL(pid_t, getpid, void)
{
	return OUR_PID;
}

CALL(pid_t, getppid, void)
{
	return OUR_PID;
}

CALL(pid_t, setsid, void)
{
	return newborn->pid;
}

CALL(pid_t, getsid, pid_t pid)
{
	const struct process *process;

	TAILQ_FOREACH (process, &kernel.processes, link)
		if (process->pid == pid)
			return process->session;
	errno = ESRCH;
	return -1;
}

CALL(int, chdir, const char *path)
{
	(void)path;
	return 0;
}

CALL(int, prctl, int option, ...)
{
	(void)option;
	return 0;
}

/* rt_sigaction(2) in the child. */
CALL(long, syscall, long number, ...)
{
	(void)number;
	return 0;
}

/* -- signals and death -- */

static void deliver(struct process *process, int number)
{
	if (number == SIGKILL || (number == SIGTERM && !process->stubborn))
		process_end(process, true, number);
}

CALL(int, kill, pid_t pid, int number)
{
	struct process *process, *next;
	unsigned found = 0;

	TAILQ_FOREACH_SAFE (process, &kernel.processes, link, next) {
		if (pid > 0 ? process->pid != pid : process->group != -pid)
			continue;
		found++;
		deliver(process, number);
	}
	if (found == 0)
		violated("signal %d to %d, which is nobody's number", number, (int)pid);
	return 0;
}

static struct process *first_dead(idtype_t type, id_t id)
{
	struct process *process, *first = NULL;

	TAILQ_FOREACH (process, &kernel.processes, link)
		if (process->parent == OUR_PID && process->zombie &&
		    (type == P_ALL || process->pid == (pid_t)id) &&
		    (!first || process->died < first->died))
			first = process;
	return first;
}

static bool has_children(void)
{
	const struct process *process;

	TAILQ_FOREACH (process, &kernel.processes, link)
		if (process->parent == OUR_PID)
			return true;
	return false;
}

CALL(int, waitid, idtype_t type, id_t id, siginfo_t *info, int options)
{
	struct process *dead = first_dead(type, id);

	memset(info, 0, sizeof(*info));
	if (!has_children()) {
		errno = ECHILD;
		return -1;
	}
	if (!dead) {
		if (!(options & WNOHANG))
			violated("waits for process %d, which lives", (int)id);
		return 0;
	}
	info->si_pid = dead->pid;
	info->si_code = dead->signalled ? CLD_KILLED : CLD_EXITED;
	info->si_status = dead->status;
	if (!(options & WNOWAIT))
		process_free(dead);
	return 0;
}

/* -- the whole -- */

void process_boot(void)
{
	last_pid = OUR_PID;
	deaths = 0;
}

void process_halt(void)
{
	struct process *process, *next;

	TAILQ_FOREACH_SAFE (process, &kernel.processes, link, next) {
		close_fds(process);
		process_free(process);
	}
}
