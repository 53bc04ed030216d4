/* The error table's rows, and the filling in of struct err. */
#include "error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The five codes of the specification keep its words; every other error is its own sentence. */
#define MESSAGE(code, doc)                                                                         \
	((code) == -32700   ? "Parse error"                                                        \
	 : (code) == -32600 ? "Invalid Request"                                                    \
	 : (code) == -32601 ? "Method not found"                                                   \
	 : (code) == -32602 ? "Invalid params"                                                     \
	 : (code) == -32603 ? "Internal error"                                                     \
			    : (doc))

static const struct error_info errors[ERR_COUNT] = {
#define X(id, code, name, status, doc) [ERR_##id] = {code, name, MESSAGE(code, doc), status, doc},
    ERRORS(X)
#undef X
};

const struct error_info *error_info(enum error_code code)
{
	assert(code > ERR_NONE && code < ERR_COUNT);
	return &errors[code];
}

enum error_code error_find(const char *name)
{
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
		if (strcmp(errors[i].name, name) == 0)
			return (enum error_code)i;
	return ERR_NONE;
}

/* Copies what fits of text, never a part of a UTF-8 sequence. */
static void text_cut(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

/* The text is made aside first: an argument may be a part of *err, as when a caller puts a word
   in front of the detail it was given. tail is kept whole. */
static void err_fill(struct err *err, struct err *made, const char *tail, const char *format,
		     va_list args)
{
	char text[sizeof err->detail + 1]; /* one more, so that text_cut sees what is missing */
	size_t room = sizeof made->detail - strlen(tail);

	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	text_cut(made->detail, room, text);
	memcpy(made->detail + strlen(made->detail), tail, strlen(tail) + 1);
	*err = *made;
}

int err_set(struct err *err, enum error_code code, const char *format, ...)
{
	struct err made = {.code = code};
	va_list args;

	va_start(args, format);
	err_fill(err, &made, "", format, args);
	va_end(args);
	return -1;
}

int err_sys(struct err *err, enum error_code code, int error, const char *format, ...)
{
	struct err made = {.code = code, .sys = error};
	char tail[128];
	va_list args;

	snprintf(tail, sizeof tail, ": %s", strerror(error));
	va_start(args, format);
	err_fill(err, &made, tail, format, args);
	va_end(args);
	return -1;
}

int err_param(struct err *err, enum error_code code, const char *param, const char *format, ...)
{
	struct err made = {.code = code};
	va_list args;

	text_cut(made.param, sizeof made.param, param);
	va_start(args, format);
	err_fill(err, &made, "", format, args);
	va_end(args);
	return -1;
}
