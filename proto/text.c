/* Questions about NUL-terminated texts that several readers ask. */
#include "text.h"

#include <string.h>

bool text_begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool text_is_all(const char *text, const char *set)
{
	return text[0] != '\0' && text[strspn(text, set)] == '\0';
}
