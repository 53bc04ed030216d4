/* A failure of a command: what people read, what scripts read, and the exit status. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../proto/json.h"
#include "memory.h"
#include "print.h"

static const struct own_info {
	int code;
	const char *name;
	int status;
	const char *doc;
} own_errors[] = {
#define X(id, code, name, status, doc) [OWN_ERROR_##id] = {code, name, status, doc},
    OWN_ERRORS(X)
#undef X
};

static void fill(struct failure *failure, int status, int code, const char *name)
{
	failure_clear(failure);
	failure->status = status;
	failure->code = code;
	snprintf(failure->name, sizeof(failure->name), "%s", name);
}

static void fill_code(struct failure *failure, enum error_code code)
{
	const struct error_info *info = error_info(code);

	fill(failure, info->exit_status, info->code, info->name);
}

int failure_set(struct failure *failure, enum error_code code, const char *format, ...)
{
	va_list args;

	fill_code(failure, code);
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return -1;
}

int failure_refuse(struct failure *failure, enum error_code code, const char *format, ...)
{
	va_list args;

	fill_code(failure, code);
	failure->status = EXIT_USAGE;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return -1;
}

int failure_usage(struct failure *failure, const char *format, ...)
{
	va_list args;

	fill_code(failure, ERR_INVALID_PARAMS);
	failure->status = EXIT_USAGE;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return -1;
}

int failure_own(struct failure *failure, enum own_error error, const char *format, ...)
{
	const struct own_info *info = &own_errors[error];
	va_list args;

	fill(failure, info->status, info->code, info->name);
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return -1;
}

/* proto's sentences begin with the JSON member at fault: not again behind its option's name. */
static const char *without_member(const struct err *err, const char *prefix)
{
	size_t n = strlen(err->param);

	if (n == 0 || strncmp(prefix, "--", 2) != 0 || strncmp(err->detail, err->param, n) != 0 ||
	    err->detail[n] != ' ')
		return err->detail;
	return err->detail + n + 1;
}

int failure_from_err(struct failure *failure, const struct err *err, const char *prefix)
{
	fill_code(failure, err->code);
	failure->status = EXIT_USAGE;
	snprintf(failure->text, sizeof(failure->text), "%s%s%s", prefix, *prefix ? ": " : "",
		 without_member(err, prefix));
	return -1;
}

int failure_from_reply(struct failure *failure, const struct wire_reply *reply)
{
	int status = reply->code == ERR_NONE ? EXIT_OTHER : error_info(reply->code)->exit_status;

	fill(failure, status, 0, reply->name);
	snprintf(failure->text, sizeof(failure->text), "%s", reply->detail);
	failure->raw = memory_copy(reply->text.at, reply->text.len);
	return -1;
}

void failure_clear(struct failure *failure)
{
	free(failure->raw);
	*failure = (struct failure){0};
}

/* The message of a JSON-RPC error: the specification's for its codes, else the name's words. */
static const char *message_of(const struct failure *failure)
{
	enum error_code code = error_find(failure->name);

	if (code != ERR_NONE)
		return error_info(code)->message;
	for (size_t i = 0; i < sizeof(own_errors) / sizeof(own_errors[0]); i++)
		if (strcmp(own_errors[i].name, failure->name) == 0)
			return own_errors[i].doc;
	return failure->name;
}

void failure_write(struct buf *out, const struct failure *failure)
{
	struct json json = {.out = out};

	if (failure->raw != NULL) {
		buf_append(out, failure->raw, strlen(failure->raw));
		return;
	}
	json_object(&json);
	json_key(&json, "code");
	json_i64(&json, failure->code);
	json_key(&json, "message");
	json_string(&json, message_of(failure));
	json_key(&json, "data");
	json_object(&json);
	json_key(&json, "name");
	json_string(&json, failure->name);
	json_key(&json, "detail");
	json_string(&json, failure->text);
	json_object_end(&json);
	json_object_end(&json);
}

static void add_name(struct buf *out, const char *name)
{
	buf_printf(out, "%s%s", out->len > 0 ? ", " : "", name);
}

void failure_names(struct buf *out, int status)
{
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct error_info *info = error_info((enum error_code)code);

		if (info->exit_status == status)
			add_name(out, info->name);
	}
	for (size_t i = 0; i < sizeof(own_errors) / sizeof(own_errors[0]); i++)
		if (own_errors[i].status == status)
			add_name(out, own_errors[i].name);
}

/* The sentence without the subject, if that is what it begins with: it has been named already. */
static const char *without_subject(const char *text, const char *subject)
{
	size_t n = strlen(subject);

	if (n == 0 || strncmp(text, subject, n) != 0)
		return text;
	if (text[n] == ' ')
		return text + n + 1;
	return text[n] == ':' && text[n + 1] == ' ' ? text + n + 2 : text;
}

void failure_print(const struct failure *failure, const char *subject)
{
	const char *text = without_subject(failure->text, subject);
	struct buf line = {0};

	buf_printf(&line, "nodectl: ");
	buf_escape(&line, subject, strlen(subject));
	buf_printf(&line, ": ");
	buf_escape(&line, text, strlen(text));
	buf_printf(&line, " (");
	buf_escape(&line, failure->name, strlen(failure->name));
	buf_printf(&line, ")\n");
	print_stderr(&line);
	buf_free(&line);
}
