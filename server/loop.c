/* The event loop: turns, jobs in slices, burials, observers. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "spare.h"

/* Closing a socket costs the kernel some 15 us. */
enum { ENDING_A_TURN = 32, LEAVING_A_TURN = 64, REQUESTS_A_TURN = 256, ROWS_A_TURN = 256 };

/* Awake for so long, the loop gives way to others on its processor. */
#define YIELD_SECONDS 0.002

static void run_jobs(struct loop *loop)
{
	struct job *job;
	size_t n = 0;

	/* One run each: a job that has more to do goes to the end of the queue. Whoever was first
	   is last the next time, so that none is always left without a share of the turn. */
	TAILQ_FOREACH (job, &loop->jobs, link)
		n++;
	for (; n > 0 && (job = TAILQ_FIRST(&loop->jobs)); n--) {
		loop_cancel(loop, job);
		if (job->run(job))
			loop_post(loop, job);
	}
	job = TAILQ_FIRST(&loop->jobs);
	if (job) {
		TAILQ_REMOVE(&loop->jobs, job, link);
		TAILQ_INSERT_TAIL(&loop->jobs, job, link);
	}
}

static void tell_observers(struct loop *loop)
{
	struct observer *observer;

	if (!loop->changed)
		return;
	loop->changed = false;
	LIST_FOREACH (observer, &loop->observers, link)
		observer->changed(observer);
}

static void bury(struct loop *loop)
{
	struct grave *grave;

	while ((grave = SLIST_FIRST(&loop->graves))) {
		SLIST_REMOVE_HEAD(&loop->graves, link);
		grave->bury(grave);
	}
}

/* Slices that follow each other without a sleep look to the scheduler like work that nobody waits
   for: whom they have woken might wait for the processor until the next tick but one, some ms. */
static void stay_awake(struct loop *loop, bool awake)
{
	if (awake) {
		ev_idle_start(loop->ev, &loop->awake);
		if (loop->now - loop->rested >= YIELD_SECONDS) {
			sched_yield();
			loop->rested = clock_seconds();
		}
	} else if (ev_is_active(&loop->awake)) {
		ev_idle_stop(loop->ev, &loop->awake);
	}
}

static void end_turn(struct loop *loop)
{
	loop->turns++;
	run_jobs(loop);
	loop->ending.steps = loop->leaving.steps = 0;
	loop->requests.steps = loop->rows.steps = 0;
	tell_observers(loop);
	bury(loop);
	stay_awake(loop, !TAILQ_EMPTY(&loop->jobs) || loop->changed || loop->nnews > 0 ||
			     ev_pending_count(loop->ev) > 0);
}

static void on_awake(struct ev_loop *ev, ev_idle *watcher, int revents)
{
	(void)ev;
	(void)watcher;
	(void)revents;
}

/* -- news: first come, first served -- */

static bool has_news_room(struct loop *loop)
{
	size_t room = loop->news_room > 0 ? loop->news_room * 2 : 64;
	struct news *grown;

	if (loop->nnews < loop->news_room)
		return true;
	grown = reallocarray(loop->news, room, sizeof(*grown));
	if (!grown)
		return false;
	loop->news = grown;
	loop->news_room = room;
	return true;
}

static bool keep_news(struct loop *loop, ev_io *io, int revents,
		      void (*hear)(ev_io *io, int revents))
{
	if (loop_has_news(io)) {
		loop->news[(uintptr_t)io->data - 1].revents |= revents;
		return true;
	}
	if (!has_news_room(loop))
		return false;
	loop->news[loop->nnews++] = (struct news){io, revents, hear};
	/* A place, never followed. */
	io->data = (void *)(uintptr_t)loop->nnews;
	return true;
}

bool loop_tell_later(struct loop *loop, ev_io *io, int revents,
		     void (*hear)(ev_io *io, int revents))
{
	if (!keep_news(loop, io, revents, hear))
		return false;
	/* This turn's may have been given out by now: the loop must not sleep on it. */
	ev_idle_start(loop->ev, &loop->awake);
	return true;
}

void loop_tell(struct loop *loop, ev_io *io, int revents, void (*hear)(ev_io *io, int revents))
{
	if (!keep_news(loop, io, revents, hear))
		hear(io, revents);
}

void loop_untell(struct loop *loop, ev_io *io)
{
	if (!loop_has_news(io))
		return;
	loop->news[(uintptr_t)io->data - 1].io = NULL;
	io->data = NULL;
}

static void give(struct loop *loop, size_t i)
{
	struct news news = loop->news[i];

	if (!news.io)
		return;
	news.io->data = NULL;
	news.hear(news.io, news.revents);
}

/* libev told the last first; what is told meanwhile comes after that. */
static void give_news(struct loop *loop)
{
	size_t told = loop->nnews;

	for (size_t i = told; i > 0; i--)
		give(loop, i - 1);
	for (size_t i = told; i < loop->nnews; i++)
		give(loop, i);
	loop->nnews = 0;
}

/* A turn: what libev has to tell, what was kept of it, and what follows from both. In its place,
   for watchers before and after sleeping cost more than all they would do here. */
