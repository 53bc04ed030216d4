/* THE method table and the handler-kind table: one row a method, one row a parameter. */
#include "method.h"

#include <assert.h>
#include <string.h>

#define PARAMS(rows) .params = (rows), .nparams = sizeof(rows) / sizeof((rows)[0])

/* Rows that several methods share. */
#define THE_SERVER                                                                                 \
	{                                                                                          \
		.name = "address", .type = PARAM_ADDRESS,                                          \
		.flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_MANY,                           \
		.doc = "the server's address, in any of its forms"                                 \
	}
#define MAX_CONNECTIONS(fallback_text, more)                                                       \
	{                                                                                          \
		.name = "max_connections", .type = PARAM_COUNT, .flags = PARAM_NULLABLE, .min = 1, \
		.max = 1000000, .fallback = fallback_text,                                         \
		.doc = "most connections open at a time; null: as many as descriptors allow" more, \
		.option_doc =                                                                      \
		    "most connections open at a time; none: as many as descriptors allow" more     \
	}
#define IDLE_TIMEOUT(fallback_text)                                                                \
	{                                                                                          \
		.name = "idle_timeout_ms", .type = PARAM_MS, .max = DURATION_MAX_MS,               \
		.fallback = fallback_text,                                                         \
		.doc = "ends a connection after so long without a byte either way; 0: never"       \
	}
#define DRAIN(fallback_text)                                                                       \
	{                                                                                          \
		.name = "drain_ms", .type = PARAM_MS, .max = DURATION_MAX_MS,                      \
		.fallback = fallback_text,                                                         \
		.doc = "how long a stop lets connections end by themselves"                        \
	}
#define KILL(fallback_text)                                                                        \
	{                                                                                          \
		.name = "kill_ms", .type = PARAM_MS, .max = DURATION_MAX_MS,                       \
		.fallback = fallback_text,                                                         \
		.doc = "how long a connection told to leave may take before it is closed"          \
	}
#define RESTART(fallback_text)                                                                     \
	{                                                                                          \
		.name = "restart", .type = PARAM_CHOICE, .choices = "always|never",                \
		.fallback = fallback_text,                                                         \
		.doc = "whether to listen again after the listener is lost"                        \
	}
#define DEADLINE(doc_text)                                                                         \
	{                                                                                          \
		.name = "deadline_ms", .type = PARAM_MS, .max = DURATION_MAX_MS, .doc = doc_text   \
	}
#define FORCE(doc_text)                                                                            \
	{                                                                                          \
		.name = "force", .type = PARAM_BOOL, .fallback = "false", .option = "now",         \
		.doc = doc_text                                                                    \
	}
#define PROGRESS                                                                                   \
	{                                                                                          \
		.name = "progress", .type = PARAM_BOOL, .flags = PARAM_NO_CLI,                     \
		.fallback = "false", .doc = "send progress notifications until the reply"          \
	}
#define LIMIT                                                                                      \
	{                                                                                          \
		.name = "limit", .type = PARAM_COUNT, .flags = PARAM_NO_CLI, .min = 1,             \
		.max = 1000, .fallback = "200", .doc = "most rows of one page"                     \
	}

static const struct param start_params[] = {
    {.name = "address",
     .type = PARAM_ADDRESS,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
     .doc = "where to listen; TCP port 0 picks a free one"},
    {.name = "handler",
     .type = PARAM_HANDLER,
     .flags = PARAM_POSITIONAL,
     .fallback = "{\"type\":\"echo\"}",
     .doc = "what to do with connections"},
    MAX_CONNECTIONS("1024", "; with exec the default is 40"),
    {.name = "backlog",
     .type = PARAM_COUNT,
     .min = 1,
     .max = 65535,
     .fallback = "1024",
     .doc = "connections the kernel may queue; capped by net.core.somaxconn"},
    {.name = "mode",
     .type = PARAM_MODE,
     .fallback = "\"0600\"",
     .doc = "permissions of a Unix socket file, octal digits"},
    IDLE_TIMEOUT("0"),
    DRAIN("30000"),
    KILL("2000"),
    RESTART("\"always\""),
    {.name = "if_missing",
     .type = PARAM_BOOL,
     .fallback = "false",
     .doc = "an existing server with the same handler is a success, and left as it is"},
};

