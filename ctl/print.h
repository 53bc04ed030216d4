/* What goes to standard output and standard error, and how: escaping, colour, JSON documents, and
   whether it arrived. */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <stdbool.h>
#include <stdio.h>
#include "../proto/buf.h"
#include "failure.h"
#include "raw.h"

enum print_color { PRINT_COLOR_AUTO, PRINT_COLOR_ALWAYS, PRINT_COLOR_NEVER };

/* Appends a value as one line of text: strings decoded and masked, the rest as it is written. */
void print_value(struct buf *out, struct span value);
/* As print_value, for tables and trees: "-" for null, absent and empty; a handler object becomes
   its words. */
void print_cell(struct buf *out, struct span value);

/* Write and empty the buffer; exit if it is incomplete (out of memory). */
void print_stdout(struct buf *text);
void print_stderr(struct buf *text);

/* What was printed so far is handed over now. */
void print_flush(void);
/* Closes standard output. -1 if anything printed was lost, with the reason in errno. */
int print_end(void);

/* One line on standard output: a valid JSON document, byte for byte, but that on a terminal the
   characters it should not get are escaped. */
void print_json(struct span document);
/* One line on standard output: {"error": {...}}. */
void print_json_failure(const struct failure *failure);

/* Whether to use colour on that stream (NO_COLOR, TERM=dumb, a terminal or not). */
bool print_is_colored(enum print_color when, FILE *stream);
/* Columns of the terminal the stream is, or 0 if it is none. */
size_t print_columns(FILE *stream);
/* The escape sequence for a phase's name, "" for other words; end it with PRINT_PLAIN. */
const char *print_phase_color(const char *text, size_t n);
#define PRINT_PLAIN "\033[0m"
#define PRINT_BOLD  "\033[1m"

/* "500 ms", "8.2 s", "42 s", "5 min". */
enum { PRINT_DURATION_SIZE = 32 };
const char *print_duration(char text[static PRINT_DURATION_SIZE], uint64_t ms);

#endif
