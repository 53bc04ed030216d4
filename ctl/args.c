/* The command line, taken apart: global options, the command, its options and its words. */
#include "args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../proto/text.h"
#include "account.h"
#include "memory.h"
#include "option.h"
#include "resolve.h"
#include "suggest.h"

/* Where in the command line the reading is. */
struct reader {
	struct args *args;
	char **argv;
	int argc, at;	    /* argv[at] is the next to read */
	bool options_ended; /* "--" was read */
	bool in_program; /* what follows belongs to exec's program, but for the command's options */
	bool sealed;	 /* even those: "exec -- PROGRAM" */
	bool refused;	 /* only --json is still of interest */
	const char *unread; /* letters behind the one that was refused, or NULL */
	struct failure *failure;
};

/* "--force", "--drain_ms": the member of a request whose option has another name, and is not its
   opposite, as --no-wait is. */
static bool is_member(const char *word, const struct option *option)
{
	const char *name = option->param != NULL ? option->param->name : "";

	if (strncmp(word, "--", 2) != 0 || strlen(word + 2) != strlen(name) ||
	    text_begins(option->name, "no-"))
		return false;
	for (word += 2; *name != '\0'; word++, name++)
		if (*word != *name && !(*word == '-' && *name == '_'))
			return false;
	return true;
}

static void find_option(struct suggest *suggest, const struct command *command, const char *word)
{
	char dashed[PARAM_OPTION_SIZE + 2];
	struct option option;

	suggest_begin(suggest, word);
	for (size_t i = 0; option_at(command, i, &option); i++) {
		snprintf(dashed, sizeof(dashed), "--%s", option.name);
		if (is_member(word, &option)) {
			snprintf(suggest->best, sizeof(suggest->best), "%s", dashed);
			return;
		}
		suggest_offer(suggest, dashed);
	}
}

static int refuse_option(struct reader *reader, const char *word)
{
	const struct command *command = reader->args->command;
	char *bare = memory_copy(word, strcspn(word, "="));
	struct suggest suggest;

	find_option(&suggest, command, bare);
	if (*suggest.best != '\0')
		failure_usage(reader->failure, "unknown option %s; did you mean %s?", bare,
			      suggest.best);
	else if (command == NULL)
		failure_usage(reader->failure,
			      "unknown option %s; options of a command follow its name", bare);
	else
		failure_usage(reader->failure, "unknown option %s; see nodectl help %s", bare,
			      command->name);
	free(bare);
	return -1;
}

static int set_timeout(struct reader *reader, const char *text)
{
	struct globals *globals = &reader->args->globals;
	struct err err = {0};

	globals->timeout_given = true;
	if (strcmp(text, "none") == 0) {
		globals->timeout_ms = TIME_NONE;
		return 0;
	}
	if (duration_parse(text, &globals->timeout_ms, &err) < 0)
		return failure_from_err(reader->failure, &err, "--timeout");
	return 0;
}

static int set_color(struct reader *reader, const char *text)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			reader->args->globals.color = (enum print_color)i;
			return 0;
		}
	}
	return failure_usage(reader->failure, "--color: %s is none of auto, always, never", text);
}

static int set_rows(struct reader *reader, const char *text)
{
	char *end;

	reader->args->rows = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || strlen(text) > 18 ||
	    reader->args->rows == 0)
		return failure_usage(reader->failure,
				     "--limit: %s is not a number of rows, 1 or more", text);
	return 0;
}

static void apply_flag(struct args *args, enum own_option own)
{
	struct globals *globals = &args->globals;

	if (own == OWN_JSON)
		globals->json = true;
	else if (own == OWN_QUIET)
		globals->quiet = true;
	else if (own == OWN_VERBOSE)
		globals->verbose = true;
	else if (own == OWN_DRY_RUN)
		globals->dry_run = true;
	else if (own == OWN_HELP)
		globals->help = true;
	else if (own == OWN_VERSION)
		globals->version = true;
	else if (own == OWN_ALL)
		args->all = true;
	else if (own == OWN_NO_HEADER)
		args->no_header = true;
	else if (own == OWN_KEYS)
		args->keys = true;
}

