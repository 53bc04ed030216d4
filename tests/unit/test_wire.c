/* Framing, the request envelope, ids byte for byte, errors as JSON, and replies of a server that
   may be hostile. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include "check.h"
#include "params.h"

#define T(text)	  text, sizeof(text) - 1
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static struct scan *scan;

static bool is(struct span span, const char *text)
{
	return text == NULL ? span.at == NULL
			    : span.at != NULL && span.len == strlen(text) &&
				  memcmp(span.at, text, span.len) == 0;
}

/* Appends what the reader says to out: lines in <>, overlong ones as !. */
static void drain(struct wire_reader *reader, bool eof, struct buf *out)
{
	struct span line = {0};
	enum wire_line got;
	while ((got = wire_next(reader, eof, &line)) != WIRE_MORE) {
		bool line_given = got == WIRE_LINE;
		buf_append(out, line_given ? "<" : "!", 1);
		if (line_given) {
			buf_append(out, line.at, line.len);
			buf_append(out, ">", 1);
		}
	}
}

/* What comes out of a stream fed in pieces of that size. */
static const char *frame(struct buf *out, const char *text, size_t n, size_t piece, size_t max)
{
	struct wire_reader reader = {.max = max};
	buf_reset(out);
	for (size_t at = 0; at < n; at += piece) {
		size_t some = n - at < piece ? n - at : piece;
		char *space = wire_read_space(&reader, some);
		if (space == NULL)
			abort();
		memcpy(space, text + at, some);
		reader.in.len += some;
		drain(&reader, false, out);
	}
	drain(&reader, true, out);
	wire_reader_free(&reader);
	return buf_string(out);
}

/* max is 8: seven bytes and the LF. */
static const struct {
	const char *text, *lines;
} frames[] = {
    {"", ""},
    {"a\n", "<a>"},
    {"a\nb\n", "<a><b>"},
    {"a\r\nb\r\n", "<a\r><b\r>"},
    {"\n\n \n\t\n\r\na\n\n", "<a>"},
    {"a", "<a>"},
    {"a\nb", "<a><b>"},
    {"a\n  ", "<a>"},
    {"a\n \r", "<a>"},
    {" a \n", "< a >"},
    {"1234567\n", "<1234567>"},
    {"1234567", "<1234567>"},
    {"12345678\n", "!"},
    {"12345678", "!"},
    {"        \n", "!"},
    {"a\n12345678901234567890\nb\n", "<a>!<b>"},
    {"12345678\n12345678\n", "!!"},
    {"12345678\n\n1234567\n", "!<1234567>"},
    {"123456789012345678901234567890", "!"},
    {"12345678\nb", "!<b>"},
    {"a\v\n", "<a\v>"},
    {"\f\n", "<\f>"},
};

static void test_framing(void)
{
	struct buf out = {0};
	for (size_t i = 0; i < COUNT(frames); i++) {
		const char *text = frames[i].text;
		for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
			CHECK_STR(frame(&out, text, strlen(text), piece, 8), frames[i].lines,
				  "stream %zu in pieces of %zu", i, piece);
	}
	frame(&out, T("a\0b\n"), 1, 8);
	CHECK(out.len == 5 && memcmp(out.data, "<a\0b>", 5) == 0, "a NUL is a byte as any other");
	buf_free(&out);
}

static void feed(struct wire_reader *reader, const char *text)
{
	size_t n = strlen(text);
	char *space = wire_read_space(reader, n);
	if (space == NULL)
		abort();
	memcpy(space, text, n);
	reader->in.len += n;
}

