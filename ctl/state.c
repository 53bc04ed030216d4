/* state: a part of the node's state, complete, however many pages it has. */
#include "state.h"

#include "commands.h"
#include "memory.h"
#include "pages.h"
#include "session.h"
#include "tree.h"

static void print_line(struct span value)
{
	struct buf line = {0};

	print_value(&line, value);
	buf_append(&line, "\n", 1);
	print_stdout(&line);
	buf_free(&line);
}

void state_print(const struct args *args, struct span value)
{
	enum raw_type type = raw_type(value);

	if (type != RAW_OBJECT && type != RAW_ARRAY)
		print_line(value);
	else if (print_columns(stdout) > 0)
		tree_print(value, print_is_colored(args->globals.color, stdout));
	else
		print_json(value);
}

/* An array's keys are the places in it; what is neither object nor array has none. */
static void show_keys(struct span value)
{
	struct raw_walk walk;
	struct raw_item item;
	struct buf line = {0};

	raw_begin(&walk, value);
	for (size_t i = 0; raw_next(&walk, &item); i++) {
		if (item.key.at != NULL)
			print_value(&line, item.key);
		else
			buf_printf(&line, "%zu", i);
		buf_append(&line, "\n", 1);
	}
	print_stdout(&line);
	buf_free(&line);
}

static int show_result(const struct args *args, struct request *request, struct span result)
{
	struct span value = raw_member(result, "value");

	if (args->globals.json) {
		print_json(result);
		return 0;
	}
	if (value.at == NULL) {
		failure_set(&request->failure, ERR_INVALID_REQUEST,
			    "a senseless reply: it has no value");
		return session_report(args, request->subject, &request->failure);
	}
	if (args->keys)
		show_keys(value);
	else
		state_print(args, value);
	return 0;
}

static int work(struct session *session, struct requests *requests, void *context)
{
	struct request *request = &requests->all[0];
	struct buf whole = {0};
	int status;

	(void)context;
	if (pages_fetch(&session->client, request, "value", UINT64_MAX, NULL, NULL, &whole) < 0)
		status = session_report(session->args, request->subject, &request->failure);
	else
		status = show_result(session->args, request,
				     (struct span){.at = whole.data, .len = whole.len});
	buf_free(&whole);
	return status;
}

int run_state(const struct args *args)
{
	return session_run_args(args, work, NULL);
}
