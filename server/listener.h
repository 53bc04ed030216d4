/* A listening socket: opening it, accepting in bounded batches, pausing, noticing that it died, and
   closing it without cutting off anyone who had connected. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "claim.h"
#include "engine.h"
#include "listen.h"

struct listener_ops {
	/* May one more be accepted? */
	bool (*has_room)(struct engine *owner);
	/* fd is a new client, non-blocking, now the owner's. */
	void (*accepted)(struct engine *owner, int fd, const struct address *peer);
	/* The socket is dead (REASON_LISTENER_LOST) or unreachable (REASON_PATH_REMOVED); the
	   listener is ending for that reason. error is an errno or 0, detail a sentence. */
	void (*lost)(struct engine *owner, enum reason why, int error, const char *detail);
};

struct listener {
	struct engine e; /* parent: the server or admin */
	const struct listener_ops *ops;
	struct address address; /* as bound */
	struct claim claim;	/* Unix: the path */
	int fd;			/* -1 once closed or found to be another's */
	ino_t ino;		/* of our socket, to tell fd from a foreign one (fstat) */
	uint32_t backlog;	/* effective: capped by net.core.somaxconn */
	bool reserve;
	bool keep_bound; /* at the end leave a bound, silent TCP socket in kept_fd */
	int waiting_fd;	 /* closing: a client accepted to see whether there is one, for whom there
			    is no place yet; else -1 */
	int kept_fd;	 /* for the owner to take when the listener has gone, else -1 */
	bool closing;	 /* new clients are being refused */
	bool last_look;	 /* closing: the grace for handshakes has passed */
	ev_io io;
	struct exposed exposed; /* io: whatever shares the process may close the descriptor */
	ev_timer pause;		/* after fd_limit, when stuck, and for the grace while closing */
	/* a time without descriptors, or in which accept fails for another reason */
	bool short_of_fds;
	int shortage_error; /* the first */
	uint64_t shortages; /* accept failures in it */
	double shortage_began;
	uint64_t accepted;
	uint64_t aborted; /* transient accept errors */
	unsigned in_vain; /* of them in a row, whatever batches they came in */
	uint64_t accepted_at_stop, refused_at_stop;
};

/* Opens it and starts accepting; last child of parent. reserve: it may use descriptors kept for
   administration. -1: see listen_open; nothing is left. */
int listener_open(struct listener **listener, struct engine *parent, const struct listener_ops *ops,
		  const struct listen_options *options, bool reserve, struct err *err)
    __attribute__((warn_unused_result));

/* There may be room, or descriptors, again. */
void listener_resume(struct listener *listener);

/* The owner's room has changed: pauses where there is none any more, else like listener_resume. */
void listener_update(struct listener *listener);

/* Looks whether the socket still is ours, alive and reachable; tells ops->lost if not. Called twice
   a second: neither epoll nor inotify reports a closed descriptor or a moved directory. */
void listener_check(struct listener *listener);

#endif
