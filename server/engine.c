/* The lifecycle: one writer of phases, one walk that ends a tree in order. */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "log.h"

/* When to get harder with an engine that is ending. */
struct deadline {
	ev_timer timer;
	struct engine *engine;
	double at;   /* loop_now() at which the timer fires */
	double kill; /* seconds from END_STOP to END_KILL */
};

static void engine_advance(struct engine *engine);

static void bury_engine(struct grave *grave)
{
	struct engine *engine = container_of(grave, struct engine, grave);

	engine->kind->destroy(engine);
}

/* -- phases -- */

static void log_phase(const struct engine *engine)
{
	char subject[ADDRESS_TEXT_SIZE], reason[REASON_TEXT_SIZE];
	struct buf line = {0};
	int level = LOG_LEVEL_DEBUG;

	if (engine->kind->log_level)
		level = engine->kind->log_level(engine);
	else if (engine->phase != PHASE_RUNNING && engine->phase != PHASE_STOPPED)
		return;
	if (level < 0 || level > (int)log_level())
		return;
	buf_printf(&line, "%s", phase_name(engine->phase));
	if (engine->why != REASON_NONE)
		buf_printf(&line, ": %s", reason_text(reason, engine->why, engine->error));
	if (engine->kind->log_detail)
		engine->kind->log_detail(engine, &line);
	log_line((enum log_level)level, engine->kind->subject(engine, subject, sizeof(subject)),
		 "%s", buf_string_or(&line, phase_name(engine->phase)));
	buf_free(&line);
}

static void tell_phase(struct engine *engine)
{
	struct observer *observer;

	if (engine->kind->unseen)
		return;
	loop_mark(engine->loop);
	LIST_FOREACH (observer, &engine->loop->observers, link)
		observer->phase(observer, engine);
}

void engine_set_phase(struct engine *engine, enum phase to, enum reason why, int error)
{
	/* The same phase for another reason is a transition too: lost, then suspended on request.
	 */
	assert(to == engine->phase || phase_may_follow(engine->phase, to));
	engine->phase = (uint8_t)to;
	engine->why = (uint8_t)why;
	engine->error = error;
	engine->since = loop_wall(engine->loop);
	log_phase(engine);
	tell_phase(engine);
}

void engine_init(struct engine *engine, const struct engine_kind *kind, struct loop *loop,
		 struct engine *parent, struct brood *brood)
{
	engine->kind = kind;
	engine->loop = loop;
	engine->parent = parent;
	engine->brood = brood;
	engine->phase = PHASE_STARTING;
	engine->since = loop_wall(loop);
	LIST_INIT(&engine->waiters);
	if (brood) {
		*brood = (struct brood){.owner = engine};
		TAILQ_INIT(&brood->list);
	}
	if (parent) {
		assert(parent->phase != PHASE_STOPPED);
		TAILQ_INSERT_TAIL(&parent->brood->list, engine, sibling);
		parent->brood->count++;
		/* A parallel parent told its children already: this one is told too. */
		if (parent->kind->parallel && parent->how != END_NONE && !parent->brood->untold) {
			parent->brood->untold = engine;
			loop_post(loop, &parent->brood->telling);
		}
	}
}

/* -- the ordered end -- */

static bool tell_slice(struct job *job)
{
	struct brood *brood = container_of(job, struct brood, telling);
	struct engine *parent = brood->owner, *child;

	while (brood->untold && loop_may(&parent->loop->ending)) {
		child = brood->untold;
		brood->untold = TAILQ_NEXT(child, sibling);
		engine_end(child, parent->how, parent->why, parent->error);
	}
	return brood->untold != NULL;
}

static void tell_children(struct engine *engine)
{
	struct brood *brood = engine->brood;

	if (!engine->kind->parallel) {
		engine_end(TAILQ_LAST(&brood->list, engine_list), engine->how, engine->why,
			   engine->error);
		return;
	}
	brood->untold = TAILQ_FIRST(&brood->list);
	brood->telling.run = tell_slice;
	loop_post(engine->loop, &brood->telling);
}

static void leave_parent(struct engine *engine)
{
	struct engine *parent = engine->parent;

	if (!parent)
		return;
	if (parent->brood->untold == engine)
		parent->brood->untold = TAILQ_NEXT(engine, sibling);
	TAILQ_REMOVE(&parent->brood->list, engine, sibling);
	parent->brood->count--;
	if (parent->kind->child_gone)
		parent->kind->child_gone(parent, engine);
	loop_mark(engine->loop);
}

static void drop_deadline(struct engine *engine)
{
	if (!engine->deadline)
		return;
	ev_timer_stop(engine->loop->ev, &engine->deadline->timer);
	free(engine->deadline);
	engine->deadline = NULL;
}

/* Who came first hears first. */
static void answer_waiters(struct engine *engine)
{
	LIST_HEAD(, waiter) turned = LIST_HEAD_INITIALIZER(turned);
	struct waiter *waiter;

	while ((waiter = LIST_FIRST(&engine->waiters))) {
		LIST_REMOVE(waiter, link);
		LIST_INSERT_HEAD(&turned, waiter, link);
	}
	while ((waiter = LIST_FIRST(&turned))) {
		engine_unwait(waiter);
		waiter->done(waiter, engine);
	}
}

