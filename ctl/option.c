/* Every option a command takes, from the method table, the handler kinds and nodectl's own list. */
#include "option.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

#define ON(id)	(1u << METHOD_##id)
#define ON_LIST (ON(LIST_SERVERS) | ON(LIST_CONNECTIONS))

static const struct own_row {
	enum own_option own;
	char letter;
	const char *name, *value, *choices, *doc;
	unsigned methods; /* bits of enum method_id; 0: every command */
} own_rows[] = {
    {OWN_ALL, 0, "all", NULL, NULL, "every server there is", ON(STOP_SERVER)},
    {OWN_COLUMNS, 0, "columns", "A,B", NULL, "show these members of the rows (a.b goes deeper)",
     ON_LIST},
    {OWN_NO_HEADER, 0, "no-header", NULL, NULL, "leave the header line out", ON_LIST},
    {OWN_ROWS, 0, "limit", "N", NULL, "show at most N rows", ON_LIST},
    {OWN_KEYS, 0, "keys", NULL, NULL, "only the keys of the value, one a line", ON(STATE)},
    {OWN_SOCKET, 's', "socket", "PATH", NULL, "the admin socket of noded", 0},
    {OWN_JSON, 'j', "json", NULL, NULL, "print the result as one JSON document", 0},
    {OWN_QUIET, 'q', "quiet", NULL, NULL,
     "print less: lists only their keys, changes nothing (start: its address), drains no progress",
     0},
    {OWN_TIMEOUT, 't', "timeout", "DUR|none", NULL,
     "the longest silence of noded (default 10s); for wait the time to wait (60s; 0: look once)",
     0},
    {OWN_COLOR, 0, "color", "WHEN", "auto|always|never", "colour: auto, always or never", 0},
    {OWN_VERBOSE, 'v', "verbose", NULL, NULL, "show requests and replies on standard error", 0},
    {OWN_DRY_RUN, 'n', "dry-run", NULL, NULL, "print the request, send nothing", 0},
    {OWN_HELP, 'h', "help", NULL, NULL, "show help", 0},
    {OWN_VERSION, 'V', "version", NULL, NULL, "show nodectl's version", 0},
};

enum { OWN_ROWS_COUNT = sizeof(own_rows) / sizeof(own_rows[0]) };

static bool own_applies(const struct own_row *row, const struct command *command)
{
	if (row->methods == 0)
		return true;
	return command != NULL && command->method != NULL &&
	       (row->methods >> method_id(command->method) & 1) != 0;
}

const char *option_value_name(const struct param *param)
{
	bool nullable = (param->flags & PARAM_NULLABLE) != 0;

	switch (param->type) {
	case PARAM_ADDRESS:
		return "ADDRESS";
	case PARAM_MS:
		return nullable ? "DUR|none" : "DUR";
	case PARAM_COUNT:
	case PARAM_NUMBER:
		return nullable ? "N|none" : "N";
	case PARAM_ID:
		return "ID";
	case PARAM_CHOICE:
		return param->choices;
	case PARAM_MODE:
		return "MODE";
	case PARAM_USER:
		return "NAME|UID";
	case PARAM_GROUP:
		return "NAME|GID";
	case PARAM_PATH:
		return "PATH";
	case PARAM_KEY:
		return "KEY";
	case PARAM_HANDLER:
		return "HANDLER";
	case PARAM_ARGV:
		return "PROGRAM";
	case PARAM_BOOL:
	case PARAM_VALUE:
		break;
	}
	return "VALUE";
}

/* Looks for the index-th option among rows; *index is lowered by those passed. */
static bool param_option_at(const struct param *rows, size_t n, const struct handler_kind *kind,
			    size_t *index, struct option *option)
{
	for (size_t i = 0; i < n; i++) {
		const struct param *param = &rows[i];

		if ((param->flags & (PARAM_POSITIONAL | PARAM_NO_CLI)) != 0)
			continue;
		if ((*index)-- > 0)
			continue;
		*option = (struct option){
		    .value = param_is_flag(param) ? NULL : option_value_name(param),
		    .choices = param->choices,
		    .doc = param->option_doc != NULL ? param->option_doc : param->doc,
		    .fallback = param_is_flag(param) ? NULL : param->fallback,
		    .param = param,
		    .kind = kind,
		};
		param_option(param, option->name);
		return true;
	}
	return false;
}

static bool method_option_at(const struct command *command, size_t *index, struct option *option)
{
	const struct method *method = command->method;

	if (param_option_at(method->params, method->nparams, NULL, index, option))
		return true;
	if (!command_has_handler(command))
		return false;
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)id);

		if (param_option_at(kind->params, kind->nparams, kind, index, option))
			return true;
	}
	return false;
}

bool option_at(const struct command *command, size_t index, struct option *option)
{
	if (command != NULL && command->method != NULL && method_option_at(command, &index, option))
		return true;
	for (size_t i = 0; i < OWN_ROWS_COUNT; i++) {
		const struct own_row *row = &own_rows[i];

		if (!own_applies(row, command) || index-- > 0)
			continue;
		*option = (struct option){
		    .letter = row->letter,
		    .global = row->methods == 0,
		    .value = row->value,
		    .choices = row->choices,
		    .doc = row->doc,
		    .own = row->own,
		};
		snprintf(option->name, sizeof(option->name), "%s", row->name);
		return true;
	}
	return false;
}

bool option_find(const struct command *command, const char *name, size_t n, char letter,
		 struct option *option)
{
	for (size_t i = 0; option_at(command, i, option); i++) {
		if (name == NULL ? letter != '\0' && option->letter == letter
				 : strlen(option->name) == n && memcmp(option->name, name, n) == 0)
			return true;
	}
	return false;
}
