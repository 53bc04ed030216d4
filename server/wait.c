/* The method `wait`: answered when a part of the state meets a condition. Nothing polls: waits are
   looked at when the writer of a phase or counter has marked a change. */
#include "methods.h"

#include <stdlib.h>
#include <string.h>

#include "../proto/params.h"
#include "../proto/path.h"
#include "clock.h"
#include "state.h"

struct wait {
	TAILQ_ENTRY(wait) link;
	TAILQ_ENTRY(wait) by_topic;
	struct call *call;
	struct path path;
	ev_timer timeout;
	struct wait_list *topic; /* NULL: what it waits for never lasts less than a turn */
};

#define REST_AFTER_LOOKING 9 /* times as long as it took */

enum verdict { NOT_YET, MET, NEVER, NO_MEMORY };

static void write_whole(struct buf *text, const struct state_ref *ref)
{
	struct state_page page = {.limit = 1000};
	struct json json = {.out = text};

	do
		state_write(&json, ref, &page);
	while (page.cut);
}

static bool compares(const struct wait *wait, const cJSON *value)
{
	const cJSON *params = wait->call->params;
	const cJSON *wanted;

	if ((wanted = param_get(params, "equals")))
		return cJSON_Compare(value, wanted, true);
	if (!cJSON_IsNumber(value))
		return false;
	if ((wanted = param_get(params, "at_least")))
		return value->valuedouble >= wanted->valuedouble;
	wanted = param_get(params, "at_most");
	return wanted && value->valuedouble <= wanted->valuedouble;
}

/* Objects and arrays equal nothing: only a single value is worth reading. */
static enum verdict judge(const struct wait *wait, const struct state_ref *ref)
{
	struct buf text = {0};
	enum verdict verdict = NOT_YET;
	cJSON *value;

	if (!ref->field || ref->field->type == FIELD_MAP || ref->field->type == FIELD_OBJECT ||
	    state_is_engine(ref))
		return NOT_YET;
	write_whole(&text, ref);
	if (text.failed) {
		verdict = NO_MEMORY;
	} else if (text.len > 0 && text.data[0] != '{' && text.data[0] != '[') {
		value = cJSON_ParseWithLength(text.data, text.len);
		if (!value)
			verdict = NO_MEMORY;
		else if (compares(wait, value))
			verdict = MET;
		cJSON_Delete(value);
	}
	buf_free(&text);
	return verdict;
}

static enum verdict look(const struct wait *wait, struct state_ref *ref, bool *found)
{
	struct err err;
	const cJSON *params = wait->call->params;

	*found = state_find(wait->call->domain->root, &wait->path, ref, &err) == 0;
	if (!*found && err.code != ERR_NO_SUCH_PATH)
		return NO_MEMORY;
	if (!*found)
		return param_get(params, "absent") ? MET : NOT_YET;
	if (ref->timed)
		return NEVER;
	if (param_get(params, "exists"))
		return MET;
	return judge(wait, ref);
}

static void answer_met(struct call *call, const struct wait *wait, const struct state_ref *ref,
		       bool found)
{
	struct json *json = call_result(call);
	struct buf text = {0};

	json_object(json);
	path_format(&text, &wait->path, wait->path.count);
	json_key_string(json, "path", text.failed ? NULL : buf_string(&text));
	json_key(json, "value");
	buf_reset(&text);
	if (found)
		write_whole(&text, ref);
	json->out->failed |= text.failed;
	if (found && !text.failed)
		json_raw(json, text.data, text.len);
	else
		json_null(json);
	buf_free(&text);
	json_key_u64(json, "elapsed_ms",
		     (uint64_t)((loop_now(call->domain->root->loop) - call->began) * 1000));
	json_object_end(json);
	call_done(call);
}

/* Answers the call if the time has come. True: it is answered. */
static bool try_answer(struct wait *wait)
{
	struct call *call = wait->call;
	struct state_ref ref;
	struct err err = {0};
	bool found;

	switch (look(wait, &ref, &found)) {
	case NOT_YET:
		return false;
	case MET:
		answer_met(call, wait, &ref, found);
		return true;
	case NEVER:
		err_param(&err, ERR_INVALID_PARAMS, "path",
			  "it changes with time alone and cannot be waited for");
		call_fail(call, &err);
		return true;
	case NO_MEMORY:
		/* If nothing changed any more, nobody would look again. */
		err_set(&err, ERR_INTERNAL_ERROR, "out of memory while looking at the state");
		call_fail(call, &err);
		return true;
	}
	return false;
}

