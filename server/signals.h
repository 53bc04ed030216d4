/* Signals as events, read from a descriptor (signalfd(2)). */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <ev.h>
#include <stddef.h>
#include "../proto/error.h"
#include "loop.h"

struct signals {
	struct loop *loop;
	ev_io io; /* of the descriptor */
	void (*came)(struct signals *signals, int number);
};

/* From now on these n signals are blocked, and told to came. -1: io_error or limit_reached. */
int signals_open(struct signals *signals, struct loop *loop, const int *numbers, size_t n,
		 void (*came)(struct signals *signals, int number), struct err *err)
    __attribute__((warn_unused_result));
/* To be called now and then: makes up for a wake-up that failed. */
void signals_check(struct signals *signals);
/* They stay blocked: nobody is told any more. */
void signals_close(struct signals *signals);

#endif
