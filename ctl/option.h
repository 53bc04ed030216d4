/* Every option a command takes, from the method table, the handler kinds and nodectl's own list:
   the one enumeration behind parsing, help, suggestions and completion. */
#ifndef CTL_OPTION_H
#define CTL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include "../proto/method.h"
#include "../proto/params.h"

struct command;

/* Options that are nodectl's own, not parameters of a method. */
enum own_option {
	OWN_NONE,
	OWN_SOCKET,
	OWN_JSON,
	OWN_QUIET,
	OWN_TIMEOUT,
	OWN_COLOR,
	OWN_VERBOSE,
	OWN_DRY_RUN,
	OWN_HELP,
	OWN_VERSION,
	OWN_ALL,
	OWN_COLUMNS,
	OWN_NO_HEADER,
	OWN_ROWS,
	OWN_KEYS,
};

struct option {
	char name[PARAM_OPTION_SIZE]; /* without dashes */
	char letter;		      /* '\0': none */
	bool global;		      /* of every command */
	const char *value;	      /* how help calls its value; NULL: a flag */
	const char *choices;	      /* "a|b", NULL: anything */
	const char *doc;
	const char *fallback;		 /* the default as JSON text, NULL: none to tell */
	enum own_option own;		 /* OWN_NONE: a parameter */
	const struct param *param;	 /* NULL: nodectl's own */
	const struct handler_kind *kind; /* of its parameters, NULL: the method's */
};

/* The index-th option of a command (NULL: only those of every command). False past the last. */
bool option_at(const struct command *command, size_t index, struct option *option);

/* By long name of n bytes, or by letter if name is NULL. */
bool option_find(const struct command *command, const char *name, size_t n, char letter,
		 struct option *option);

/* How help calls a parameter's value: "DUR", "N", "ADDRESS", "a|b". Never NULL. */
const char *option_value_name(const struct param *param);

#endif
