/* Sends requests all at once on one connection and gives each its reply. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "memory.h"

/* One run: the requests, and how far it has come. */
struct run {
	struct client *client;
	struct requests *requests;
	struct progress *progress;
	exchange_ready *ready;
	void *context;
	unsigned first_id;
	size_t left;	/* not answered yet */
	size_t printed; /* given to ready */
};

static void send_all(struct run *run)
{
	struct buf line = {0};

	run->first_id = run->client->next_id;
	for (size_t i = 0; i < run->requests->n; i++) {
		request_write(&line, &run->requests->all[i], run->client->next_id++);
		memory_check(&line);
		client_send(run->client, &line);
		buf_reset(&line);
	}
	buf_free(&line);
}

static void hand_over(struct run *run)
{
	struct requests *requests = run->requests;

	while (run->printed < requests->n && requests->all[run->printed].answered) {
		struct request *request = &requests->all[run->printed++];

		if (run->progress != NULL)
			progress_hide(run->progress);
		if (run->ready != NULL)
			run->ready(request, run->context);
	}
}

/* The request an id is of; NULL if it is of none that is under way. */
static struct request *find(struct run *run, struct span id)
{
	uint64_t number = raw_u64(id, UINT64_MAX);

	if (number < run->first_id || number - run->first_id >= run->requests->n)
		return NULL;
	if (run->requests->all[number - run->first_id].answered)
		return NULL;
	return &run->requests->all[number - run->first_id];
}

/* The connection has failed: so have all requests under way, for the one cause. */
static int lose(struct run *run, const struct failure *cause)
{
	for (size_t i = 0; i < run->requests->n; i++) {
		struct request *request = &run->requests->all[i];

		if (request->answered)
			continue;
		request->failure = *cause;
		if (cause->raw != NULL)
			request->failure.raw = memory_text(cause->raw);
		request->answered = request->lost = true;
	}
	run->left = 0;
	hand_over(run);
	return -1;
}

static const struct request *first_left(const struct run *run)
{
	for (size_t i = 0; i < run->requests->n; i++)
		if (!run->requests->all[i].answered)
			return &run->requests->all[i];
	return NULL;
}

/* Adds to a failure of the connection what it means for what was asked. */
static void add_consequence(const struct run *run, struct failure *failure)
{
	const struct request *request = first_left(run);
	size_t n = strlen(failure->text);
	const char *text;

	if (request == NULL || request->observes)
		return;
	if (!run->client->sent)
		text = "nothing was sent";
	else if (strcmp(failure->name, "interrupted") == 0)
		text = request->drains ? "detached, the drain goes on"
				       : "whether it was done is unknown";
	else if (strcmp(failure->name, "timeout") == 0 && request->drains)
		text = "a drain that has begun goes on";
	else
		text = "whether it was done is unknown";
	snprintf(failure->text + n, sizeof(failure->text) - n, "; %s", text);
}

static int lose_eof(struct run *run)
{
	struct failure failure = {0};
	int result;

	failure_own(&failure, OWN_ERROR_NO_NODED, "noded at %s went away", run->client->path);
	add_consequence(run, &failure);
	result = lose(run, &failure);
	failure_clear(&failure);
	return result;
}

static int take_progress(struct run *run, const struct wire_reply *reply)
{
	struct request *request = find(run, raw_member(reply->text, "id"));

	if (run->progress != NULL && request != NULL)
		progress_note(run->progress, (size_t)(request - run->requests->all), reply->text);
	return 0;
}

/* A reply without an id answers a line that noded did not take, or the whole connection. */
static int take_refusal(struct run *run, const struct wire_reply *reply)
{
	struct failure failure = {0};
	int result;

	failure_from_reply(&failure, reply);
	result = lose(run, &failure);
	failure_clear(&failure);
	return result;
}

static int take_senseless(struct run *run)
{
	struct failure failure = {0};
	int result;

	failure_set(&failure, ERR_INVALID_REQUEST,
		    "a senseless reply from %s: to a request that was not made", run->client->path);
	add_consequence(run, &failure);
	result = lose(run, &failure);
	failure_clear(&failure);
	return result;
}

static int take_reply(struct run *run, const struct wire_reply *reply)
{
	struct request *request;

	if (reply->kind == WIRE_PROGRESS)
		return take_progress(run, reply);
	if (reply->kind == WIRE_ERROR && (reply->id.at == NULL || raw_type(reply->id) == RAW_NULL))
		return take_refusal(run, reply);
	request = find(run, reply->id);
	if (request == NULL)
		return take_senseless(run);
	request->answered = true;
	run->left--;
	if (reply->kind == WIRE_ERROR) {
		failure_from_reply(&request->failure, reply);
	} else {
		request->result = memory_copy(reply->text.at, reply->text.len);
		request->result_len = reply->text.len;
	}
	if (run->progress != NULL)
		progress_finish(run->progress, (size_t)(request - run->requests->all));
	hand_over(run);
	return 0;
}

int exchange_run(struct client *client, struct requests *requests, struct progress *progress,
		 exchange_ready *ready, void *context)
{
	struct run run = {.client = client,
			  .requests = requests,
			  .progress = progress,
			  .ready = ready,
			  .context = context,
			  .left = requests->n};
	struct failure failure = {0};
	struct wire_reply reply;
	int result = 0;

	send_all(&run);
	while (run.left > 0 && result == 0) {
		uint64_t tick = progress != NULL ? progress_tick_ms(progress) : TIME_NONE;

		switch (client_next(client, tick, &reply, &failure)) {
		case CLIENT_REPLY:
			result = take_reply(&run, &reply);
			break;
		case CLIENT_TICK:
			progress_show(progress);
			break;
		case CLIENT_EOF:
			result = lose_eof(&run);
			break;
		case CLIENT_FAILED:
			add_consequence(&run, &failure);
			result = lose(&run, &failure);
			break;
		}
	}
	if (progress != NULL)
		progress_hide(progress);
	failure_clear(&failure);
	return result;
}

int exchange_wait_end(struct client *client, struct failure *failure)
{
	struct wire_reply reply;

	for (;;) {
		switch (client_next(client, TIME_NONE, &reply, failure)) {
		case CLIENT_REPLY:
		case CLIENT_TICK:
			break;
		case CLIENT_EOF:
			return 0;
		case CLIENT_FAILED:
			return -1;
		}
	}
}