static void answer_late(struct wait *wait)
{
	struct call *call = wait->call;
	struct buf path = {0}, value = {0};
	struct state_ref ref;
	struct err err = {0};
	bool found;

	look(wait, &ref, &found);
	if (found && ref.field && ref.field->type != FIELD_MAP)
		write_whole(&value, &ref);
	path_format(&path, &wait->path, wait->path.count);
	err_set(&err, ERR_TIMEOUT, "%s is %s after %llu ms", buf_string_or(&path, "it"),
		!found			       ? "absent"
		: value.len && value.len < 100 ? buf_string_or(&value, "there")
					       : "there",
		(unsigned long long)call_u64(call, "timeout_ms"));
	buf_free(&path);
	buf_free(&value);
	call_fail(call, &err);
}

static void answer_cancelled(struct call *call)
{
	struct err err = {0};

	err_set(&err, ERR_CANCELLED, "noded is shutting down");
	call_fail(call, &err);
}

static void on_timeout(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct wait *wait = container_of(timer, struct wait, timeout);

	(void)ev;
	(void)revents;
	if (!try_answer(wait))
		answer_late(wait);
}

/* -- topics: whose phases concern whom -- */

/* FNV-1a. Two that share a list by chance are looked at in vain, no more. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
	return hash;
}

/* Do the keys of a path from `at` on lead to a member of that map? */
static bool leads_through(const struct path *path, size_t at, const char *owner, const char *map)
{
	return path->count > at + 2 && strcmp(path->key[at], owner) == 0 &&
	       strcmp(path->key[at + 1], map) == 0;
}

/* The innermost of a connection, a server and the node that a path leads into. Neither need be
   there yet, so it is told by where their maps are. */
static struct wait_list *topic_of_path(struct domain *domain, const struct path *path)
{
	uint64_t topic = 0;

	if (leads_through(path, 0, "transport", "servers")) {
		topic = hash_text(path->key[2]);
		if (leads_through(path, 3, "connection_pool", "connections"))
			topic = strtoull(path->key[5], NULL, 10);
	}
	return &domain->topics[topic % WAIT_TOPICS];
}

/* The same of what an engine is a part of. */
static struct wait_list *topic_of_engine(struct domain *domain, const struct engine *engine)
{
	uint64_t topic = 0;

	if (engine->kind == &conn_kind)
		return &domain->topics[engine->id % WAIT_TOPICS];
	for (; engine->parent; engine = engine->parent)
		if (engine->parent == &domain->transport->e)
			topic = hash_text(container_of(engine, const struct server, e)->key);
	return &domain->topics[topic % WAIT_TOPICS];
}

static void join(struct domain *domain, struct wait *wait)
{
	TAILQ_INSERT_TAIL(&domain->waits, wait, link);
	domain->nwaits++;
	if (wait->topic)
		TAILQ_INSERT_TAIL(wait->topic, wait, by_topic);
}

static void forget(struct call *call)
{
	struct wait *wait = call->more;
	struct domain *domain = call->domain;

	ev_timer_stop(domain->root->loop->ev, &wait->timeout);
	TAILQ_REMOVE(&domain->waits, wait, link);
	domain->nwaits--;
	if (wait->topic)
		TAILQ_REMOVE(wait->topic, wait, by_topic);
	call->abandon = NULL;
}

/* May it be met for less than a turn? So may phases, and parts of the tree that come and go with
   them. */
static bool is_brief(const struct wait *wait)
{
	const struct path *path = &wait->path;
	const cJSON *params = wait->call->params;
	const char *last = path->count ? path->key[path->count - 1] : "";

	return strcmp(last, "phase") == 0 || strcmp(last, "why") == 0 ||
	       param_get(params, "exists") || param_get(params, "absent") ||
	       cJSON_IsNull(param_get(params, "equals"));
}

/* Looking at it costs little in the state as it is. What a getter writes may be a sum over all
   servers; it is looked at when the turn is over, like every counter. */
static bool is_cheap(const struct wait *wait)
{
	struct state_ref ref;
	struct err err;

	if (state_reach(wait->call->domain->root, &wait->path, &ref, &err) < 0 || !ref.field ||
	    ref.field->type != FIELD_GETTER)
		return true;
	if (ref.inside < wait->path.count)
		return false;
	/* Its text matters to equals alone. */
	return ref.field->write == engine_write_phase || ref.field->write == engine_write_why ||
	       !param_get(wait->call->params, "equals");
}

