/* Parameters of a request, checked against their table; and the same table read from argv. */
#ifndef PROTO_PARAMS_H
#define PROTO_PARAMS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include "error.h"
#include "method.h"

/* Checks an object of parameters (NULL counts as {}) against the method's table: unknown, missing,
   wrong type, out of range, addresses that do not parse, a handler object against its kind's
   table. -1: invalid_params or address_invalid, err->param set. Nothing is changed. */
int params_check(const struct method *method, const cJSON *params, struct err *err)
    __attribute__((warn_unused_result));

/* The value given for a parameter of the table, or NULL. Member names match case-sensitively. */
const cJSON *param_get(const cJSON *params, const char *name);

/* Values of checked parameters, or the table's fallback where absent. The name must be in the
   method's table (asserted); a parameter without a fallback must be present (asserted). null is
   UINT64_MAX. */
uint64_t param_u64(const struct method *method, const cJSON *params, const char *name);
bool param_bool(const struct method *method, const cJSON *params, const char *name);
/* Lives as long as params or the table does; NULL if absent without a fallback. */
const char *param_string(const struct method *method, const cJSON *params, const char *name);

/* The same for a member of a checked handler object, by the table of its kind. */
uint64_t handler_u64(const struct handler_kind *kind, const cJSON *handler, const char *name);
/* The kind of a checked handler object; NULL (no handler given) is the default, echo. */
const struct handler_kind *handler_kind_of(const cJSON *handler);

/* "500ms", "10s", "2m", "1h", or a bare number of seconds ("1.5" too) -> milliseconds, rounded up.
   -1: invalid_params (negative, NaN, inf, over 365 days, trailing text). */
int duration_parse(const char *text, uint64_t *ms, struct err *err)
    __attribute__((warn_unused_result));

/* A parameter's option on nodectl's command line, without the dashes: its row's option, else its
   name without "_ms" and with '-' for '_'. Returns text. */
enum { PARAM_OPTION_SIZE = 32 };
const char *param_option(const struct param *param, char text[static PARAM_OPTION_SIZE]);

/* True if its values are whole numbers, from min to max. */
bool param_is_whole(const struct param *param);

/* True if the option takes no value on the command line (PARAM_BOOL). */
bool param_is_flag(const struct param *param);

/* Turns one command-line word into the JSON value of a parameter and adds it to object under the
   parameter's name, in the place of an earlier one. text is NULL for a flag. Durations, "none" for
   null, decimal integers, choices; PARAM_VALUE: the word as JSON if it is a JSON scalar, else as a
   string, but no object or array; PARAM_HANDLER: a kind's name makes an object, to which the kind's
   own parameters can be added; PARAM_ARGV: each word is appended to the array; an address is taken
   as it is, a user or group as a number (resolving names is ctl's). -1: invalid_params, saying what
   would be right, or internal_error. */
int param_add_argv(cJSON *object, const struct param *param, const char *text, struct err *err)
    __attribute__((warn_unused_result));

#endif
