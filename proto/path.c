/* State paths: their text read into keys, and keys written as text. */
#include "path.h"

#include <stdbool.h>
#include <string.h>
#include "address.h"
#include "json.h"
#include "scan.h"

#define DIGITS "0123456789"
#define WORD   DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"

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

	if (address_parse(&address, key, &no_address) < 0)
		return 0;
	path->count--;
	reader->used = (size_t)(key - path->text);
	address_text(&address, text);
	return add_key(reader, text, strlen(text));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at text, -1 if they are not. */
static int hex_unit(const char *text)
{
	int unit = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -1;
		unit = 16 * unit + digit;
	}
	return unit;
}

static void put_code_point(struct reader *reader, unsigned code)
{
	char utf8[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--) {
		utf8[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	utf8[0] = (char)(lead[n] | code);
	put(reader, utf8, n);
}

/* What stands behind \u, and a second \uXXXX where the first is half of a surrogate pair. */
static int read_unicode(struct reader *reader)
{
	int unit = hex_unit(reader->at), low;

	if (unit < 0)
		return malformed(reader, "\\u without four hexadecimal digits");
	if (unit == 0)
		return malformed(reader, "a NUL character");
	reader->at += 4;
	if (unit < 0xd800 || unit > 0xdfff) {
		put_code_point(reader, (unsigned)unit);
		return 0;
	}
	low = strncmp(reader->at, "\\u", 2) == 0 ? hex_unit(reader->at + 2) : -1;
	if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return malformed(reader, "half of a surrogate pair");
	reader->at += 6;
	put_code_point(reader,
		       0x10000u + ((unsigned)(unit - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return 0;
}

/* What stands behind a backslash. */
static int read_escape(struct reader *reader)
{
	static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

	for (const char *pair = letters; *pair != '\0'; pair += 2)
		if (*pair == *reader->at) {
			put(reader, pair + 1, 1);
			reader->at++;
			return 0;
		}
	if (*reader->at != 'u')
		return malformed(reader, "an unknown escape");
	reader->at++;
	return read_unicode(reader);
}

/* A JSON string; at its opening quote. */
static int read_string(struct reader *reader)
{
	size_t start = reader->used;

	reader->at++;
	while (*reader->at != '"') {
		if ((unsigned char)*reader->at < 0x20)
			return malformed(reader, "a string without its closing quote");
		if (*reader->at != '\\') {
			put(reader, reader->at++, 1);
			continue;
		}
		reader->at++;
		if (read_escape(reader) < 0)
			return -1;
	}
	reader->at++;
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

static int read_word(struct reader *reader)
{
	const char *end = reader->at;

	while ((unsigned char)*end > ' ' && *end != 0x7f && strchr(".[]\"", *end) == NULL)
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
	if (text[0] == '/' || strncmp(text, "unix:", 5) == 0 || strncmp(text, "tcp:", 4) == 0)
		return read_address(&reader);
	return read_keys(&reader);
}

static bool all_of(const char *text, const char *set)
{
	return text[0] != '\0' && text[strspn(text, set)] == '\0';
}

void path_append_key(struct buf *text, const char *key)
{
	struct json json = {.out = text};

	if (all_of(key, DIGITS)) {
		buf_printf(text, "[%s]", key);
	} else if (all_of(key, WORD)) {
		buf_printf(text, "%s%s", text->len > 0 ? "." : "", key);
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
