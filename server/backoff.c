/* When to try again. */
#include "backoff.h"

#define BACKOFF_MAX 30. /* seconds */

static void on_timer(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct backoff *backoff = container_of(timer, struct backoff, timer);

	(void)ev;
	(void)revents;
	backoff->attempt(backoff);
}

static void arm(struct backoff *backoff, double seconds)
{
	ev_timer_stop(backoff->loop->ev, &backoff->timer);
	ev_timer_set(&backoff->timer, seconds, 0.);
	ev_timer_start(backoff->loop->ev, &backoff->timer);
}

void backoff_init(struct backoff *backoff, struct loop *loop,
		  void (*attempt)(struct backoff *backoff))
{
	*backoff = (struct backoff){.loop = loop, .attempt = attempt};
	ev_timer_init(&backoff->timer, on_timer, 0., 0.);
}

void backoff_start(struct backoff *backoff)
{
	backoff->failures = 0;
	arm(backoff, 0.);
}

void backoff_failed(struct backoff *backoff)
{
	double seconds = backoff->failures < 5 ? (double)(1U << backoff->failures) : BACKOFF_MAX;

	backoff->failures++;
	arm(backoff, seconds < BACKOFF_MAX ? seconds : BACKOFF_MAX);
}

void backoff_stop(struct backoff *backoff)
{
	ev_timer_stop(backoff->loop->ev, &backoff->timer);
}

bool backoff_is_active(struct backoff *backoff)
{
	return ev_is_active(&backoff->timer);
}
