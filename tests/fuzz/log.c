/* Fuzz target: the log, and what it escapes with. Whatever is told, it is one line of bounded
   length that can be shown, as text and as JSON; what can be shown as it is, is. */
#include "../../server/log.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include "../../proto/buf.h"
#include "../../proto/json.h"
#include "../../proto/scan.h"
#include "fuzz.h"
#include "logged.h"

/* The event of a line of JSON. */
static void check_event(const char *line, const char *subject, const char *event)
{
	cJSON *tree = cJSON_Parse(line);
	const char *told = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "event"));
	const char *about = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "subject"));

	REQUIRE(told != NULL && about != NULL);
	if (strlen(subject) < 256 && utf8_valid(subject, strlen(subject)))
		REQUIRE(strcmp(about, subject) == 0);
	/* Where both fit into a line, though each byte of them takes six. */
	if (6 * (strlen(subject) + strlen(event)) < LOGGED_LINE_MAX - 128 &&
	    utf8_valid(event, strlen(event)))
		REQUIRE(strcmp(told, event) == 0);
	cJSON_Delete(tree);
}

/* Cut between characters: what can be shown as it is, is, as far as there is room. */
static void check_cut(const char *line, const char *subject, const char *event)
{
	if (is_shown(subject, strlen(subject)) && is_shown(event, strlen(event)) &&
	    strpbrk(subject, "\\\"") == NULL && strpbrk(event, "\\\"") == NULL &&
	    strstr(subject, "\uFFFD") == NULL && strstr(event, "\uFFFD") == NULL)
		REQUIRE(strchr(line, '\\') == NULL && strstr(line, "\uFFFD") == NULL);
}

static void check_log(enum log_format format, const char *subject, const char *event)
{
	uint64_t lost = log_lost();
	unsigned lines;
	const char *line;

	logged_open(format, LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_INFO, subject, "%s", event);
	line = logged_take(&lines);
	REQUIRE(lines == 1 && log_lost() == lost);
	check_cut(line, subject, event);
	if (format == LOG_JSON)
		check_event(line, subject, event);
	else if (strlen(event) < 256 && is_shown(event, strlen(event)))
		REQUIRE(strstr(line, event) != NULL);
	log_line(LOG_LEVEL_DEBUG, subject, "%s", event);
	logged_take(&lines);
	REQUIRE(lines == 0);
	log_close();
}

/* The whole, into whatever room there is, and once more. */
static void check_escape(const char *bytes, size_t n, size_t size)
{
	struct buf whole = {0}, again = {0};
	char *cut = malloc(size);

	if (cut == NULL)
		abort();
	buf_escape(&whole, bytes, n);
	REQUIRE(!whole.failed && is_shown(whole.data, whole.len) && whole.len >= n);
	REQUIRE((whole.len == n) == is_shown(bytes, n));
	escape_text(cut, size, bytes, n);
	REQUIRE(strlen(cut) < size && strlen(cut) <= whole.len && is_shown(cut, strlen(cut)));
	REQUIRE(whole.len == 0 || memcmp(cut, whole.data, strlen(cut)) == 0);
	REQUIRE(whole.len - strlen(cut) < 4 || strlen(cut) + 4 >= size);
	buf_escape(&again, whole.data, whole.len);
	REQUIRE(again.len == whole.len);
	REQUIRE(whole.len == 0 || memcmp(again.data, whole.data, whole.len) == 0);
	buf_free(&whole);
	buf_free(&again);
	free(cut);
}

static void check_json_string(const char *bytes, size_t n)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	char *back = malloc(3 * n + 1); /* U+FFFD for each byte that is not UTF-8 */
	struct err err;
	size_t len;

	if (back == NULL)
		abort();
	json_string_n(&json, bytes, n);
	REQUIRE(!out.failed && is_shown(out.data, out.len));
	if (memchr(bytes, '\0', n) == NULL) {
		REQUIRE(scan_string_length(out.data, out.len, &err) == out.len);
		len = scan_string((struct span){out.data, out.len}, back, 3 * n + 1);
		REQUIRE(len <= 3 * n && utf8_valid(back, len));
		if (utf8_valid(bytes, n))
			REQUIRE(len == n && memcmp(back, bytes, n) == 0);
	}
	buf_free(&out);
	free(back);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct input input = input_of(data, size);
	enum log_format format = input_byte(&input) & 1 ? LOG_JSON : LOG_TEXT;
	size_t room = 1 + (size_t)input_byte(&input), n;
	char *subject = input_string(&input), *event;
	struct input rest = input;
	char *bytes = input_rest(&rest, &n);

	event = input_string(&input);
	check_log(format, subject, event);
	check_escape(bytes, n, room);
	check_json_string(bytes, n);
	free(subject);
	free(event);
	free(bytes);
}
