/* Questions about NUL-terminated texts that several readers ask. */
#include "text.h"

#include <string.h>

bool text_begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool text_is_all(const char *text, const char *set)
{
	size_t n = 0;

	/* Not strspn: it makes a table of the set first, and most texts end at once. */
	while (text[n] != '\0' && strchr(set, text[n]) != NULL)
		n++;
	return n > 0 && text[n] == '\0';
}
