/* Bytes that can be checked at any place of a stream, at next to no cost, and one end of a stream
 * of them in both directions: what bulk consists of, for client and backend alike. */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_CHUNK = 128 * 1024 };

/* The first bytes of a stream say what follows in both directions; when all has come, the backend
 * answers with what it received. Both sides are one machine: the order of bytes is its own. */
struct flow_header {
	uint64_t up, down; /* bytes, from the client's side */
	uint64_t check;	   /* 1: the backend compares every byte, too */
};
struct flow_trailer {
	uint64_t received;
};

struct flow {
	uint64_t sent, to_send;
	uint64_t received, to_receive;
	bool check; /* every byte that comes, not just the ends of every piece */
};

/* What a stream holds from position on: FLOW_CHUNK bytes of it. */
const void *flow_bytes(uint64_t position);

/* Sends what fits now, at most FLOW_CHUNK. */
void flow_send(struct flow *flow, int fd);

/* Receives what is there, at most FLOW_CHUNK, and ends the program unless it is what was sent. */
void flow_receive(struct flow *flow, int fd);

#endif
