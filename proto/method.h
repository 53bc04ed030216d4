/* THE method table and the handler-kind table. From them come: the checks noded makes on every
   request, nodectl's commands, options and help, shell completion, rpc.discover, and the tables of
   the manual pages. */
#ifndef PROTO_METHOD_H
#define PROTO_METHOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

enum {
	PROTOCOL_MAJOR = 1,
	PROTOCOL_MINOR = 0,
	DURATION_MAX_DAYS = 365,
};
#define NODED_VERSION	"1.0.0"
#define DURATION_MAX_MS (UINT64_C(86400000) * DURATION_MAX_DAYS)
/* The largest number of a user or group: the one above it means none (setresuid(2)). */
#define ID_NUMBER_MAX UINT64_C(4294967294)
/* Largest integer a JSON number carries exactly through a double (RFC 8259, section 6). */
#define JSON_INTEGER_MAX ((UINT64_C(1) << 53) - 1)

/* X(ENUM, C name of its function in server/methods.c: do_<name>) */
#define METHODS(X)                                                                                 \
	X(DISCOVER, discover)                                                                      \
	X(VERSION, version)                                                                        \
	X(START, start)                                                                            \
	X(STOP_SERVER, stop_server)                                                                \
	X(SUSPEND_SERVER, suspend_server)                                                          \
	X(RESUME_SERVER, resume_server)                                                            \
	X(UPDATE_SERVER, update_server)                                                            \
	X(LIST_SERVERS, list_servers)                                                              \
	X(LIST_CONNECTIONS, list_connections)                                                      \
	X(CLOSE_CONNECTION, close_connection)                                                      \
	X(STATE, state)                                                                            \
	X(WAIT, wait)                                                                              \
	X(SHUTDOWN, shutdown)                                                                      \
	X(SET_LOG_LEVEL, set_log_level)

enum method_id {
#define X(id, name) METHOD_##id,
	METHODS(X)
#undef X
	    METHOD_COUNT
};

#define HANDLER_KINDS(X)                                                                           \
	X(ECHO, echo)                                                                              \
	X(DISCARD, discard)                                                                        \
	X(FORWARD, forward)                                                                        \
	X(EXEC, exec)

enum handler_id {
#define X(id, name) HANDLER_##id,
	HANDLER_KINDS(X)
#undef X
	    HANDLER_COUNT
};

enum param_type {
	PARAM_ADDRESS, /* string in a form of address.h; errors are address_invalid */
	PARAM_MS,      /* integer of milliseconds, min..max; on the command line a duration */
	PARAM_COUNT,   /* integer, min..max */
	PARAM_ID,      /* integer, min..max: a connection's id */
	PARAM_BOOL,
	PARAM_CHOICE,  /* string, one of choices */
	PARAM_MODE,    /* string of 3 or 4 octal digits up to 0777 */
	PARAM_PATH,    /* string: a state path (path.h) */
	PARAM_KEY,     /* string or integer: the key a page begins after */
	PARAM_NUMBER,  /* any JSON number */
	PARAM_VALUE,   /* any JSON value that is not an object or array */
	PARAM_HANDLER, /* object {"type": a handler kind, and its params} */
	PARAM_USER,    /* integer, a user's number; on nodectl's command line a name too */
	PARAM_GROUP,   /* the same of a group */
	PARAM_ARGV,    /* array of 1..SCAN_VALUES_MAX strings, the first not empty */
};

enum param_flag {
	PARAM_REQUIRED = 1 << 0,
	PARAM_NULLABLE = 1 << 1,   /* null is allowed ("none" on the command line) */
	PARAM_POSITIONAL = 1 << 2, /* an argument of the command, not an option */
	PARAM_MANY = 1 << 3,	   /* positional, repeatable: one request for each */
	PARAM_NO_CLI = 1 << 4,	   /* nodectl sets it by itself or has another way */
	PARAM_NEGATED = 1 << 5,	   /* the option sets it false (--no-wait) */
};

struct param {
	const char *name;
	enum param_type type;
	unsigned flags;	      /* of enum param_flag */
	uint64_t min, max;    /* of whole numbers: param_is_whole */
	const char *fallback; /* the default as JSON text; NULL: none */
	const char *choices;  /* PARAM_CHOICE: "a|b" */
	const char *option;   /* nodectl's option, if it is not the name without _ms, - for _ */
	const char *doc;
	const char *option_doc; /* what the option does, where doc speaks of JSON; NULL: doc */
};

/* What a client of the admin socket may do; each may do what those before it may.
   X(ENUM, "name", "documentation") */
#define ROLES(X)                                                                                   \
	X(NONE, "none", "nothing: it is refused before a byte is read")                            \
	X(OBSERVE, "observe", "look: the methods that change nothing")                             \
	X(OPERATE, "operate", "everything")

enum role {
#define X(id, name, doc) ROLE_##id,
	ROLES(X)
#undef X
	    ROLE_COUNT
};

enum method_flag {
	METHOD_OBSERVE = 1 << 0, /* only looks: changes nothing. Without it: for operators alone */
	METHOD_LATE = 1 << 1,	 /* may be answered after later requests of the same client */
	METHOD_REFUSED_AT_END = 1 << 2, /* shutting_down once a shutdown has begun */
};

struct method {
	const char *name;
	unsigned flags; /* of enum method_flag */
	const struct param *params;
	size_t nparams;
	const char *doc;     /* one sentence */
	const char *result;  /* the result's members, in words */
	const char *errors;  /* data.name values special to it, separated by a space; "" for none */
	const char *example; /* params of an example request, JSON text */
};

struct handler_kind {
	const char *name;
	const struct param *params; /* beside "type" */
	size_t nparams;
	const char *doc;
	const char *example;	     /* a handler object, JSON text */
	const char *max_connections; /* default of the server's, decimal */
	bool sees_bytes; /* false: noded does not relay, so no byte counts, no idle time */
};

const struct method *method_get(enum method_id id);
/* By name on the wire; NULL if there is none. */
const struct method *method_find(const char *name);
enum method_id method_id(const struct method *method);
/* The least that may call it. */
enum role method_role(const struct method *method);

const char *role_name(enum role role);
const char *role_doc(enum role role);

/* A bit for each kind of handler. */
#define HANDLERS_ALL ((1u << HANDLER_COUNT) - 1)

const struct handler_kind *handler_kind_get(enum handler_id id);
const struct handler_kind *handler_kind_find(const char *name);
enum handler_id handler_kind_id(const struct handler_kind *kind);

/* The row of that name, NULL if there is none. */
const struct param *param_find(const struct param *params, size_t n, const char *name);

#endif
