/* Commands that are one request and one reply. */
#include "one_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exchange.h"
#include "memory.h"
#include "print.h"

int one_request_finish(const struct args *args, struct request *request, result_printer *printer)
{
	struct buf out = {0};
	int status;

	if (request->result == NULL)
		return session_report(args, request->subject, &request->failure);
	if (args->globals.json) {
		print_json(request_result(request));
		return 0;
	}
	if (printer(&out, request_result(request), args, &request->failure) < 0) {
		buf_free(&out);
		return session_report(args, request->subject, &request->failure);
	}
	print_stdout(&out);
	status = request->failure.status;
	buf_free(&out);
	return status;
}

/* The printer as a context: a pointer to data may not hold one to a function. */
struct one {
	result_printer *printer;
};

static int work(struct session *session, struct requests *requests, void *context)
{
	const struct one *one = context;

	exchange_run(&session->client, requests, NULL, NULL, NULL);
	return one_request_finish(session->args, &requests->all[0], one->printer);
}

static int run_one(const struct args *args, result_printer *printer)
{
	return session_run_args(args, work, &(struct one){printer});
}

static int print_document(struct buf *out, struct span result, const struct args *args,
			  struct failure *failure)
{
	(void)out;
	(void)args;
	(void)failure;
	print_json(result);
	return 0;
}

int run_discover(const struct args *args)
{
	return run_one(args, print_document);
}

static bool has_word(struct span array, const char *word)
{
	struct raw_walk walk;
	struct raw_item item;

	raw_begin(&walk, array);
	while (raw_next(&walk, &item))
		if (scan_string_is(item.value, word))
			return true;
	return false;
}

/* " handlers echo,discard,forward (no exec)": what is missing is said, for who does not know all
   kinds does not miss one. */
static void add_handlers(struct buf *out, struct span kinds)
{
	const char *before = " handlers ", *end = "";
	struct raw_walk walk;
	struct raw_item item;

	raw_begin(&walk, kinds);
	for (; raw_next(&walk, &item); before = ",") {
		buf_printf(out, "%s", before);
		print_value(out, item.value);
	}
	before = " (no ";
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const char *name = handler_kind_get((enum handler_id)id)->name;

		if (has_word(kinds, name))
			continue;
		buf_printf(out, "%s%s", before, name);
		before = ", ";
		end = ")";
	}
	buf_printf(out, "%s", end);
}

static int print_version(struct buf *out, struct span result, const struct args *args,
			 struct failure *failure)
{
	static const struct {
		const char *word, *member;
	} parts[] = {
	    {"noded ", "version"},   {" protocol ", "protocol.major"},
	    {".", "protocol.minor"}, {" pid ", "pid"},
	    {" name ", "name"},
	};
	struct span kinds = raw_member(result, "handlers");

	(void)args;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		buf_printf(out, "%s", parts[i].word);
		if (session_add(out, result, parts[i].member, failure) < 0)
			return -1;
	}
	if (raw_type(kinds) == RAW_ARRAY)
		add_handlers(out, kinds);
	buf_append(out, "\n", 1);
	return 0;
}

int run_version(const struct args *args)
{
	return run_one(args, print_version);
}

/* The bound address alone, also with --quiet: there is no other way to learn it. */
static int print_start(struct buf *out, struct span result, const struct args *args,
		       struct failure *failure)
{
	(void)args;
	if (session_add(out, result, "server.address", failure) < 0)
		return -1;
	buf_append(out, "\n", 1);
	return 0;
}

int run_start(const struct args *args)
{
	return run_one(args, print_start);
}

static int print_previous(struct buf *out, struct span result, const struct args *args,
			  struct failure *failure)
{
	if (args->globals.quiet)
		return 0;
	if (session_add(out, result, "previous", failure) < 0)
		return -1;
	buf_append(out, "\n", 1);
	return 0;
}

int run_set_log_level(const struct args *args)
{
	return run_one(args, print_previous);
}

/* All of standard input. -1: it cannot be read. */
static int read_input(struct buf *text, struct failure *failure)
{
	enum { CHUNK = 65536, MAX = 16 << 20 };
	ssize_t n;

	do {
		char *room = buf_reserve(text, CHUNK);

		if (room == NULL)
			memory_failed();
		n = read(STDIN_FILENO, room, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failure_set(failure, ERR_IO_ERROR, "cannot read standard input: %s",
					   strerror(errno));
		text->len += (size_t)n;
		if (text->len > MAX)
			return failure_usage(failure, "standard input is over %d MiB", MAX >> 20);
	} while (n != 0);
	return 0;
}

/* A line must not have an LF in it; between the values of a JSON text it is as good as a space. */
static void join_lines(struct buf *text)
{
	bool in_string = false;

	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (c == '\n' && !in_string)
			text->data[i] = ' ';
	}
}

/* A command's name where the method has another. */
static int check_method(const char *name, struct failure *failure)
{
	const struct command *command = command_find(name);

	if (command == NULL || command->method == NULL || method_find(name) != NULL)
		return 0;
	return failure_usage(failure, "no such method: %s; did you mean %s?", name,
			     command->method->name);
}

static int read_call(const struct args *args, struct buf *text, struct failure *failure)
{
	struct scan *scan;
	struct err err = {0};
	int result;

	if (args->nwords == 0)
		return failure_usage(failure, "METHOD is missing; see nodectl help call");
	if (args->nwords > 2)
		return failure_usage(failure, "one argument too many: %s; give JSON as one word",
				     args->word[2]);
	if (check_method(args->word[0], failure) < 0)
		return -1;
	if (args->nwords == 1)
		return 0;
	if (strcmp(args->word[1], "-") != 0)
		buf_printf(text, "%s", args->word[1]);
	else if (read_input(text, failure) < 0)
		return -1;
	memory_check(text);
	join_lines(text);
	scan = memory_get(1, sizeof(*scan));
	result = scan_line(scan, text->data, text->len, SCAN_REPLY, &err);
	free(scan);
	if (result < 0)
		return failure_usage(failure, "the parameters are not JSON: %s", err.detail);
	return 0;
}

int run_call(const struct args *args)
{
	struct buf text = {0};
	struct failure failure = {0};
	struct request request = {0};
	struct requests requests = {.all = &request, .n = 1};
	const struct method *method;
	int status;

	if (read_call(args, &text, &failure) < 0) {
		buf_free(&text);
		return session_report(args, args->command->name, &failure);
	}
	method = method_find(args->word[0]);
	request.method = args->word[0];
	request.subject = memory_text(args->word[0]);
	request.observes = method != NULL && (method->flags & METHOD_OBSERVE) != 0;
	if (args->nwords == 2)
		request.raw = (struct span){.at = text.data, .len = text.len};
	status = session_run(args, &requests, work, &(struct one){print_document});
	request_free(&request);
	buf_free(&text);
	return status;
}
