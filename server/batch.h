/* A batch of requests: its entries, run one after the other, and the answers so far. */
#ifndef SERVER_BATCH_H
#define SERVER_BATCH_H

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include "../proto/buf.h"
#include "../proto/scan.h"

struct call;

struct batch {
	TAILQ_ENTRY(batch) link; /* of its session */
	char *text;		 /* the line, which the entries point into */
	struct scan_entry *entry;
	size_t count, next;
	struct call *call; /* the entry being carried out; NULL: none */
	struct buf out;	   /* "[" and the answers so far; empty: none */
};

/* Keeps a copy of a line that scan has just read as a batch of at least one entry; scan is used
   again. NULL when out of memory. */
struct batch *batch_new(struct scan *scan, struct span line);
void batch_free(struct batch *batch);

/* The next entry may run: the one before is answered. */
bool batch_is_ready(const struct batch *batch);
/* Every entry is answered. */
bool batch_is_over(const struct batch *batch);
/* The next entry, which then counts as begun. */
const struct scan_entry *batch_next(struct batch *batch);
void batch_add(struct batch *batch, const struct buf *answer);
/* All answers as one JSON text; NULL: there is nothing to answer. */
const struct buf *batch_answer(struct batch *batch);

#endif
