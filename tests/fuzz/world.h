/* The world around noded in the node target: clients, backends, admin clients, time. They do what
   the script's actions say; in between, each that is eager reads what comes and checks it. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../proto/address.h"
#include "kernel.h"

enum {
	CLIENTS = 8,
	BACKEND_ENDS = 8,
	ENDS = CLIENTS + BACKEND_ENDS, /* those of backends come last */
	SESSIONS = 4,
	BACKENDS = 2,
	ASKED_MAX = 128,
	LONG = UINT32_MAX, /* milliseconds: no limit */
};

/* One end of a data connection. What it sends begins with its own number, which no other end of the
   script has, and goes on in a pattern, so that whoever hears it knows whether a byte is missing,
   doubled or another's. */
struct peer {
	struct file *file; /* NULL: none */
	bool lazy;	   /* reads only when told */
	uint64_t sent, heard;
	uint8_t number; /* of its stream */
	int from;	/* of the stream it hears; -1: not a byte yet */
	bool fin;	/* has said all */
	bool over;	/* has read an end or an error */
};

/* Bytes that grow. Not proto's: that one's memory fails when noded's does. */
struct text {
	char *at;
	size_t len;
};

struct asked {
	unsigned id;
	uint64_t ms;  /* an answer may take, once owed; LONG: no limit */
	uint64_t due; /* then */
	bool owed;    /* noded has read it, and nothing excuses a silence */
};

struct admin_client {
	struct file *file; /* NULL: none */
	bool lazy, half;   /* half: has ended its side */
	struct text out;   /* not yet sent */
	struct text in;	   /* a line that has begun to come */
	struct text batch; /* requests being collected for one line */
	unsigned collect;  /* so many more */
	bool mute;	   /* the next request is a notification */
	struct asked asked[ASKED_MAX];
	size_t nasked;
	bool excused; /* a refusal without an id is to be expected */
};

enum backend_mode { BACKEND_CLOSED, BACKEND_OPEN, BACKEND_DEAF, BACKEND_SILENT };

struct world {
	struct peer end[ENDS];
	struct admin_client session[SESSIONS];
	struct file *backend[BACKENDS];
	bool backend_deaf[BACKENDS]; /* its queue fills up */
	uint64_t wake;		     /* asleep until then */
	unsigned next_id;
	uint8_t opened; /* ends, so far */
	unsigned actions;
	unsigned lines;	   /* of the log above debug */
	bool snatched;	   /* a descriptor was closed under noded */
	bool short_of_fds; /* at a time, noded may have had none to spare */
	bool script_over;
};

extern struct world world;

void world_boot(void);
void world_halt(void);

/* Data clients. Each does nothing where it cannot. */
void end_connect(unsigned n, const struct address *address);
void end_send(unsigned n, size_t bytes);
void end_urge(unsigned n);
void end_read(unsigned n, size_t bytes);
void end_fin(unsigned n);
void end_close(unsigned n);
void end_reset(unsigned n);
void backend_set(unsigned n, enum backend_mode mode);
const char *backend_address(unsigned n);

/* Admin clients. */
void session_connect(unsigned n, uid_t uid);
void session_close(unsigned n);
void session_half_close(unsigned n);
/* params: the members of the object, without braces; ms: how long an answer may take. */
void session_ask(unsigned n, const char *method, const char *params, uint64_t ms);
/* Sends bytes that may be anything. */
void session_raw(unsigned n, const char *bytes, size_t len);

/* Shows what is going on on standard error. */
extern bool world_trace;

/* The script's next action, if it is due: fuzz target's. */
bool script_step(bool urgent);

#endif
