/* Pipes that bulk streams pass through with splice(2): lent while they hold bytes, kept for the
   next for a moment, bounded in number. */
#ifndef SERVER_PIPE_H
#define SERVER_PIPE_H

#include <bsd/sys/queue.h>
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

enum {
	PIPES_MOST = 32,	    /* lent and spare; fewer where few descriptors are allowed */
	PIPE_SIZE = 1024 * 1024,    /* wished for */
	PIPE_SIZE_MIN = 256 * 1024, /* with less, copying is as good */
};

struct pipe {
	TAILQ_ENTRY(pipe) link; /* while it is spare */
	int in, out;
	size_t held; /* bytes in it; 0 while it is spare */
};

/* Those of a loop. */
struct pipes {
	/* longest unused last */
	TAILQ_HEAD(pipe_list, pipe) spare;
	size_t large;	   /* bytes of a piece that a bulk is told by */
	uint32_t open;	   /* lent and spare */
	uint32_t nspare;   /* of them spare */
	uint32_t unneeded; /* spare all the time since the last tick */
	double not_before; /* loop time: until then none is to be had */
	ev_timer tick;	   /* active while any is spare */
};

/* Sheds those that are spare where others are short of descriptors (net_shed). */
void pipes_open(struct pipes *pipes);
void pipes_close(struct pipes *pipes);

/* An empty pipe, NULL if none is to be had now: too many, no descriptors, no memory. */
struct pipe *pipe_take(struct loop *loop);
/* Takes it back, to be spare if it is empty; what it still holds is lost. */
void pipe_give(struct loop *loop, struct pipe *pipe);

#endif
