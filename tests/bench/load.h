/* What the kinds of load share: their options, the exchange with the runner, the clock, and the
 * time that each unit of work took. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "place.h"

struct load {
	struct place place;
	unsigned int clients;
	uint64_t count;		     /* units of work; 0: until a line comes on standard input */
	size_t size;		     /* bytes of a message */
	const char *expect;	     /* what is answered; NULL: the message */
	bool to_end;		     /* ends its own sending, then reads to the end of the stream */
	uint64_t up, down;	     /* bulk, of all streams */
	bool check;		     /* bulk, every byte */
	const char *request, *first; /* ask; expect is then how an answer ends */
	bool each;		     /* ask, on a connection of its own */
};

enum { LOAD_EVENTS = 256 };

int load_churn(const struct load *load);
int load_pingpong(const struct load *load);
int load_bulk(const struct load *load);
int load_idle(const struct load *load);
int load_ask(const struct load *load);

uint64_t now_ns(void);

/* Says "ready" and waits for the line that starts the work; ends the program if there is none. */
void wait_for_start(void);

/* Waits until the runner has read its clocks: what is open stays open until then. */
void wait_for_end(void);

/* Opens and closes nothing, blocks never: whether a line or the end has come on standard input. */
bool told_to_stop(void);

/* An epoll with fd in it; data is what events of it carry. */
void watch_socket(int epoll_fd, int operation, int fd, unsigned int events, void *data);

/* Remembers how long one unit took. Later ones than can be remembered count for the longest only.
 */
void took(uint64_t ns);

/* Prints {"units": ..., "seconds": ..., "p50": ..., "p99": ..., "max": ...}, times in us. */
void report(uint64_t units, uint64_t began);

#endif
