/* The ordered end: who is told what, in which order, and when everything has left. */
#include <stdlib.h>

#include "check.h"
#include "server/engine.h"
#include "server/log.h"

enum { TOYS_MAX = 200, HISTORY_MAX = 4096 };

/* An engine that does as the test says and notes what happens to it. */
struct toy {
	struct engine e;
	struct brood brood;
	char name;
	bool stubborn[END_KILL + 1]; /* by how: needs engine_done */
	bool waited;
	struct waiter waiter;
};

static struct loop loop;
static struct toy toys[TOYS_MAX];
static char history[HISTORY_MAX];

static void note(char what, char name)
{
	size_t len = strlen(history);

	snprintf(history + len, sizeof history - len, "%c%c ", what, name);
}

static struct toy *toy_of(struct engine *engine)
{
	return container_of(engine, struct toy, e);
}

static bool end_toy(struct engine *engine, enum end how)
{
	note("?dsk"[how], toy_of(engine) -> name);
	return !toy_of(engine)->stubborn[how];
}

static void release_toy(struct engine *engine)
{
	CHECK(!engine->brood || TAILQ_EMPTY(&engine->brood->list),
	      "%c is released after its children", toy_of(engine)->name);
	note('R', toy_of(engine)->name);
}

static void child_of_toy_gone(struct engine *engine, struct engine *child)
{
	CHECK(child->phase == PHASE_STOPPED, "%c is stopped when %c hears of it",
	      toy_of(child)->name, toy_of(engine)->name);
	note('G', toy_of(child)->name);
}

static void destroy_toy(struct engine *engine)
{
	note('D', toy_of(engine)->name);
}

static const char *toy_subject(const struct engine *engine, char *text, size_t size)
{
	snprintf(text, size, "%c", container_of(engine, const struct toy, e)->name);
	return text;
}

static int no_line(const struct engine *engine)
{
	(void)engine;
	return -1;
}

static const struct engine_kind sequential = {
    .name = "sequential",
    .end = end_toy,
    .release = release_toy,
    .destroy = destroy_toy,
    .child_gone = child_of_toy_gone,
    .subject = toy_subject,
    .log_level = no_line,
};

static const struct engine_kind parallel = {
    .name = "parallel",
    .end = end_toy,
    .release = release_toy,
    .destroy = destroy_toy,
    .child_gone = child_of_toy_gone,
    .subject = toy_subject,
    .log_level = no_line,
    .parallel = true,
};

static struct toy *add(size_t i, char name, const struct engine_kind *kind, struct toy *parent)
{
	struct toy *toy = &toys[i];

	memset(toy, 0, sizeof *toy);
	toy->name = name;
	engine_init(&toy->e, kind, &loop, parent ? &parent->e : NULL, parent ? NULL : &toy->brood);
	engine_set_phase(&toy->e, PHASE_RUNNING, REASON_NONE, 0);
	return toy;
}

/* Turns of the loop until it has nothing to do at once, and at least one. */
static void turn(void)
{
	do
		ev_run(loop.ev, EVRUN_NOWAIT);
	while (!TAILQ_EMPTY(&loop.jobs));
}

static void turn_until_stopped(const struct toy *toy)
{
	while (toy->e.phase != PHASE_STOPPED)
		ev_run(loop.ev, EVRUN_ONCE);
	turn();
}

static void begin(void)
{
	history[0] = '\0';
}

static void test_sequential(void)
{
	struct toy *root = add(0, 'r', &sequential, NULL), *b;

	begin();
	add(1, 'a', &sequential, root);
	b = add(2, 'b', &sequential, root);
	b->stubborn[END_DRAIN] = true;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK_STR(history, "dr db ", "the last started is told first, the next waits for it");
	CHECK(toys[1].e.phase == PHASE_RUNNING, "the first started runs meanwhile");
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK_STR(history, "dr db ", "an equal end is ignored");
	engine_done(&b->e);
	CHECK_STR(history, "dr db Rb Gb da Ra Ga Rr ", "then one after the other, the parent last");
	turn();
	CHECK_STR(history, "dr db Rb Gb da Ra Ga Rr Dr Da Db ",
		  "memory goes when the turn is over");
}

static void test_nothing_to_drain(void)
{
	struct toy *root = add(0, 'r', &sequential, NULL);

	begin();
	root->stubborn[END_DRAIN] = true;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK(root->e.phase == PHASE_STOPPING, "what has nothing below it does not drain");
	engine_done(&root->e);
	turn();
}

static void test_escalation(void)
{
	struct toy *root = add(0, 'r', &sequential, NULL), *a = add(1, 'a', &sequential, root);

	begin();
	a->stubborn[END_DRAIN] = a->stubborn[END_STOP] = true;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK(root->e.phase == PHASE_DRAINING && a->e.phase == PHASE_DRAINING, "both drain");
	engine_end(&root->e, END_STOP, REASON_STOPPED, 0);
	CHECK_STR(history, "dr da sr sa ", "a harder end goes down too");
	CHECK(a->e.phase == PHASE_STOPPING && a->e.why == REASON_STOPPED, "with its reason");
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK_STR(history, "dr da sr sa ", "a softer one is ignored");
	engine_end(&root->e, END_KILL, REASON_KILLED, 0);
	CHECK_STR(history, "dr da sr sa kr ka Ra Ga Rr ", "the hardest waits for nobody");
	CHECK(root->e.phase == PHASE_STOPPED && root->e.why == REASON_KILLED, "and is final");
	turn();
}