static const struct param stop_server_params[] = {
    THE_SERVER,
    DEADLINE("how long connections may take to end by themselves; default: the server's own"),
    FORCE("do not wait for connections to end by themselves"),
    {.name = "wait",
     .type = PARAM_BOOL,
     .flags = PARAM_NEGATED,
     .fallback = "true",
     .option = "no-wait",
     .doc = "false: answer at once; the stop goes on",
     .option_doc = "do not wait for the end; the stop goes on"},
    PROGRESS,
    {.name = "if_exists",
     .type = PARAM_BOOL,
     .fallback = "false",
     .doc = "an absent server is a success"},
};

static const struct param server_params[] = {THE_SERVER};

static const struct param update_server_params[] = {
    THE_SERVER,	   MAX_CONNECTIONS(NULL, ""), IDLE_TIMEOUT(NULL), DRAIN(NULL), KILL(NULL),
    RESTART(NULL),
};

static const struct param list_servers_params[] = {
    {.name = "after",
     .type = PARAM_ADDRESS,
     .flags = PARAM_NO_CLI,
     .doc = "the page begins after this address"},
    LIMIT,
};

static const struct param list_connections_params[] = {
    {.name = "server", .type = PARAM_ADDRESS, .doc = "only the connections of this server"},
    {.name = "after",
     .type = PARAM_ID,
     .flags = PARAM_NO_CLI,
     .max = JSON_INTEGER_MAX,
     .fallback = "0",
     .doc = "the page begins after this id"},
    LIMIT,
};

static const struct param close_connection_params[] = {
    {.name = "id",
     .type = PARAM_ID,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_MANY,
     .min = 1,
     .max = JSON_INTEGER_MAX,
     .doc = "the connection's id, as list_connections shows it"},
    FORCE("close it without flushing; kill its program"),
};

static const struct param state_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_POSITIONAL,
     .fallback = "\"\"",
     .doc = "which part of the state; empty: all of it"},
    {.name = "after",
     .type = PARAM_KEY,
     .flags = PARAM_NO_CLI,
     .doc = "a page of servers or connections begins after this key"},
    {.name = "limit",
     .type = PARAM_COUNT,
     .flags = PARAM_NO_CLI,
     .min = 1,
     .max = 1000,
     .fallback = "200",
     .doc = "most members of one page"},
};

static const struct param wait_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
     .doc = "what to watch; it need not exist yet"},
    {.name = "equals", .type = PARAM_VALUE, .option = "is", .doc = "until it has this value"},
    {.name = "exists",
     .type = PARAM_BOOL,
     .doc = "until it exists, even as null; no other value than true",
     .option_doc = "until it exists, even as null"},
    {.name = "absent",
     .type = PARAM_BOOL,
     .doc = "until it does not exist; no other value than true",
     .option_doc = "until it does not exist"},
    {.name = "at_least", .type = PARAM_NUMBER, .doc = "until it is this number or more"},
    {.name = "at_most", .type = PARAM_NUMBER, .doc = "until it is this number or less"},
    {.name = "timeout_ms",
     .type = PARAM_MS,
     .flags = PARAM_NO_CLI,
     .max = DURATION_MAX_MS,
     .fallback = "60000",
     .doc = "how long to wait; 0: look once"},
};

static const struct param shutdown_params[] = {
    DEADLINE("how long connections may take to end by themselves; default: noded's --drain"),
    FORCE("do not wait for connections to end by themselves"),
    PROGRESS,
};

static const struct param set_log_level_params[] = {
    {.name = "level",
     .type = PARAM_CHOICE,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
     .choices = "error|warning|info|debug",
     .doc = "the least important lines to keep"},
};

