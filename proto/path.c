/* State paths: their text read into keys, and keys written as text. */
#include "path.h"

#include <stdbool.h>
#include <string.h>
#include "address.h"
#include "json.h"
#include "scan.h"
#include "text.h"

#define WORD TEXT_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"

/* A text being read. Keys are written behind each other into path->text. */
struct reader {
	const char *begin, *at;
	struct path *path;
	size_t used; /* bytes of path->text */
	bool full;   /* a key did not fit */
	struct err *err;
};

static int malformed(struct reader *reader, const char *what)
{
	return err_param(reader->err, ERR_INVALID_PARAMS, "path", "%s at byte %zu of the path",
			 what, (size_t)(reader->at - reader->begin));
}

static void put(struct reader *reader, const char *bytes, size_t n)
{
	if (n > sizeof reader->path->text - reader->used) {
		reader->full = true;
		return;
	}
	memcpy(reader->path->text + reader->used, bytes, n);
	reader->used += n;
}

/* Ends the key that begins at path->text[start]. */
static int end_key(struct reader *reader, size_t start)
{
	struct path *path = reader->path;

	put(reader, "", 1);
	if (reader->full || path->count == PATH_KEYS_MAX)
		return err_param(reader->err, ERR_INVALID_PARAMS, "path",
				 "the path is too long (%d keys are allowed)", PATH_KEYS_MAX);
	path->key[path->count++] = path->text + start;
	return 0;
}

static int add_key(struct reader *reader, const char *bytes, size_t n)
{
	size_t start = reader->used;

	put(reader, bytes, n);
	return end_key(reader, start);
}

/* The last key, if it is an address, gets its canonical form. */
static int canonicalise_key(struct reader *reader)
{
	struct path *path = reader->path;
	const char *key = path->key[path->count - 1];
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	struct err no_address;

	if (!address_begins(key) || address_parse(&address, key, &no_address) < 0)
		return 0;
	path->count--;
	reader->used = (size_t)(key - path->text);
	address_text(&address, text);
	return add_key(reader, text, strlen(text));
}

/* A JSON string; at its opening quote. */
static int read_string(struct reader *reader)
{
	size_t start = reader->used, room = sizeof reader->path->text - start;
	struct span string = {.at = reader->at};
	struct err err;

	string.len = scan_string_length(reader->at, strlen(reader->at), &err);
	if (string.len == 0)
		return err_param(reader->err, ERR_INVALID_PARAMS, "path",
				 "the string at byte %zu of the path: %s",
				 (size_t)(reader->at - reader->begin), err.detail);
	reader->at += string.len;
	reader->used += scan_string(string, reader->path->text + start, room);
	if (reader->used >= sizeof reader->path->text) {
		reader->used = start;
		reader->full = true;
	}
	return end_key(reader, start);
}

/* Everything up to the ] that closes the bracket already passed. */
static int read_bareword(struct reader *reader)
{
	const char *end = reader->at;
	int depth = 0;

	while (depth > 0 || *end != ']') {
		if ((unsigned char)*end < 0x20 || *end == 0x7f)
			return malformed(reader, "a bracket that is not closed");
		depth += (*end == '[') - (*end == ']');
		end++;
	}
	if (end == reader->at)
		return malformed(reader, "an empty key");
	if (add_key(reader, reader->at, (size_t)(end - reader->at)) < 0)
		return -1;
	reader->at = end;
	return 0;
}

/* At '['. */
static int read_bracketed(struct reader *reader)
{
	int rc;

	reader->at++;
	rc = *reader->at == '"' ? read_string(reader) : read_bareword(reader);
	if (rc < 0)
		return -1;
	if (*reader->at != ']')
		return malformed(reader, "no ] behind the string");
	reader->at++;
	return 0;
}

static bool is_word_byte(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != '.' && c != '[' && c != ']' && c != '"';
}

static int read_word(struct reader *reader)
{
	const char *end = reader->at;

	while (is_word_byte(*end))
		end++;
	if (end == reader->at)
		return malformed(reader, "no key");
	if (add_key(reader, reader->at, (size_t)(end - reader->at)) < 0)
		return -1;
	reader->at = end;
	return 0;
}

static int read_keys(struct reader *reader)
{
	while (*reader->at != '\0') {
		int rc;

		if (*reader->at == '[') {
			rc = read_bracketed(reader);
		} else if (reader->at == reader->begin) {
			rc = read_word(reader);
		} else if (*reader->at == '.') {
			reader->at++;
			rc = read_word(reader);
		} else {
			rc = malformed(reader, "neither '.' nor '['");
		}
		if (rc < 0 || canonicalise_key(reader) < 0)
			return -1;
	}
	return 0;
}

static int read_address(struct reader *reader)
{
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	struct err *err = reader->err;

	if (address_parse(&address, reader->at, err) < 0)
		return err_param(err, ERR_INVALID_PARAMS, "path", "%s", err->detail);
	address_text(&address, text);
	if (add_key(reader, "transport", strlen("transport")) < 0 ||
	    add_key(reader, "servers", strlen("servers")) < 0)
		return -1;
	return add_key(reader, text, strlen(text));
}

int path_parse(struct path *path, const char *text, struct err *err)
{
	struct reader reader = {.begin = text, .at = text, .path = path, .err = err};
	size_t n = strlen(text);

	path->count = 0;
	if (n > PATH_TEXT_MAX)
		return err_param(err, ERR_INVALID_PARAMS, "path",
				 "the path is too long (%d bytes are allowed)", PATH_TEXT_MAX);
	if (!utf8_valid(text, n))
		return err_param(err, ERR_INVALID_PARAMS, "path", "the path is not UTF-8");
	if (address_begins(text))
		return read_address(&reader);
	return read_keys(&reader);
}

void path_append_key(struct buf *text, const char *key)
{
	struct json json = {.out = text};

	if (text_is_all(key, TEXT_DIGITS)) {
		buf_append(text, "[", 1);
		buf_append(text, key, strlen(key));
		buf_append(text, "]", 1);
	} else if (text_is_all(key, WORD)) {
		buf_append(text, ".", text->len > 0);
		buf_append(text, key, strlen(key));
	} else {
		buf_append(text, "[", 1);
		json_string(&json, key);
		buf_append(text, "]", 1);
	}
}

void path_format(struct buf *text, const struct path *path, size_t n)
{
	for (size_t i = 0; i < n && i < path->count; i++)
		path_append_key(text, path->key[i]);
}