static void test_parallel(void)
{
	struct toy *root = add(0, 'r', &parallel, NULL);

	begin();
	for (size_t i = 1; i < 100; i++)
		add(i, 'c', &sequential, root);
	loop.ending.record = 0;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK(root->brood.count == 99, "nobody is told within the call");
	ev_run(loop.ev, EVRUN_NOWAIT);
	CHECK(root->brood.count > 0 && root->brood.count < 99,
	      "some are told in one turn (%u left)", (unsigned)root->brood.count);
	turn();
	CHECK(root->e.phase == PHASE_STOPPED, "all are told in a few");
	CHECK(loop.ending.record <= 32, "at most 32 a turn (%u)", loop.ending.record);
}

static void test_parallel_at_once(void)
{
	struct toy *root = add(0, 'r', &parallel, NULL), *late;

	begin();
	add(1, 'a', &sequential, root)->stubborn[END_DRAIN] = true;
	add(2, 'b', &sequential, root)->stubborn[END_DRAIN] = true;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	turn();
	CHECK_STR(history, "dr da db ", "a parallel parent does not wait between its children");
	late = add(3, 'l', &sequential, root);
	turn();
	CHECK_STR(history, "dr da db dl Rl Gl Dl ", "one that comes late is told too");
	CHECK(late->e.phase == PHASE_STOPPED, "and leaves");
	engine_end(&toys[1].e, END_KILL, REASON_CLIENT_CLOSED, 0);
	engine_end(&root->e, END_STOP, REASON_STOPPED, 0);
	turn();
	CHECK_STR(history, "dr da db dl Rl Gl Dl ka Ra Ga sr sb Rb Gb Rr Dr Db Da ",
		  "one that left by itself is not told again");
}

/* The engine that is to be told next may leave before its turn comes. */
static void test_untold_leaves(void)
{
	struct toy *root = add(0, 'r', &parallel, NULL);

	begin();
	for (size_t i = 1; i <= 40; i++)
		add(i, 'c', &sequential, root)->stubborn[END_DRAIN] = true;
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	for (int i = 0; i < 3; i++)
		if (root->brood.untold)
			engine_end(root->brood.untold, END_KILL, REASON_RESET, 0);
	turn();
	CHECK(root->brood.count == 37, "those that left by themselves are gone");
	engine_end(&root->e, END_KILL, REASON_KILLED, 0);
	turn();
	CHECK(root->e.phase == PHASE_STOPPED, "the others were all told");
}

static void test_deadline(void)
{
	struct toy *root = add(0, 'r', &sequential, NULL), *a = add(1, 'a', &sequential, root);

	begin();
	a->stubborn[END_DRAIN] = a->stubborn[END_STOP] = true;
	CHECK(engine_deadline_left(&root->e) < 0, "there is no deadline at first");
	engine_end_within(&root->e, 3600, 0.02);
	CHECK(engine_deadline_left(&root->e) > 3000, "there is one then");
	engine_end_within(&root->e, 7200, 0.02);
	CHECK(engine_deadline_left(&root->e) < 3601, "it is never made longer");
	engine_end_within(&root->e, 0.01, 0.02);
	CHECK(engine_deadline_left(&root->e) < 0.02, "it is made shorter");
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	turn_until_stopped(root);
	CHECK_STR(history, "dr da sr sa kr ka Ra Ga Rr Dr Da ", "drain, stop, kill: in that order");
	CHECK(a->e.why == REASON_KILLED, "the last reason stays");
}

static void waited(struct waiter *waiter, struct engine *engine)
{
	struct toy *toy = container_of(waiter, struct toy, waiter);

	CHECK(engine->phase == PHASE_STOPPED, "a waiter hears of a stopped engine");
	toy->waited = true;
}

static void test_waiters(void)
{
	struct toy *root = add(0, 'r', &sequential, NULL), *a = add(1, 'a', &sequential, root);
	struct waiter gone = {.done = waited};

	a->waiter.done = waited;
	engine_wait(&a->e, &a->waiter);
	engine_wait(&a->e, &gone);
	engine_unwait(&gone);
	engine_unwait(&gone);
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK(a->waited, "who waits is told");
	CHECK(!a->waiter.waiting && !gone.waiting, "and waits no more");
	turn();
}

/* Told while a phase lasts, also one that is over before the turn is. */
static unsigned seen_stopping;

static void see_phase(struct observer *observer, const void *engine)
{
	(void)observer;
	seen_stopping += ((const struct engine *)engine)->phase == PHASE_STOPPING;
}

static void see_change(struct observer *observer)
{
	(void)observer;
}

static void test_observers(void)
{
	static struct observer observer = {.changed = see_change, .phase = see_phase};
	struct toy *root;

	loop_observe(&loop, &observer);
	root = add(0, 'r', &sequential, NULL);
	engine_end(&root->e, END_DRAIN, REASON_REQUESTED, 0);
	CHECK_UINT(seen_stopping, 1, "a phase shorter than a turn is seen");
	turn();
}

int main(void)
{
	if (loop_open(&loop) < 0)
		return 1;
	test_sequential();
	test_nothing_to_drain();
	test_escalation();
	test_parallel();
	test_parallel_at_once();
	test_untold_leaves();
	test_deadline();
	test_waiters();
	test_observers();
	loop_close(&loop);
	return check_done();
}
