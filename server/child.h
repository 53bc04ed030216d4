/* Child processes: watched, told to leave, killed with their group and with all that left it, and
   reaped. */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <ev.h>
#include <stdint.h>
#include <sys/types.h>
#include "../proto/error.h"
#include "launch.h"
#include "log.h"
#include "loop.h"
#include "offspring.h"

struct child;
RB_HEAD(child_tree, child);
TAILQ_HEAD(child_list, child);

enum { SPARED_MOST = 128 };

/* A child that is nobody's prey. */
struct spared {
	pid_t pid;
	bool foreign; /* no program of ours ever had to do with it; else it does not die */
};

/* One a node. */
struct supervisor {
	struct loop *loop;
	struct launcher launcher;
	struct child_tree tree;	   /* those that run */
	struct child_list leaving; /* those that have ended; told when what they left is gone */
	struct job reaping;
	struct budget reaps; /* of one turn */
	bool hunter;	     /* a program was started: who is ours now may be what it left */
	/* Since a child ended, until no process is left that belongs to none that runs. */
	bool hunting;
	enum offspring_look look; /* how the last hunt saw its prey, ... */
	double hunted;		  /* ... when it was over, CLOCK_MONOTONIC, ... */
	double effort;		  /* ... seconds it took, ... */
	size_t strays;		  /* ... and how many it found */
	ev_timer again;		  /* the next, if it has to wait */
	ev_timer patience;	  /* the first of those in leaving has waited enough for it */
	double expired;		  /* when patience last ended */
	struct spared spared[SPARED_MOST];
	size_t nspared;
	uint32_t children; /* spawned and not reaped yet */
	uint64_t adopted;  /* orphans of programs reaped since the start */
	uint64_t killed;   /* of them, by SIGKILL */
	bool outlived;	   /* some child outlives its SIGKILL */
	struct log_limit runaways, undying, unseen;
};

enum child_stage {
	CHILD_NONE,
	CHILD_RUNS,
	CHILD_LEAVES, /* reaped; what it left behind is being killed */
};

/* Embedded by its owner; memory stays the owner's and must live until exited was called or
   child_forget. */
struct child {
	union {
		RB_ENTRY(child) by_pid;	    /* while it runs */
		TAILQ_ENTRY(child) leaving; /* while it leaves */
	};
	struct supervisor *supervisor;
	pid_t pid; /* and its session's; somebody else's may be the number once it leaves */
	enum child_stage stage;
	bool outlives; /* SIGKILL could not be sent: supervisor_check tries again */
	double due;    /* it leaves then at the latest, CLOCK_MONOTONIC */
	bool signalled;
	int status;
	/* It has ended and is reaped, and so is whatever it left behind, in its process group or
	   out of it (within bounded time); signalled: by signal `status`, else with exit status
	   `status`. */
	void (*exited)(struct child *child, bool signalled, int status);
};

/* Whoever gets SIGCHLD calls supervisor_look. Needs an ev_loop_new loop: the default loop's own
   handler would reap everything. Signals must be set up by then. Until the first child_spawn
   whoever ends is reaped, and that is all. */
void supervisor_open(struct supervisor *supervisor, struct loop *loop);
/* Some child may have ended: later in this turn it is reaped. */
void supervisor_look(struct supervisor *supervisor);
/* To be called now and then: makes up for a wait or a kill that failed. */
void supervisor_check(struct supervisor *supervisor);
/* Kills and reaps every child that is left, known or adopted (bounded time), then stops watching.
 */
void supervisor_close(struct supervisor *supervisor);

/* As launch_program. child->exited must be set, and is never called before this returns. The first
   that succeeds has set PR_SET_CHILD_SUBREAPER; the children that this process had before are left
   alone for good (limit_reached if they are more than SPARED_MOST). */
int child_spawn(struct child *child, struct supervisor *supervisor, const struct spawn *spawn,
		struct err *err) __attribute__((warn_unused_result));
/* Signals the child's process group, if it runs. */
void child_signal(struct child *child, int signal_number);
/* The owner goes away, if the child is not over: its group is killed, and it is reaped later like
   one adopted, without a word. */
void child_forget(struct child *child);

#endif