static void test_partial(void)
{
	struct wire_reader reader = {.max = 8};
	struct span line;
	CHECK(!wire_partial(&reader), "nothing has been begun");
	CHECK(wire_next(&reader, false, &line) == WIRE_MORE, "and nothing is there");
	CHECK(wire_next(&reader, true, &line) == WIRE_MORE, "not at the end of file either");
	feed(&reader, "a\nb");
	CHECK(wire_partial(&reader), "a line is begun behind a whole one");
	CHECK(wire_next(&reader, false, &line) == WIRE_LINE && is(line, "a"), "the whole one");
	CHECK(wire_next(&reader, false, &line) == WIRE_MORE && wire_partial(&reader),
	      "the begun one");
	feed(&reader, "c\nd\n");
	CHECK(!wire_partial(&reader), "whole lines, not taken yet");
	CHECK(wire_next(&reader, false, &line) == WIRE_LINE && is(line, "bc"), "put together");
	CHECK(wire_next(&reader, false, &line) == WIRE_LINE && is(line, "d"), "the next one");
	CHECK(wire_next(&reader, false, &line) == WIRE_MORE && !wire_partial(&reader), "all taken");
	feed(&reader, "123456789");
	CHECK(wire_next(&reader, false, &line) == WIRE_TOO_LONG, "too long, told at once");
	CHECK(wire_partial(&reader), "it has not ended yet");
	CHECK_UINT(reader.skipped, 9, "bytes thrown away");
	for (int i = 0; i < 1000; i++) {
		feed(&reader, "0123456789");
		if (wire_next(&reader, false, &line) != WIRE_MORE)
			break;
	}
	CHECK_UINT(reader.skipped, 10009, "all of it is counted");
	CHECK(reader.in.cap <= 4096, "none of it is kept");
	feed(&reader, "\nx\n");
	CHECK(wire_next(&reader, false, &line) == WIRE_LINE && is(line, "x"), "told once only");
	feed(&reader, "12345678\n");
	CHECK(wire_next(&reader, false, &line) == WIRE_TOO_LONG && reader.skipped == 9,
	      "the next one is counted from zero");
	CHECK(!wire_partial(&reader), "and has ended");
	wire_reader_free(&reader);
	CHECK(wire_next(&reader, true, &line) == WIRE_MORE, "a freed reader is empty");
}

