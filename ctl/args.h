/* The command line, taken apart: global options, the command, its options and its words. */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "command.h"
#include "failure.h"
#include "print.h"

#define TIME_NONE UINT64_MAX /* no time-out */

struct globals {
	const char *socket;  /* NULL: not given */
	uint64_t timeout_ms; /* TIME_NONE: none; only if timeout_given */
	bool timeout_given;
	bool json, quiet, verbose, dry_run, help, version;
	enum print_color color;
};

struct args {
	struct globals globals;
	const struct command *command; /* NULL: none was given */
	char **word;		       /* the command's arguments, in argv */
	size_t nwords;
	cJSON *params;			       /* options that are parameters of the method */
	cJSON *handler;			       /* and those of a handler kind, */
	const struct handler_kind *handler_of; /* this one; NULL: none given */
	bool all, keys, no_header;
	const char *columns; /* NULL: the usual ones */
	uint64_t rows;	     /* at most so many, UINT64_MAX: all */
};

/* -1: a usage error; args is then as far as it was read (globals.json is right in any case). */
int args_parse(struct args *args, int argc, char **argv, struct failure *failure)
    __attribute__((warn_unused_result));
void args_free(struct args *args);

#endif
