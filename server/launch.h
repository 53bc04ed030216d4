/* The making of a process: from the clone to its program. */
#ifndef SERVER_LAUNCH_H
#define SERVER_LAUNCH_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include "../proto/error.h"
#include "identity.h"

/* What noded keeps for those it starts; one a node. */
struct launcher {
	pid_t self;
	uint64_t altered; /* signals that noded does not leave at their default: a bit each */
	/* Descriptors taken for good while low numbers are free: all of /dev/null, but that during
	   a launch the first two are the connection and the pipe. -1, all of them: every child gets
	   a copy of all descriptors. */
	int in_out, error, null;
};

struct spawn {
	const char *program; /* absolute path */
	char *const *argv;
	char *const *environment;
	struct identity identity; /* whom it runs as */
	int in_out;		  /* becomes fds 0 and 1; made blocking for the program */
	int error;		  /* becomes fd 2 */
};

/* To be called when noded has set its signals up. Never fails: at the worst launches are slow. */
void launcher_open(struct launcher *launcher);
void launcher_close(struct launcher *launcher);

/* Starts a program in a session of its own, cut off from all that is noded's: signals, mask and
   soft descriptor limit as noded found them or at their defaults, no descriptor but 0, 1 and 2, cwd
   /, umask 022, no ambient capability, no_new_privs, SIGKILL when noded's main thread dies (which
   must be the caller). The caller keeps (and then closes) its descriptors, which must be above 2.
   -1: permission_denied, io_error, limit_reached or program_not_found, errno in err->sys; known at
   once, also a failed execve. As another user it may take two seconds, and then leave a child that
   is killed and not reaped. */
int launch_program(struct launcher *launcher, const struct spawn *spawn, pid_t *pid,
		   struct err *err) __attribute__((warn_unused_result));
/* Whether that user could run that program, as far as can be known without running it: a process
   becomes the user, looks and ends. Only program and identity matter. -1: as above. */
int launch_rehearse(struct launcher *launcher, const struct spawn *spawn, struct err *err)
    __attribute__((warn_unused_result));

/* Reaps a child that has ended or is about to. -1: it is not reaped (errno). */
int launch_wait(pid_t pid, siginfo_t *info);

#endif
