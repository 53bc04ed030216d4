/* Child processes: watched, told to leave, killed with their group and with all that left it, and
   reaped.

   What a program starts may leave its group and session, and lose its parent; then it becomes ours,
   without any event. But every process below us has one of our children above it: once no child of
   ours is left but programs that run, and what is in their sessions, nothing of those that ended is
   left anywhere. So after each end our own children are listed, those that belong to nothing that
   runs are killed, and as they are reaped theirs appear in the list. */
#include "child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../proto/buf.h"
#include "clock.h"
#include "net.h"
#include "offspring.h"

#define CLOSE_SECONDS	 2.0 /* supervisor_close takes at most about this long */
#define PATIENCE_SECONDS 1.0 /* so long an end waits for what a program left to die */
#define SLOW_SECONDS	 0.1 /* from one look at every process to the next */
#define EFFORT_SHARE	 8   /* a hunt waits so many times as long as the last one took */

enum {
	UNDYING_MOST = 32, /* more that do not die are no accident: they multiply */
	NAMES = 160,	   /* bytes of those that do not die, in the log */
};

static int compare_pids(const struct child *a, const struct child *b)
{
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

RB_PROTOTYPE(child_tree, child, by_pid, compare_pids)
RB_GENERATE(child_tree, child, by_pid, compare_pids)

static struct child *find_running(struct supervisor *supervisor, pid_t pid)
{
	struct child key = {.pid = pid};

	return RB_FIND(child_tree, &supervisor->tree, &key);
}

/* -- those that are not to be hunted -- */

static size_t find_spared(const struct supervisor *supervisor, pid_t pid)
{
	size_t i = 0;

	while (i < supervisor->nspared && supervisor->spared[i].pid != pid)
		i++;
	return i;
}

/* False: there is no room. */
static bool spare(struct supervisor *supervisor, pid_t pid, bool foreign)
{
	if (supervisor->nspared == SPARED_MOST)
		return false;
	supervisor->spared[supervisor->nspared++] = (struct spared){.pid = pid, .foreign = foreign};
	return true;
}

/* Was it foreign? */
static bool unspare(struct supervisor *supervisor, pid_t pid)
{
	size_t i = find_spared(supervisor, pid);
	bool foreign = i < supervisor->nspared && supervisor->spared[i].foreign;

	if (i < supervisor->nspared)
		supervisor->spared[i] = supervisor->spared[--supervisor->nspared];
	return foreign;
}

/* Whoever has ended and is not reaped yet; false: nobody, and si_pid is -1 if there is no child at
   all. */
static bool next_ended(siginfo_t *info)
{
	*info = (siginfo_t){0};
	if (waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) < 0)
		info->si_pid = errno == ECHILD ? -1 : 0;
	return info->si_pid > 0;
}

static void spare_foreign(pid_t pid, void *context)
{
	struct supervisor **supervisor = context;

	if (*supervisor && !spare(*supervisor, pid, true))
		*supervisor = NULL;
}

/* Before the first program: a shell may have started others before it made way for noded, and the
   first process of a container gets the orphans of all. Whoever is our child by now is no orphan of
   a program; who becomes it from now on is taken for one. */
static int supervisor_arm(struct supervisor *supervisor, struct err *err)
{
	struct supervisor *heir = supervisor;
	siginfo_t info;

	supervisor->nspared = 0;
	next_ended(&info);
	if (info.si_pid >= 0 && offspring_each(spare_foreign, &heir) == OFFSPRING_UNSEEN)
		return err_sys(err, net_is_shortage(errno) ? ERR_LIMIT_REACHED : ERR_IO_ERROR,
			       errno, "the children noded has already cannot be listed");
	if (!heir)
		return err_set(err, ERR_LIMIT_REACHED,
			       "noded has more than %d children that are no programs of its own",
			       SPARED_MOST);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "orphans cannot be adopted");
	return 0;
}

/* -- children -- */

int child_spawn(struct child *child, struct supervisor *supervisor, const struct spawn *spawn,
		struct err *err)
{
	assert(child->exited && child->stage == CHILD_NONE);
	if (!supervisor->hunter && supervisor_arm(supervisor, err) < 0)
		return -1;
	if (launch_program(&supervisor->launcher, spawn, &child->pid, err) < 0)
		return -1;
	supervisor->hunter = true;
	child->supervisor = supervisor;
	child->stage = CHILD_RUNS;
	RB_INSERT(child_tree, &supervisor->tree, child);
	supervisor->children++;
	loop_mark(supervisor->loop);
	return 0;
}

