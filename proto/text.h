/* Questions about NUL-terminated texts that several readers ask. */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>

#define TEXT_DIGITS "0123456789"

bool text_begins(const char *text, const char *with);
/* True if text has at least one character, and none that is not in set. */
bool text_is_all(const char *text, const char *set);

#endif
