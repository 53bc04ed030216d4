/* The log of a fuzz target: it goes into a pipe and is checked line by line. */
#ifndef TESTS_FUZZ_LOGGED_H
#define TESTS_FUZZ_LOGGED_H

#include "../../server/log.h"

/* From now on log_line writes into the pipe; standard error stays what it is. */
void logged_open(enum log_format format, enum log_level level);
/* The lines written since the last call, at most 64 KiB of them, each required to be what a line of
   the log must be; a string that is valid until the next call. *lines: how many. */
const char *logged_take(unsigned *lines);

/* Longest line of the log with its LF. */
enum { LOGGED_LINE_MAX = 2048 };

#endif
