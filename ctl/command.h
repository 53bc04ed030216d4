/* The commands of nodectl: one for each method, and three of its own. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include "../proto/method.h"

struct args;

enum { COMMAND_NAME_SIZE = 24 };

struct command {
	char name[COMMAND_NAME_SIZE]; /* the method's with '-' for '_', unless the row says else */
	const struct method *method;  /* NULL: nodectl's own (call, completion, help) */
	const char *usage;	      /* the arguments of nodectl's own commands, else NULL */
	const char *doc;	      /* one sentence */
	const char *example;	      /* a whole command line */
	int (*run)(const struct args *args); /* returns the exit status, having reported failures */
};

/* The index-th command, NULL past the last. */
const struct command *command_at(size_t index);
/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

/* True if one argument of the command chooses a handler kind (start). */
bool command_has_handler(const struct command *command);
/* True if the command takes several arguments, one request for each. */
bool command_is_many(const struct command *command);
/* The index-th positional parameter of the command's method, NULL past the last. */
const struct param *command_positional(const struct command *command, size_t index);
/* The positional parameter of a handler kind likewise. */
const struct param *handler_positional(const struct handler_kind *kind, size_t index);

#endif
