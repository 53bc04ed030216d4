/* Completion scripts for shells, written from the command and option tables. */
#ifndef CTL_COMPLETION_H
#define CTL_COMPLETION_H

#include "../proto/buf.h"

/* Each appends a whole script. */
void completion_write_bash(struct buf *out);
void completion_write_zsh(struct buf *out);
void completion_write_fish(struct buf *out);

#endif
