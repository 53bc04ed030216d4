/* Rows and columns of text: gathered, then printed with columns as wide as they need. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "../proto/buf.h"
#include "raw.h"

struct table_column {
	const char *name; /* dotted path into a row */
	const char *also; /* another place to look, or NULL */
	bool optional;	  /* left out if no row has it */
	/* Found while rows are added: */
	bool seen;    /* a row has it, if only as null */
	bool text;    /* a cell is no number: left-aligned */
	size_t place; /* among the members of the last row */
	size_t width;
};

struct table {
	struct table_column *columns; /* borrowed */
	size_t ncolumns;
	struct buf text;  /* of all cells */
	struct buf cells; /* of struct cell */
	size_t rows;
};

/* Zeroed with columns and ncolumns set it is ready. text is that of a row, an object. */
void table_add(struct table *table, struct span text);

/* Prints on standard output. columns: of the terminal, 0 for no limit. */
void table_print(struct table *table, bool header, bool colored, size_t columns);
void table_free(struct table *table);

#endif
