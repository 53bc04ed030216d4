/* TCP sockets whose options can wait until it shows that they stay. */
#include "late_tune.h"

#include "net.h"

enum { TUNED_A_TURN = 128 };
#define TICK 1.0

static void on_tick(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct late_tunes *tunes = container_of(timer, struct late_tunes, tick);

	(void)ev;
	(void)revents;
	loop_post(tunes->loop, &tunes->job);
}

static bool tune_due(struct job *job)
{
	struct late_tunes *tunes = container_of(job, struct late_tunes, job);
	struct late_tune *tune;

	for (int i = 0; i < TUNED_A_TURN && (tune = LIST_FIRST(&tunes->due)); i++)
		late_tune_now(tune);
	if (!LIST_EMPTY(&tunes->due))
		return true;
	LIST_SWAP(&tunes->due, &tunes->fresh, late_tune, link);
	if (LIST_EMPTY(&tunes->due))
		ev_timer_stop(tunes->loop->ev, &tunes->tick);
	return false;
}

void late_tune_begin(struct late_tunes *tunes, struct late_tune *tune, struct loop *loop, int fd)
{
	tune->fd = fd;
	LIST_INSERT_HEAD(&tunes->fresh, tune, link);
	tunes->loop = loop;
	tunes->job.run = tune_due;
	if (ev_is_active(&tunes->tick))
		return;
	ev_timer_init(&tunes->tick, on_tick, TICK, TICK);
	ev_timer_start(loop->ev, &tunes->tick);
}

void late_tune_now(struct late_tune *tune)
{
	if (!tune->link.le_prev)
		return;
	late_tune_cancel(tune);
	net_tune(tune->fd);
}

void late_tune_cancel(struct late_tune *tune)
{
	if (!tune->link.le_prev)
		return;
	LIST_REMOVE(tune, link);
	tune->link.le_prev = NULL;
}
