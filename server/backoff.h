/* When to try again: at once, then after 1, 2, 4 ... 30 seconds. */
#ifndef SERVER_BACKOFF_H
#define SERVER_BACKOFF_H

#include <ev.h>
#include <stdbool.h>
#include "loop.h"

struct backoff {
	struct loop *loop;
	ev_timer timer;
	unsigned failures;
	void (*attempt)(struct backoff *backoff); /* ends with backoff_failed, or does nothing */
};

void backoff_init(struct backoff *backoff, struct loop *loop,
		  void (*attempt)(struct backoff *backoff));
/* The first attempt comes in the next turn. */
void backoff_start(struct backoff *backoff);
/* An attempt failed: the next one comes later. */
void backoff_failed(struct backoff *backoff);
/* No more attempts. */
void backoff_stop(struct backoff *backoff);
bool backoff_is_active(struct backoff *backoff);

#endif
