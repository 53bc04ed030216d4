/* A JSON value as an indented, aligned tree that people can read. */
#include "tree.h"

#include <string.h>

#include "memory.h"
#include "print.h"

enum {
	INDENT = 2,
	ALIGN_MAX = 24, /* a longer key does not push the values of its neighbours away */
};

static bool is_empty(struct span container)
{
	struct raw_walk walk;
	struct raw_item item;

	raw_begin(&walk, container);
	return !raw_next(&walk, &item);
}

/* True for an array that can stand on one line: of scalars. */
static bool is_plain_array(struct span value)
{
	struct raw_walk walk;
	struct raw_item item;

	if (raw_type(value) != RAW_ARRAY)
		return false;
	raw_begin(&walk, value);
	while (raw_next(&walk, &item))
		if (raw_type(item.value) == RAW_OBJECT || raw_type(item.value) == RAW_ARRAY)
			return false;
	return true;
}

/* True for what gets lines of its own, below its key. */
static bool is_branch(struct span value)
{
	enum raw_type type = raw_type(value);

	return (type == RAW_OBJECT || type == RAW_ARRAY) && !is_empty(value) &&
	       !is_plain_array(value);
}

static void add_key(struct buf *out, struct span key)
{
	if (key.at != NULL)
		print_value(out, key);
	else
		buf_append(out, "-", 1);
}

static size_t key_width(struct span key)
{
	struct buf text = {0};
	size_t width = 0;

	add_key(&text, key);
	memory_check(&text);
	for (size_t i = 0; i < text.len; i++)
		width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	buf_free(&text);
	return width;
}

/* The width of the longest key whose value stands beside it. */
static size_t leaf_width(struct span container)
{
	struct raw_walk walk;
	struct raw_item item;
	size_t widest = 0;

	raw_begin(&walk, container);
	while (raw_next(&walk, &item)) {
		size_t width = is_branch(item.value) ? 0 : key_width(item.key);

		if (width > widest && width <= ALIGN_MAX)
			widest = width;
	}
	return widest;
}

static void add_leaf(struct buf *out, struct span value, bool colored)
{
	struct buf text = {0};
	struct raw_walk walk;
	struct raw_item item;
	const char *color;

	if (raw_type(value) == RAW_ARRAY || raw_type(value) == RAW_OBJECT) {
		raw_begin(&walk, value);
		while (raw_next(&walk, &item)) {
			buf_append(&text, " ", text.len > 0);
			print_cell(&text, item.value);
		}
		if (text.len == 0)
			buf_append(&text, "-", 1);
	} else {
		print_cell(&text, value);
	}
	memory_check(&text);
	color = colored ? print_phase_color(text.data, text.len) : "";
	buf_printf(out, "%s", color);
	buf_append(out, text.data, text.len);
	if (*color != '\0')
		buf_printf(out, PRINT_PLAIN);
	buf_free(&text);
}

static void add_spaces(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_append(out, " ", 1);
}

/* The depth is that of the JSON, which the scan of the reply has limited. */
static void print_branch(struct buf *out, struct span container, size_t depth, bool colored)
{
	size_t widest = leaf_width(container);
	struct raw_walk walk;
	struct raw_item item;

	raw_begin(&walk, container);
	while (raw_next(&walk, &item)) {
		size_t width = key_width(item.key);
		bool branch = is_branch(item.value);

		add_spaces(out, depth * INDENT);
		if (branch && colored)
			buf_printf(out, PRINT_BOLD);
		add_key(out, item.key);
		if (branch && colored)
			buf_printf(out, PRINT_PLAIN);
		if (!branch) {
			add_spaces(out, (width < widest ? widest - width : 0) + INDENT);
			add_leaf(out, item.value, colored);
		}
		buf_append(out, "\n", 1);
		if (branch)
			print_branch(out, item.value, depth + 1, colored);
	}
	print_stdout(out);
}

void tree_print(struct span value, bool colored)
{
	struct buf out = {0};

	print_branch(&out, value, 0, colored);
	buf_free(&out);
}