static void run_turn(struct ev_loop *ev)
{
	struct loop *loop = ev_userdata(ev);

	loop->now = clock_seconds();
	if (!ev_is_active(&loop->awake))
		loop->rested = loop->now;
	ev_invoke_pending(ev);
	give_news(loop);
	end_turn(loop);
}

/* -- descriptors that others may close -- */

static void drop(struct loop *loop, struct exposed *exposed)
{
	if (!ev_is_active(exposed->io))
		return;
	ev_io_stop(loop->ev, exposed->io);
	ev_feed_event(loop->ev, exposed->io, EV_ERROR);
}

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) == -1 && errno == EBADF;
}

/* Where an event came for a descriptor that is closed, libev has everything watched anew. */
static void on_anew(struct ev_loop *ev, ev_fork *watcher, int revents)
{
	struct loop *loop = container_of(watcher, struct loop, anew);
	struct exposed *exposed;

	(void)ev;
	(void)revents;
	for (size_t i = 0; i < LOOP_EXPOSED; i++)
		LIST_FOREACH (exposed, &loop->exposed[i], link)
			if (is_closed(exposed->io->fd))
				drop(loop, exposed);
}

void loop_expose(struct loop *loop, struct exposed *exposed, ev_io *io)
{
	exposed->io = io;
	LIST_INSERT_HEAD(&loop->exposed[io->fd % LOOP_EXPOSED], exposed, link);
}

void loop_shelter(struct exposed *exposed)
{
	LIST_REMOVE(exposed, link);
}

void loop_opened(struct loop *loop, int fd)
{
	struct exposed *exposed;

	LIST_FOREACH (exposed, &loop->exposed[fd % LOOP_EXPOSED], link)
		if (exposed->io->fd == fd)
			drop(loop, exposed);
}

/* What libev cannot do without has failed: another epoll descriptor, say, which it takes where an
   event came for one it had closed. It tries again after this, with a descriptor less in use; left
   to itself it would abort. */
static void on_failure(const char *message)
{
	if (net_is_shortage(errno) && net_reserve_give())
		return;
	log_error("node", "cannot go on: %s: %s", message, strerror(errno));
	log_flush();
	_exit(EXIT_FAILURE);
}

int loop_open(struct loop *loop)
{
	*loop = (struct loop){
	    .now = clock_seconds(),
	    .ending = {.most = ENDING_A_TURN, .seconds = LOOP_SLICE_SECONDS / 2},
	    .leaving = {.most = LEAVING_A_TURN, .seconds = LOOP_SLICE_SECONDS / 2},
	    .requests = {.most = REQUESTS_A_TURN, .seconds = LOOP_SLICE_SECONDS / 4},
	    .rows = {.most = ROWS_A_TURN, .seconds = LOOP_SLICE_SECONDS / 4},
	};
	TAILQ_INIT(&loop->jobs);
	SLIST_INIT(&loop->graves);
	LIST_INIT(&loop->observers);
	for (size_t i = 0; i < LOOP_EXPOSED; i++)
		LIST_INIT(&loop->exposed[i]);
	loop->scratch = malloc(LOOP_SCRATCH);
	if (!loop->scratch)
		return -1;
	spare_lend();
	ev_set_syserr_cb(on_failure);
	/* Not the default loop: its SIGCHLD handler would reap children behind our back. epoll by
	   name: libev 4.33's other Linux backends are experimental. */
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!loop->ev) {
		free(loop->scratch);
		errno = ENOMEM;
		return -1;
	}
	ev_set_userdata(loop->ev, loop);
	ev_set_invoke_pending_cb(loop->ev, run_turn);
	ev_idle_init(&loop->awake, on_awake);
	ev_fork_init(&loop->anew, on_anew);
	ev_fork_start(loop->ev, &loop->anew);
	pipes_open(&loop->pipes);
	return 0;
}

void loop_close(struct loop *loop)
{
	bury(loop);
	pipes_close(&loop->pipes);
	ev_loop_destroy(loop->ev);
	free(loop->news);
	free(loop->scratch);
}

void loop_run(struct loop *loop)
{
	ev_run(loop->ev, 0);
}

void loop_break(struct loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}

double loop_now(const struct loop *loop)
{
	return loop->now;
}

double loop_wall(const struct loop *loop)
{
	return ev_now(loop->ev);
}

void loop_post(struct loop *loop, struct job *job)
{
	if (job->queued)
		return;
	job->queued = true;
	TAILQ_INSERT_TAIL(&loop->jobs, job, link);
}

void loop_cancel(struct loop *loop, struct job *job)
{
	if (!job->queued)
		return;
	job->queued = false;
	TAILQ_REMOVE(&loop->jobs, job, link);
}

bool loop_may(struct budget *budget)
{
	if (budget->steps == budget->most)
		return false;
	if (budget->steps == 0)
		budget->began = clock_seconds();
	else if (clock_seconds() - budget->began >= budget->seconds)
		return false;
	budget->steps++;
	if (budget->steps > budget->record)
		budget->record = budget->steps;
	return true;
}

void loop_bury(struct loop *loop, struct grave *grave)
{
	SLIST_INSERT_HEAD(&loop->graves, grave, link);
}

void loop_mark(struct loop *loop)
{
	loop->changed = true;
}

void loop_observe(struct loop *loop, struct observer *observer)
{
	LIST_INSERT_HEAD(&loop->observers, observer, link);
}
