/* Rows and columns of text: gathered, then printed with columns as wide as they need. */
#include "table.h"

#include <ctype.h>
#include <string.h>

#include "memory.h"
#include "print.h"

enum {
	GAP = 2,
	NARROWEST = 10, /* no column of text is cut to less */
	ROW_ITEMS = 64, /* members of a row that are remembered: no row has so many */
};

struct cell {
	size_t at, len, width;
};

/* Columns a text takes on a terminal: its characters. */
static size_t text_width(const char *text, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

static void add_cell(struct table *table, struct table_column *column, struct span value)
{
	struct cell cell = {.at = table->text.len};

	print_cell(&table->text, value);
	memory_check(&table->text);
	cell.len = table->text.len - cell.at;
	cell.width = text_width(table->text.data + cell.at, cell.len);
	buf_append(&table->cells, &cell, sizeof(cell));
	if (cell.width > column->width)
		column->width = cell.width;
	if (raw_type(value) != RAW_NUMBER && raw_type(value) != RAW_NONE &&
	    raw_type(value) != RAW_NULL)
		column->text = true;
}

/* What a row has at a dotted name. Where a part of the way is null (a listener that is lost), so is
   all that would be below it. */
static struct span find_value(struct span row, const char *name)
{
	struct span value = raw_find(row, name), part;
	char way[256], *dot;

	if (value.at != NULL || strlen(name) >= sizeof(way))
		return value;
	memcpy(way, name, strlen(name) + 1);
	while ((dot = strrchr(way, '.')) != NULL) {
		*dot = '\0';
		part = raw_find(row, way);
		if (part.at != NULL)
			return raw_type(part) == RAW_NULL ? part : value;
	}
	return value;
}

/* A row walked once for all its columns. */
struct row {
	struct span text;
	struct raw_item item[ROW_ITEMS];
	size_t n;
};

static void row_read(struct row *row, struct span text)
{
	struct raw_walk walk;

	row->text = text;
	row->n = 0;
	raw_begin(&walk, text);
	while (row->n < ROW_ITEMS && raw_next(&walk, &row->item[row->n]))
		row->n++;
}

/* Rows of a list are alike: what one has stands where the one before had it. */
static struct span row_find(const struct row *row, const char *name, size_t *place)
{
	if (strchr(name, '.') != NULL || row->n == ROW_ITEMS)
		return find_value(row->text, name);
	if (*place < row->n && raw_key_is(row->item[*place].key, name))
		return row->item[*place].value;
	for (size_t i = 0; i < row->n; i++)
		if (raw_key_is(row->item[i].key, name)) {
			*place = i;
			return row->item[i].value;
		}
	return (struct span){0};
}

void table_add(struct table *table, struct span text)
{
	struct row row;

	row_read(&row, text);
	for (size_t i = 0; i < table->ncolumns; i++) {
		struct table_column *column = &table->columns[i];
		struct span value = row_find(&row, column->name, &column->place);

		if (value.at == NULL && column->also != NULL)
			value = row_find(&row, column->also, &column->place);
		column->seen = column->seen || value.at != NULL;
		add_cell(table, column, value);
	}
	memory_check(&table->cells);
	table->rows++;
}

/* One line being made, which must not become wider than the terminal. */
struct line {
	struct buf text;
	size_t left;	/* columns of the terminal not used yet */
	size_t padding; /* spaces due before the next text */
};

static void line_spaces(struct line *line, size_t n)
{
	static const char blanks[] = "                                ";

	n = n < line->left ? n : line->left;
	line->left -= n;
	while (n > 0) {
		size_t some = n < strlen(blanks) ? n : strlen(blanks);

		buf_append(&line->text, blanks, some);
		n -= some;
	}
}

static void line_text(struct line *line, const char *text, size_t n, const char *color)
{
	size_t end = 0;

	line_spaces(line, line->padding);
	line->padding = 0;
	while (end < n && line->left > 0) {
		for (end++; end < n && ((unsigned char)text[end] & 0xc0) == 0x80;)
			end++;
		line->left--;
	}
	if (end > 0 && *color != '\0')
		buf_printf(&line->text, "%s", color);
	buf_append(&line->text, text, end);
	if (end > 0 && *color != '\0')
		buf_printf(&line->text, PRINT_PLAIN);
}

/* Bytes of the first `width` characters of a text that has more. */
static size_t head_length(const char *text, size_t n, size_t width)
{
	size_t end = 0;

	for (; end < n; end++)
		if (((unsigned char)text[end] & 0xc0) != 0x80 && width-- == 0)
			break;
	return end;
}

static void line_cell(struct line *line, const struct table_column *column, const char *text,
		      size_t n, size_t width, const char *color)
{
	static const char cut[] = "...";
	size_t pad = column->width > width ? column->width - width : 0;

	if (!column->text)
		line->padding += pad;
	if (width > column->width) {
		line_text(line, text, head_length(text, n, column->width - strlen(cut)), color);
		line_text(line, cut, strlen(cut), color);
	} else {
		line_text(line, text, n, color);
	}
	line->padding += GAP + (column->text ? pad : 0);
}

static void line_end(struct line *line)
{
	buf_append(&line->text, "\n", 1);
	print_stdout(&line->text);
}

static bool is_shown(const struct table_column *column)
{
	return column->seen || !column->optional;
}

static void print_header(const struct table *table, bool colored, size_t columns)
{
	struct line line = {.left = columns};

	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct table_column *column = &table->columns[i];
		struct buf name = {0};
		size_t n = strlen(column->name);

		if (!is_shown(column))
			continue;
		buf_escape(&name, column->name, n);
		memory_check(&name);
		for (size_t at = 0; at < name.len; at++)
			name.data[at] = (char)toupper((unsigned char)name.data[at]);
		line_cell(&line, column, name.data, name.len, text_width(name.data, name.len),
			  colored ? PRINT_BOLD : "");
		buf_free(&name);
	}
	line_end(&line);
	buf_free(&line.text);
}