void child_signal(struct child *child, int signal_number)
{
	if (child->stage != CHILD_RUNS || kill(-child->pid, signal_number) == 0 ||
	    signal_number != SIGKILL)
		return;
	/* Nobody asks twice: what refused it (a security module, say) may not refuse for ever. */
	child->outlives = child->supervisor->outlived = true;
}

static void child_remove(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;

	if (child->stage == CHILD_RUNS) {
		RB_REMOVE(child_tree, &supervisor->tree, child);
		supervisor->children--;
		loop_mark(supervisor->loop);
	} else if (child->stage == CHILD_LEAVES) {
		TAILQ_REMOVE(&supervisor->leaving, child, leaving);
		if (TAILQ_EMPTY(&supervisor->leaving))
			ev_timer_stop(supervisor->loop->ev, &supervisor->patience);
	}
	child->stage = CHILD_NONE;
	child->outlives = false;
}

void child_forget(struct child *child)
{
	child_signal(child, SIGKILL);
	child_remove(child);
}

/* For the first of those that wait; not too often, as each end of it is a hunt. */
static void patience_start(struct supervisor *supervisor)
{
	const struct child *child = TAILQ_FIRST(&supervisor->leaving);
	double due;

	if (!child || ev_is_active(&supervisor->patience))
		return;
	due = child->due;
	if (due < supervisor->expired + SLOW_SECONDS)
		due = supervisor->expired + SLOW_SECONDS;
	due -= clock_seconds();
	ev_timer_set(&supervisor->patience, due > 0 ? due : 0, 0.);
	ev_timer_start(supervisor->loop->ev, &supervisor->patience);
}

static void child_leave(struct child *child, const siginfo_t *info)
{
	struct supervisor *supervisor = child->supervisor;

	child_remove(child);
	child->stage = CHILD_LEAVES;
	child->signalled = info->si_code != CLD_EXITED;
	child->status = info->si_status;
	child->due = clock_seconds() + PATIENCE_SECONDS;
	TAILQ_INSERT_TAIL(&supervisor->leaving, child, leaving);
	patience_start(supervisor);
}

/* all: not only those that have waited enough. True: there are more, but no time. */
static bool let_go(struct supervisor *supervisor, bool all)
{
	struct child *child;

	while ((child = TAILQ_FIRST(&supervisor->leaving)) &&
	       (all || child->due <= supervisor->expired)) {
		if (!loop_may(&supervisor->loop->ending))
			return true;
		child_remove(child);
		child->exited(child, child->signalled, child->status);
	}
	return false;
}

/* -- those nobody here started: the hunt -- */

/* Our child, but neither a program that runs nor in the session of one, which nobody can enter from
   outside (setsid(2)). Its number is kept until we reap it, and its session's as long as it is
   there. */
static bool is_stray(struct supervisor *supervisor, pid_t pid)
{
	return !find_running(supervisor, pid) && !find_running(supervisor, getsid(pid)) &&
	       find_spared(supervisor, pid) == supervisor->nspared;
}

struct hunt {
	struct supervisor *supervisor;
	size_t strays;
	struct buf *names; /* takes their names, as far as NAMES reaches; NULL: no */
	bool spare;	   /* not to be hunted again */
};

static void hunt_down(pid_t pid, void *context)
{
	struct hunt *hunt = context;
	char name[OFFSPRING_NAME_SIZE];

	if (!is_stray(hunt->supervisor, pid))
		return;
	kill(pid, SIGKILL);
	hunt->strays++;
	if (hunt->names && hunt->names->len < NAMES)
		buf_printf(hunt->names, " %s[%d]", offspring_name(pid, name), (int)pid);
	if (hunt->spare)
		hunt->spare = spare(hunt->supervisor, pid, false);
}

/* Kills the strays there are. Gives their number. */
static size_t hunt_run(struct hunt *hunt)
{
	struct supervisor *supervisor = hunt->supervisor;
	double began = clock_seconds();

	supervisor->look = offspring_each(hunt_down, hunt);
	supervisor->hunted = clock_seconds();
	supervisor->effort = supervisor->hunted - began;
	supervisor->strays = hunt->strays;
	return hunt->strays;
}

