/* TCP sockets whose options can wait until it shows that they stay: most connections end before
   either is of use to them, and two system calls are saved. */
#ifndef SERVER_LATE_TUNE_H
#define SERVER_LATE_TUNE_H

#include <bsd/sys/queue.h>
#include "loop.h"

/* Zeroed it waits for nothing. */
struct late_tune {
	LIST_ENTRY(late_tune) link;
	int fd;
};

/* Those of a node. Zeroed it is ready. */
struct late_tunes {
	LIST_HEAD(late_tune_list, late_tune) fresh, due; /* since the last tick; before it */
	ev_timer tick;					 /* active while there are any */
	struct job job;					 /* tunes those that are due */
	struct loop *loop;
};

/* fd is tuned (net_tune) in one to two seconds, if not before, unless late_tune_cancel comes first.
   By then it is only about keepalive, which is of no use for hours (tcp(7), tcp_keepalive_time). */
void late_tune_begin(struct late_tunes *tunes, struct late_tune *tune, struct loop *loop, int fd);
/* It cannot wait any longer: tuned now, if it is not yet. Bytes that Nagle's algorithm held back go
   out by that (tcp(7), TCP_NODELAY). */
void late_tune_now(struct late_tune *tune);
/* The descriptor is about to be closed. */
void late_tune_cancel(struct late_tune *tune);

#endif
