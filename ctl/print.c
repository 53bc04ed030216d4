/* What goes to standard output and standard error, and how. */
#include "print.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../proto/method.h"
#include "../proto/params.h"
#include "../proto/phase.h"
#include "memory.h"

/* Appends the text of a string value as people may see it. */
static void mask_string(struct buf *out, struct span value)
{
	struct buf plain = {0};

	assert(value.at != NULL); /* a string is there */
	if (memchr(value.at, '\\', value.len) == NULL) {
		buf_escape(out, value.at + 1, value.len - 2);
		return;
	}
	raw_decode(&plain, value);
	memory_check(&plain);
	buf_escape(out, plain.data, plain.len);
	buf_free(&plain);
}

void print_value(struct buf *out, struct span value)
{
	if (raw_type(value) == RAW_STRING)
		mask_string(out, value);
	else
		buf_escape(out, value.at, value.len);
}

/* Appends scalars, and the scalars of an array, as words. */
static void add_words(struct buf *out, struct span value)
{
	struct raw_walk walk;
	struct raw_item item;

	if (raw_type(value) != RAW_ARRAY) {
		buf_append(out, " ", value.at != NULL);
		print_value(out, value);
		return;
	}
	raw_begin(&walk, value);
	while (raw_next(&walk, &item)) {
		buf_append(out, " ", 1);
		print_value(out, item.value);
	}
}

/* Whom a program runs as belongs to what it is: " --user 65534 --group 65534". */
static void add_identity(struct buf *out, struct span object, const struct param *param)
{
	struct span value = raw_member(object, param->name);
	char option[PARAM_OPTION_SIZE];

	if ((param->type != PARAM_USER && param->type != PARAM_GROUP) || value.at == NULL)
		return;
	buf_printf(out, " --%s", param_option(param, option));
	add_words(out, value);
}

/* A handler as it is given to start: {"type":"exec","argv":["cat","-n"]} -> exec cat -n. */
static bool print_handler(struct buf *out, struct span object)
{
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)id);

		if (!scan_string_is(raw_member(object, "type"), kind->name))
			continue;
		buf_printf(out, "%s", kind->name);
		for (size_t i = 0; i < kind->nparams; i++)
			add_identity(out, object, &kind->params[i]);
		for (size_t i = 0; i < kind->nparams; i++)
			if ((kind->params[i].flags & PARAM_POSITIONAL) != 0)
				add_words(out, raw_member(object, kind->params[i].name));
		return true;
	}
	return false;
}

void print_cell(struct buf *out, struct span value)
{
	enum raw_type type = raw_type(value);

	if (type == RAW_NONE || type == RAW_NULL || (type == RAW_STRING && value.len == 2))
		buf_append(out, "-", 1);
	else if (type != RAW_OBJECT || !print_handler(out, value))
		print_value(out, value);
}

/* Why something printed on standard output is lost; 0: nothing is. Kept from where it happens,
   for at the end errno is another's. */
static int output_error;

static void note_output(bool written)
{
	if (!written && output_error == 0)
		output_error = errno != 0 ? errno : EIO;
}

void print_stdout(struct buf *text)
{
	memory_check(text);
	if (text->len > 0)
		note_output(fwrite(text->data, 1, text->len, stdout) == text->len);
	buf_reset(text);
}

void print_stderr(struct buf *text)
{
	memory_check(text);
	if (text->len > 0)
		fwrite(text->data, 1, text->len, stderr);
	buf_reset(text);
}

/* Appends a JSON document as a terminal may see it: the same value, but nothing in it moves the
   cursor. What is not printable there stands in a string; outside of one it is a space. */
static void mask_json(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = printable_sequence(text + i, n - i);
		if (len > 0) {
			buf_append(out, text + i, len);
			continue;
		}
		len = utf8_sequence(text + i, n - i);
		assert(len > 0);
		if ((unsigned char)text[i] < ' ')
			buf_append(out, " ", 1);
		else
			buf_printf(out, "\\u%04x", (unsigned)utf8_code_point(text + i, len));
	}
}

void print_json(struct span document)
{
	struct buf line = {0};

	if (isatty(STDOUT_FILENO))
		mask_json(&line, document.at, document.len);
	else
		buf_append(&line, document.at, document.len);
	buf_append(&line, "\n", 1);
	print_stdout(&line);
	buf_free(&line);
}

void print_flush(void)
{
	note_output(fflush(stdout) == 0);
}

int print_end(void)
{
	note_output(fclose(stdout) == 0);
	errno = output_error;
	return output_error == 0 ? 0 : -1;
}

void print_json_failure(const struct failure *failure)
{
	struct buf line = {0};

	buf_printf(&line, "{\"error\":");
	failure_write(&line, failure);
	buf_printf(&line, "}");
	memory_check(&line);
	print_json((struct span){.at = line.data, .len = line.len});
	buf_free(&line);
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return term != NULL && strcmp(term, "dumb") == 0;
}

bool print_is_colored(enum print_color when, FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");

	if (when != PRINT_COLOR_AUTO)
		return when == PRINT_COLOR_ALWAYS;
	return (no_color == NULL || *no_color == '\0') && !is_dumb() && isatty(fileno(stream));
}

size_t print_columns(FILE *stream)
{
	struct winsize size;

	if (!isatty(fileno(stream)))
		return 0;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

const char *print_phase_color(const char *text, size_t n)
{
	static const char *const colors[] = {
	    [PHASE_STARTING] = "\033[36m",  [PHASE_RUNNING] = "\033[32m",
	    [PHASE_SUSPENDED] = "\033[33m", [PHASE_DRAINING] = "\033[35m",
	    [PHASE_STOPPING] = "\033[35m",  [PHASE_STOPPED] = "\033[31m",
	};

	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		const char *name = phase_name((enum phase)phase);

		if (strlen(name) == n && memcmp(name, text, n) == 0)
			return colors[phase];
	}
	return "";
}

const char *print_duration(char text[static PRINT_DURATION_SIZE], uint64_t ms)
{
	if (ms < 1000)
		snprintf(text, PRINT_DURATION_SIZE, "%u ms", (unsigned)ms);
	else if (ms < 10000 && ms % 1000 != 0)
		snprintf(text, PRINT_DURATION_SIZE, "%.1f s", (double)ms / 1000);
	else if (ms < 120000)
		snprintf(text, PRINT_DURATION_SIZE, "%u s", (unsigned)(ms / 1000));
	else
		snprintf(text, PRINT_DURATION_SIZE, "%llu min", (unsigned long long)(ms / 60000));
	return text;
}