/* True if there are strays, or may be. */
static bool hunt_once(struct supervisor *supervisor)
{
	size_t strays = hunt_run(&(struct hunt){.supervisor = supervisor});

	return strays > 0 || supervisor->look == OFFSPRING_UNSEEN;
}

/* Seconds until the next hunt makes sense. It is as long as the list of our children, so it is not
   made at every end: one can wait for the other. Not so where the last found prey, which may
   multiply. crowded: more have ended than were reaped; these make it long, so most of the time is
   theirs. */
static double hunt_pause(const struct supervisor *supervisor, bool crowded)
{
	bool rest = crowded || supervisor->strays == 0;
	double pause = rest ? EFFORT_SHARE * supervisor->effort : 0;

	if (supervisor->look != OFFSPRING_LISTED && pause < SLOW_SECONDS)
		pause = SLOW_SECONDS;
	return pause > 0 ? supervisor->hunted + pause - clock_seconds() : 0;
}

/* The next hunt has to wait: until supervisor_check if it is costly or sees nothing, and nobody
   waits for it. */
static void hunt_later(struct supervisor *supervisor, double pause)
{
	if (ev_is_active(&supervisor->again) ||
	    (supervisor->look != OFFSPRING_LISTED && TAILQ_EMPTY(&supervisor->leaving)))
		return;
	ev_timer_set(&supervisor->again, pause, 0.);
	ev_timer_start(supervisor->loop->ev, &supervisor->again);
}

/* True once there are no strays. */
static bool hunt_is_over(struct supervisor *supervisor, bool crowded)
{
	double pause = hunt_pause(supervisor, crowded);

	if (supervisor->hunting && pause <= 0) {
		supervisor->hunting = hunt_once(supervisor);
		pause = hunt_pause(supervisor, false);
	}
	if (supervisor->hunting && pause > 0)
		hunt_later(supervisor, pause);
	return !supervisor->hunting;
}

/* Was it in the session of its program to the end? Then nobody need wonder why it is gone. */
static bool ran_away(const struct supervisor *supervisor, pid_t session)
{
	const struct child *child;

	TAILQ_FOREACH (child, &supervisor->leaving, leaving)
		if (child->pid == session)
			return false;
	return true;
}

static void tell_runaway(struct supervisor *supervisor, pid_t pid)
{
	char name[OFFSPRING_NAME_SIZE];

	if (supervisor->hunting && ran_away(supervisor, getsid(pid)) &&
	    log_allowed(&supervisor->runaways, 1, 10., LOG_LEVEL_INFO, "exec:outlived"))
		log_info("exec", "killed %s[%d], which outlived its program",
			 offspring_name(pid, name), (int)pid);
}

static bool orphan_reap(struct supervisor *supervisor, siginfo_t *info)
{
	bool killed = info->si_code == CLD_KILLED && info->si_status == SIGKILL;
	pid_t pid = info->si_pid;

	if (killed)
		tell_runaway(supervisor, pid);
	if (launch_wait(pid, info) < 0)
		return false;
	if (unspare(supervisor, pid) || !supervisor->hunter)
		return true;
	supervisor->adopted++;
	supervisor->killed += killed;
	/* What it was the parent of is ours now. */
	supervisor->hunting = true;
	loop_mark(supervisor->loop);
	return true;
}

/* -- watching -- */

/* A process that has ended; until it is reaped its number, and that of its group, is not given to
   anybody else. False: it is a zombie still. */
static bool supervisor_reap(struct supervisor *supervisor, siginfo_t *info)
{
	struct child *child = find_running(supervisor, info->si_pid);

	if (!child)
		return orphan_reap(supervisor, info);
	kill(-child->pid, SIGKILL);
	if (launch_wait(child->pid, info) < 0)
		return false;
	supervisor->hunting = true;
	child_leave(child, info);
	return true;
}

static bool reap_slice(struct job *job)
{
	struct supervisor *supervisor = container_of(job, struct supervisor, reaping);
	siginfo_t info = {0};
	bool more = true;

	supervisor->reaps.steps = 0;
	while (loop_may(&supervisor->reaps) && more)
		more = next_ended(&info) && supervisor_reap(supervisor, &info);
	if (let_go(supervisor, hunt_is_over(supervisor, more)))
		return true;
	patience_start(supervisor);
	return more;
}

