/* What noded hands out in pages, fetched to the end and put together again. */
#ifndef CTL_PAGES_H
#define CTL_PAGES_H

#include <stdint.h>
#include "client.h"
#include "request.h"

/* Rows asked for at a time: the most noded gives. */
enum { PAGES_ROWS = 1000 };

/* Called for each row, in order. */
typedef void pages_row(const struct raw_item *row, void *context);

/* Runs request (whose own limit is the caller's business) and, while its answer names a next page,
   again from there; `member` is the member of the result that is paged, an array or object. each
   (may be NULL) sees every row, at most `rows` of them. The whole result, all pages in one object,
   is left in *whole if that is not NULL. -1: request->failure tells; pages that lead nowhere are a
   senseless reply. */
int pages_fetch(struct client *client, struct request *request, const char *member, uint64_t rows,
		pages_row *each, void *context, struct buf *whole)
    __attribute__((warn_unused_result));

#endif
