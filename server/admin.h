/* The admin socket: its listener, its clients and their limits, and whose turn it is. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "../proto/scan.h"
#include "backoff.h"
#include "call.h"
#include "engine.h"
#include "listener.h"
#include "session.h"

struct admin {
	struct engine e;    /* parent: the node */
	struct brood parts; /* the listener and the sessions */
	struct domain *domain;
	struct address address;
	struct listener *listener; /* NULL while lost or closed */
	struct backoff retry;
	ev_timer check;
	uint64_t last_id, sessions;
	struct log_limit refusals;
	char loss[128];		     /* what became of the last listener; "": nothing yet */
	TAILQ_HEAD(, session) ready; /* with requests to run, round robin */
	struct job running;
	struct scan scan;
};

/* Claims the address and answers there. -1: err says why not. */
int admin_open(struct admin *admin, struct engine *node, struct domain *domain,
	       const struct address *address, struct err *err) __attribute__((warn_unused_result));

#endif
