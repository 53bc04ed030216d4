/* What `state` shows: the field tables read along a path, written as JSON, page by page. */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include "../proto/error.h"
#include "../proto/json.h"
#include "../proto/path.h"
#include "engine.h"

/* Where a path leads; good for the turn it was made in. */
struct state_ref {
	const struct field *field; /* NULL: the engine itself */
	const void *owner;	   /* of field, or the engine */
	const struct path *path;
	size_t inside; /* keys of path from here on lead into what field's getter writes */
	bool timed;    /* changes with time alone */
};

/* -1: no_such_path, err->path being the longest prefix that exists; or out of memory. */
int state_find(const struct engine *root, const struct path *path, struct state_ref *ref,
	       struct err *err) __attribute__((warn_unused_result));
/* As far as the tables tell: cheap, as it has no getter write. Whether what a getter writes has the
   keys from ref->inside on is left open. */
int state_reach(const struct engine *root, const struct path *path, struct state_ref *ref,
		struct err *err) __attribute__((warn_unused_result));

/* A page of a map, in and out; also where a long value goes on in a later turn. */
struct state_page {
	const char *after;	      /* in: NULL begins at the beginning */
	uint64_t limit;		      /* in: members at most; out: those not written */
	bool paged;		      /* out: the value is a map, next and total hold */
	bool more;		      /* out: there are members after next */
	char next[ADDRESS_TEXT_SIZE]; /* out: key of the last member written */
	uint64_t total;		      /* out */
	/* Long values and pages: zero the rest at first, then call again with the same struct. */
	bool cut; /* out: not finished; call again */
	bool comma;
	char resume[ADDRESS_TEXT_SIZE];
	struct budget *budget; /* in: what a turn allows; NULL: all at once */
};

/* True if it leads to an engine that is there, not to null or a single value. */
bool state_is_engine(const struct state_ref *ref);

/* Writes the value. If page->cut is set on return the loop has other things to do: call again. */
void state_write(struct json *json, const struct state_ref *ref, struct state_page *page);

/* Ends a page that was cut and whose owner has gone since, a server's connections: no more of it.
 */
void state_write_gone(struct json *json, struct state_page *page);

/* One engine as an object, as it stands in a list. */
void state_write_engine(struct json *json, const struct engine *engine);

#endif
