/* Every error of the wire contract: code, name, what nodectl exits with; and struct err, which
   carries one from where it is noticed to the edge that answers or logs it. */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include <stddef.h>

/* X(ENUM, code, "name", nodectl's exit status, "documentation").
   Codes -32700..-32600 and their messages: JSON-RPC 2.0, section 5.1. */
#define ERRORS(X)                                                                                  \
	X(PARSE_ERROR, -32700, "parse_error", 8, "the line is not JSON (RFC 8259)")                \
	X(INVALID_REQUEST, -32600, "invalid_request", 8, "JSON, but not a JSON-RPC 2.0 request")   \
	X(METHOD_NOT_FOUND, -32601, "method_not_found", 8, "noded has no such method")             \
	X(INVALID_PARAMS, -32602, "invalid_params", 1, "a parameter is missing, unknown or bad")   \
	X(INTERNAL_ERROR, -32603, "internal_error", 1, "out of memory, or a defect in noded")      \
	X(SHUTTING_DOWN, -32000, "shutting_down", 1, "noded is shutting down")                     \
	X(REQUEST_TOO_LARGE, -32001, "request_too_large", 8, "the request line is too long")       \
	X(TOO_MANY_CLIENTS, -32002, "too_many_clients", 1, "every admin session is in use")        \
	X(PERMISSION_DENIED, -32003, "permission_denied", 5, "your user may not do this")          \
	X(REQUEST_TIMEOUT, -32004, "request_timeout", 8, "a request line was begun, not finished") \
	X(NO_SUCH_SERVER, 1, "no_such_server", 4, "nothing is served at that address")             \
	X(ALREADY_EXISTS, 2, "already_exists", 6, "that address is served already")                \
	X(ADDRESS_IN_USE, 3, "address_in_use", 6, "another process listens there")                 \
	X(ADDRESS_INVALID, 4, "address_invalid", 1, "not an address noded can listen on or reach") \
	X(BIND_DENIED, 5, "bind_denied", 5, "the system does not let noded listen there")          \
	X(LIMIT_REACHED, 6, "limit_reached", 1, "out of descriptors or another resource")          \
	X(WRONG_STATE, 7, "wrong_state", 1, "not possible in the phase it is in")                  \
	X(TIMEOUT, 8, "timeout", 7, "the time ran out")                                            \
	X(CANCELLED, 9, "cancelled", 1, "given up because noded is shutting down")                 \
	X(NO_SUCH_PATH, 10, "no_such_path", 4, "the state has no such path")                       \
	X(NO_SUCH_CONNECTION, 11, "no_such_connection", 4, "no connection has that id")            \
	X(IO_ERROR, 12, "io_error", 1, "a system call failed")                                     \
	X(PATH_EXISTS, 13, "path_exists", 6, "something noded will not replace is at that path")   \
	X(UNSAFE_DIRECTORY, 14, "unsafe_directory", 1, "others may replace files in there")        \
	X(PROGRAM_NOT_FOUND, 15, "program_not_found", 1, "no such program, or not executable")

enum error_code {
	ERR_NONE,
#define X(id, code, name, status, doc) ERR_##id,
	ERRORS(X)
#undef X
	    ERR_COUNT
	};

struct error_info {
	int code;	     /* on the wire */
	const char *name;    /* data.name: the contract */
	const char *message; /* what goes into "message" */
	int exit_status;     /* of nodectl */
	const char *doc;
};

/* A failure on its way to whoever reports it. Fixed size: describing one never allocates. */
struct err {
	enum error_code code;
	int sys;	  /* errno, or 0 */
	char param[64];	  /* the parameter at fault, "" if none */
	char path[512];	  /* the longest existing prefix of a state path, "" if none */
	char detail[512]; /* one sentence for people, without a full stop */
};

/* The row of a code; ERR_NONE and ERR_COUNT have none (asserted). The message of the codes from
   -32700 to -32600 is the specification's text, of the others it is doc. */
const struct error_info *error_info(enum error_code code);

/* The code of a name as found in data.name, ERR_NONE if it is unknown. */
enum error_code error_find(const char *name);

/* Fill all of *err; what does not fit is cut, between characters. Return -1, so that a failing
   function can end with `return err_set(...)`. An argument may be a part of *err. err_sys keeps
   the errno and appends ": " and its text, which is never cut. */
int err_set(struct err *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int err_sys(struct err *err, enum error_code code, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* invalid_params or address_invalid (code) about one named parameter. */
int err_param(struct err *err, enum error_code code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
