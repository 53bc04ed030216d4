/* A server: one address, its handler, its listener and its connections; when it listens again after
   a loss, and what a stop of it came to. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <bsd/sys/tree.h>
#include "backoff.h"
#include "engine.h"
#include "handler.h"
#include "listener.h"
#include "pool.h"

struct server_options {
	struct address address;	   /* TCP port 0 picks one */
	struct handler_spec *spec; /* taken, also on failure */
	int backlog;
	mode_t mode;
	uint64_t max_connections; /* UINT64_MAX: none */
	uint64_t idle_timeout_ms, drain_ms, kill_ms;
	bool restart; /* listen again after a loss */
};

struct server {
	struct engine e;    /* parent: the transport */
	struct brood parts; /* pool, then listener: so the listener ends first */
	RB_ENTRY(server) by_key;
	char key[ADDRESS_TEXT_SIZE]; /* canonical text of the bound address */
	struct address address;	     /* as bound */
	struct handler_spec *spec;
	struct pool *pool;
	struct listener *listener; /* NULL unless it listens, or is closing what listens */
	ino_t bound_ino;	   /* its inode, to tell it from a foreign descriptor */
	int bound_fd;		   /* suspended TCP: the bound, silent socket; else -1 */
	int backlog;
	mode_t mode;
	bool restart;
	uint64_t idle_timeout_ms, drain_ms, kill_ms;
	/* loss */
	struct backoff retry;
	uint64_t restarts; /* times it listened again after a loss */
	enum reason loss;  /* why the listener is going or went */
	int loss_error;	   /* errno of it, or of the last attempt; 0: none */
	char *loss_detail; /* NULL: no loss */
	/* the stop */
	double stop_began;
	uint64_t stop_total; /* connections to see off */
	uint64_t accepted_at_stop, refused_at_stop;
	uint64_t drained, stopped, killed; /* final once the pool has gone */
	bool served;			   /* it has been running once */
};

/* Starts a server under the transport: it listens. The spec's check() is the caller's, and so is to
   make it known and then call server_run. -1: nothing is left of it. */
int server_start(struct server **server, struct engine *transport, struct conn_index *index,
		 struct server_options *options, struct err *err)
    __attribute__((warn_unused_result));
/* It is running from now on; whoever waits for that finds it. */
void server_run(struct server *server);

/* Not accepting until server_resume; connections live on. Idempotent. The listener may still be
   closing when it returns: wait for server->listener's end. -1: wrong_state. */
int server_suspend(struct server *server, struct err *err) __attribute__((warn_unused_result));
/* Listens again. Idempotent. -1: wrong_state, or why it cannot; it stays suspended. */
int server_resume(struct server *server, struct err *err) __attribute__((warn_unused_result));

/* Begins to end it, or makes an end under way shorter or harder. drain_seconds < 0: its drain_ms,
   or the deadline that an end under way has. */
void server_stop(struct server *server, double drain_seconds, bool force);

/* Looks after the listener: called twice a second. */
void server_check(struct server *server);

void server_set_max_connections(struct server *server, uint64_t most);
void server_set_idle_timeout(struct server *server, uint64_t ms);
void server_set_restart(struct server *server, bool always);

/* What the stop came to, in one word: "drained", "stopped" or "killed". */
const char *server_outcome(const struct server *server);

#endif
