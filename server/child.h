/* Child processes: spawned in a session of their own, watched, told to leave, killed with their
   group, reaped; orphans that become ours are reaped and counted. */
#ifndef SERVER_CHILD_H
#define SERVER_CHILD_H

#include <bsd/sys/tree.h>
#include <ev.h>
#include <stdint.h>
#include <sys/types.h>
#include "../proto/error.h"
#include "loop.h"

struct child;
RB_HEAD(child_tree, child);

/* One a node. */
struct supervisor {
	struct loop *loop;
	struct child_tree tree;
	ev_signal sigchld;
	struct job reaping;
	uint32_t children; /* spawned and not reaped yet */
	uint64_t adopted;  /* orphans reaped since the start */
};

/* Embedded by its owner; memory stays the owner's and must live until exited was called or
   child_forget. */
struct child {
	RB_ENTRY(child) by_pid;
	struct supervisor *supervisor;
	pid_t pid; /* 0 unless it lives */
	/* It has ended and is reaped, and its process group is killed; signalled: by signal
	   `status`, else with exit status `status`. */
	void (*exited)(struct child *child, bool signalled, int status);
};

struct spawn {
	const char *program; /* absolute path */
	char *const *argv;
	char *const *environment;
	int in_out; /* becomes fds 0 and 1; made blocking for the program */
	int error;  /* becomes fd 2 */
};

/* Needs an ev_loop_new loop: the default loop's own SIGCHLD handler would reap everything. Sets
   PR_SET_CHILD_SUBREAPER. */
int supervisor_open(struct supervisor *supervisor, struct loop *loop, struct err *err)
    __attribute__((warn_unused_result));
/* Kills and reaps every child that is left, known or adopted (bounded time), then stops watching.
 */
void supervisor_close(struct supervisor *supervisor);

/* Starts a program in a session of its own, cut off from all that is noded's: signals, mask and
   soft descriptor limit as noded found them or at their defaults, no descriptor but 0, 1 and 2, cwd
   /, umask 022, no_new_privs, SIGKILL when noded's main thread dies (which must be the caller). The
   caller keeps (and then closes) its descriptors, which must be above 2. -1: io_error,
   limit_reached or program_not_found, errno in err->sys; known at once, also a failed execve.
   child->exited must be set, and is never called before this returns. */
int child_spawn(struct child *child, struct supervisor *supervisor, const struct spawn *spawn,
		struct err *err) __attribute__((warn_unused_result));
/* Signals the child's process group, if it lives. */
void child_signal(const struct child *child, int signal_number);
/* The owner goes away, if the child lives: its group is killed, and it is reaped later like one
   adopted, without a word. */
void child_forget(struct child *child);

#endif