void do_wait(struct call *call)
{
	struct wait *wait = call->more = calloc(1, sizeof(*wait));
	uint64_t ms = call_u64(call, "timeout_ms");
	struct err err = {0};

	if (!wait) {
		err_set(&err, ERR_LIMIT_REACHED, "out of memory");
		call_fail(call, &err);
		return;
	}
	wait->call = call;
	if (path_parse(&wait->path, call_string(call, "path"), &err) < 0) {
		call_fail(call, &err);
		return;
	}
	wait->topic = is_brief(wait) ? topic_of_path(call->domain, &wait->path) : NULL;
	if (try_answer(wait))
		return;
	if (ms == 0) {
		answer_late(wait);
		return;
	}
	/* Nothing will change any more. */
	if (call->domain->transport->e.phase == PHASE_STOPPED) {
		answer_cancelled(call);
		return;
	}
	ev_timer_init(&wait->timeout, on_timeout, (double)ms / 1000, 0.);
	ev_now_update(call->domain->root->loop->ev);
	ev_timer_start(call->domain->root->loop->ev, &wait->timeout);
	call->abandon = forget;
	join(call->domain, wait);
}

/* Counters that are busy would have every wait looked at in every turn, and nobody else would get
   to do much. Looking takes a tenth of the time at most: afterwards it rests. */
static void take_rest(struct domain *domain, double began)
{
	double now = clock_seconds();

	domain->rests_till = now + REST_AFTER_LOOKING * (now - began);
}

/* Now, or when it has rested. */
static void look_soon(struct domain *domain)
{
	struct loop *loop = domain->root->loop;
	double left = domain->rests_till - loop_now(loop);

	if (ev_is_active(&domain->rest))
		return;
	if (left <= 0) {
		loop_post(loop, &domain->looking);
		return;
	}
	ev_now_update(loop->ev);
	ev_timer_set(&domain->rest, left, 0.);
	ev_timer_start(loop->ev, &domain->rest);
}

/* Looks at as many as the turn's budget allows; those looked at go to the end of the list. */
static bool look_at_some(struct job *job)
{
	struct domain *domain = container_of(job, struct domain, looking);
	double began = clock_seconds();
	struct wait *wait;

	while (domain->to_look > 0 && (wait = TAILQ_FIRST(&domain->waits)) &&
	       loop_may(&domain->root->loop->rows)) {
		domain->to_look--;
		TAILQ_REMOVE(&domain->waits, wait, link);
		TAILQ_INSERT_TAIL(&domain->waits, wait, link);
		try_answer(wait);
	}
	if (TAILQ_EMPTY(&domain->waits))
		domain->to_look = 0;
	take_rest(domain, began);
	if (domain->to_look > 0)
		look_soon(domain);
	return false;
}

static void on_rested(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct domain *domain = container_of(timer, struct domain, rest);

	(void)ev;
	(void)revents;
	if (domain->to_look > 0)
		loop_post(domain->root->loop, &domain->looking);
}

static void look_at_all(struct observer *observer)
{
	struct domain *domain = container_of(observer, struct domain, waits_observer);

	domain->to_look = domain->nwaits;
	if (domain->to_look > 0)
		look_soon(domain);
}

/* A phase may be over before the turn is. It concerns those who wait for something of that engine's
   own, connection or server: for all others the end of the turn is early enough. */
static void look_at_phase(struct observer *observer, const void *engine)
{
	struct domain *domain = container_of(observer, struct domain, waits_observer);
	struct wait_list *concerned = topic_of_engine(domain, engine);
	struct wait *wait, *next;

	/* One answer may end nothing else at once: sessions send, and go, later in the turn. */
	TAILQ_FOREACH_SAFE (wait, concerned, by_topic, next)
		if (is_cheap(wait))
			try_answer(wait);
}

void waits_open(struct domain *domain)
{
	TAILQ_INIT(&domain->waits);
	for (size_t i = 0; i < WAIT_TOPICS; i++)
		TAILQ_INIT(&domain->topics[i]);
	domain->looking.run = look_at_some;
	ev_timer_init(&domain->rest, on_rested, 0., 0.);
	domain->waits_observer.changed = look_at_all;
	domain->waits_observer.phase = look_at_phase;
	loop_observe(domain->root->loop, &domain->waits_observer);
}

void waits_cancel(struct domain *domain)
{
	struct wait *wait;

	ev_timer_stop(domain->root->loop->ev, &domain->rest);
	while ((wait = TAILQ_FIRST(&domain->waits)))
		answer_cancelled(wait->call);
}