static int apply_value(struct reader *reader, enum own_option own, const char *text)
{
	if (own == OWN_TIMEOUT)
		return set_timeout(reader, text);
	if (own == OWN_COLOR)
		return set_color(reader, text);
	if (own == OWN_ROWS)
		return set_rows(reader, text);
	if (own == OWN_SOCKET)
		reader->args->globals.socket = text;
	else if (own == OWN_COLUMNS)
		reader->args->columns = text;
	return 0;
}

/* What the words of people stand for: a numeric address, the number of a user or group. NULL: the
   failure says why. */
static const char *look_up(struct reader *reader, const struct param *param, const char *text,
			   char found[static ADDRESS_TEXT_SIZE])
{
	switch (param->type) {
	case PARAM_ADDRESS:
		return resolve_address(text, found, reader->failure) < 0 ? NULL : found;
	case PARAM_USER:
		return account_user(text, found, reader->failure);
	case PARAM_GROUP:
		return account_group(text, found, reader->failure);
	default:
		return text;
	}
}

static int apply_param(struct reader *reader, const struct option *option, const char *text)
{
	cJSON *target = option->kind != NULL ? reader->args->handler : reader->args->params;
	char found[ADDRESS_TEXT_SIZE], dashed[PARAM_OPTION_SIZE + 2];
	struct err err = {0};

	if (text != NULL) {
		text = look_up(reader, option->param, text, found);
		if (text == NULL)
			return -1;
	}
	if (option->kind != NULL)
		reader->args->handler_of = option->kind;
	snprintf(dashed, sizeof(dashed), "--%s", option->name);
	if (param_add_argv(target, option->param, text, &err) < 0)
		return failure_from_err(reader->failure, &err, dashed);
	return 0;
}

/* text is NULL exactly if the option is a flag. */
static int apply(struct reader *reader, const struct option *option, const char *text)
{
	if (reader->refused && option->own != OWN_JSON)
		return 0;
	if (option->param != NULL)
		return apply_param(reader, option, text);
	if (text != NULL)
		return apply_value(reader, option->own, text);
	apply_flag(reader->args, option->own);
	return 0;
}

static int need_value(struct reader *reader, const struct option *option, const char **text)
{
	if (reader->at >= reader->argc)
		return failure_usage(reader->failure, "--%s needs a value: --%s %s", option->name,
				     option->name, option->value);
	*text = reader->argv[reader->at++];
	return 0;
}

/* word begins with "--" and names a known option. */
static int read_found(struct reader *reader, const struct option *option, const char *word)
{
	const char *equals = strchr(word, '='), *text = NULL;

	if (option->value == NULL && equals != NULL)
		return failure_usage(reader->failure, "--%s takes no value", option->name);
	if (option->value != NULL) {
		if (equals != NULL)
			text = equals + 1;
		else if (need_value(reader, option, &text) < 0)
			return -1;
	}
	return apply(reader, option, text);
}

static int read_long(struct reader *reader, const char *word)
{
	struct option option;

	if (!option_find(reader->args->command, word + 2, strcspn(word + 2, "="), '\0', &option))
		return refuse_option(reader, word);
	return read_found(reader, &option, word);
}

static int refuse_letter(struct reader *reader, const char *letter)
{
	reader->unread = letter + 1;
	return failure_usage(reader->failure, "unknown option -%.*s; see nodectl help",
			     (unsigned char)*letter < 0x80 ? 1 : 4, letter);
}

/* "jq", "t5s", or "t" and the next word is "5s" */
static int read_letters(struct reader *reader, const char *letter)
{
	for (; *letter != '\0'; letter++) {
		struct option option;
		const char *text = NULL;

		if (!option_find(NULL, NULL, 0, *letter, &option)) {
			if (reader->refused)
				continue;
			return refuse_letter(reader, letter);
		}
		if (option.value == NULL) {
			if (apply(reader, &option, NULL) < 0)
				return -1;
			continue;
		}
		if (letter[1] != '\0')
			text = letter + 1;
		else if (need_value(reader, &option, &text) < 0)
			return -1;
		return apply(reader, &option, text);
	}
	return 0;
}