static void print_row(const struct table *table, const struct cell *cells, bool colored,
		      size_t columns, struct line *line)
{
	line->left = columns;
	line->padding = 0;
	for (size_t i = 0; i < table->ncolumns; i++) {
		const char *text = table->text.data + cells[i].at, *color = "";

		if (!is_shown(&table->columns[i]))
			continue;
		if (colored && strcmp(table->columns[i].name, "phase") == 0)
			color = print_phase_color(text, cells[i].len);
		line_cell(line, &table->columns[i], text, cells[i].len, cells[i].width, color);
	}
	line_end(line);
}

/* On a narrow terminal the widest texts are cut first, so that the columns behind them are seen. */
static void fit_columns(struct table *table, size_t columns)
{
	for (;;) {
		struct table_column *widest = NULL;
		size_t total = 0;

		for (size_t i = 0; i < table->ncolumns; i++) {
			struct table_column *column = &table->columns[i];

			if (!is_shown(column))
				continue;
			total += column->width + (total ? GAP : 0);
			/* The first names the row: people paste it. */
			if (i > 0 && column->text &&
			    (widest == NULL || column->width > widest->width))
				widest = column;
		}
		if (total <= columns || widest == NULL || widest->width <= NARROWEST)
			return;
		widest->width--;
	}
}

void table_print(struct table *table, bool header, bool colored, size_t columns)
{
	const struct cell *cells = (const struct cell *)(const void *)table->cells.data;
	struct line line = {0};

	if (columns == 0)
		columns = SIZE_MAX;
	for (size_t i = 0; i < table->ncolumns; i++) {
		size_t width = text_width(table->columns[i].name, strlen(table->columns[i].name));

		if (header && width > table->columns[i].width)
			table->columns[i].width = width;
	}
	fit_columns(table, columns);
	if (header)
		print_header(table, colored, columns);
	for (size_t row = 0; row < table->rows; row++)
		print_row(table, cells + row * table->ncolumns, colored, columns, &line);
	buf_free(&line.text);
}

void table_free(struct table *table)
{
	buf_free(&table->text);
	buf_free(&table->cells);
}