void supervisor_look(struct supervisor *supervisor)
{
	loop_post(supervisor->loop, &supervisor->reaping);
}

void supervisor_check(struct supervisor *supervisor)
{
	struct child *child;

	if (supervisor->children > 0 || supervisor->hunting)
		supervisor_look(supervisor);
	if (!supervisor->outlived)
		return;
	supervisor->outlived = false;
	RB_FOREACH (child, child_tree, &supervisor->tree)
		if (child->outlives)
			child_signal(child, SIGKILL);
}

static void on_again(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, again);

	(void)ev;
	(void)revents;
	loop_post(supervisor->loop, &supervisor->reaping);
}

/* Gives the number of those that do not die. */
static size_t tell_undying(struct supervisor *supervisor)
{
	struct buf names = {0};
	size_t count = hunt_run(&(struct hunt){.supervisor = supervisor, .names = &names});
	int error = errno;

	if (supervisor->look == OFFSPRING_UNSEEN &&
	    log_allowed(&supervisor->unseen, 1, 10., LOG_LEVEL_WARNING, "exec:unseen"))
		log_warning("exec", "what programs left when they ended cannot be seen: %s",
			    strerror(error));
	if (count && log_allowed(&supervisor->undying, 1, 10., LOG_LEVEL_WARNING, "exec:undying"))
		log_warning("exec", "%zu left by programs that ended do not die:%s%s", count,
			    buf_string_or(&names, ""), names.len < NAMES ? "" : " ...");
	buf_free(&names);
	return count;
}

/* Killed, and there all the same: in a system call that does not return, or more of them are made
   than can be killed. The ends that have waited enough for it go; the hunt goes on, and when it
   does go it is reaped like any. */
static void on_patience(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct supervisor *supervisor = container_of(timer, struct supervisor, patience);
	const struct child *first = TAILQ_FIRST(&supervisor->leaving);
	double now = clock_seconds();
	size_t count;

	(void)ev;
	(void)revents;
	if (now < first->due) { /* another one's timer, or the loop's clock is late */
		patience_start(supervisor);
		return;
	}
	supervisor->expired = now;
	count = tell_undying(supervisor);
	if (count && count <= UNDYING_MOST)
		hunt_run(&(struct hunt){.supervisor = supervisor, .spare = true});
	loop_post(supervisor->loop, &supervisor->reaping);
}

void supervisor_open(struct supervisor *supervisor, struct loop *loop)
{
	*supervisor = (struct supervisor){
	    .loop = loop,
	    .reaping.run = reap_slice,
	    .reaps = {.most = UINT32_MAX, .seconds = LOOP_SLICE_SECONDS},
	};
	RB_INIT(&supervisor->tree);
	TAILQ_INIT(&supervisor->leaving);
	ev_timer_init(&supervisor->again, on_again, 0., 0.);
	ev_timer_init(&supervisor->patience, on_patience, 0., 0.);
	launcher_open(&supervisor->launcher);
	/* Some may have ended when nobody watched yet. */
	supervisor_look(supervisor);
}

void supervisor_close(struct supervisor *supervisor)
{
	const struct timespec pause = {.tv_nsec = 5000000L};
	int tries = (int)(CLOSE_SECONDS * 1e9) / (int)pause.tv_nsec;
	struct child *child;
	siginfo_t info;

	for (;;) {
		while (next_ended(&info) && supervisor_reap(supervisor, &info))
			;
		RB_FOREACH (child, child_tree, &supervisor->tree)
			child_signal(child, SIGKILL);
		/* Again each time: the children of those killed become ours. */
		if (info.si_pid < 0 || !supervisor->hunter || tries-- == 0 ||
		    (!hunt_once(supervisor) && RB_EMPTY(&supervisor->tree)))
			break;
		nanosleep(&pause, NULL);
	}
	while ((child = TAILQ_FIRST(&supervisor->leaving))) {
		child_remove(child);
		child->exited(child, child->signalled, child->status);
	}
	launcher_close(&supervisor->launcher);
	loop_cancel(supervisor->loop, &supervisor->reaping);
	ev_timer_stop(supervisor->loop->ev, &supervisor->again);
	ev_timer_stop(supervisor->loop->ev, &supervisor->patience);
	log_limit_end(&supervisor->runaways);
	log_limit_end(&supervisor->undying);
	log_limit_end(&supervisor->unseen);
}
