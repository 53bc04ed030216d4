/* A call: answering it, now or later; telling of progress. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "../proto/params.h"

#define PROGRESS_INTERVAL 0.25 /* seconds: at most four a second ... */
#define PROGRESS_SILENCE  1.0  /* ... and one at the least */

struct call *call_new(struct domain *domain, const struct client *client,
		      struct wire_request *request, const struct call_ops *ops, void *owner)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		cJSON_Delete(request->params);
		return NULL;
	}
	call->ops = ops;
	call->owner = owner;
	call->domain = domain;
	call->client = *client;
	call->method = request->method;
	call->params = request->params;
	call->began = loop_now(domain->root->loop);
	call->json.out = &call->reply;
	if (request->id.at && request->id.len <= sizeof(call->id_text)) {
		memcpy(call->id_text, request->id.at, request->id.len);
		call->id = (struct span){call->id_text, request->id.len};
	}
	return call;
}

static void bury_call(struct grave *grave)
{
	struct call *call = container_of(grave, struct call, grave);

	cJSON_Delete(call->params);
	buf_free(&call->reply);
	free(call->more);
	free(call);
}

void call_free(struct call *call)
{
	struct loop *loop = call->domain->root->loop;

	engine_unwait(&call->waiter);
	if (call->abandon)
		call->abandon(call);
	loop_cancel(loop, &call->stream);
	ev_timer_stop(loop->ev, &call->ticker);
	call->grave.bury = bury_call;
	loop_bury(loop, &call->grave);
}

static bool stream(struct job *job)
{
	struct call *call = container_of(job, struct call, stream);

	return call->ops->take(call) && call->produce(call);
}

void call_stream(struct call *call, bool (*produce)(struct call *call))
{
	call->produce = produce;
	call->stream.run = stream;
	if (!produce(call))
		return;
	/* Its line is begun now, so that no later request is answered before it. */
	call->ops->take(call);
	loop_post(call->domain->root->loop, &call->stream);
}

void call_go_on(struct call *call)
{
	if (call->stream.run)
		loop_post(call->domain->root->loop, &call->stream);
}

/* -- answering -- */

struct json *call_result(struct call *call)
{
	wire_begin_result(&call->reply, call->id);
	call->json.comma = false;
	return &call->json;
}

static void show_progress(struct call *call);

void call_done(struct call *call)
{
	struct err err = {0};

	if (call->progress)
		show_progress(call);
	wire_end(&call->reply, false);
	/* Half of a long answer may have been sent: then only the end of the session is honest. */
	if (call->reply.failed && !call->produce) {
		buf_reset(&call->reply);
		err_set(&err, ERR_INTERNAL_ERROR, "out of memory for the answer");
		wire_write_error(&call->reply, call->id, &err, false);
	}
	call->ops->answered(call);
}

void call_fail(struct call *call, const struct err *err)
{
	wire_write_error(&call->reply, call->id, err, false);
	call->ops->answered(call);
}

/* -- progress -- */

static void write_progress(struct call *call, struct buf *line, uint64_t done, uint64_t total)
{
	struct loop *loop = call->domain->root->loop;
	struct json json = {.out = line};
	double left = engine_deadline_left(call->subject);

	json_object(&json);
	json_key_string(&json, "jsonrpc", "2.0");
	json_key_string(&json, "method", "progress");
	json_key(&json, "params");
	json_object(&json);
	json_key(&json, "id");
	json_raw(&json, call->id.at, call->id.len);
	json_key_string(&json, "phase", phase_name(call->subject->phase));
	json_key_u64(&json, "done", done);
	json_key_u64(&json, "total", total);
	json_key_u64(&json, "elapsed_ms", (uint64_t)((loop_now(loop) - call->began) * 1000));
	json_key(&json, "deadline_in_ms");
	if (left < 0)
		json_null(&json);
	else
		json_u64(&json, (uint64_t)(left * 1000));
	json_object_end(&json);
	json_object_end(&json);
	buf_append(line, "\n", 1);
}

/* One notification if there is news, or none for a second. */
static void show_progress(struct call *call)
{
	double now = loop_now(call->domain->root->loop);
	uint64_t done, total;
	struct buf line = {0};

	call->count(call, &done, &total);
	if (done == call->shown_done && total == call->shown_total &&
	    call->subject->phase == call->shown_phase && now - call->shown_at < PROGRESS_SILENCE)
		return;
	call->shown_done = done;
	call->shown_total = total;
	call->shown_phase = call->subject->phase;
	call->shown_at = now;
	write_progress(call, &line, done, total);
	if (!line.failed)
		call->ops->notify(call, &line);
	buf_free(&line);
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int revents)
{
	(void)ev;
	(void)revents;
	show_progress(container_of(timer, struct call, ticker));
}

void call_progress(struct call *call, const struct engine *subject,
		   void (*count)(const struct call *call, uint64_t *done, uint64_t *total))
{
	if (!call->id.at || !call_bool(call, "progress"))
		return;
	call->progress = true;
	call->subject = subject;
	call->count = count;
	call->shown_phase = PHASE_COUNT;
	ev_timer_init(&call->ticker, on_tick, PROGRESS_INTERVAL, PROGRESS_INTERVAL);
	ev_timer_start(call->domain->root->loop->ev, &call->ticker);
	show_progress(call);
}

/* -- parameters -- */

bool call_has(const struct call *call, const char *name)
{
	return param_get(call->params, name) != NULL;
}

uint64_t call_u64(const struct call *call, const char *name)
{
	return param_u64(call->method, call->params, name);
}

bool call_bool(const struct call *call, const char *name)
{
	return param_bool(call->method, call->params, name);
}

const char *call_string(const struct call *call, const char *name)
{
	return param_string(call->method, call->params, name);
}
