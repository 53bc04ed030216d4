/* TCP sockets whose options can wait until it shows that they stay. */
#include "youth.h"

#include "net.h"

enum { TUNED_A_TURN = 128 };
#define TICK 0.1

static void on_tick(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct youths *youths = container_of(timer, struct youths, tick);

	(void)ev;
	(void)revents;
	loop_post(youths->loop, &youths->job);
}

static bool tune_grown(struct job *job)
{
	struct youths *youths = container_of(job, struct youths, job);
	struct youth *youth;

	for (int i = 0; i < TUNED_A_TURN && (youth = LIST_FIRST(&youths->grown)); i++)
		youth_tune(youth);
	if (!LIST_EMPTY(&youths->grown))
		return true;
	LIST_SWAP(&youths->grown, &youths->born, youth, link);
	if (LIST_EMPTY(&youths->grown))
		ev_timer_stop(youths->loop->ev, &youths->tick);
	return false;
}

void youth_begin(struct youths *youths, struct youth *youth, struct loop *loop, int fd)
{
	youth->fd = fd;
	LIST_INSERT_HEAD(&youths->born, youth, link);
	youths->loop = loop;
	youths->job.run = tune_grown;
	if (ev_is_active(&youths->tick))
		return;
	ev_timer_init(&youths->tick, on_tick, TICK, TICK);
	ev_timer_start(loop->ev, &youths->tick);
}

void youth_tune(struct youth *youth)
{
	if (!youth->link.le_prev)
		return;
	youth_end(youth);
	net_tune(youth->fd);
}

void youth_end(struct youth *youth)
{
	if (!youth->link.le_prev)
		return;
	LIST_REMOVE(youth, link);
	youth->link.le_prev = NULL;
}
