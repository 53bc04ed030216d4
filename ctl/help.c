/* Help, written from the method, handler, option and error tables. */
#include "help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "failure.h"
#include "memory.h"
#include "option.h"
#include "session.h"
#include "suggest.h"

static void add_upper(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		char c = (char)toupper((unsigned char)*name);

		buf_append(out, &c, 1);
	}
}

static void add_handler_usage(struct buf *out)
{
	buf_printf(out, "[");
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)id);
		const struct param *param;

		buf_printf(out, "%s%s", id > 0 ? " | " : "", kind->name);
		for (size_t i = 0; (param = handler_positional(kind, i)) != NULL; i++) {
			buf_printf(out, " ");
			if (param->type == PARAM_ARGV)
				buf_printf(out, "[--] PROGRAM [ARG...]");
			else
				add_upper(out, param->name);
		}
	}
	buf_printf(out, "]");
}

static void add_positional(struct buf *out, const struct param *param)
{
	bool required = (param->flags & PARAM_REQUIRED) != 0;

	if (param->type == PARAM_HANDLER) {
		add_handler_usage(out);
		return;
	}
	buf_printf(out, "%s", required ? "" : "[");
	add_upper(out, param->name);
	if ((param->flags & PARAM_MANY) != 0)
		buf_printf(out, "...");
	if (param->type == PARAM_PATH)
		buf_printf(out, " [KEY...]");
	buf_printf(out, "%s", required ? "" : "]");
}

void help_write_usage(struct buf *out, const struct command *command)
{
	const struct param *param;
	struct option option;
	bool options = false;

	buf_printf(out, "usage: nodectl [GLOBAL] %s", command->name);
	if (command->usage != NULL)
		buf_printf(out, " %s", command->usage);
	for (size_t i = 0; (param = command_positional(command, i)) != NULL; i++) {
		buf_printf(out, " ");
		add_positional(out, param);
	}
	for (size_t i = 0; option_at(command, i, &option); i++) {
		if (option.own == OWN_ALL)
			buf_printf(out, " | --%s", option.name);
		options = options || !option.global;
	}
	if (options)
		buf_printf(out, " [OPTIONS]");
}

#define GLOBAL_TITLE "GLOBAL: options of every command, before or after its name"

enum { LEFT_WIDTH = 27, LINE_WIDTH = 80 };

/* "  left    right", right being broken between words where the line ends. */
static void add_entry(struct buf *out, const char *left, const char *right)
{
	const size_t room = LINE_WIDTH - LEFT_WIDTH - 4;

	buf_printf(out, "  %-*s", LEFT_WIDTH, left);
	if (strlen(left) > LEFT_WIDTH)
		buf_printf(out, "\n  %*s", LEFT_WIDTH, "");
	while (strlen(right) > room) {
		const char *space = memrchr(right, ' ', room + 1);

		if (space == NULL)
			break;
		buf_printf(out, "  %.*s\n  %*s", (int)(space - right), right, LEFT_WIDTH, "");
		right = space + 1;
	}
	buf_printf(out, "  %s\n", right);
}

/* " (default 30s)" */
static void add_default(struct buf *out, const struct option *option)
{
	const char *text = option->fallback;
	size_t n = strlen(text);

	if (option->param->type == PARAM_MS && n > 3 && strcmp(text + n - 3, "000") == 0)
		buf_printf(out, " (default %.*ss)", (int)(n - 3), text);
	else if (option->param->type == PARAM_MS)
		buf_printf(out, " (default %s%s)", text, strcmp(text, "0") == 0 ? "" : "ms");
	else if (*text == '"')
		buf_printf(out, " (default %.*s)", (int)(n - 2), text + 1);
	else
		buf_printf(out, " (default %s)", text);
}

static void add_option(struct buf *out, const struct option *option)
{
	struct buf left = {0}, right = {0};

	if (option->letter != '\0')
		buf_printf(&left, "-%c, ", option->letter);
	else
		buf_printf(&left, "    ");
	buf_printf(&left, "--%s", option->name);
	if (option->value != NULL)
		buf_printf(&left, " %s", option->value);
	if (option->kind != NULL)
		buf_printf(&right, "%s: ", option->kind->name);
	buf_printf(&right, "%s", option->doc);
	if (option->fallback != NULL)
		add_default(&right, option);
	add_entry(out, memory_check(&left), memory_check(&right));
	buf_free(&left);
	buf_free(&right);
}

static void add_options(struct buf *out, const struct command *command, bool global,
			const char *title)
{
	struct option option;
	bool first = true;

	for (size_t i = 0; option_at(command, i, &option); i++) {
		if (option.global != global)
			continue;
		if (first)
			buf_printf(out, "\n%s:\n", title);
		first = false;
		add_option(out, &option);
	}
}

static void add_kinds(struct buf *out)
{
	buf_printf(out, "\nHandlers:\n");
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)id);

		add_entry(out, kind->name, kind->doc);
	}
	buf_printf(out,
		   "\nBehind PROGRAM only the options of this command, written out, are\n"
		   "nodectl's; every other word belongs to the program. With \"exec -- PROGRAM\"\n"
		   "all of them do.\n");
}

