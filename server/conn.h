/* One connection: a client's descriptor, its handler, its counters, and the reason it ends. */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "../proto/address.h"
#include "engine.h"
#include "log.h"

struct handler_spec;

RB_HEAD(conn_tree, conn);
TAILQ_HEAD(conn_list, conn);

/* Every connection of the node by id, the last id given out, and those that have ended but are yet
   to be closed: when very many leave in one turn, the others must not wait for all the closing. */
struct conn_index {
	struct conn_tree tree;
	uint64_t last_id;
	struct conn_list leaving; /* by_use */
	struct job closing;
};

/* Counters of a pool, which its connections keep up to date. */
struct conn_totals {
	uint64_t bytes_in, bytes_out; /* from and to clients */
};

/* First member of each handler's own struct, which is allocated in one piece (handler->size). */
struct conn {
	struct engine e; /* parent: the pool; e.id: the connection's id */
	RB_ENTRY(conn) by_id;
	TAILQ_ENTRY(conn) by_use; /* in conn_link.by_use, longest idle first, or index->leaving */
	const struct handler_spec *spec;
	struct conn_link *link;
	double opened; /* seconds since the epoch */
	double used;   /* when a byte last moved, loop time */
	uint64_t bytes_in, bytes_out;
	char *peer_path; /* name of a Unix peer, abstract ones with their NUL; NULL: not bound */
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		sa_family_t family;
	} peer;		       /* family AF_UNIX: see peer_path */
	uint8_t peer_path_len; /* bytes, not counting the NUL behind it */
	bool leaving;	       /* ended, not closed yet: its handler hears nothing any more */
	bool left_early;       /* leaving, since before its server began to end */
	bool ended;	       /* the client's end was read: nothing it sent is left unread */
	int fd;		       /* the client; -1 once closed or handed to a program */
};

/* What a connection shares with the others of its pool; lives in the pool. */
struct conn_link {
	struct conn_index *index;
	struct conn_list by_use;
	struct conn_totals totals;
	const struct address *server; /* bound address of the server */
	struct log_limit failures;    /* of warnings about backends that cannot be reached */
	struct log_limit chatter;     /* of what programs say on standard error */
};

void conn_index_init(struct conn_index *index);

/* Takes fd as a new connection under parent and hands it to the spec's handler.
   -1: fd is closed, nothing is left (err says why). */
int conn_open(struct engine *parent, struct conn_link *link, const struct handler_spec *spec,
	      int fd, const struct address *peer, struct err *err)
    __attribute__((warn_unused_result));

/* Ends it now, for that reason, unless noded already told it to leave: then that reason stays. Its
   descriptor may be closed in one of the next turns. */
void conn_end(struct conn *conn, enum reason why, int error);
/* The handler is ready: starting -> running. */
void conn_running(struct conn *conn);
/* Bytes came from (in) or went to (out) the client: counted, and it is not idle. */
void conn_moved(struct conn *conn, uint64_t in, uint64_t out);
/* A byte moved on the other side: not idle. */
void conn_touch(struct conn *conn);
/* The reason for an errno of a read or write: ECONNRESET, EPIPE are reset, else error:ERRNO. */
enum reason conn_reason(int error);

void conn_peer(const struct conn *conn, struct address *peer);
/* Where the client connected to; *local is left as it is if the descriptor cannot tell (Unix, or
   handed to a program). */
void conn_local(const struct conn *conn, struct address *local);
struct conn *conn_find(struct conn_index *index, uint64_t id);
/* The one with the smallest id above `after`, NULL if none. */
struct conn *conn_after(struct conn_index *index, uint64_t after);

/* The connection's own rows of state; its handler's are appended (handler->fields). */
extern const struct field_table conn_fields;
extern const struct engine_kind conn_kind;
#endif