static const struct method methods[METHOD_COUNT] = {
    [METHOD_DISCOVER] = {.name = "rpc.discover",
			 .flags = METHOD_OBSERVE,
			 .doc = "describe every method as an OpenRPC document",
			 .result = "an OpenRPC 1.2.6 document",
			 .errors = "",
			 .example = "{}"},
    [METHOD_VERSION] =
	{.name = "version",
	 .flags = METHOD_OBSERVE,
	 .doc = "tell which noded this is, and its limits",
	 .result = "{name, version, protocol: {major, minor}, pid, started_at, handlers, limits}",
	 .errors = "",
	 .example = "{}"},
    [METHOD_START] =
	{.name = "start",
	 .flags = METHOD_REFUSED_AT_END,
	 PARAMS(start_params),
	 .doc = "listen on an address and serve it",
	 .result = "{server, created}: the server as in state, with its bound address",
	 .errors =
	     "permission_denied already_exists address_in_use address_invalid bind_denied "
	     "limit_reached "
	     "wrong_state io_error path_exists unsafe_directory program_not_found shutting_down",
	 .example = "{\"address\":\"tcp:127.0.0.1:0\",\"handler\":{\"type\":\"echo\"}}"},
    [METHOD_STOP_SERVER] =
	{.name = "stop_server",
	 .flags = METHOD_LATE,
	 PARAMS(stop_server_params),
	 .doc = "stop accepting, drain, stop and release one server; answered when all is gone",
	 .result = "{address, outcome: drained, stopped or killed, drained, stopped, killed, "
		   "accepted_at_stop, refused_at_stop, elapsed_ms}; wait false: {address, phase, "
		   "connections}; absent with if_exists: {address, outcome: absent}",
	 .errors = "no_such_server",
	 .example = "{\"address\":\"unix:/run/app.sock\",\"deadline_ms\":10000}"},
    [METHOD_SUSPEND_SERVER] = {.name = "suspend_server",
			       .flags = METHOD_LATE | METHOD_REFUSED_AT_END,
			       PARAMS(server_params),
			       .doc = "stop accepting on a server; its connections live on",
			       .result = "{server}",
			       .errors = "no_such_server wrong_state shutting_down",
			       .example = "{\"address\":\"unix:/run/app.sock\"}"},
    [METHOD_RESUME_SERVER] =
	{.name = "resume_server",
	 .flags = METHOD_LATE | METHOD_REFUSED_AT_END,
	 PARAMS(server_params),
	 .doc = "listen again on a suspended server's address",
	 .result = "{server}",
	 .errors = "no_such_server wrong_state address_in_use bind_denied path_exists io_error "
		   "limit_reached unsafe_directory shutting_down",
	 .example = "{\"address\":\"unix:/run/app.sock\"}"},
    [METHOD_UPDATE_SERVER] = {.name = "update_server",
			      .flags = METHOD_REFUSED_AT_END,
			      PARAMS(update_server_params),
			      .doc = "change limits of a running server; nobody is cut off",
			      .result = "{server}",
			      .errors = "no_such_server wrong_state shutting_down",
			      .example =
				  "{\"address\":\"unix:/run/app.sock\",\"max_connections\":10}"},
    [METHOD_LIST_SERVERS] = {.name = "list_servers",
			     .flags = METHOD_OBSERVE,
			     PARAMS(list_servers_params),
			     .doc = "list servers, ordered by address",
			     .result = "{servers: [...], next: address or null, total}",
			     .errors = "",
			     .example = "{}"},
    [METHOD_LIST_CONNECTIONS] = {.name = "list_connections",
				 .flags = METHOD_OBSERVE,
				 PARAMS(list_connections_params),
				 .doc = "list connections, ordered by id",
				 .result = "{connections: [...], next: id or null, total}",
				 .errors = "no_such_server",
				 .example = "{\"server\":\"unix:/run/app.sock\",\"limit\":50}"},
    [METHOD_CLOSE_CONNECTION] = {.name = "close_connection",
				 .flags = METHOD_LATE,
				 PARAMS(close_connection_params),
				 .doc = "end one connection; answered when it has ended",
				 .result = "{id, reason}",
				 .errors = "no_such_connection",
				 .example = "{\"id\":7}"},
    [METHOD_STATE] = {.name = "state",
		      .flags = METHOD_OBSERVE,
		      PARAMS(state_params),
		      .doc = "show the state of the node or of a part of it",
		      .result =
			  "{path, value}; a page of servers or connections adds next and total",
		      .errors = "no_such_path",
		      .example = "{\"path\":\"transport.servers[/run/app.sock].listener\"}"},
    [METHOD_WAIT] =
	{.name = "wait",
	 .flags = METHOD_OBSERVE | METHOD_LATE,
	 PARAMS(wait_params),
	 .doc = "wait until a part of the state meets one condition",
	 .result = "{path, value, elapsed_ms}",
	 .errors = "timeout cancelled",
	 .example =
	     "{\"path\":\"transport.connection_pool.open\",\"at_most\":0,\"timeout_ms\":5000}"},
    [METHOD_SHUTDOWN] =
	{.name = "shutdown",
	 .flags = METHOD_LATE,
	 PARAMS(shutdown_params),
	 .doc = "stop every server, then noded; answered when every server has stopped",
	 .result = "{servers, drained, stopped, killed, elapsed_ms}",
	 .errors = "",
	 .example = "{\"deadline_ms\":10000}"},
    [METHOD_SET_LOG_LEVEL] = {.name = "set_log_level",
			      PARAMS(set_log_level_params),
			      .doc = "change what noded logs",
			      .result = "{previous}",
			      .errors = "",
			      .example = "{\"level\":\"debug\"}"},
};

