/* An admin socket: its listener, its clients and their limits, and whose turn it is. A node has one
   where operators and observers come, and may have one for observers alone. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "../proto/scan.h"
#include "backoff.h"
#include "call.h"
#include "engine.h"
#include "listener.h"
#include "session.h"

struct admin_options {
	struct address address; /* a Unix path */
	mode_t mode;
	const struct owner *owner; /* NULL: as bind makes it; lives as long as the admin socket */
	bool observe;		   /* nobody gets more than that role */
};

struct admin {
	struct engine e; /* parent: the node */
	struct admin_options options;
	struct brood parts;    /* the listener and the sessions */
	struct admin *observe; /* the other one of the node, for observers alone; or NULL */
	struct domain *domain;
	struct listener *listener; /* NULL while lost or closed */
	struct backoff retry;
	ev_timer check;
	uint64_t last_id, sessions, observers; /* observers: those of the sessions */
	char loss[128];		     /* what became of the last listener; "": nothing yet */
	TAILQ_HEAD(, session) ready; /* with requests to run, round robin */
	struct job running;
	struct scan scan;
};

/* Claims the address and answers there. -1: err says why not. */
int admin_open(struct admin *admin, struct engine *node, struct domain *domain,
	       const struct admin_options *options, struct err *err)
    __attribute__((warn_unused_result));

#endif
