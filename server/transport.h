/* The transport: the servers by address, every connection by id, and the watch over listeners. */
#ifndef SERVER_TRANSPORT_H
#define SERVER_TRANSPORT_H

#include <bsd/sys/tree.h>
#include "engine.h"
#include "handler.h"
#include "server.h"

RB_HEAD(server_tree, server);

struct transport {
	struct engine e; /* parent: the node */
	struct brood servers;
	struct server_tree tree; /* by key; those that end are in it until they have left */
	struct conn_index index;
	struct handler_env *env;
	ev_timer check;
	/* What its servers' stops came to, since it began to end. */
	uint64_t ended, drained, stopped, killed;
};

void transport_open(struct transport *transport, struct engine *node, struct handler_env *env);

/* Starts a server (server_start) and enters it under its bound address.
   -1: also already_exists or wrong_state for a known address. */
int transport_start(struct transport *transport, struct server_options *options,
		    struct server **server, struct err *err) __attribute__((warn_unused_result));

/* The server of that address, also one that is ending; NULL if there is none. */
struct server *transport_find(const struct transport *transport, const struct address *address);
/* The first whose key comes after `after` (NULL: of all), NULL if none. */
struct server *transport_after(const struct transport *transport, const char *after);
uint64_t transport_connections(const struct transport *transport);
/* The longest kill_ms of its servers, in seconds, at least two. */
double transport_kill_seconds(const struct transport *transport);

#endif
