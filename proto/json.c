/* JSON text, written value by value. */
#include "json.h"

#include <string.h>
#include <time.h>
#include "scan.h"

static void put(struct json *json, const char *bytes, size_t n)
{
	if (!json->mute)
		buf_append(json->out, bytes, n);
}

/* Before every value and key: commas are counted while mute too, so that writing can set in
   anywhere. */
static void separate(struct json *json)
{
	if (json->comma)
		put(json, ",", 1);
	json->comma = true;
}

static void open_level(struct json *json, const char *bracket)
{
	separate(json);
	put(json, bracket, 1);
	json->comma = false;
}

static void close_level(struct json *json, const char *bracket)
{
	put(json, bracket, 1);
	json->comma = true;
}

void json_object(struct json *json)
{
	open_level(json, "{");
}

void json_object_end(struct json *json)
{
	close_level(json, "}");
}

void json_array(struct json *json)
{
	open_level(json, "[");
}

void json_array_end(struct json *json)
{
	close_level(json, "]");
}

/* Nearly every character there is: ASCII that needs no escape. */
static bool is_usual(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* True if the character needs no escape within a JSON string. */
static bool is_plain(const char *bytes, size_t len)
{
	return len > 0 && bytes[0] != '"' && bytes[0] != '\\';
}

/* Writes one character that is not plain; returns its length. Everything printable_sequence
   refuses is escaped, not only what RFC 8259 asks for: a line shown raw on a terminal must not
   move its cursor. */
static size_t put_escaped(struct json *json, const char *bytes, size_t n)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	size_t len = utf8_sequence(bytes, n);

	if (len == 0) {
		put(json, "\uFFFD", strlen("\uFFFD"));
		return 1;
	}
	for (const char *pair = letters; *pair != '\0'; pair += 2)
		if (*pair == bytes[0]) {
			put(json, (char[]){'\\', pair[1]}, 2);
			return 1;
		}
	if (!json->mute)
		buf_printf(json->out, "\\u%04x", (unsigned)utf8_code_point(bytes, len));
	return len;
}

static void put_string(struct json *json, const char *bytes, size_t n)
{
	size_t at = 0, run = 0; /* a run of plain characters goes out in one append */

	put(json, "\"", 1);
	for (;;) {
		while (at + run < n && is_usual(bytes[at + run]))
			run++;
		if (at + run == n)
			break;
		const char *next = bytes + at + run;
		size_t len = printable_sequence(next, n - at - run);

		if (is_plain(next, len)) {
			run += len;
			continue;
		}
		put(json, bytes + at, run);
		at += run;
		run = 0;
		at += put_escaped(json, bytes + at, n - at);
	}
	if (run > 0)
		put(json, bytes + at, run);
	put(json, "\"", 1);
}

void json_key(struct json *json, const char *key)
{
	separate(json);
	put_string(json, key, strlen(key));
	put(json, ":", 1);
	json->comma = false;
}

void json_string(struct json *json, const char *text)
{
	if (text == NULL)
		json_null(json);
	else
		json_string_n(json, text, strlen(text));
}

void json_string_n(struct json *json, const char *bytes, size_t n)
{
	separate(json);
	put_string(json, bytes, n);
}

/* Lists are mostly numbers, and printf is slow at them. */
static void put_number(struct json *json, bool minus, uint64_t size)
{
	char text[sizeof "-18446744073709551615"], *at = text + sizeof text;

	do
		*--at = (char)('0' + size % 10);
	while ((size /= 10) > 0);
	if (minus)
		*--at = '-';
	separate(json);
	put(json, at, (size_t)(text + sizeof text - at));
}

void json_u64(struct json *json, uint64_t number)
{
	put_number(json, false, number);
}

void json_i64(struct json *json, int64_t number)
{
	put_number(json, number < 0, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void json_bool(struct json *json, bool truth)
{
	const char *text = truth ? "true" : "false";

	json_raw(json, text, strlen(text));
}

void json_null(struct json *json)
{
	json_raw(json, "null", 4);
}

void json_raw(struct json *json, const char *text, size_t n)
{
	separate(json);
	put(json, text, n);
}

static void put_digits(char *text, int n, int number)
{
	while (n-- > 0) {
		text[n] = (char)('0' + number % 10);
		number /= 10;
	}
}

/* Two for each row of a list, hence without strftime. */
void json_time(struct json *json, double seconds)
{
	const double last =
	    253402300799; /* 9999-12-31T23:59:59Z: RFC 3339 years have four digits */
	int64_t ms;
	time_t whole;
	struct tm tm;
	char text[] = "\"9999-12-31T23:59:59.999Z\"";

	if (!(seconds >= 0 && seconds <= last)) { /* NaN too */
		json_null(json);
		return;
	}
	ms = (int64_t)(seconds * 1000 + 0.5);
	whole = (time_t)(ms / 1000);
	gmtime_r(&whole, &tm);
	put_digits(text + 1, 4, tm.tm_year + 1900);
	put_digits(text + 6, 2, tm.tm_mon + 1);
	put_digits(text + 9, 2, tm.tm_mday);
	put_digits(text + 12, 2, tm.tm_hour);
	put_digits(text + 15, 2, tm.tm_min);
	put_digits(text + 18, 2, tm.tm_sec);
	put_digits(text + 21, 3, (int)(ms % 1000));
	json_raw(json, text, sizeof text - 1);
}

void json_key_string(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_string(json, text);
}

void json_key_u64(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_u64(json, number);
}
