/* Who owns a file, and who a user is, in words. Looks names up: only for messages. */
#ifndef CTL_OWNER_H
#define CTL_OWNER_H

#include <sys/stat.h>

enum { OWNER_SIZE = 128 };

/* "user:group"; numbers where there is no name. Return text. */
const char *owner_text(char text[static OWNER_SIZE], const struct stat *st);
const char *owner_user(char text[static OWNER_SIZE], uid_t uid);

#endif
