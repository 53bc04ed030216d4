/* One connection to noded's admin socket: lines out, lines in, never waiting longer than told. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "../proto/address.h"
#include "../proto/wire.h"
#include "failure.h"

enum {
	/* Longest line taken from a server: a state of 100,000 servers fits several times. */
	CLIENT_LINE_MAX = 64 << 20,
};

struct client {
	int fd; /* -1: not connected */
	bool verbose;
	bool eof;
	uint64_t silence_ms; /* longest wait for a byte; TIME_NONE: for ever */
	uint64_t heard_at;   /* when the last byte came or went, of client_now */
	struct wire_reader reader;
	struct buf out;	   /* not sent yet */
	bool sent;	   /* something has been sent */
	struct scan *scan; /* owned */
	unsigned next_id;
	const char *path; /* of the socket, for messages; the address's */
};

enum client_event {
	CLIENT_REPLY,  /* *reply is filled in, valid until the next call */
	CLIENT_TICK,   /* tick_ms have passed */
	CLIENT_EOF,    /* noded closed the connection between two lines */
	CLIENT_FAILED, /* *failure says why */
};

/* Connects; waits at most silence_ms for a place in the queue. -1: *failure, with *retry telling
   whether noded may just not be there yet. */
int client_open(struct client *client, const struct address *address, uint64_t silence_ms,
		bool verbose, bool *retry, struct failure *failure)
    __attribute__((warn_unused_result));
void client_close(struct client *client);

/* Queues a whole line; it goes out as client_next runs. */
void client_send(struct client *client, const struct buf *line);

/* Sends what is queued and waits for a line. tick_ms: TIME_NONE for no ticks. */
enum client_event client_next(struct client *client, uint64_t tick_ms, struct wire_reply *reply,
			      struct failure *failure);

/* Milliseconds of the monotonic clock. */
uint64_t client_now(void);

#endif