/* id: what is echoed, NULL for null or no answer. */
static const struct {
	const char *line;
	enum error_code code;
	const char *id;
	bool notification;
} requests[] = {
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\"}", 0, NULL, true},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":null}", 0, "null", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":9007199254740993}", 0, "9007199254740993",
     false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1e2}", 0, "1e2", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\": -0.10 }", 0, "-0.10", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1e400}", 0, "1e400", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":"
     "1234567890123456789012345678901234567890123456789012345678901234}",
     0, "1234567890123456789012345678901234567890123456789012345678901234", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":\"\\u0041\"}", 0, "\"\\u0041\"", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":\"\"}", 0, "\"\"", false},
    {"{\"id\":1,\"params\":{},\"method\":\"version\",\"jsonrpc\":\"2.0\"}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"v\\u0065rsion\",\"id\":1}", 0, "1", false},
    {"{\"j\\u0073onrpc\":\"2\\u002e0\",\"method\":\"version\",\"id\":1}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"rpc.discover\",\"id\":1}", 0, "1", false},
    /* params: what counts as none, and what does not */
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":{},\"id\":1}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[],\"id\":1}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[ \t],\"id\":1}", 0, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[[]],\"id\":1}", ERR_INVALID_PARAMS,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[1],\"id\":1}", ERR_INVALID_PARAMS,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[{}],\"id\":1}", ERR_INVALID_PARAMS,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":null,\"id\":1}", ERR_INVALID_REQUEST,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":1,\"id\":1}", ERR_INVALID_REQUEST, "1",
     false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":\"{}\",\"id\":1}", ERR_INVALID_REQUEST,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":true,\"id\":1}", ERR_INVALID_REQUEST,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":{\"x\":1},\"id\":1}",
     ERR_INVALID_PARAMS, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"state\",\"params\":{\"Path\":\"\"},\"id\":1}",
     ERR_INVALID_PARAMS, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"stop_server\",\"params\":{\"address\":\"x\"},\"id\":1}",
     ERR_ADDRESS_INVALID, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"wait\",\"params\":{\"path\":\"a\",\"at_least\":"
     "1.00000000000000000000000000000000000000000000000000000000000000},\"id\":1}",
     ERR_INVALID_PARAMS, "1", false},
    /* Methods */
    {"{\"jsonrpc\":\"2.0\",\"method\":\"foobar\",\"id\":\"1\"}", ERR_METHOD_NOT_FOUND, "\"1\"",
     false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"foobar\",\"params\":[1],\"id\":1}", ERR_METHOD_NOT_FOUND,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"Version\",\"id\":1}", ERR_METHOD_NOT_FOUND, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version \",\"id\":1}", ERR_METHOD_NOT_FOUND, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"stop-server\",\"id\":1}", ERR_METHOD_NOT_FOUND, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"\",\"id\":1}", ERR_METHOD_NOT_FOUND, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version-which-is-much-too-long-to-be-the-name-of-any-"
     "method-there-is\",\"id\":1}",
     ERR_METHOD_NOT_FOUND, "1", false},
    /* Notifications are not answered, whatever is wrong behind the envelope */
    {"{\"jsonrpc\":\"2.0\",\"method\":\"foobar\"}", ERR_METHOD_NOT_FOUND, NULL, true},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":{\"x\":1}}", ERR_INVALID_PARAMS, NULL,
     true},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"params\":[1]}", ERR_INVALID_PARAMS, NULL, true},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"stop_server\",\"params\":{\"address\":\"x\"}}",
     ERR_ADDRESS_INVALID, NULL, true},
    /* No request at all: answered, with the id where there is a usable one */
    {"{\"jsonrpc\":\"2.0\",\"method\":1}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2.0\",\"method\":null,\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":[\"version\"],\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"Method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"METHOD\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"Id\":1}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"method\":\"version\"}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2\",\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"1.0\",\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.00\",\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":2.0,\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":2,\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":null,\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1,\"extra\":0}", ERR_INVALID_REQUEST, "1",
     false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"extra\":0}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1,\"result\":{}}", ERR_INVALID_REQUEST,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1,\"error\":null}", ERR_INVALID_REQUEST,
     "1", false},
    {"{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":1}", ERR_INVALID_REQUEST, "1", false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":true}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":[]}", ERR_INVALID_REQUEST, NULL, false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":{\"a\":1}}", ERR_INVALID_REQUEST, NULL,
     false},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":"
     "12345678901234567890123456789012345678901234567890123456789012345}",
     ERR_INVALID_REQUEST, NULL, false},
    {"{}", ERR_INVALID_REQUEST, NULL, false},
    {"1", ERR_INVALID_REQUEST, NULL, false},
    {"null", ERR_INVALID_REQUEST, NULL, false},
    {"\"version\"", ERR_INVALID_REQUEST, NULL, false},
    {"true", ERR_INVALID_REQUEST, NULL, false},
};

static int request_read(struct wire_request *request, const struct scan_entry *entry,
			bool *notification, struct err *err)
{
	return wire_request_parse(request, entry, notification, err) < 0
		   ? -1
		   : wire_request_params(request, entry, err);
}

static void test_requests(void)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		const char *line = requests[i].line;
		struct wire_request request;
		struct err err = {0};
		bool notification;
		if (scan_line(scan, line, strlen(line), SCAN_REQUEST, &err) < 0) {
			CHECK(false, "the scan lets it through: %s", line);
			continue;
		}
		int got = request_read(&request, &scan->entry[0], &notification, &err);
		CHECK(got == (requests[i].code == ERR_NONE ? 0 : -1) &&
			  err.code == requests[i].code,
		      "%s: %s", line, err.detail);
		CHECK(is(request.id, requests[i].id), "its id");
		CHECK(notification == requests[i].notification, "a notification or not");
		CHECK(got < 0 ? request.params == NULL : request.method != NULL, "what it carries");
		cJSON_Delete(request.params);
	}
}

