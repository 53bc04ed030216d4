/* Commands that are one request for each argument, all under way at once. */
#include <stdlib.h>

#include "../proto/json.h"
#include "commands.h"
#include "exchange.h"
#include "interrupt.h"
#include "memory.h"
#include "one_request.h"
#include "pages.h"
#include "print.h"

/* One run of such a command. */
struct many {
	const struct args *args;
	result_printer *printer;
	int status;	  /* of the first failure in argument order */
	bool told_lost;	  /* the failure of the connection has been reported */
	struct buf items; /* with --json: the results so far */
};

static void note_status(struct many *many, const struct request *request)
{
	if (many->status == 0)
		many->status = request->failure.status;
}

/* {"address": A, "error": {...}}, or "id" for a connection */
static void add_json_failure(struct buf *out, const struct request *request)
{
	static const char *const names[] = {"address", "id"};
	struct json json = {.out = out};

	json_object(&json);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(request->params, names[i]);

		if (item == NULL)
			continue;
		json_key(&json, names[i]);
		if (cJSON_IsString(item))
			json_string(&json, item->valuestring);
		else
			json_u64(&json, (uint64_t)item->valuedouble);
	}
	json_key(&json, "error");
	failure_write(out, &request->failure);
	buf_append(out, "}", 1);
}

static void add_json(struct many *many, const struct request *request)
{
	if (many->items.len > 0)
		buf_append(&many->items, ",", 1);
	if (request->result != NULL)
		buf_append(&many->items, request->result, request->result_len);
	else
		add_json_failure(&many->items, request);
}

static void print_one(struct many *many, struct request *request)
{
	struct buf out = {0};

	if (many->printer(&out, request_result(request), many->args, &request->failure) < 0) {
		failure_print(&request->failure, request->subject);
	} else if (!many->args->globals.quiet) {
		print_stdout(&out);
		print_flush();
	}
	buf_free(&out);
}

static void ready(struct request *request, void *context)
{
	struct many *many = context;

	if (many->args->globals.json)
		add_json(many, request);
	else if (request->result != NULL)
		print_one(many, request);
	note_status(many, request);
	if (request->result != NULL || (request->lost && many->told_lost))
		return;
	failure_print(&request->failure,
		      request->lost ? many->args->command->name : request->subject);
	many->told_lost = many->told_lost || request->lost;
}

static void print_json_results(struct many *many)
{
	struct buf out = {0};

	memory_check(&many->items);
	buf_printf(&out, "{\"results\":[");
	buf_append(&out, many->items.data, many->items.len);
	buf_printf(&out, "]}");
	memory_check(&out);
	print_json((struct span){.at = out.data, .len = out.len});
	buf_free(&out);
}

/* Interrupted, there are no results to speak of. */
static const struct request *find_interrupted(const struct requests *requests)
{
	if (interrupt_caught() == 0)
		return NULL;
	for (size_t i = 0; i < requests->n; i++)
		if (requests->all[i].lost)
			return &requests->all[i];
	return NULL;
}

static int print_results(struct many *many, const struct requests *requests)
{
	const struct request *interrupted = find_interrupted(requests);

	if (interrupted != NULL)
		many->status = interrupted->failure.status;
	if (many->args->globals.json && interrupted != NULL)
		print_json_failure(&interrupted->failure);
	else if (many->args->globals.json)
		print_json_results(many);
	return many->status;
}

/* The printer as a context: a pointer to data may not hold one to a function. */
struct many_work {
	result_printer *printer;
};

static int work(struct session *session, struct requests *requests, void *context)
{
	const struct many_work *many_work = context;
	struct many many = {.args = session->args, .printer = many_work->printer};
	struct progress *progress = NULL;
	int status;

	if (requests->n > 0 && requests->all[0].drains) {
		interrupt_catch();
		if (!many.args->globals.quiet)
			progress =
			    progress_new(requests->n, requests->n == 1 ? requests->all[0].subject
								       : many.args->command->name);
	}
	exchange_run(&session->client, requests, progress, ready, &many);
	progress_free(progress);
	status = print_results(&many, requests);
	buf_free(&many.items);
	return status;
}

static int run_many(const struct args *args, result_printer *printer)
{
	return session_run_args(args, work, &(struct many_work){printer});
}

/* "ADDRESS OUTCOME drained=N stopped=N killed=N ms=N"; of a stop not waited for "ADDRESS PHASE
   connections=N"; an absent server had nothing to drain. */
