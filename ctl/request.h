/* The requests a command line stands for, and what became of each. */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include "args.h"
#include "failure.h"
#include "raw.h"

struct request {
	const char *method; /* name on the wire */
	cJSON *params;	    /* owned; NULL: see raw */
	struct span raw;    /* parameters as JSON text, for call; at NULL: none */
	char *subject;	    /* owned: what an error is about: the address, path, id or command */
	bool observes;	    /* it changes nothing, whatever becomes of it */
	bool drains;	    /* what it began goes on without us */
	/* The outcome: */
	bool answered; /* by noded, or given up: then failure is set */
	char *result;  /* owned; the result as it came, NULL on failure */
	size_t result_len;
	struct failure failure;
	bool lost; /* the failure is the connection's, the same for all that were under way */
};

struct requests {
	struct request *all; /* owned */
	size_t n;
};

/* Takes the words of args for the positional parameters and checks everything against the table.
   -1: exit status 2. Free in any case. */
int requests_build(struct requests *requests, const struct args *args, struct failure *failure)
    __attribute__((warn_unused_result));
void requests_free(struct requests *requests);

/* A request of a method; params is taken over (NULL: an empty object). */
void request_begin(struct request *request, const struct method *method, cJSON *params,
		   const char *subject);
void request_free(struct request *request);

/* The request line, with its LF. */
void request_write(struct buf *out, const struct request *request, unsigned id);

/* The result; at NULL if there is none. */
struct span request_result(const struct request *request);

/* Adds to a request's parameters; exits when out of memory. */
void request_set_number(struct request *request, const char *name, uint64_t number);
void request_set_true(struct request *request, const char *name);
void request_set_string(struct request *request, const char *name, const char *text);

#endif
