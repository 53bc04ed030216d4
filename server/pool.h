/* The connection pool of a server: its limit, its counters, who left it last and why. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "conn.h"
#include "engine.h"
#include "handler.h"

enum { POOL_LAST_CLOSED = 16 };

/* How many connections ended for one reason (and number, such as an exit status). */
struct pool_closed {
	uint8_t why;
	int number;
	uint64_t count;
};

struct pool_past {
	uint64_t id;
	uint8_t why;
	int number;
	uint64_t bytes_in, bytes_out;
	double opened, closed; /* seconds since the epoch */
	struct address peer;
	char status[REASON_TEXT_SIZE]; /* how its program ended, "" if it had none */
};

struct pool_ops {
	/* There may be room again. */
	void (*room)(struct engine *owner);
};

struct pool {
	struct engine e; /* parent: the server */
	struct brood conns;
	struct conn_link link;
	const struct handler_spec *spec;
	const struct pool_ops *ops;
	uint64_t limit;	     /* UINT64_MAX: none */
	uint64_t total;	     /* ever opened, those of no program and no memory included */
	bool opening;	     /* conn_open is on the stack: who ends now was never served */
	uint64_t refused;    /* closed unserved: no program, no memory, no place at a stop or
				suspension */
	double idle_timeout; /* seconds, 0: none */
	ev_timer idle;	     /* until the connection that is idle longest may be ended */
	struct job idling;   /* ends those that are */
	/* of those that ended since the server began to end */
	uint64_t drained, stopped, killed;
	struct pool_closed *closed;
	size_t nclosed;
	struct log_limit trouble; /* of "connection not served" */
	struct pool_past *past;	  /* POOL_LAST_CLOSED of them, NULL until the first */
	uint64_t npast;		  /* ever written */
};

/* NULL when out of memory. */
struct pool *pool_open(struct engine *parent, const struct pool_ops *ops, struct conn_index *index,
		       const struct handler_spec *spec, const struct address *server);

bool pool_has_room(const struct pool *pool);
uint64_t pool_count(const struct pool *pool);

/* Takes fd, a new client. A connection that cannot be served is closed and counted as refused;
   its cause is one rate-limited warning. */
void pool_add(struct pool *pool, int fd, const struct address *peer);

/* Shows a limit: null for UINT64_MAX. */
void pool_write_limit(struct json *json, uint64_t limit);

/* Changes take effect at once; nobody is ended by a lower limit. */
void pool_set_limit(struct pool *pool, uint64_t limit);
void pool_set_idle_timeout(struct pool *pool, double seconds);

/* The first connection of this pool whose id is above `after`, NULL if none. */
struct conn *pool_after(const struct pool *pool, uint64_t after);

/* Adds one pool's numbers to a sum, which json then shows like a pool. */
struct pool_sum {
	uint64_t open, limit, total, refused, bytes_in, bytes_out;
	struct pool_closed *closed;
	size_t nclosed;
};
void pool_sum_add(struct pool_sum *sum, const struct pool *pool);
void pool_sum_write(struct json *json, const struct pool_sum *sum);
void pool_sum_free(struct pool_sum *sum);

#endif
