/* The commands of nodectl: one for each method, and three of its own. */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "commands.h"

enum { OWN_COMMANDS = 3, COMMAND_COUNT = METHOD_COUNT + OWN_COMMANDS };

/* By method, in the order of its enum; a method without a row has no run function and does not
   compile. The name is only given where it is not the method's. */
static struct command commands[COMMAND_COUNT] = {
#define X(id, method_name) [METHOD_##id] = {.run = run_##method_name},
    METHODS(X)
#undef X
		[METHOD_COUNT] = {.name = "call",
				  .usage = "METHOD [JSON | -]",
				  .doc = "send any request of noded-protocol(7); parameters as "
					 "JSON, - for standard input",
				  .example = "nodectl call state '{\"path\":\"process\"}'",
				  .run = run_call},
	    {.name = "completion",
	     .usage = "bash|zsh|fish",
	     .doc = "print a completion script for a shell",
	     .example =
		 "nodectl completion bash > ~/.local/share/bash-completion/completions/nodectl",
	     .run = run_completion},
	    {.name = "help",
	     .usage = "[COMMAND]",
	     .doc = "show help",
	     .example = "nodectl help start",
	     .run = run_help},
};

static const char *const examples[METHOD_COUNT] = {
    [METHOD_DISCOVER] = "nodectl schema | jq -r '.methods[].name'",
    [METHOD_VERSION] = "nodectl version",
    [METHOD_START] = "nodectl start tcp:127.0.0.1:0 forward unix:/run/app.sock",
    [METHOD_STOP_SERVER] = "nodectl stop-server unix:/run/app.sock --deadline 10s",
    [METHOD_SUSPEND_SERVER] = "nodectl suspend-server unix:/run/app.sock",
    [METHOD_RESUME_SERVER] = "nodectl resume-server unix:/run/app.sock",
    [METHOD_UPDATE_SERVER] = "nodectl update-server unix:/run/app.sock --max-connections 10",
    [METHOD_LIST_SERVERS] = "nodectl list-servers --columns address,phase",
    [METHOD_LIST_CONNECTIONS] = "nodectl list-connections --server unix:/run/app.sock",
    [METHOD_CLOSE_CONNECTION] = "nodectl close-connection 7 --now",
    [METHOD_STATE] = "nodectl state /run/app.sock listener",
    [METHOD_WAIT] = "nodectl wait transport connection_pool open --at-most 0 --timeout 5s",
    [METHOD_SHUTDOWN] = "nodectl shutdown --deadline 10s",
    [METHOD_SET_LOG_LEVEL] = "nodectl set-log-level debug",
};

/* Fills in what the method table says, once. */
static void fill_commands(void)
{
	for (int id = 0; id < METHOD_COUNT; id++) {
		const struct method *method = method_get((enum method_id)id);
		struct command *command = &commands[id];
		const char *name = id == METHOD_DISCOVER ? "schema" : method->name;

		snprintf(command->name, sizeof(command->name), "%s", name);
		for (char *at = command->name; *at != '\0'; at++)
			if (*at == '_')
				*at = '-';
		command->method = method;
		command->doc = method->doc;
		command->example = examples[id];
	}
}

const struct command *command_at(size_t index)
{
	if (commands[0].method == NULL)
		fill_commands();
	return index < COMMAND_COUNT ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static const struct param *positional(const struct param *params, size_t n, size_t index)
{
	for (size_t i = 0; i < n; i++)
		if ((params[i].flags & PARAM_POSITIONAL) != 0 && index-- == 0)
			return &params[i];
	return NULL;
}

const struct param *command_positional(const struct command *command, size_t index)
{
	if (command->method == NULL)
		return NULL;
	return positional(command->method->params, command->method->nparams, index);
}

const struct param *handler_positional(const struct handler_kind *kind, size_t index)
{
	return positional(kind->params, kind->nparams, index);
}

bool command_has_handler(const struct command *command)
{
	const struct param *param;

	for (size_t i = 0; (param = command_positional(command, i)) != NULL; i++)
		if (param->type == PARAM_HANDLER)
			return true;
	return false;
}

bool command_is_many(const struct command *command)
{
	const struct param *first = command_positional(command, 0);

	return first != NULL && (first->flags & PARAM_MANY) != 0;
}
