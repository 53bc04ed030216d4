/* Memory for libev, which aborts where it gets none.

   Its tables (a dozen arrays that double) grow with what is watched, and everything that is watched
   took memory of its own before: so while malloc(3) fails they hardly grow any more, and a few
   megabytes carry them over. */
#include "spare.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE_SIZE = 4 * 1024 * 1024 };

/* What libev is given begins behind it. */
struct block {
	size_t size;
	bool is_spare;
	max_align_t bytes[];
};

static _Alignas(max_align_t) char spare[SPARE_SIZE];
static size_t taken;  /* bytes of it */
static size_t lodged; /* blocks in it; when the last one leaves all of it is free again */

static struct block *block_new(size_t size)
{
	size_t whole = (sizeof(struct block) + size + sizeof(max_align_t) - 1) /
		       sizeof(max_align_t) * sizeof(max_align_t);
	struct block *block = malloc(whole);
	bool is_spare = !block && whole <= SPARE_SIZE - taken;

	if (is_spare) {
		/* cppcheck-suppress memleak ; malloc gave none */
		block = (struct block *)(void *)(spare + taken);
		taken += whole;
		lodged++;
	}
	if (block)
		*block = (struct block){.size = size, .is_spare = is_spare};
	return block;
}

static void block_free(struct block *block)
{
	if (!block->is_spare)
		free(block);
	else if (--lodged == 0)
		taken = 0;
}

/* realloc(3) as libev wants it: of size 0 it frees. */
static void *resize(void *bytes, long size)
{
	struct block *old = NULL, *fresh = NULL;

	if (bytes)
		old = (struct block *)(void *)((char *)bytes - offsetof(struct block, bytes));
	if (size > 0 && !(fresh = block_new((size_t)size)))
		return NULL;
	if (old && fresh)
		memcpy(fresh->bytes, old->bytes, old->size < fresh->size ? old->size : fresh->size);
	if (old)
		block_free(old);
	return fresh ? (char *)fresh + offsetof(struct block, bytes) : NULL;
}

void spare_lend(void)
{
	ev_set_allocator(resize);
}
