/* Framing and the envelope: bytes to lines, lines to requests and replies, and back. */
#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "json.h"
#include "params.h"
#include "phase.h"

#define VERSION_MEMBER "\"jsonrpc\":\"2.0\""

char *wire_read_space(struct wire_reader *reader, size_t n)
{
	buf_consume(&reader->in, reader->at);
	reader->at = 0;
	return buf_reserve(&reader->in, n);
}

void wire_reader_free(struct wire_reader *reader)
{
	buf_free(&reader->in);
	reader->at = reader->seen = 0;
}

static bool is_blank(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
			return false;
	return true;
}

/* Hands over the next n bytes and forgets them. */
static const char *reader_take(struct wire_reader *reader, size_t n)
{
	const char *bytes = reader->in.data + reader->at;
	reader->at += n;
	reader->seen = 0;
	return bytes;
}

/* Throws away the rest of an overlong line, n bytes of it; ended: its LF is among them. */
static void reader_skip(struct wire_reader *reader, size_t n, bool ended)
{
	reader_take(reader, n);
	reader->skipped += n;
	reader->skipping = !ended;
}

/* Bytes up to and with the next LF; 0: there is none among the left ones. */
static size_t reader_line(struct wire_reader *reader, size_t left)
{
	if (left == reader->seen)
		return 0;
	const char *start = reader->in.data + reader->at;
	const char *lf = memchr(start + reader->seen, '\n', left - reader->seen);
	reader->seen = lf == NULL ? left : 0;
	return lf == NULL ? 0 : (size_t)(lf - start) + 1;
}

enum wire_line wire_next(struct wire_reader *reader, bool eof, struct span *line)
{
	for (;;) {
		size_t left = reader->in.len - reader->at;
		if (left == 0)
			return WIRE_MORE;
		size_t whole = reader_line(reader, left);
		size_t n = whole > 0 ? whole - 1 : left;
		if (reader->skipping) {
			reader_skip(reader, whole > 0 ? whole : left, whole > 0);
			if (whole > 0)
				continue;
			return WIRE_MORE;
		}
		if (n + 1 > reader->max) {
			reader->skipped = 0;
			reader_skip(reader, whole > 0 ? whole : left, whole > 0);
			return WIRE_TOO_LONG;
		}
		if (whole == 0 && !eof)
			return WIRE_MORE;
		line->at = reader_take(reader, whole > 0 ? whole : left);
		line->len = n;
		if (!is_blank(line->at, n))
			return WIRE_LINE;
	}
}

bool wire_partial(const struct wire_reader *reader)
{
	size_t left = reader->in.len - reader->at;
	return reader->skipping || (left > 0 && reader->in.data[reader->in.len - 1] != '\n');
}

static bool is_empty_array(struct span value)
{
	for (size_t i = 1; i + 1 < value.len; i++)
		if (memchr(" \t\r\n", value.at[i], 4) == NULL)
			return false;
	return value.at[0] == '[';
}

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID_REQUEST, "%s", what);
}

/* What makes a value a request object at all, whatever its method. */
static int envelope_check(const struct scan_entry *entry, struct err *err)
{
	if (!entry->object)
		return refuse(err, "a request is an object");
	if (!entry->id_valid)
		return err_set(err, ERR_INVALID_REQUEST,
			       "id must be null, a string of up to %d bytes or a number of up to "
			       "%d characters",
			       SCAN_ID_STRING_MAX, SCAN_ID_NUMBER_MAX);
	if (!scan_string_is(entry->jsonrpc, "2.0"))
		return refuse(err, "jsonrpc must be \"2.0\"");
	if (entry->method.at == NULL || entry->method.at[0] != '"')
		return refuse(err, "method must be a string");
	if (entry->params.at != NULL && entry->params.at[0] != '{' && entry->params.at[0] != '[')
		return refuse(err, "params must be an object");
	if (entry->unknown.at != NULL) {
		char name[64];
		scan_string(entry->unknown, name, sizeof(name));
		return err_set(err, ERR_INVALID_REQUEST, "a request has no member \"%s\"", name);
	}
	if (entry->result.at != NULL || entry->error.at != NULL)
		return refuse(err, "a request has neither result nor error");
	return 0;
}

