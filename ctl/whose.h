/* Who owns a file, and who we are, in words. Looks names up: only for messages. */
#ifndef CTL_WHOSE_H
#define CTL_WHOSE_H

#include <sys/stat.h>

enum { WHOSE_SIZE = 128 };

/* "user:group"; numbers where there is no name. Return text. */
const char *whose_text(char text[static WHOSE_SIZE], const struct stat *st);
const char *whose_self(char text[static WHOSE_SIZE]);

#endif
