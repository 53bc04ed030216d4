/* Fuzz target: bytes on the admin socket, up to the method. However they are cut into pieces, the
   same lines come out. What the scanner takes, cJSON takes; a request that passes its checks is
   written and read again as the same; every refusal makes a line that is a valid reply. */
#include <stdlib.h>
#include <string.h>
#include "../../proto/params.h"
#include "../../proto/wire.h"
#include "fuzz.h"

enum { SHORT_LINE = 48 };

static struct scan scan, reply_scan; /* big */

/* Every line that comes out, one after the other, with what came before it. */
static void take_lines(struct wire_reader *reader, bool eof, struct buf *lines)
{
	struct span line;

	for (;;) {
		switch (wire_next(reader, eof, &line)) {
		case WIRE_MORE:
			return;
		case WIRE_LINE:
			REQUIRE(line.len < reader->max);
			REQUIRE(memchr(line.at, '\n', line.len) == NULL);
			buf_append(lines, line.at, line.len);
			buf_append(lines, "\n", 1);
			break;
		case WIRE_TOO_LONG:
			buf_append(lines, "\n", 1); /* no line is empty */
			break;
		}
	}
}

static void read_in_pieces(struct buf *lines, const char *bytes, size_t n, size_t max, size_t piece)
{
	struct wire_reader reader = {.max = max};

	for (size_t at = 0, some; at < n; at += some) {
		char *space;

		some = n - at < piece ? n - at : piece;
		space = wire_read_space(&reader, some);
		REQUIRE(space != NULL);
		memcpy(space, bytes + at, some);
		reader.in.len += some;
		take_lines(&reader, at + some == n, lines);
	}
	REQUIRE(n == 0 || reader.in.len == reader.at);
	wire_reader_free(&reader);
}

static void check_refusal(struct span id, const struct err *err)
{
	struct wire_reply reply;
	struct err reply_err = {0};
	struct buf line = {0};

	REQUIRE(err->code != ERR_NONE && err->detail[0] != '\0');
	wire_write_error(&line, id, err, true);
	REQUIRE(!line.failed && is_shown(line.data, line.len - 1));
	REQUIRE(wire_reply_parse(&reply, &reply_scan, line.data, line.len - 1, &reply_err) == 0);
	REQUIRE(reply.kind == WIRE_ERROR && reply.code == err->code);
	if (id.at != NULL)
		REQUIRE(reply.id.len == id.len && memcmp(reply.id.at, id.at, id.len) == 0);
	buf_free(&line);
}

static void check_request(const struct wire_request *request)
{
	struct wire_request again;
	struct err err = {0};
	struct buf line = {0};
	bool notification;

	wire_write_request(&line, "1", request->method->name, request->params);
	REQUIRE(!line.failed && is_shown(line.data, line.len - 1));
	/* Escapes may have made it longer than a line may be. */
	if (line.len <= SCAN_LINE_MAX) {
		REQUIRE(scan_line(&reply_scan, line.data, line.len - 1, SCAN_REQUEST, &err) == 0);
		REQUIRE(wire_request_parse(&again, &reply_scan.entry[0], &notification, &err) == 0);
		REQUIRE(wire_request_params(&again, &reply_scan.entry[0], &err) == 0);
		REQUIRE(!notification && again.method == request->method);
		REQUIRE((again.params == NULL) == (request->params == NULL));
		if (again.params != NULL)
			REQUIRE(cJSON_Compare(again.params, request->params, true));
		cJSON_Delete(again.params);
	}
	buf_free(&line);
}

static void check_entry(const struct scan_entry *entry)
{
	struct wire_request request;
	struct err err = {0};
	bool notification;

	if (wire_request_parse(&request, entry, &notification, &err) < 0 ||
	    wire_request_params(&request, entry, &err) < 0) {
		REQUIRE(request.params == NULL);
		check_refusal(request.id, &err);
		return;
	}
	REQUIRE(notification == (request.id.at == NULL));
	check_request(&request);
	cJSON_Delete(request.params);
}

static void check_cjson(const char *line, size_t n)
{
	cJSON *tree;

	for (size_t i = 0; i < scan.count; i++)
		if (scan.entry[i].long_number)
			return;
	if (scan.batch_too_long || scan.count == 0)
		return;
	for (size_t i = 0; i < scan.count; i++) /* ids may be longer numbers */
		if (scan.entry[i].id.len > SCAN_NUMBER_MAX)
			return;
	tree = cJSON_ParseWithLength(line, n);
	REQUIRE(tree != NULL);
	cJSON_Delete(tree);
}

static void check_line(const char *line, size_t n)
{
	struct wire_reply reply;
	struct err err = {0}, reply_err = {0};
	char *copy = malloc(n); /* of exactly its size */

	if (copy == NULL)
		abort();
	memcpy(copy, line, n);
	if (scan_line(&scan, copy, n, SCAN_REQUEST, &err) < 0) {
		check_refusal((struct span){0}, &err);
	} else {
		REQUIRE(utf8_valid(copy, n));
		REQUIRE(scan_line(&reply_scan, copy, n, SCAN_REPLY, &err) == 0);
		check_cjson(copy, n);
		for (size_t i = 0; i < scan.count; i++)
			check_entry(&scan.entry[i]);
	}
	if (wire_reply_parse(&reply, &reply_scan, copy, n, &reply_err) < 0)
		REQUIRE(reply_err.detail[0] != '\0');
	else if (reply.kind == WIRE_ERROR)
		REQUIRE(utf8_valid(reply.name, strlen(reply.name)) &&
			utf8_valid(reply.detail, strlen(reply.detail)));
	free(copy);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct input input = input_of(data, size);
	size_t piece = input_byte(&input), max = piece & 1 ? SHORT_LINE : SCAN_LINE_MAX, n;
	char *bytes = input_rest(&input, &n), *at;
	struct buf whole = {0}, pieces = {0};

	read_in_pieces(&whole, bytes, n, max, n + 1);
	read_in_pieces(&pieces, bytes, n, max, 1 + piece / 2);
	REQUIRE(whole.len == pieces.len && !whole.failed && !pieces.failed);
	REQUIRE(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
	at = whole.data;
	for (size_t left = whole.len; left > 0;) {
		size_t line = (size_t)((char *)memchr(at, '\n', left) - at);

		if (line > 0)
			check_line(at, line);
		at += line + 1;
		left -= line + 1;
	}
	buf_free(&whole);
	buf_free(&pieces);
	free(bytes);
}