static const struct method *find_method(struct span text, struct err *err)
{
	char name[64];
	size_t n = scan_string(text, name, sizeof(name));
	const struct method *method = n < sizeof(name) ? method_find(name) : NULL;
	if (method == NULL)
		err_set(err, ERR_METHOD_NOT_FOUND, "there is no method \"%s\"", name);
	return method;
}

static int read_params(struct wire_request *request, const struct scan_entry *entry,
		       struct err *err)
{
	struct span text = entry->params;
	if (text.at != NULL && !is_empty_array(text)) {
		if (text.at[0] == '[')
			return err_set(err, ERR_INVALID_PARAMS, "parameters are given by name");
		if (entry->long_number)
			return err_set(err, ERR_INVALID_PARAMS,
				       "a number has more than %d characters", SCAN_NUMBER_MAX);
		request->params = cJSON_ParseWithLength(text.at, text.len);
		if (request->params == NULL)
			return err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	}
	return params_check(request->method, request->params, err);
}

int wire_request_parse(struct wire_request *request, const struct scan_entry *entry,
		       bool *notification, struct err *err)
{
	*request = (struct wire_request){0};
	*notification = false;
	if (entry->id_valid)
		request->id = entry->id;
	if (envelope_check(entry, err) < 0)
		return -1;
	*notification = request->id.at == NULL;
	request->method = find_method(entry->method, err);
	return request->method != NULL ? 0 : -1;
}

int wire_request_params(struct wire_request *request, const struct scan_entry *entry,
			struct err *err)
{
	if (read_params(request, entry, err) == 0)
		return 0;
	cJSON_Delete(request->params);
	request->params = NULL;
	return -1;
}

static void write_number(struct json *json, double number)
{
	char text[32];
	const double limit = (double)JSON_INTEGER_MAX;
	if (number >= -limit && number <= limit && (double)(int64_t)number == number) {
		json_i64(json, (int64_t)number);
	} else if (number - number != 0) {
		json_null(json); /* infinite */
	} else {
		int n = snprintf(text, sizeof(text), "%.17g", number);
		json_raw(json, text, (size_t)n);
	}
}

/* cJSON's own printer rounds integers of 16 digits. Recursive: cJSON reads no deeper than 1000. */
static void write_value(struct json *json, const cJSON *value)
{
	const cJSON *child;
	if (cJSON_IsObject(value)) {
		json_object(json);
		cJSON_ArrayForEach (child, value) {
			json_key(json, child->string);
			write_value(json, child);
		}
		json_object_end(json);
	} else if (cJSON_IsArray(value)) {
		json_array(json);
		cJSON_ArrayForEach (child, value)
			write_value(json, child);
		json_array_end(json);
	} else if (cJSON_IsString(value)) {
		json_string(json, value->valuestring);
	} else if (cJSON_IsRaw(value)) {
		json_raw(json, value->valuestring, strlen(value->valuestring));
	} else if (cJSON_IsNumber(value)) {
		write_number(json, value->valuedouble);
	} else if (cJSON_IsBool(value)) {
		json_bool(json, cJSON_IsTrue(value));
	} else {
		json_null(json);
	}
}

void wire_write_request(struct buf *out, const char *id, const char *method, const cJSON *params)
{
	struct json json = {.out = out};
	json_object(&json);
	json_key_string(&json, "jsonrpc", "2.0");
	json_key_string(&json, "method", method);
	if (params != NULL) {
		json_key(&json, "params");
		write_value(&json, params);
	}
	if (id != NULL) {
		json_key(&json, "id");
		json_raw(&json, id, strlen(id));
	}
	json_object_end(&json);
	buf_append(out, "\n", 1);
}

static void begin_reply(struct buf *out, struct span id, const char *member)
{
	static const char head[] = "{" VERSION_MEMBER ",\"id\":";
	buf_append(out, head, sizeof(head) - 1);
	if (id.at != NULL)
		buf_append(out, id.at, id.len);
	else
		buf_append(out, "null", 4);
	buf_append(out, member, strlen(member));
}

void wire_begin_result(struct buf *out, struct span id)
{
	begin_reply(out, id, ",\"result\":");
}

void wire_end(struct buf *out, bool newline)
{
	buf_append(out, "}\n", newline ? 2 : 1);
}

static void write_member(struct json *json, const char *key, const char *text)
{
	if (text[0] == '\0')
		return;
	json_key_string(json, key, text);
}