static void test_batch(void)
{
	static const char line[] =
	    "[1,{\"jsonrpc\":\"2.0\",\"method\":\"state\",\"params\":{\"path\":\"log\"},\"id\":7},"
	    "[],{\"jsonrpc\":\"2.0\",\"method\":\"version\"}]";
	static const enum error_code codes[] = {ERR_INVALID_REQUEST, 0, ERR_INVALID_REQUEST, 0};
	struct err err = {0};
	CHECK(scan_line(scan, T(line), SCAN_REQUEST, &err) == 0 && scan->count == 4, "a batch");
	for (size_t i = 0; i < scan->count; i++) {
		struct wire_request request;
		bool notification;
		err.code = ERR_NONE;
		int got = request_read(&request, &scan->entry[i], &notification, &err);
		CHECK(err.code == codes[i] && (got == 0) == (codes[i] == 0), "entry %zu", i);
		CHECK(is(request.id, i == 1 ? "7" : NULL) && notification == (i == 3),
		      "id of entry %zu", i);
		if (i == 1)
			CHECK_STR(param_string(request.method, request.params, "path"), "log",
				  "its params");
		cJSON_Delete(request.params);
	}
}

static unsigned allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- == 0 ? NULL : malloc(size);
}

/* The nth allocation fails, n = 0.. until there are fewer. */
static void test_out_of_memory(void)
{
	static const char request_line[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"state\",\"params\":{\"path\":\"log\"},\"id\":7}";
	static const char reply_line[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1,\"message\":\"m\"}}";
	cJSON_Hooks hooks = {failing_malloc, free};
	struct wire_request request = {0};
	struct wire_reply reply;
	struct err err = {0};
	bool notification;
	unsigned n = 0, told = 0;
	int got = -1;
	cJSON_InitHooks(&hooks);
	for (; n < 20 && got < 0; n++) {
		allocations_left = n;
		got = scan_line(scan, T(request_line), SCAN_REQUEST, &err);
		if (got == 0)
			got = request_read(&request, &scan->entry[0], &notification, &err);
		told += got < 0 && err.code == ERR_INTERNAL_ERROR && is(request.id, "7");
		cJSON_Delete(request.params);
	}
	CHECK(got == 0 && told == n - 1 && told > 0, "a request out of memory %u times", told);
	got = -1;
	for (n = told = 0; n < 20 && got < 0; n++) {
		allocations_left = n;
		got = wire_reply_parse(&reply, scan, T(reply_line), &err);
		told += got < 0 && err.code == ERR_INTERNAL_ERROR;
	}
	CHECK(got == 0 && told == n - 1 && told > 0, "a reply out of memory %u times", told);
	cJSON_InitHooks(NULL);
}

static void check_out(struct buf *out, const char *want, const char *name)
{
	CHECK_STR(buf_string(out), want, "%s", name);
	buf_reset(out);
}

static void test_writers(void)
{
	struct buf out = {0};
	cJSON *params = cJSON_Parse("{\"a\":9007199254740991,\"b\":[-1,0.5,1e300,true,null,{}],"
				    "\"c\":\"x\\ny\\u007f\"}");
	cJSON_AddItemToObject(params, "d", cJSON_CreateRaw("9007199254740993"));
	wire_write_request(&out, "7", "state", params);
	check_out(&out,
		  "{\"jsonrpc\":\"2.0\",\"method\":\"state\",\"params\":{\"a\":9007199254740991,"
		  "\"b\":[-1,0.5,1.0000000000000001e+300,true,null,{}],\"c\":\"x\\ny\\u007f\","
		  "\"d\":9007199254740993},\"id\":7}\n",
		  "a request, numbers exact");
	cJSON_Delete(params);
	wire_write_request(&out, "\"\\u0041\"", "version", NULL);
	check_out(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":\"\\u0041\"}\n",
		  "a request without params");
	wire_write_request(&out, NULL, "version", NULL);
	check_out(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"version\"}\n", "a notification");
	wire_begin_result(&out, (struct span){T("1e2")});
	buf_append(&out, "{}", 2);
	wire_end(&out, true);
	check_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":1e2,\"result\":{}}\n", "a result");
	wire_begin_result(&out, (struct span){T("null")});
	buf_append(&out, "{}", 2);
	wire_end(&out, false);
	check_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", "a result in a batch");
	buf_free(&out);
}

static void test_errors(void)
{
	struct buf out = {0};
	struct err err;
	err_set(&err, ERR_PARSE_ERROR, "byte 1: %s", "\"\n\xff");
	wire_write_error(&out, (struct span){0}, &err, true);
	check_out(&out,
		  "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
		  "\"Parse error\",\"data\":{\"name\":\"parse_error\",\"detail\":"
		  "\"byte 1: \\\"\\n\xef\xbf\xbd\"}}}\n",
		  "an error without an id, its detail escaped");
	err_param(&err, ERR_INVALID_PARAMS, "limit", "too large");
	wire_write_error(&out, (struct span){T("\"a\"")}, &err, false);
	check_out(&out,
		  "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32602,\"message\":"
		  "\"Invalid params\",\"data\":{\"name\":\"invalid_params\",\"detail\":"
		  "\"too large\",\"param\":\"limit\"}}}",
		  "an error about a parameter, in a batch");
	err_sys(&err, ERR_ADDRESS_IN_USE, EADDRINUSE, "bind");
	wire_error_object(&out, &err);
	CHECK(strstr(buf_string(&out), "\"errno\":\"EADDRINUSE\"") != NULL, "an errno by name: %s",
	      buf_string(&out));
	buf_reset(&out);
	err_set(&err, ERR_NO_SUCH_PATH, "no such key");
	wire_error_object(&out, &err);
	CHECK(strstr(buf_string(&out), "\"path\":\"\"") != NULL, "the root as longest prefix");
	buf_reset(&out);
	strcpy(err.path, "transport.servers");
	wire_error_object(&out, &err);
	CHECK(strstr(buf_string(&out), "\"path\":\"transport.servers\"") != NULL, "another prefix");
	buf_reset(&out);
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		struct wire_reply reply;
		struct err parse = {0};
		err_set(&err, (enum error_code)i, "detail %d", i);
		wire_write_error(&out, (struct span){T("5")}, &err, true);
		int got = wire_reply_parse(&reply, scan, out.data, out.len - 1, &parse);
		CHECK(got == 0 && reply.kind == WIRE_ERROR && reply.code == (enum error_code)i &&
			  is(reply.id, "5"),
		      "%s is read back: %s", error_info((enum error_code)i)->name, parse.detail);
		CHECK_STR(reply.name, error_info((enum error_code)i)->name, "with its name");
		CHECK_STR(reply.detail, err.detail, "and detail");
		buf_reset(&out);
	}
	buf_free(&out);
}

