/* Help, written from the method, handler, option and error tables. */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "../proto/buf.h"
#include "command.h"

/* All commands. */
void help_write(struct buf *out);
/* One command. */
void help_write_command(struct buf *out, const struct command *command);
/* "usage: ..." of one command, without LF. */
void help_write_usage(struct buf *out, const struct command *command);

#endif
