/* One direction of bytes from one descriptor to another: what is on the way, end of file, and which
   events it waits for. */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "loop.h"

/* Zeroed it is ready. Bytes pass through the loop's scratch buffer; only what the receiver would
   not take at once is kept here, and then nothing more is read until it is gone. A bulk, a stream
   that keeps coming in large pieces, passes through a pipe instead, uncopied, and what the receiver
   would not take stays in that. */
struct relay {
	char *held;	   /* NULL unless bytes are waiting */
	uint32_t at, len;  /* held[at .. at + len) is waiting */
	struct pipe *pipe; /* NULL unless bytes are waiting in it; never both */
	bool spliceable;   /* pipes are of use between the two descriptors */
	bool bulk;
	uint8_t unlike; /* pieces in a row that are not what the stream is taken for */
	bool ended;	/* the sender's end was read: nothing it sent is left unread */
	bool deaf;	/* nothing is read any more, after the end or because it was told so */
	bool fin;	/* the receiver has been told of the end (shutdown) */
	bool discard;	/* read and forget: there is no receiver */
};

enum relay_status { RELAY_OK, RELAY_READ_FAILED, RELAY_WRITE_FAILED };

struct relay_moved {
	size_t in, out; /* bytes read, bytes written */
	int error;	/* errno of the failure */
	enum relay_status status;
};

/* Moves what can be moved now: writes what is held, then reads once and writes at once. readable:
   from has reported input (or end, or error). A bounded amount of work. */
struct relay_moved relay_move(struct relay *relay, struct loop *loop, int from, int to,
			      bool readable) __attribute__((warn_unused_result));
/* Passes on the end with shutdown(2), once, if all before it is delivered. For whoever is not about
   to close `to`, which says the same. */
void relay_pass_end(struct relay *relay, int to);
/* Bytes are held. */
static inline bool relay_wants_write(const struct relay *relay)
{
	return relay->held || (relay->pipe && relay->pipe->held > 0);
}

/* An end that was read is waited for once more: the other side most often ends meanwhile, and then
   the kernel need not be told to forget this one. */
static inline bool relay_wants_read(const struct relay *relay)
{
	return !relay->deaf && !relay_wants_write(relay);
}

/* Nothing will come any more and all is delivered. */
static inline bool relay_finished(const struct relay *relay)
{
	return (relay->ended || relay->deaf) && !relay_wants_write(relay);
}

/* It waits for input, and for nothing else. */
static inline bool relay_flows(const struct relay *relay)
{
	return !relay->ended && relay_wants_read(relay);
}

/* Reads no more: as if the sender had ended; what is held is still delivered. */
void relay_no_more(struct relay *relay);
/* Gives back what is held, undelivered. */
void relay_free(struct relay *relay, struct loop *loop);

/* Makes the watcher wait for exactly these events (0: none), if it does not already. Its descriptor
   must have been set by ev_io_init, and its callback must be one that uses loop_tell. */
void relay_watch(struct loop *loop, ev_io *io, int events);

#endif