static const struct {
	const char *line;
	enum error_code code;
} senseless[] = {
    {"", ERR_PARSE_ERROR},
    {"HTTP/1.1 400 Bad Request\r", ERR_PARSE_ERROR},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}", ERR_PARSE_ERROR},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\xff\"}}", ERR_PARSE_ERROR},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}{}", ERR_PARSE_ERROR},
    {"null", ERR_INVALID_REQUEST},
    {"{}", ERR_INVALID_REQUEST},
    {"[]", ERR_INVALID_REQUEST},
    {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"result\":{}}", ERR_INVALID_REQUEST},
    {"{\"id\":1,\"result\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":2.0,\"id\":1,\"result\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"Result\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"no\"}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1e400,\"message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":"
     "10000000000000000000000000000000000000000000000000000000000000000,\"message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":7}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"Code\":1,\"Message\":\"m\"}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{},\"id\":1}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\"}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":[]}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{},\"result\":{}}",
     ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"shout\",\"params\":{}}", ERR_INVALID_REQUEST},
    {"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":{}}", ERR_INVALID_REQUEST},
};

static void test_senseless_replies(void)
{
	for (size_t i = 0; i < COUNT(senseless); i++) {
		struct wire_reply reply;
		struct err err = {0};
		const char *line = senseless[i].line;
		CHECK(wire_reply_parse(&reply, scan, line, strlen(line), &err) < 0 &&
			  err.code == senseless[i].code,
		      "refused: %s: %s", line, err.detail);
	}
}

