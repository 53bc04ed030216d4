/* A failure of a command: what people read on stderr, what scripts read with --json, and the exit
   status. */
#ifndef CTL_FAILURE_H
#define CTL_FAILURE_H

#include <stdbool.h>
#include "../proto/buf.h"
#include "../proto/error.h"
#include "../proto/wire.h"

/* What only nodectl can find wrong, beside the errors of proto/error.h.
   X(ENUM, code, "name", exit status, "documentation"). */
#define OWN_ERRORS(X)                                                                              \
	X(NO_NODED, 100, "no_noded", 3, "nobody answers on the admin socket")                      \
	X(INTERRUPTED, 101, "interrupted", 130, "a signal ended the waiting")

enum own_error {
#define X(id, code, name, status, doc) OWN_ERROR_##id,
	OWN_ERRORS(X)
#undef X
};

enum { EXIT_OTHER = 1, EXIT_USAGE = 2 };

/* Zeroed: nothing failed. */
struct failure {
	int status; /* nodectl's exit status; 0: no failure */
	int code;   /* of the JSON error object */
	char name[64];
	char text[1200]; /* one sentence, without a full stop */
	char *raw;	 /* a server's error object as it came; NULL: made from the above */
};

/* All return -1, so that a failing function can end with them. */
int failure_set(struct failure *failure, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Found before anything was sent: exit status 2. */
int failure_refuse(struct failure *failure, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with invalid_params. */
int failure_usage(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int failure_own(struct failure *failure, enum own_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An err of proto that nodectl met before sending: exit status 2. prefix may be "". */
int failure_from_err(struct failure *failure, const struct err *err, const char *prefix);
/* An error reply; copies its text. */
int failure_from_reply(struct failure *failure, const struct wire_reply *reply);

/* Frees what it holds and makes it "nothing failed". */
void failure_clear(struct failure *failure);

/* Appends the error object: {"code","message","data":{"name","detail"}}, or raw. */
void failure_write(struct buf *out, const struct failure *failure);
/* Appends to an empty buf the names of all errors with that exit status: "timeout, ...". */
void failure_names(struct buf *out, int status);
/* The one line on stderr: "nodectl: SUBJECT: sentence (name)". */
void failure_print(const struct failure *failure, const char *subject);

#endif