void wire_error_object(struct buf *out, const struct err *err)
{
	const struct error_info *info = error_info(err->code);
	struct json json = {.out = out};
	json_object(&json);
	json_key(&json, "code");
	json_i64(&json, info->code);
	json_key_string(&json, "message", info->message);
	json_key(&json, "data");
	json_object(&json);
	json_key_string(&json, "name", info->name);
	write_member(&json, "detail", err->detail);
	write_member(&json, "param", err->param);
	if (err->sys != 0)
		write_member(&json, "errno", errno_name(err->sys));
	if (err->code == ERR_NO_SUCH_PATH || err->path[0] != '\0') {
		json_key(&json, "path"); /* "" is the root, which always exists */
		json_string(&json, err->path);
	}
	json_object_end(&json);
	json_object_end(&json);
}

void wire_write_error(struct buf *out, struct span id, const struct err *err, bool newline)
{
	begin_reply(out, id, ",\"error\":");
	wire_error_object(out, err);
	wire_end(out, newline);
}

static int senseless(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID_REQUEST, "%s", why);
}

/* Cut between characters. */
static void copy_text(char *out, size_t size, const char *text)
{
	size_t len = 0, n;
	while ((n = utf8_sequence(text + len, strlen(text + len))) > 0 && len + n < size)
		len += n;
	memcpy(out, text, len);
	out[len] = '\0';
}

static enum error_code find_code(int number)
{
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
		if (error_info((enum error_code)i)->code == number)
			return (enum error_code)i;
	return ERR_NONE;
}

static int read_error(struct wire_reply *reply, const cJSON *error, struct err *err)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error, "message");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
	if (!cJSON_IsNumber(code) || code->valuedouble != code->valueint)
		return senseless(err, "the error's code is not a whole number");
	if (!cJSON_IsString(message))
		return senseless(err, "the error's message is not a string");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "name"));
	const char *detail = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "detail"));
	reply->code = name != NULL ? error_find(name) : ERR_NONE;
	if (reply->code == ERR_NONE)
		reply->code = find_code(code->valueint);
	if (name != NULL)
		copy_text(reply->name, sizeof(reply->name), name);
	else
		snprintf(reply->name, sizeof(reply->name), "error %d", code->valueint);
	copy_text(reply->detail, sizeof(reply->detail),
		  detail != NULL ? detail : message->valuestring);
	return 0;
}

static int parse_error(struct wire_reply *reply, const struct scan_entry *entry, struct err *err)
{
	reply->kind = WIRE_ERROR;
	reply->text = entry->error;
	if (entry->error.at[0] != '{')
		return senseless(err, "error is not an object");
	if (entry->long_number)
		return senseless(err, "a number is too long");
	cJSON *error = cJSON_ParseWithLength(entry->error.at, entry->error.len);
	if (error == NULL)
		return err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	int result = read_error(reply, error, err);
	cJSON_Delete(error);
	return result;
}

static int parse_progress(struct wire_reply *reply, const struct scan_entry *entry, struct err *err)
{
	reply->kind = WIRE_PROGRESS;
	reply->text = entry->params;
	if (entry->id.at != NULL || entry->result.at != NULL || entry->error.at != NULL ||
	    !scan_string_is(entry->method, "progress"))
		return senseless(err, "neither a reply nor a progress notification");
	if (entry->params.at == NULL || entry->params.at[0] != '{')
		return senseless(err, "a notification without an object of params");
	return 0;
}

int wire_reply_parse(struct wire_reply *reply, struct scan *scan, const char *line, size_t n,
		     struct err *err)
{
	*reply = (struct wire_reply){0};
	if (scan_line(scan, line, n, SCAN_REPLY, err) < 0)
		return -1;
	const struct scan_entry *entry = &scan->entry[0];
	if (scan->batch || !entry->object)
		return senseless(err, "not an object");
	if (!scan_string_is(entry->jsonrpc, "2.0"))
		return senseless(err, "jsonrpc is not \"2.0\"");
	if (entry->method.at != NULL)
		return parse_progress(reply, entry, err);
	if ((entry->result.at != NULL) == (entry->error.at != NULL))
		return senseless(err, "neither a result nor an error, or both");
	if (entry->id.at == NULL || !entry->id_valid)
		return senseless(err, "no usable id");
	reply->id = entry->id;
	if (entry->error.at != NULL)
		return parse_error(reply, entry, err);
	reply->text = entry->result;
	if (entry->result.at[0] != '{')
		return senseless(err, "result is not an object");
	return 0;
}
