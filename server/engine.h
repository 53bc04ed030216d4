/* Everything that lives is an engine: one lifecycle, one ordered end. */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>
#include "../proto/phase.h"
#include "field.h"
#include "loop.h"

/* How to end: each is harder than the one before. */
enum end {
	END_NONE,
	END_DRAIN, /* wait until what is open ends by itself */
	END_STOP,  /* flush, say goodbye, leave */
	END_KILL,  /* now */
};

struct engine;

struct engine_kind {
	const char *name;
	const struct field_table *fields;
	/* Called once for each harder `how`, before the children are told. True: nothing of its own
	   is left to wait for (children aside); false: engine_done will be called. NULL: true. */
	bool (*end)(struct engine *engine, enum end how);
	/* All children are gone and its own work is done: close, unlink, forget. May be NULL. */
	void (*release)(struct engine *engine);
	/* Gives the memory back at the end of the turn. NULL: it is not the engine's own. */
	void (*destroy)(struct engine *engine);
	/* A child was released and has left; it can still be read. May be NULL. */
	void (*child_gone)(struct engine *engine, struct engine *child);
	/* Writes who it is for the log ("unix:/run/x.sock", "connection 7"); returns text. */
	const char *(*subject)(const struct engine *engine, char *text, size_t size);
	/* How important the line about its new phase is: an enum log_level, -1 for no line. NULL:
	   debug for running and stopped, else none. */
	int (*log_level)(const struct engine *engine);
	/* Appends what else that line should say. May be NULL. */
	void (*log_detail)(const struct engine *engine, struct buf *text);
	/* Rows that some of its engines have beside fields; NULL: none. May be NULL. */
	const struct field_table *(*more_fields)(const struct engine *engine);
	bool unseen;   /* no path of `state` leads to it: its phases concern nobody else */
	bool parallel; /* end all children at once, in slices; else last started first */
};

/* Children in the order they were started, embedded in the struct of a parent. */
struct brood {
	TAILQ_HEAD(engine_list, engine) list;
	uint64_t count;
	struct engine *untold; /* parallel: the next child to tell of the end, NULL: all were */
	struct job telling;
	struct engine *owner;
};

/* Waits for an engine's end. Zeroed and with done set it is ready; whoever owns it removes it with
   engine_unwait before it goes away. */
struct waiter {
	LIST_ENTRY(waiter) link;
	bool waiting;
	void (*done)(struct waiter *waiter, struct engine *engine); /* stopped, still readable */
};

struct engine {
	const struct engine_kind *kind;
	struct loop *loop; /* whose thread alone may touch it */
	struct engine *parent;
	union {
		TAILQ_ENTRY(engine) sibling; /* while it lives */
		struct grave grave;	     /* after */
	};
	struct brood *brood;	   /* NULL: can have no children */
	struct deadline *deadline; /* NULL: none */
	LIST_HEAD(, waiter) waiters;
	uint64_t id;   /* what others hold on to across turns; 0: none */
	double since;  /* of the last transition, seconds since the epoch */
	int error;     /* number that belongs to why */
	uint8_t phase; /* enum phase */
	uint8_t why;   /* enum reason */
	uint8_t how;   /* enum end */
	bool done;     /* its own part of the end is over */
};

/* Begins an engine's life: phase starting, last child of parent (NULL: the root). */
void engine_init(struct engine *engine, const struct engine_kind *kind, struct loop *loop,
		 struct engine *parent, struct brood *brood);

/* The only writer of phases. to must be allowed by phase_may_follow (asserted). Stamps since,
   writes the one log line of the transition, tells those who watch. */
void engine_set_phase(struct engine *engine, enum phase to, enum reason why, int error);

/* Ends an engine and all below it, children first: a sequential parent's one after the other, last
   started first; a parallel one's all at once. Idempotent; a harder `how` escalates, an equal or
   softer one is ignored. Nothing else ends anything. */
void engine_end(struct engine *engine, enum end how, enum reason why, int error);

/* Sets the one deadline of an ending (or about to end) engine: seconds from now until END_STOP is
   issued with reason deadline, and kill seconds after any STOP until END_KILL. It may be shortened
   by calling again, never lengthened. Out of memory: acts as if the time had come. */
void engine_end_within(struct engine *engine, double seconds, double kill);
/* Seconds until END_STOP, or until END_KILL once stopping; negative if there is no deadline. */
double engine_deadline_left(const struct engine *engine);

/* The engine's own part of its end is over (see kind->end). */
void engine_done(struct engine *engine);

bool engine_is_ending(const struct engine *engine);

void engine_wait(struct engine *engine, struct waiter *waiter);
void engine_unwait(struct waiter *waiter);

/* Rows phase, why, since for any kind's field table; since is when the phase began. */
void engine_write_phase(struct json *json, const void *engine);
void engine_write_why(struct json *json, const void *engine);
void engine_write_since(struct json *json, const void *engine);
#define ENGINE_FIELDS                                                                              \
	FIELD_GET("phase", engine_write_phase, "lifecycle phase"),                                 \
	    FIELD_GET("why", engine_write_why, "why it is in that phase; null: nothing special"),  \
	    FIELD_GET("since", engine_write_since, "when the phase began")

#endif