static void engine_release(struct engine *engine)
{
	struct engine *parent = engine->parent;

	if (engine->phase != PHASE_STOPPING)
		engine_set_phase(engine, PHASE_STOPPING, engine->why, engine->error);
	drop_deadline(engine);
	if (engine->brood)
		loop_cancel(engine->loop, &engine->brood->telling);
	if (engine->kind->release)
		engine->kind->release(engine);
	engine_set_phase(engine, PHASE_STOPPED, engine->why, engine->error);
	leave_parent(engine);
	answer_waiters(engine);
	if (engine->kind->destroy) {
		engine->grave.bury = bury_engine;
		loop_bury(engine->loop, &engine->grave);
	}
	if (parent)
		engine_advance(parent);
}

/* Goes on with an end that was waiting for a child or for the engine's own part. */
static void engine_advance(struct engine *engine)
{
	if (engine->how == END_NONE || engine->phase == PHASE_STOPPED)
		return;
	if (engine->brood && !TAILQ_EMPTY(&engine->brood->list)) {
		if (!engine->kind->parallel)
			tell_children(engine);
		return;
	}
	if (engine->done)
		engine_release(engine);
}

static void deadline_arm(struct deadline *deadline, double seconds)
{
	struct ev_loop *ev = deadline->engine->loop->ev;

	/* ev_timer counts from ev_now, which a long turn leaves behind. */
	ev_now_update(ev);
	deadline->at = loop_now(deadline->engine->loop) + seconds;
	ev_timer_stop(ev, &deadline->timer);
	ev_timer_set(&deadline->timer, seconds, 0.);
	ev_timer_start(ev, &deadline->timer);
}

/* Whether draining means waiting: for a leaf of the tree below it, or for itself if it is one. */
static bool has_something_to_drain(const struct engine *engine)
{
	const struct engine *child;

	if (!engine->brood)
		return true;
	TAILQ_FOREACH (child, &engine->brood->list, sibling)
		if (has_something_to_drain(child))
			return true;
	return false;
}

void engine_end(struct engine *engine, enum end how, enum reason why, int error)
{
	enum phase phase = PHASE_STOPPING;

	if (how == END_DRAIN && has_something_to_drain(engine))
		phase = PHASE_DRAINING;
	if (how <= (enum end)engine->how || engine->phase == PHASE_STOPPED)
		return;
	engine->how = (uint8_t)how;
	if (engine->phase != phase) {
		engine_set_phase(engine, phase, why, error);
	} else {
		engine->why = (uint8_t)why;
		engine->error = error;
	}
	if (!engine->kind->end || engine->kind->end(engine, how))
		engine->done = true;
	if (engine->deadline && how == END_STOP)
		deadline_arm(engine->deadline, engine->deadline->kill);
	if (engine->phase == PHASE_STOPPED)
		return;
	if (engine->brood && !TAILQ_EMPTY(&engine->brood->list))
		tell_children(engine);
	else
		engine_advance(engine);
}

void engine_done(struct engine *engine)
{
	engine->done = true;
	engine_advance(engine);
}

bool engine_is_ending(const struct engine *engine)
{
	return engine->how != END_NONE;
}

/* -- deadlines -- */

static void on_deadline(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct deadline *deadline = container_of(timer, struct deadline, timer);
	struct engine *engine = deadline->engine;

	(void)ev;
	(void)revents;
	if (engine->how < END_STOP)
		engine_end(engine, END_STOP, REASON_DEADLINE, 0);
	else
		engine_end(engine, END_KILL, REASON_KILLED, 0);
}

void engine_end_within(struct engine *engine, double seconds, double kill)
{
	struct deadline *deadline = engine->deadline;

	if (engine->phase == PHASE_STOPPED || engine->how == END_KILL)
		return;
	if (!deadline) {
		deadline = engine->deadline = calloc(1, sizeof(*deadline));
		if (!deadline) {
			engine_end(engine, END_KILL, REASON_ERROR, ENOMEM);
			return;
		}
		deadline->engine = engine;
		deadline->kill = kill;
		ev_timer_init(&deadline->timer, on_deadline, 0., 0.);
	} else {
		if (kill < deadline->kill)
			deadline->kill = kill;
		if (engine->how >= END_STOP)
			seconds = kill;
		if (loop_now(engine->loop) + seconds >= deadline->at)
			return;
	}
	deadline_arm(deadline, engine->how >= END_STOP ? kill : seconds);
}

double engine_deadline_left(const struct engine *engine)
{
	double left;

	if (!engine->deadline)
		return -1;
	left = engine->deadline->at - loop_now(engine->loop);
	return left > 0 ? left : 0;
}

/* -- waiters -- */

void engine_wait(struct engine *engine, struct waiter *waiter)
{
	waiter->waiting = true;
	LIST_INSERT_HEAD(&engine->waiters, waiter, link);
}

void engine_unwait(struct waiter *waiter)
{
	if (!waiter->waiting)
		return;
	waiter->waiting = false;
	LIST_REMOVE(waiter, link);
}

/* -- fields -- */

void engine_write_phase(struct json *json, const void *engine)
{
	json_string(json, phase_name(((const struct engine *)engine)->phase));
}

void engine_write_why(struct json *json, const void *owner)
{
	const struct engine *engine = owner;
	char text[REASON_TEXT_SIZE];

	if (engine->why == REASON_NONE)
		json_null(json);
	else
		json_string(json, reason_text(text, engine->why, engine->error));
}

void engine_write_since(struct json *json, const void *engine)
{
	json_time(json, ((const struct engine *)engine)->since);
}