/* Its fallback is JSON: {"type":"echo"}. */
static void add_default_handler(struct buf *out, const struct param *param)
{
	struct span fallback = {.at = param->fallback, .len = strlen(param->fallback)};

	buf_printf(out, "; one of those below (default ");
	raw_decode(out, raw_member(fallback, "type"));
	buf_printf(out, ")");
}

static void add_arguments(struct buf *out, const struct command *command)
{
	const struct param *param;

	for (size_t i = 0; (param = command_positional(command, i)) != NULL; i++) {
		struct buf name = {0}, doc = {0};

		if (i == 0)
			buf_printf(out, "\nArguments:\n");
		add_upper(&name, param->name);
		buf_printf(&doc, "%s", param->doc);
		if (param->choices != NULL)
			buf_printf(&doc, " (%s)", param->choices);
		if (param->type == PARAM_PATH)
			buf_printf(&doc, "; keys joined by dots, as in process.fds; an address "
					 "stands for its server, each KEY is one more key, "
					 "taken literally");
		if (param->type == PARAM_HANDLER)
			add_default_handler(&doc, param);
		add_entry(out, memory_check(&name), memory_check(&doc));
		buf_free(&name);
		buf_free(&doc);
	}
}

void help_write_command(struct buf *out, const struct command *command)
{
	help_write_usage(out, command);
	buf_printf(out, "\n\n%s\n", command->doc);
	if (command->method != NULL)
		buf_printf(out, "It takes the role %s.\n", role_name(method_role(command->method)));
	add_arguments(out, command);
	if (command_has_handler(command))
		add_kinds(out);
	add_options(out, command, false, "Options");
	if (command->method == method_get(METHOD_WAIT))
		buf_printf(out, "\nExactly one of these is needed.\n");
	add_options(out, command, true, GLOBAL_TITLE);
	buf_printf(out, "\nExample:\n  %s\n", command->example);
}

/* What the names of its errors do not say of a status. */
static const char *const status_words[] = {
    [0] = "done, whatever the outcome of a stop; also an empty list",
    [EXIT_OTHER] = "any other error, or standard output could not be written",
    [EXIT_USAGE] = "usage; nothing was sent",
    [3] = "no socket, a stale one, or noded went away",
    [7] = "the message says whether the operation goes on",
};

enum { STATUS_WORDS = sizeof(status_words) / sizeof(status_words[0]), STATUS_SIGNAL = 128 };

/* The statuses of the error tables, by number; those of signals have a line of their own. */
static void add_statuses(struct buf *out)
{
	for (int status = 0; status < STATUS_SIGNAL; status++) {
		const char *words = status < STATUS_WORDS ? status_words[status] : NULL;
		struct buf text = {0};
		char number[16];

		if (status != EXIT_OTHER)
			failure_names(&text, status);
		if (words != NULL)
			buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", words);
		snprintf(number, sizeof(number), "%d", status);
		if (text.len > 0)
			add_entry(out, number, memory_check(&text));
		buf_free(&text);
	}
	add_entry(out, "130, 141, 143",
		  "SIGINT, SIGPIPE, SIGTERM; a drain that was asked for goes on");
}

void help_write(struct buf *out)
{
	const struct command *command;

	buf_printf(out, "usage: nodectl [GLOBAL] COMMAND [OPTIONS] [ARGS]\n\n"
			"Starts, inspects, drains and stops the servers of a running noded.\n\n"
			"Commands:\n");
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		add_entry(out, command->name, command->doc);
	add_options(out, NULL, true, GLOBAL_TITLE);
	buf_printf(out, "\n%s\nExit status:\n",
		   "ADDRESS is tcp:HOST:PORT, unix:/PATH, /PATH or ./PATH. DUR is 500ms, 10s, 2m,\n"
		   "1h or a number of seconds. The admin socket is --socket, else NODED_SOCKET,\n"
		   "else /run/noded/admin.sock for root, XDG_RUNTIME_DIR/noded/admin.sock or\n"
		   "/tmp/noded-UID/admin.sock for others.\n");
	add_statuses(out);
	buf_printf(out, "\nExamples:\n"
			"  nodectl start tcp:127.0.0.1:7000        an echo server\n"
			"  nodectl list-servers\n"
			"  nodectl stop-server tcp:127.0.0.1:7000\n"
			"\nnodectl help COMMAND tells more, nodectl(1) and noded(8) tell all.\n");
}

int run_help(const struct args *args)
{
	const struct command *command = NULL;
	struct failure failure = {0};
	struct suggest suggest;
	struct buf out = {0};

	if (args->nwords > 1) {
		failure_usage(&failure, "one argument too many: %s", args->word[1]);
		return session_report(args, args->command->name, &failure);
	}
	if (args->nwords == 1 && (command = command_find(args->word[0])) == NULL) {
		suggest_begin(&suggest, args->word[0]);
		for (size_t i = 0; (command = command_at(i)) != NULL; i++)
			suggest_offer(&suggest, command->name);
		failure_usage(&failure, "no such command: %s%s%s%s", args->word[0],
			      *suggest.best ? "; did you mean " : "", suggest.best,
			      *suggest.best ? "?" : "");
		return session_report(args, args->command->name, &failure);
	}
	if (command != NULL)
		help_write_command(&out, command);
	else
		help_write(&out);
	session_print_text(args, "help", &out);
	buf_free(&out);
	return 0;
}
