/* The event loop with what everything on it shares: jobs that run in slices, memory freed at the
   end of a turn, the scratch buffer, and those who watch for changes. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <bsd/sys/queue.h>
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pipe.h"

/* The struct that ptr is a member of. */
#define container_of(ptr, type, member) ((type *)(void *)((uintptr_t)(ptr)-offsetof(type, member)))

enum {
	LOOP_SCRATCH = 256 * 1024,     /* bytes of the shared buffer */
	LOOP_LARGE = LOOP_SCRATCH / 4, /* bytes of a piece, as of a stream that is a bulk */
	LOOP_EXPOSED = 256, /* lists of the exposed, each with its share of the numbers */
};
/* What ending and the admin side may take of one turn together: half of it each. */
#define LOOP_SLICE_SECONDS 0.002

/* Work too long for one callback: run is called once a turn until it returns false. */
struct job {
	TAILQ_ENTRY(job) link;
	bool queued;
	bool (*run)(struct job *job);
};

/* Memory to give back when the turn is over. */
struct grave {
	SLIST_ENTRY(grave) link;
	void (*bury)(struct grave *grave); /* frees what the grave is embedded in */
};

/* A watcher whose descriptor others may close: the kernel then gives its number anew, and libev
   aborts when it asks for events of a number that is not open. Such a watcher is stopped before
   that, and hears that it was dropped. */
struct exposed {
	LIST_ENTRY(exposed) link;
	ev_io *io;
};

/* News of a stream of data, kept until it is its turn. libev gives out last what came first, which
   under load makes the unlucky wait for all the others; here first come is first served. */
struct news {
	ev_io *io;
	int revents;
	void (*hear)(ev_io *io, int revents);
};

/* Told of changes of state. */
struct observer {
	LIST_ENTRY(observer) link;
	void (*changed)(
	    struct observer *observer); /* at the end of a turn in which something did */
	/* At once, while a phase is what it is; engine is the one that changed. */
	void (*phase)(struct observer *observer, const void *engine);
};

/* What one kind of work may take of one turn. */
struct budget {
	double began;	 /* CLOCK_MONOTONIC, of this turn's first step */
	uint32_t steps;	 /* taken in this turn */
	uint32_t most;	 /* allowed in a turn */
	double seconds;	 /* and so is this time */
	uint32_t record; /* most taken in any turn */
};

struct loop {
	struct ev_loop *ev;
	char *scratch; /* LOOP_SCRATCH bytes; anybody's until his callback returns */
	struct pipes pipes;
	TAILQ_HEAD(, job) jobs;
	SLIST_HEAD(, grave) graves;
	LIST_HEAD(, observer) observers;
	LIST_HEAD(, exposed) exposed[LOOP_EXPOSED];
	bool changed;
	double now;    /* see loop_now */
	double rested; /* when it last slept, or gave way to others */
	ev_idle awake; /* active while jobs are left, so that the loop does not sleep */
	/* in reverse; a watcher's data is the place of its news, counted from 1 */
	struct news *news;
	size_t nnews, news_room;
	ev_fork anew; /* before libev opens another epoll descriptor, with all that is watched */
	uint64_t turns;
	uint32_t unclosed; /* connections that have ended, but are yet to be closed */
	/* Work of one kind in one turn, whoever does it: what keeps everyone's turn short. */
	struct budget ending;	/* engines told to end */
	struct budget leaving;	/* connections that end by themselves, and are closed at once */
	struct budget requests; /* requests begun */
	struct budget rows;	/* rows of long answers, and waits looked at */
};

/* -1: errno is set. */
int loop_open(struct loop *loop) __attribute__((warn_unused_result));
void loop_close(struct loop *loop);
/* Runs until loop_break. */
void loop_run(struct loop *loop);
void loop_break(struct loop *loop);

/* Seconds of CLOCK_MONOTONIC when the turn began: for durations. */
double loop_now(const struct loop *loop);
/* Seconds since the epoch when the turn began: for showing. */
double loop_wall(const struct loop *loop);

/* Among the events of a watcher: it was stopped, as the kernel had no memory or no watch left for
   its descriptor (epoll_ctl(2): ENOMEM, ENOSPC), or as it is exposed and its descriptor was closed.
   Nothing will be heard of it until it is started again, and then perhaps this. */
static inline bool loop_dropped(int revents)
{
	return (revents & EV_ERROR) != 0;
}

/* io is initialized, for a descriptor that others may close; until loop_shelter. */
void loop_expose(struct loop *loop, struct exposed *exposed, ev_io *io);
void loop_shelter(struct exposed *exposed);
/* fd was just opened, to be watched: whoever is exposed and watches that number has lost it. */
void loop_opened(struct loop *loop, int fd);

/* For the callback of a watcher that shares the turn with many: calls hear later in this turn, when
   libev has told all it knows, in the order the kernel told it; at once where there is no memory to
   keep it. io->data is the loop's. */
void loop_tell(struct loop *loop, ev_io *io, int revents, void (*hear)(ev_io *io, int revents));
/* The same for others, in any order; false: there is no memory for it. */
bool loop_tell_later(struct loop *loop, ev_io *io, int revents,
		     void (*hear)(ev_io *io, int revents)) __attribute__((warn_unused_result));
/* io was stopped: it hears nothing any more. */
void loop_untell(struct loop *loop, ev_io *io);
/* Is there news for io that it has not heard? */
static inline bool loop_has_news(const ev_io *io)
{
	return io->data != NULL;
}

/* Puts a job in the queue if it is not there. */
void loop_post(struct loop *loop, struct job *job);
void loop_cancel(struct loop *loop, struct job *job);

/* May one more step of this kind of work be done in this turn? False once `most` steps or
   its seconds are spent on it. */
bool loop_may(struct budget *budget);

void loop_bury(struct loop *loop, struct grave *grave);

/* Something that `state` shows has changed. */
void loop_mark(struct loop *loop);
/* For good. */
void loop_observe(struct loop *loop, struct observer *observer);

#endif
