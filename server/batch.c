/* A batch of requests. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

struct batch *batch_new(struct scan *scan, struct span line)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	size_t count = scan->count;
	struct err err;

	if (!batch)
		return NULL;
	batch->text = malloc(line.len);
	batch->entry = calloc(count, sizeof(*batch->entry));
	if (!batch->text || !batch->entry) {
		batch_free(batch);
		return NULL;
	}
	memcpy(batch->text, line.at, line.len);
	/* Once more, so that the entries point into the copy. */
	if (scan_line(scan, batch->text, line.len, SCAN_REQUEST, &err) == 0)
		batch->count = count;
	memcpy(batch->entry, scan->entry, count * sizeof(*batch->entry));
	return batch;
}

void batch_free(struct batch *batch)
{
	buf_free(&batch->out);
	free(batch->entry);
	free(batch->text);
	free(batch);
}

bool batch_is_ready(const struct batch *batch)
{
	return !batch->call && batch->next < batch->count;
}

bool batch_is_over(const struct batch *batch)
{
	return !batch->call && batch->next == batch->count;
}

const struct scan_entry *batch_next(struct batch *batch)
{
	return &batch->entry[batch->next++];
}

void batch_add(struct batch *batch, const struct buf *answer)
{
	batch->out.failed |= answer->failed;
	buf_append(&batch->out, batch->out.len ? "," : "[", 1);
	buf_append(&batch->out, answer->data, answer->len);
}

const struct buf *batch_answer(struct batch *batch)
{
	if (batch->out.len == 0 && !batch->out.failed)
		return NULL;
	buf_append(&batch->out, "]", 1);
	return &batch->out;
}
