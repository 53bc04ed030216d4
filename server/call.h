/* A call: one request being carried out, from its start to its answer, now or later. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <bsd/sys/queue.h>
#include <cjson/cJSON.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include "../proto/buf.h"
#include "../proto/error.h"
#include "../proto/json.h"
#include "../proto/method.h"
#include "../proto/wire.h"
#include "access.h"
#include "domain.h"
#include "engine.h"

struct call;

struct call_ops {
	/* The answer in call->reply is complete (without LF); the call may be freed. */
	void (*answered)(struct call *call);
	/* Take what call->reply holds so far. False: nobody reads it at the moment, so hold on;
	   call_go_on will be called. */
	bool (*take)(struct call *call);
	/* Send one line that belongs to no answer. None of these may free the call's owner. */
	void (*notify)(struct call *call, const struct buf *line);
};

enum { CALL_ID_MAX = 160 };

struct call {
	TAILQ_ENTRY(call) link; /* of its session */
	const struct call_ops *ops;
	void *owner;
	struct domain *domain;
	struct client client; /* who asks */
	const struct method *method;
	cJSON *params; /* checked; NULL: none */
	char id_text[CALL_ID_MAX];
	struct span id; /* in id_text; at NULL: a notification, whose answer nobody gets */
	struct buf reply;
	struct json json; /* writes into reply */
	double began;	  /* loop_now() */
	struct grave grave;
	/* what it waits with, each only if it does */
	struct waiter waiter;		    /* for an engine's end */
	void (*abandon)(struct call *call); /* takes it out of what it waits in; NULL: nothing */
	struct job stream;		    /* writes a long answer, by produce */
	bool (*produce)(struct call *call);
	void *more; /* a method's own, freed with the call */
	/* progress */
	bool progress;
	ev_timer ticker;
	const struct engine
	    *subject; /* whose phase and deadline are shown; lives while waiter waits */
	void (*count)(const struct call *call, uint64_t *done, uint64_t *total);
	uint64_t shown_done, shown_total;
	uint8_t shown_phase;
	double shown_at;
};

/* Takes over request->params. NULL when out of memory (params freed). */
struct call *call_new(struct domain *domain, const struct client *client,
		      struct wire_request *request, const struct call_ops *ops, void *owner);
/* Gives it up without an answer, or after one; memory goes at the end of the turn. What it set in
   motion goes on. */
void call_free(struct call *call);
/* ops->take may be tried again. */
void call_go_on(struct call *call);

/* Answers bit by bit: produce writes what the turn's budget of rows allows and gives true if
   there is more. */
void call_stream(struct call *call, bool (*produce)(struct call *call));
/* Begins the result; the method writes one JSON object, then calls call_done. */
struct json *call_result(struct call *call);
void call_done(struct call *call);
/* Answers with an error instead. */
void call_fail(struct call *call, const struct err *err);

/* Sends progress until answered, if the request asked for it: at most 4 a second, at least 1. */
void call_progress(struct call *call, const struct engine *subject,
		   void (*count)(const struct call *call, uint64_t *done, uint64_t *total));

/* Parameters of the request, by the method table. */
bool call_has(const struct call *call, const char *name);
uint64_t call_u64(const struct call *call, const char *name);
bool call_bool(const struct call *call, const char *name);
const char *call_string(const struct call *call, const char *name);

#endif
