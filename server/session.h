/* One admin client: requests in, line by line, answers out, within the limits of the protocol. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include "../proto/wire.h"
#include "access.h"
#include "call.h"
#include "engine.h"

struct batch;

struct session {
	struct engine e;	   /* parent: admin */
	TAILQ_ENTRY(session) link; /* in admin's list of those with requests to run */
	bool queued;
	struct domain *domain;
	void (*ready)(struct session *session); /* there are requests to run: see session_step */
	struct scan *scan;			/* shared by all sessions */
	int fd;
	struct client client; /* who connected */
	ev_io io;
	ev_timer timer; /* the earliest of the times below */
	struct wire_reader reader;
	bool eof;	   /* the client has ended its side */
	bool lines;	   /* what was read may hold requests not yet run */
	bool stepping;	   /* session_step is on the stack */
	bool choked;	   /* output reached its high mark and not yet the low one */
	bool farewell;	   /* close once everything is sent */
	unsigned errors;   /* parse errors in a row */
	double used;	   /* last request or answer, loop_now() */
	double partial_at; /* when the line that is incomplete began; 0: none */
	double sent_at;	   /* when output last made progress */
	struct buf out;	   /* not yet sent, from out_at on */
	size_t out_at;
	struct buf behind; /* answers finished while another one is being streamed */
	struct call *streamer;
	TAILQ_HEAD(, call) calls; /* in flight */
	unsigned ncalls;
	TAILQ_HEAD(, batch) batches;
};

/* Takes fd. NULL: out of memory, fd is closed. */
struct session *session_open(struct engine *admin, struct domain *domain, struct scan *scan,
			     uint64_t id, int fd, const struct client *client,
			     void (*ready)(struct session *session));

/* Runs one request. True: there is another and it may run now. After the last of a row of steps
   session_update must be called. */
bool session_step(struct session *session);
/* Sends, and sets what to wait for next, from what the session holds. It may be gone then. */
void session_update(struct session *session);

/* loop_now() of its last request or answer if there is nothing asked and nothing to say, else 0. */
double session_idle_since(const struct session *session);
/* When a line was begun that is not finished, or when the client last read of what there is for it;
   0: neither. */
double session_stuck_since(const struct session *session);
/* Ends it, for a client who needs the place: one of the above. */
void session_give_way(struct session *session);

#endif
