/* What methods act on: the parts of the node, put together by it. */
#ifndef SERVER_DOMAIN_H
#define SERVER_DOMAIN_H

#include <bsd/sys/queue.h>
#include <stddef.h>
#include "access.h"
#include "engine.h"
#include "sandbox.h"
#include "refusals.h"
#include "transport.h"

TAILQ_HEAD(wait_list, wait); /* wait.c */

enum { WAIT_TOPICS = 256 };

struct domain {
	struct engine *root; /* the node: what `state` shows */
	struct transport *transport;
	struct handler_env *env;
	const struct sandbox *sandbox;
	const struct access *access;
	struct refusals refusals;
	const char *name; /* of this noded */
	double started;	  /* seconds since the epoch */
	double drain;	  /* seconds: --drain */
	struct wait_list waits;
	struct wait_list topics[WAIT_TOPICS]; /* those that may be met for less than a turn */
	size_t nwaits, to_look; /* to_look: those not looked at since the last change */
	struct job looking;
	ev_timer rest;	   /* until they may be looked at again */
	double rests_till; /* loop_now() */
	struct observer waits_observer;
};

#endif
