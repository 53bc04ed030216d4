/* Memory for a short-lived program: what cannot be had ends it, with one line and status 1. */
#ifndef CTL_MEMORY_H
#define CTL_MEMORY_H

#include <stddef.h>
#include "../proto/buf.h"

/* Says "out of memory" and exits. */
void memory_failed(void) __attribute__((noreturn));

/* Zeroed room for n things of that size. Never NULL. */
void *memory_get(size_t n, size_t size);
/* A NUL-terminated copy of n bytes. Never NULL; the caller frees. */
char *memory_copy(const char *bytes, size_t n);
char *memory_text(const char *text);
/* Exits unless everything appended to the buffer is there; returns its contents as a string. */
const char *memory_check(struct buf *buf);

#endif
