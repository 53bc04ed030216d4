/* Memory for a short-lived program. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

void memory_failed(void)
{
	fputs("nodectl: memory: out of memory (internal_error)\n", stderr);
	exit(EXIT_OTHER);
}

void *memory_get(size_t n, size_t size)
{
	void *room = calloc(n > 0 ? n : 1, size);

	if (room == NULL)
		memory_failed();
	return room;
}

char *memory_copy(const char *bytes, size_t n)
{
	char *copy = memory_get(n + 1, 1);

	if (n > 0)
		memcpy(copy, bytes, n);
	return copy;
}

char *memory_text(const char *text)
{
	return memory_copy(text, strlen(text));
}

const char *memory_check(struct buf *buf)
{
	const char *text = buf_string(buf);

	if (text == NULL)
		memory_failed();
	return text;
}