/* text: result, error object or params; name and detail of errors. */
static const struct {
	const char *line;
	int kind;
	const char *id, *text;
	enum error_code code;
	const char *name, *detail;
} replies[] = {
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":[1]}}", WIRE_RESULT, "1", "{\"a\":[1]}", 0,
     "", ""},
    {" {\"result\":{ } , \"future\":{}, \"id\":\"\\u0041\",\"jsonrpc\":\"2.0\"}\r", WIRE_RESULT,
     "\"\\u0041\"", "{ }", 0, "", ""},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"id\":1}}", WIRE_PROGRESS, NULL,
     "{\"id\":1}", 0, "", ""},
    {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32003,\"message\":\"no\"}}", WIRE_ERROR,
     "null", "{\"code\":-32003,\"message\":\"no\"}", ERR_PERMISSION_DENIED, "error -32003", "no"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"m\",\"data\":7}}",
     WIRE_ERROR, "1", "{\"code\":1,\"message\":\"m\",\"data\":7}", ERR_NO_SUCH_SERVER, "error 1",
     "m"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":999,\"message\":\"m\",\"data\":"
     "{\"name\":\"io_error\",\"detail\":\"disk\"}}}",
     WIRE_ERROR, "1",
     "{\"code\":999,\"message\":\"m\",\"data\":{\"name\":\"io_error\",\"detail\":\"disk\"}}",
     ERR_IO_ERROR, "io_error", "disk"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":999,\"message\":\"m\",\"data\":"
     "{\"name\":\"brand_new\",\"detail\":5}}}",
     WIRE_ERROR, "1",
     "{\"code\":999,\"message\":\"m\",\"data\":{\"name\":\"brand_new\",\"detail\":5}}", ERR_NONE,
     "brand_new", "m"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-77,\"message\":\"\\u001b[31m\",\"data\":"
     "{\"Name\":\"io_error\"}}}",
     WIRE_ERROR, "1", "{\"code\":-77,\"message\":\"\\u001b[31m\",\"data\":{\"Name\":\"io_error\"}}",
     ERR_NONE, "error -77", "\x1b[31m"},
};

static void test_replies(void)
{
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct wire_reply reply;
		struct err err = {0};
		const char *line = replies[i].line;
		int got = wire_reply_parse(&reply, scan, line, strlen(line), &err);
		if (!CHECK(got == 0 && (int)reply.kind == replies[i].kind, "read: %s: %s", line,
			   err.detail))
			continue;
		CHECK(is(reply.id, replies[i].id) && is(reply.text, replies[i].text),
		      "its id and text");
		CHECK(reply.code == replies[i].code, "its code");
		CHECK_STR(reply.name, replies[i].name, "its name");
		CHECK_STR(reply.detail, replies[i].detail, "its detail");
	}
}

/* A server may send texts of any length: they are cut between characters. */
static void test_long_texts(void)
{
	struct buf line = {0};
	struct wire_reply reply;
	struct err err = {0};
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\","
			  "\"data\":{\"name\":\"");
	for (int i = 0; i < 40000; i++)
		buf_printf(&line, "\xe2\x82\xac");
	buf_printf(&line, "\",\"detail\":\"");
	for (int i = 0; i < 40000; i++)
		buf_printf(&line, "\\u20ac");
	buf_printf(&line, "\"}}}");
	CHECK(!line.failed && wire_reply_parse(&reply, scan, line.data, line.len, &err) == 0,
	      "a reply of 360 KB: %s", err.detail);
	CHECK_UINT(strlen(reply.name), 63, "the name is cut");
	CHECK_UINT(strlen(reply.detail), 510, "the detail is cut");
	CHECK(utf8_valid(reply.name, 63) && utf8_valid(reply.detail, 510), "between characters");
	buf_free(&line);
}

int main(void)
{
	scan = calloc(1, sizeof(*scan));
	if (scan == NULL)
		return 1;
	test_framing();
	test_partial();
	test_requests();
	test_batch();
	test_out_of_memory();
	test_writers();
	test_errors();
	test_senseless_replies();
	test_replies();
	test_long_texts();
	free(scan);
	return check_done();
}