static const struct param forward_params[] = {
    {.name = "backend",
     .type = PARAM_ADDRESS,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
     .doc = "where to connect for each client"},
    {.name = "connect_timeout_ms",
     .type = PARAM_MS,
     .min = 1,
     .max = DURATION_MAX_MS,
     .fallback = "5000",
     .doc = "how long connecting to the backend may take"},
};

static const struct param exec_params[] = {
    {.name = "argv",
     .type = PARAM_ARGV,
     .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
     .doc = "program and arguments; no shell is involved"},
    {.name = "user",
     .type = PARAM_USER,
     .max = ID_NUMBER_MAX,
     .doc = "the user it runs as; noded must be privileged; default: noded's own",
     .option_doc = "run the program as this user, and as a member of its group alone"},
    {.name = "group",
     .type = PARAM_GROUP,
     .max = ID_NUMBER_MAX,
     .doc = "its only group; needed with user, and not without it",
     .option_doc = "with --user: as a member of this group instead"},
};

static const struct handler_kind kinds[HANDLER_COUNT] = {
    [HANDLER_ECHO] = {.name = "echo",
		      .doc = "send back what is received (RFC 862)",
		      .example = "{\"type\":\"echo\"}",
		      .max_connections = "1024",
		      .sees_bytes = true},
    [HANDLER_DISCARD] = {.name = "discard",
			 .doc = "throw away what is received (RFC 863)",
			 .example = "{\"type\":\"discard\"}",
			 .max_connections = "1024",
			 .sees_bytes = true},
    [HANDLER_FORWARD] = {.name = "forward",
			 PARAMS(forward_params),
			 .doc = "relay to a backend, both ways",
			 .example = "{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:6379\"}",
			 .max_connections = "1024",
			 .sees_bytes = true},
    [HANDLER_EXEC] = {.name = "exec",
		      PARAMS(exec_params),
		      .doc = "run a program for each connection, with the connection as its "
			     "standard input and output",
		      .example = "{\"type\":\"exec\",\"argv\":[\"cat\"]}",
		      .max_connections = "40"},
};

const struct method *method_get(enum method_id id)
{
	assert(id < METHOD_COUNT);
	return &methods[id];
}

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

enum method_id method_id(const struct method *method)
{
	return (enum method_id)(method - methods);
}

enum role method_role(const struct method *method)
{
	return method->flags & METHOD_OBSERVE ? ROLE_OBSERVE : ROLE_OPERATE;
}

static const struct {
	const char *name, *doc;
} roles[ROLE_COUNT] = {
#define X(id, name, doc) [ROLE_##id] = {name, doc},
    ROLES(X)
#undef X
};

const char *role_name(enum role role)
{
	assert(role < ROLE_COUNT);
	return roles[role].name;
}

const char *role_doc(enum role role)
{
	assert(role < ROLE_COUNT);
	return roles[role].doc;
}

const struct handler_kind *handler_kind_get(enum handler_id id)
{
	assert(id < HANDLER_COUNT);
	return &kinds[id];
}

const struct handler_kind *handler_kind_find(const char *name)
{
	for (size_t i = 0; i < HANDLER_COUNT; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

enum handler_id handler_kind_id(const struct handler_kind *kind)
{
	return (enum handler_id)(kind - kinds);
}

const struct param *param_find(const struct param *params, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	return NULL;
}
