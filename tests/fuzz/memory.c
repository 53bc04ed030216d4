/* Allocation as the node target's server sees it: libc's, but it fails when the script says so.
   libev keeps libc's own: it aborts where there is no memory, which noded(8) says. */
#include "kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CALL(void *, malloc, size_t size)
{
	return fault(FAULT_malloc) ? NULL : malloc(size);
}

CALL(void *, calloc, size_t n, size_t size)
{
	return fault(FAULT_calloc) ? NULL : calloc(n, size);
}

CALL(void *, realloc, void *old, size_t size)
{
	return fault(FAULT_realloc) ? NULL : realloc(old, size);
}

CALL(void *, reallocarray, void *old, size_t n, size_t size)
{
	return fault(FAULT_realloc) ? NULL : reallocarray(old, n, size);
}

CALL(char *, strdup, const char *text)
{
	return fault(FAULT_strdup) ? NULL : strdup(text);
}
