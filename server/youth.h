/* TCP sockets whose options can wait until it shows that they stay: most connections end before
   either is of use to them, and two system calls are saved. */
#ifndef SERVER_YOUTH_H
#define SERVER_YOUTH_H

#include <bsd/sys/queue.h>
#include "loop.h"

/* Zeroed it is no youth. */
struct youth {
	LIST_ENTRY(youth) link;
	int fd;
};

/* Those of a node. Zeroed it is ready. */
struct youths {
	LIST_HEAD(youth_list, youth) born, grown; /* since the last tick; before it */
	ev_timer tick;				  /* active while there are any */
	struct job job;				  /* tunes the grown */
	struct loop *loop;
};

/* fd is tuned (net_tune) in 0.1 to 0.2 seconds, if not before, unless youth_end comes first. */
void youth_begin(struct youths *youths, struct youth *youth, struct loop *loop, int fd);
/* It cannot wait any longer: tuned now, if it is not yet. Bytes that Nagle's algorithm held back go
   out by that (tcp(7), TCP_NODELAY). */
void youth_tune(struct youth *youth);
/* The descriptor is about to be closed. */
void youth_end(struct youth *youth);

#endif