static int print_stop(struct buf *out, struct span result, const struct args *args,
		      struct failure *failure)
{
	static const struct {
		const char *label, *member;
	} counts[] = {
	    {"drained", "drained"},
	    {"stopped", "stopped"},
	    {"killed", "killed"},
	    {"ms", "elapsed_ms"},
	};

	(void)args;
	if (session_add(out, result, "address", failure) < 0)
		return -1;
	buf_append(out, " ", 1);
	if (raw_member(result, "outcome").at == NULL) {
		if (session_add(out, result, "phase", failure) < 0)
			return -1;
		buf_printf(out, " connections=");
		if (session_add(out, result, "connections", failure) < 0)
			return -1;
		buf_append(out, "\n", 1);
		return 0;
	}
	print_value(out, raw_member(result, "outcome"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct span count = raw_member(result, counts[i].member);

		buf_printf(out, " %s=", counts[i].label);
		if (raw_type(count) == RAW_NUMBER)
			print_value(out, count);
		else
			buf_append(out, "0", 1);
	}
	buf_append(out, "\n", 1);
	return 0;
}

/* Turns a list of servers into requests to stop each. */
struct stop_all {
	struct requests requests;
	const struct args *args;
};

static void add_stop(const struct raw_item *row, void *context)
{
	struct stop_all *all = context;
	struct request *request;
	struct buf address = {0};
	cJSON *params = cJSON_Duplicate(all->args->params, true);

	raw_decode(&address, raw_member(row->value, "address"));
	/* Doubled at every power of two: n is below the room there is. */
	if ((all->requests.n & (all->requests.n - 1)) == 0) {
		size_t room = all->requests.n > 0 ? all->requests.n * 2 : 1;
		struct request *grown = realloc(all->requests.all, room * sizeof(*grown));

		if (grown == NULL)
			memory_failed();
		all->requests.all = grown;
	}
	request = &all->requests.all[all->requests.n++];
	request_begin(request, all->args->command->method, params, memory_check(&address));
	request_set_string(request, "address", memory_check(&address));
	/* Another may stop it between the listing and the asking. */
	request_set_true(request, "if_exists");
	if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(request->params, "wait")))
		request_set_true(request, "progress");
	buf_free(&address);
}

static int stop_listed(struct session *session, struct requests *list, void *context)
{
	struct stop_all all = {.args = session->args};
	struct request *request = &list->all[0];
	int status;

	(void)context;
	if (pages_fetch(&session->client, request, "servers", UINT64_MAX, add_stop, &all, NULL) < 0)
		status = session_report(all.args, request->subject, &request->failure);
	else
		status = work(session, &all.requests, &(struct many_work){print_stop});
	requests_free(&all.requests);
	return status;
}

static int run_stop_all(const struct args *args)
{
	struct request list;
	struct requests one = {.all = &list, .n = 1};
	int status;

	request_begin(&list, method_get(METHOD_LIST_SERVERS), NULL, args->command->name);
	request_set_number(&list, "limit", PAGES_ROWS);
	status = session_run(args, &one, stop_listed, NULL);
	request_free(&list);
	return status;
}

int run_stop_server(const struct args *args)
{
	struct failure failure = {0};

	if (!args->all)
		return run_many(args, print_stop);
	if (args->nwords == 0)
		return run_stop_all(args);
	failure_usage(&failure, "--all and ADDRESS exclude each other");
	return session_report(args, args->command->name, &failure);
}

/* "ADDRESS PHASE" */
static int print_server(struct buf *out, struct span result, const struct args *args,
			struct failure *failure)
{
	(void)args;
	if (session_add(out, result, "server.address", failure) < 0)
		return -1;
	buf_append(out, " ", 1);
	if (session_add(out, result, "server.phase", failure) < 0)
		return -1;
	buf_append(out, "\n", 1);
	return 0;
}

int run_suspend_server(const struct args *args)
{
	return run_many(args, print_server);
}

int run_resume_server(const struct args *args)
{
	return run_many(args, print_server);
}

int run_update_server(const struct args *args)
{
	return run_many(args, print_server);
}

/* "ID REASON" */
static int print_closed(struct buf *out, struct span result, const struct args *args,
			struct failure *failure)
{
	(void)args;
	if (session_add(out, result, "id", failure) < 0)
		return -1;
	buf_append(out, " ", 1);
	if (session_add(out, result, "reason", failure) < 0)
		return -1;
	buf_append(out, "\n", 1);
	return 0;
}

int run_close_connection(const struct args *args)
{
	return run_many(args, print_closed);
}