static int set_command(struct reader *reader, const char *word)
{
	struct args *args = reader->args;
	const struct command *command;
	struct suggest suggest;

	args->command = command_find(word);
	if (args->command != NULL)
		return 0;
	suggest_begin(&suggest, word);
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		suggest_offer(&suggest, command->name);
	if (*suggest.best != '\0')
		return failure_usage(reader->failure, "no such command: %s; did you mean %s?", word,
				     suggest.best);
	return failure_usage(reader->failure, "no such command: %s; see nodectl help", word);
}

/* True if the words end with the name of a handler kind that runs a program: "start A exec". */
static bool at_program(const struct args *args)
{
	const struct handler_kind *kind;
	const struct param *first;
	size_t i = 0;
	const struct param *param;

	if (args->command == NULL || !command_has_handler(args->command) || args->nwords == 0)
		return false;
	while ((param = command_positional(args->command, i)) != NULL &&
	       param->type != PARAM_HANDLER)
		i++;
	if (args->nwords != i + 1)
		return false;
	kind = handler_kind_find(args->word[i]);
	first = kind != NULL ? handler_positional(kind, 0) : NULL;
	return first != NULL && first->type == PARAM_ARGV;
}

static int read_plain(struct reader *reader, char *word)
{
	struct args *args = reader->args;

	if (args->command == NULL)
		return set_command(reader, word);
	if (at_program(args)) {
		reader->in_program = true;
		reader->sealed = reader->sealed || reader->options_ended;
	}
	args->word[args->nwords++] = word;
	return 0;
}

/* A word behind PROGRAM: the command's own long options are ours, whatever else is there belongs
   to the program. */
static int read_program_word(struct reader *reader, char *word)
{
	struct option option;

	if (!reader->sealed && strncmp(word, "--", 2) == 0 &&
	    option_find(reader->args->command, word + 2, strcspn(word + 2, "="), '\0', &option) &&
	    option.param != NULL)
		return read_found(reader, &option, word);
	reader->args->word[reader->args->nwords++] = word;
	return 0;
}

static int read_word(struct reader *reader)
{
	char *word = reader->argv[reader->at++];

	if (reader->in_program)
		return read_program_word(reader, word);
	if (strcmp(word, "--") == 0 && at_program(reader->args) && !reader->sealed) {
		reader->options_ended = reader->sealed = true;
		return 0;
	}
	if (reader->options_ended || word[0] != '-' || word[1] == '\0')
		return read_plain(reader, word);
	if (word[1] != '-')
		return read_letters(reader, word + 1);
	if (word[2] != '\0')
		return read_long(reader, word);
	reader->options_ended = true;
	return 0;
}

/* After a usage error the rest is read only to learn whether the failure, too, is to be told as
   JSON; what else is wrong with it does not matter. */
static void look_for_json(const struct reader *reader)
{
	const struct command *command = reader->args->command;
	struct failure ignored = {0};
	struct reader rest = *reader;

	rest.failure = &ignored;
	rest.refused = true;
	if (rest.unread != NULL)
		read_letters(&rest, rest.unread);
	while (rest.at < rest.argc)
		read_word(&rest);
	rest.args->command = command;
	failure_clear(&ignored);
}

static int check_timeout(const struct args *args, struct failure *failure)
{
	if (!args->globals.timeout_given || args->globals.timeout_ms != 0)
		return 0;
	if (args->command != NULL && args->command->method == method_get(METHOD_WAIT))
		return 0;
	return failure_usage(failure, "--timeout: 0 leaves no time for an answer; use none to "
				      "wait as long as it takes");
}

int args_parse(struct args *args, int argc, char **argv, struct failure *failure)
{
	struct reader reader = {
	    .args = args, .argv = argv, .argc = argc, .at = 1, .failure = failure};

	*args = (struct args){.rows = UINT64_MAX};
	args->word = memory_get((size_t)argc + 1, sizeof(*args->word));
	args->params = cJSON_CreateObject();
	args->handler = cJSON_CreateObject();
	if (args->params == NULL || args->handler == NULL)
		memory_failed();
	while (reader.at < argc) {
		if (read_word(&reader) < 0) {
			look_for_json(&reader);
			return -1;
		}
	}
	return check_timeout(args, failure);
}

void args_free(struct args *args)
{
	free(args->word);
	cJSON_Delete(args->params);
	cJSON_Delete(args->handler);
}
