/* The handler interface: what a connection does. One const struct handler a kind. */
#ifndef SERVER_HANDLER_H
#define SERVER_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "../proto/method.h"
#include "conn.h"
#include "identity.h"
#include "log.h"
#include "late_tune.h"

struct supervisor; /* child.h */

/* Backend sockets of the whole node (state: client_connection_pool). */
struct backend_totals {
	uint64_t open, connecting, total, failed;
};

enum { HANDLER_ADMINS = 2 }; /* noded's own sockets: for operators, for observers */

/* What handlers need of the node; lives as long as it. */
struct handler_env {
	struct loop *loop;
	struct backend_totals backends;
	struct late_tunes late_tunes; /* of them, those that are not tuned yet */
	struct supervisor *supervisor;
	const struct address *admin[HANDLER_ADMINS]; /* the admin sockets: no backends */
	unsigned ephemeral; /* the first port that the kernel chooses by itself */
	bool no_exec;	    /* programs are not run */
};

/* A server's handler with its parameters; belongs to the server and outlives its connections. */
struct handler_spec {
	const struct handler *handler;
	struct handler_env *env;
	const struct address *server; /* bound address of the server it belongs to */
	/* forward */
	struct address backend;
	double connect_timeout; /* seconds */
	/* exec */
	char **argv;   /* NULL-terminated, all one's own */
	char *program; /* absolute path found by check() */
	struct identity identity;
};

struct handler {
	enum handler_id id;
	size_t size;			  /* of its struct, which begins with a struct conn */
	const struct field_table *fields; /* a connection's own keys in state; NULL: none */
	/* Before anything is touched: find the program, refuse an impossible backend. serving is
	   the address about to be served. May be NULL. */
	int (*check)(struct handler_spec *spec, const struct address *serving, struct err *err);
	/* Members of the handler object in state beside "type". May be NULL. */
	void (*write)(struct json *json, const struct handler_spec *spec);
	/* conn->fd is a new client, non-blocking. -1: the connection is closed and err logged. It
	   must not call back into conn_end before it has returned (libev: never before the starter
	   returned); a failure that is known at once is -1. What else it opens may be taken from
	   the margin (net_margin_give). */
	int (*open)(struct conn *conn, struct err *err);
	/* As engine_kind.end; END_KILL needs nothing here, close() follows at once. */
	bool (*end)(struct conn *conn, enum end how);
	/* Writes how its program ended ("exit:0", "signal:9"), "" if it has not. May be NULL. */
	void (*status)(const struct conn *conn, char text[static REASON_TEXT_SIZE]);
	/* Stop watchers, close descriptors (conn->fd only where that is simpler: then it is -1),
	   give buffers back, say whether the client's end was read (conn->ended). Called once, also
	   after a failed open. */
	void (*close)(struct conn *conn);
};

/* The kinds that can be started, a bit of each enum handler_id; and as an array of their names. */
unsigned handler_kinds(const struct handler_env *env);
void handler_kinds_write(struct json *json, const struct handler_env *env);

/* An empty spec for a kind, NULL when out of memory. */
struct handler_spec *handler_spec_new(enum handler_id id, struct handler_env *env);
/* NULL is fine. */
void handler_spec_free(struct handler_spec *spec);
/* The handler object of state: {"type": ..., its own members}. */
void handler_spec_write(struct json *json, const struct handler_spec *spec);
/* Same kind, same parameters. False when out of memory. */
bool handler_spec_equal(const struct handler_spec *a, const struct handler_spec *b);
/* Appends ", forward tcp:..." and the like: what a line of the log says of it. */
void handler_describe(const struct handler_spec *spec, struct buf *text);
/* Appends it as nodectl's start takes it, "exec cat -n"; of long arguments only the beginning. */
void handler_spec_words(const struct handler_spec *spec, struct buf *text);
const char *handler_name(const struct handler_spec *spec);

extern const struct handler echo_handler, discard_handler, forward_handler, exec_handler;

#endif
