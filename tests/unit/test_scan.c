/* The strict JSON scan: what is JSON, what is JSON but too much, and where members stand. */
#include "scan.h"

#include <stdlib.h>
#include "check.h"

/* A string literal with its length, NULs included. */
#define T(text)	  text, sizeof(text) - 1
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static struct scan *scan;

/* The line is put at the end of its own allocation, so that a sanitizer sees a step too far. */
static int scan_copy(const char *line, size_t n, enum scan_rules rules, struct err *err)
{
	static char *copy;
	free(copy);
	copy = malloc(n > 0 ? n : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, line, n);
	*err = (struct err){0};
	return scan_line(scan, copy, n, rules, err);
}

/* ERR_NONE: both rules take it. */
static const struct {
	enum error_code code;
	const char *text;
	size_t n;
} texts[] = {
    /* Values of every kind, alone and wrapped */
    {ERR_NONE, T("{}")},
    {ERR_NONE, T("[]")},
    {ERR_NONE, T(" \t\r\n{ \t\r\n} \t\r\n")},
    {ERR_NONE, T("[\r\n\t ]")},
    {ERR_NONE, T("null")},
    {ERR_NONE, T("true")},
    {ERR_NONE, T("false")},
    {ERR_NONE, T("\"\"")},
    {ERR_NONE, T("\" \"")},
    {ERR_NONE, T("0")},
    {ERR_NONE, T("[[],[[]],{},{\"a\":{}},[{}]]")},
    {ERR_NONE, T("{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":\"e\"}")},
    {ERR_NONE, T("{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }")},
    {ERR_NONE, T("{\"\":0}")},
    {ERR_NONE, T("{\"a b\":0,\"a\\nb\":1}")},
    /* Numbers */
    {ERR_NONE, T("[-0,-1,10,1234567890]")},
    {ERR_NONE, T("[0.0,-0.5,3.25,100.001]")},
    {ERR_NONE, T("[1e0,1E1,1e+2,1E-2,0e7,0.0e-0,12.5e3]")},
    {ERR_NONE, T("[1e400,-1e400,1e-400]")},
    {ERR_NONE, T("[9007199254740993,123456789012345678901234567890]")},
    {ERR_NONE, T("[20e1 ]")},
    {ERR_PARSE_ERROR, T("01")},
    {ERR_PARSE_ERROR, T("-01")},
    {ERR_PARSE_ERROR, T("00")},
    {ERR_PARSE_ERROR, T("-")},
    {ERR_PARSE_ERROR, T("--1")},
    {ERR_PARSE_ERROR, T("+1")},
    {ERR_PARSE_ERROR, T("1.")},
    {ERR_PARSE_ERROR, T("[1.]")},
    {ERR_PARSE_ERROR, T("-1.")},
    {ERR_PARSE_ERROR, T(".5")},
    {ERR_PARSE_ERROR, T("-.5")},
    {ERR_PARSE_ERROR, T("1.e2")},
    {ERR_PARSE_ERROR, T("1.5.2")},
    {ERR_PARSE_ERROR, T("1e")},
    {ERR_PARSE_ERROR, T("1e+")},
    {ERR_PARSE_ERROR, T("1E-")},
    {ERR_PARSE_ERROR, T("1ee2")},
    {ERR_PARSE_ERROR, T("1e2.5")},
    {ERR_PARSE_ERROR, T("1e2e3")},
    {ERR_PARSE_ERROR, T("0x10")},
    {ERR_PARSE_ERROR, T("1a")},
    {ERR_PARSE_ERROR, T("1 000")},
    {ERR_PARSE_ERROR, T("1_000")},
    {ERR_PARSE_ERROR, T("[1,000.0 0]")},
    {ERR_PARSE_ERROR, T("NaN")},
    {ERR_PARSE_ERROR, T("[-NaN]")},
    {ERR_PARSE_ERROR, T("Infinity")},
    {ERR_PARSE_ERROR, T("-Infinity")},
    {ERR_PARSE_ERROR, T("-inf")},
    {ERR_PARSE_ERROR, T("- 1")},
    {ERR_PARSE_ERROR, T("\xef\xbc\x91")}, /* a full-width digit */
    /* Words */
    {ERR_PARSE_ERROR, T("True")},
    {ERR_PARSE_ERROR, T("TRUE")},
    {ERR_PARSE_ERROR, T("tru")},
    {ERR_PARSE_ERROR, T("truee")},
    {ERR_PARSE_ERROR, T("fals")},
    {ERR_PARSE_ERROR, T("nul")},
    {ERR_PARSE_ERROR, T("[nullnull]")},
    {ERR_PARSE_ERROR, T("[true false]")},
    {ERR_PARSE_ERROR, T("undefined")},
    {ERR_PARSE_ERROR, T("abc")},
    /* Strings */
    {ERR_NONE, T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")},
    {ERR_NONE, T("\"\\u0001\\u001f\\u0041\\uABCD\\uabcd\\uffff\"")},
    {ERR_NONE, T("\"\\ud83d\\ude00\"")},
    {ERR_NONE, T("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"")},
    {ERR_NONE, T("\"\\\\u0000\"")},
    {ERR_NONE, T("\"\x7f\"")},
    {ERR_NONE, T("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"")},
    {ERR_NONE, T("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"")},
    {ERR_NONE, T("\"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\"")},
    {ERR_NONE, T("\"{[,:]}//#'\"")},
    {ERR_PARSE_ERROR, T("\"")},
    {ERR_PARSE_ERROR, T("\"abc")},
    {ERR_PARSE_ERROR, T("\"abc\\")},
    {ERR_PARSE_ERROR, T("\"abc\\\"")},
    {ERR_PARSE_ERROR, T("'abc'")},
    {ERR_PARSE_ERROR, T("\"a\tb\"")},
    {ERR_PARSE_ERROR, T("\"a\nb\"")},
    {ERR_PARSE_ERROR, T("\"a\rb\"")},
    {ERR_PARSE_ERROR, T("\"a\0b\"")},
    {ERR_PARSE_ERROR, T("\"a\x1f\"")},
    {ERR_PARSE_ERROR, T("\"\\a\"")},
    {ERR_PARSE_ERROR, T("\"\\'\"")},
    {ERR_PARSE_ERROR, T("\"\\0\"")},
    {ERR_PARSE_ERROR, T("\"\\x41\"")},
    {ERR_PARSE_ERROR, T("\"\\N\"")},
    {ERR_PARSE_ERROR, T("\"\\U0041\"")},
    {ERR_PARSE_ERROR, T("\"\\\0\"")},
    {ERR_PARSE_ERROR, T("\"\\\xc3\xa9\"")},
    {ERR_PARSE_ERROR, T("\"\\u\"")},
    {ERR_PARSE_ERROR, T("\"\\u004\"")},
    {ERR_PARSE_ERROR, T("\"\\u004g\"")},
    {ERR_PARSE_ERROR, T("\"\\u+041\"")},
    {ERR_PARSE_ERROR, T("\"\\u00")},
    {ERR_PARSE_ERROR, T("\"\\ud800\"")},
    {ERR_PARSE_ERROR, T("\"\\udbff")},
    {ERR_PARSE_ERROR, T("\"\\udc00\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\u0041\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\ud800\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\ue000\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\n\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\\\udc00\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800udc00\"")},
    {ERR_PARSE_ERROR, T("\"\\ud800\\udc0\"")},
    {ERR_PARSE_ERROR, T("\"\\udc00\\ud800\"")},
    {ERR_PARSE_ERROR, T("{\"\\ud800\":1}")},
    {ERR_PARSE_ERROR, T("\\u0022a\"")},
    /* Bytes that are not UTF-8 */
    {ERR_PARSE_ERROR, T("\"\x80\"")},
    {ERR_PARSE_ERROR, T("\"\xbf\"")},
    {ERR_PARSE_ERROR, T("\"\xe9\"")},
    {ERR_PARSE_ERROR, T("\"\xc0\x80\"")},
    {ERR_PARSE_ERROR, T("\"\xc1\xbf\"")},
    {ERR_PARSE_ERROR, T("\"\xe0\x9f\xbf\"")},
    {ERR_PARSE_ERROR, T("\"\xf0\x8f\xbf\xbf\"")},
    {ERR_PARSE_ERROR, T("\"\xed\xa0\x80\"")},
    {ERR_PARSE_ERROR, T("\"\xed\xbf\xbf\"")},
    {ERR_PARSE_ERROR, T("\"\xf4\x90\x80\x80\"")},
    {ERR_PARSE_ERROR, T("\"\xf5\x80\x80\x80\"")},
    {ERR_PARSE_ERROR, T("\"\xfe\"")},
    {ERR_PARSE_ERROR, T("\"\xff\"")},
    {ERR_PARSE_ERROR, T("\"\xc3\"")},
    {ERR_PARSE_ERROR, T("\"\xe2\x82\"")},
    {ERR_PARSE_ERROR, T("\"\xf0\x9f\x98\"")},
    {ERR_PARSE_ERROR, T("\"\xc3")},
    {ERR_PARSE_ERROR, T("\"\xe2(\xa1\"")},
    {ERR_PARSE_ERROR, T("{\"\xff\":1}")},
    {ERR_PARSE_ERROR, T("\xff")},
    /* Structure */
    {ERR_PARSE_ERROR, T("")},
    {ERR_PARSE_ERROR, T("   ")},
    {ERR_PARSE_ERROR, T("\0")},
    {ERR_PARSE_ERROR, T("{}\0")},
    {ERR_PARSE_ERROR, T("\xef\xbb\xbf{}")},
    {ERR_PARSE_ERROR, T("\xff\xfe{\0}\0")},
    {ERR_PARSE_ERROR, T("{}{}")},
    {ERR_PARSE_ERROR, T("{} x")},
    {ERR_PARSE_ERROR, T("{},")},
    {ERR_PARSE_ERROR, T("[]]")},
    {ERR_PARSE_ERROR, T("{}}")},
    {ERR_PARSE_ERROR, T("1 2")},
    {ERR_PARSE_ERROR, T("\"a\" \"b\"")},
    {ERR_PARSE_ERROR, T("\"a\":1")},
    {ERR_PARSE_ERROR, T("[")},
    {ERR_PARSE_ERROR, T("{")},
    {ERR_PARSE_ERROR, T("]")},
    {ERR_PARSE_ERROR, T("}")},
    {ERR_PARSE_ERROR, T(",")},
    {ERR_PARSE_ERROR, T(":")},
    {ERR_PARSE_ERROR, T("[}")},
    {ERR_PARSE_ERROR, T("{]")},
    {ERR_PARSE_ERROR, T("[1}")},
    {ERR_PARSE_ERROR, T("{\"a\":1]")},
    {ERR_PARSE_ERROR, T("[1")},
    {ERR_PARSE_ERROR, T("[1,")},
    {ERR_PARSE_ERROR, T("[1,]")},
    {ERR_PARSE_ERROR, T("[,1]")},
    {ERR_PARSE_ERROR, T("[,]")},
    {ERR_PARSE_ERROR, T("[1,,2]")},
    {ERR_PARSE_ERROR, T("[1 2]")},
    {ERR_PARSE_ERROR, T("[1;2]")},
    {ERR_PARSE_ERROR, T("[1:2]")},
    {ERR_PARSE_ERROR, T("[\"a\":1]")},
    {ERR_PARSE_ERROR, T("{\"a\"}")},
    {ERR_PARSE_ERROR, T("{\"a\":}")},
    {ERR_PARSE_ERROR, T("{\"a\":")},
    {ERR_PARSE_ERROR, T("{\"a\"")},
    {ERR_PARSE_ERROR, T("{\"a\":1")},
    {ERR_PARSE_ERROR, T("{\"a\":1,")},
    {ERR_PARSE_ERROR, T("{\"a\":1,}")},
    {ERR_PARSE_ERROR, T("{,\"a\":1}")},
    {ERR_PARSE_ERROR, T("{\"a\":1,,\"b\":2}")},
    {ERR_PARSE_ERROR, T("{\"a\":1 \"b\":2}")},
    {ERR_PARSE_ERROR, T("{\"a\"::1}")},
    {ERR_PARSE_ERROR, T("{\"a\",1}")},
    {ERR_PARSE_ERROR, T("{\"a\" \"b\"}")},
    {ERR_PARSE_ERROR, T("{\"a\"=1}")},
    {ERR_PARSE_ERROR, T("{a:1}")},
    {ERR_PARSE_ERROR, T("{'a':1}")},
    {ERR_PARSE_ERROR, T("{1:1}")},
    {ERR_PARSE_ERROR, T("{null:1}")},
    {ERR_PARSE_ERROR, T("{[]:1}")},
    {ERR_PARSE_ERROR, T("{\"a\":1}/**/")},
    {ERR_PARSE_ERROR, T("[1,/*two*/2]")},
    {ERR_PARSE_ERROR, T("{} // end")},
    {ERR_PARSE_ERROR, T("# {}")},
    {ERR_PARSE_ERROR, T("{}\f")},
    {ERR_PARSE_ERROR, T("\v{}")},
    {ERR_PARSE_ERROR, T("[\xc2\xa0]")},
    {ERR_PARSE_ERROR, T("[\xe2\x81\xa0]")},
    {ERR_PARSE_ERROR, T("<null>")},
    {ERR_PARSE_ERROR, T("(1)")},
    {ERR_PARSE_ERROR, T("GET / HTTP/1.1\r")},
};

static void test_texts(void)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct err err;
		int got = scan_copy(texts[i].text, texts[i].n, SCAN_REQUEST, &err);
		CHECK(got == (texts[i].code == ERR_NONE ? 0 : -1) && err.code == texts[i].code,
		      "request %zu: %s", i, texts[i].text);
		got = scan_copy(texts[i].text, texts[i].n, SCAN_REPLY, &err);
		CHECK(got == (texts[i].code == ERR_NONE ? 0 : -1) && err.code == texts[i].code,
		      "reply %zu: %s", i, texts[i].text);
	}
}

/* Well-formed, yet refused in a request; fine in a reply. */
static const struct {
	bool refused;
	const char *text;
} limits[] = {
    {true, "{\"a\":1,\"a\":1}"},
    {true, "{\"a\":1,\"b\":2,\"a\":3}"},
    {true, "{\"a\":1,\"\\u0061\":2}"},
    {true, "{\"\\u0061\":1,\"\\u0061\":2}"},
    {true, "{\"\":1,\"\":2}"},
    {true, "{\"\xc3\xa9\":1,\"\\u00e9\":2}"},
    {true, "{\"\xe2\x82\xac\":1,\"\\u20AC\":2}"},
    {true, "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}"},
    {true, "{\"/\":1,\"\\/\":2}"},
    {true, "{\"\\n\":1,\"\\u000A\":2}"},
    {true, "{\"\\\"\":1,\"\\u0022\":2}"},
    {true, "{\"\\\\\":1,\"\\u005c\":2}"},
    {true, "{\"x\":[{\"y\":{\"a\":1,\"a\":2}}]}"},
    {true, "[{\"a\":{\"b\":1},\"a\":{\"b\":1}}]"},
    {true, "{\"a\":{\"b\":{}},\"c\":1,\"a\":0}"},
    {false, "{\"a\":1,\"A\":2}"},
    {false, "{\"a\":{\"a\":{\"a\":1}}}"},
    {false, "[{\"a\":1},{\"a\":1},{\"a\":1}]"},
    {false, "{\"x\":{\"a\":1},\"y\":{\"a\":1}}"},
    {false, "{\"x\":{\"a\":1},\"a\":1}"},
    {false, "{\"\\u00e9\":1,\"e\\u0301\":2}"}, /* equal only after normalisation */
    {false, "{\"a\":1,\"aa\":2,\"\":3,\"\\u0001\":4}"},
    {false, "{\"a\":\"a\",\"b\":\"a\"}"},
    {true, "\"\\u0000\""},
    {true, "[\"a\\u0000b\"]"},
    {true, "{\"a\\u0000\":1}"},
    {true, "{\"method\\u0000x\":1}"},
    {false, "\"\\\\u0000\""},
    {false, "\"\\u0001\\u1000\""},
};

static void test_limits(void)
{
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct err err;
		size_t n = strlen(limits[i].text);
		int got = scan_copy(limits[i].text, n, SCAN_REQUEST, &err);
		CHECK(limits[i].refused ? got == -1 && err.code == ERR_INVALID_REQUEST : got == 0,
		      "limit %zu: %s", i, limits[i].text);
		CHECK(scan_copy(limits[i].text, n, SCAN_REPLY, &err) == 0,
		      "not a limit of replies %zu: %s", i, limits[i].text);
	}
}

static void test_precedence(void)
{
	static const char *const rows[] = {
	    "{\"a\":1,\"a\":1", "{\"a\":1,\"a\":01}",
	    "[\"\\u0000\"",	"[\"\\u0000\",\"\\ud800\"]",
	    "{\"\\u0000\":1}}", "{\"a\":1,\"a\":\"\xff\"}",
	    "{\"a\\u0000\"}",
	};
	struct err err;
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(scan_copy(rows[i], strlen(rows[i]), SCAN_REQUEST, &err) == -1 &&
			  err.code == ERR_PARSE_ERROR,
		      "not JSON comes before a broken limit: %s", rows[i]);
	scan_copy(T("{\"a\":1,\"a\":1,\"b\":\"\\u0000\"}"), SCAN_REQUEST, &err);
	CHECK(strstr(err.detail, "twice") != NULL, "the first broken limit is told: %s",
	      err.detail);
	scan_copy(T("[1, 02]"), SCAN_REQUEST, &err);
	CHECK(strstr(err.detail, "byte 5:") != NULL, "where it stopped is told: %s", err.detail);
	scan_copy(T("\xef\xbb\xbf{}"), SCAN_REQUEST, &err);
	CHECK(strstr(err.detail, "byte order mark") != NULL, "a BOM is called so: %s", err.detail);
}

/* n times open, then middle, then n times close. */
static int scan_nested(size_t n, const char *open, const char *middle, const char *close,
		       enum scan_rules rules, struct err *err)
{
	size_t len = 0, size = n * (strlen(open) + strlen(close)) + strlen(middle) + 1;
	char *text = malloc(size);
	if (text == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%s", open);
	len += (size_t)sprintf(text + len, "%s", middle);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%s", close);
	int got = scan_copy(text, len, rules, err);
	free(text);
	return got;
}

static void test_depth(void)
{
	struct err err;
	CHECK(scan_nested(31, "[", "[]", "]", SCAN_REQUEST, &err) == 0, "32 arrays");
	CHECK(scan_nested(32, "{\"a\":", "1", "}", SCAN_REQUEST, &err) == 0, "32 objects");
	CHECK(scan_nested(33, "[", "", "]", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "33 arrays");
	CHECK(scan_nested(32, "{\"a\":", "{}", "}", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "33 objects");
	CHECK(scan_nested(32767, "[", "", "]", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "a line of well-nested arrays");
	CHECK(scan_nested(10922, "{\"\":[", "0", "]}", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_REQUEST_TOO_LARGE,
	      "too long to be looked at");
	CHECK(scan_nested(9000, "{\"\":[", "0", "]}", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "objects and arrays by turns, well nested");
	CHECK(scan_nested(9000, "{\"\":[", "0", "}]", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_PARSE_ERROR,
	      "objects and arrays by turns, badly nested");
	CHECK(scan_nested(65535, "[", "", "", SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_PARSE_ERROR,
	      "a line of opening brackets");
	CHECK(scan_nested(40, "[", "", "}", SCAN_REQUEST, &err) < 0 && err.code == ERR_PARSE_ERROR,
	      "bad nesting below the limit of depth is not JSON");
	CHECK(scan_nested(32, "[", "1", "]", SCAN_REPLY, &err) == 0, "a reply with 32 arrays");
	CHECK(scan_nested(33, "[", "1", "]", SCAN_REPLY, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "a reply with 33 arrays");
	CHECK(scan_nested(200000, "{\"a\":", "1", "}", SCAN_REPLY, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "a reply with 200000 objects");
}

/* [0,0,...,0]: n zeros. */
static int scan_zeros(size_t n, enum scan_rules rules, struct err *err)
{
	char *text = malloc(2 * n + 1);
	if (text == NULL)
		abort();
	text[0] = '[';
	for (size_t i = 0; i < n; i++) {
		text[1 + 2 * i] = '0';
		text[2 + 2 * i] = ',';
	}
	text[2 * n] = ']';
	int got = scan_copy(text, 2 * n + 1, rules, err);
	free(text);
	return got;
}

/* {"aaa":0,"baa":0,...}: members with names of three letters, the last one twice if asked. */
static int scan_members(size_t n, bool twice, struct err *err)
{
	char *text = malloc(n * 8 + 16);
	size_t len = 0;
	if (text == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%c\"%c%c%c\":0", i == 0 ? '{' : ',',
				       (int)('a' + i % 26), (int)('a' + i / 26 % 26),
				       (int)('a' + i / 676));
	if (twice)
		len += (size_t)sprintf(text + len, ",\"aaa\":0");
	text[len++] = '}';
	int got = scan_copy(text, len, SCAN_REQUEST, err);
	free(text);
	return got;
}

static void test_counts(void)
{
	struct err err;
	CHECK(scan_zeros(SCAN_VALUES_MAX - 1, SCAN_REQUEST, &err) == 0, "4096 values");
	CHECK(scan_zeros(SCAN_VALUES_MAX, SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_INVALID_REQUEST,
	      "4097 values");
	CHECK(scan_zeros(1000000, SCAN_REPLY, &err) == 0, "a reply with a million values");
	CHECK(scan_members(SCAN_VALUES_MAX - 1, false, &err) == 0, "4096 values, 4095 names");
	CHECK(scan_members(SCAN_VALUES_MAX - 2, true, &err) < 0 &&
		  strstr(err.detail, "twice") != NULL,
	      "a duplicate among 4095 names");
	CHECK(scan_members(8000, true, &err) < 0 && strstr(err.detail, "values") != NULL,
	      "8000 members: %s", err.detail);
	char *line = malloc(SCAN_LINE_MAX);
	if (line == NULL)
		abort();
	memset(line, ' ', SCAN_LINE_MAX);
	line[0] = '{';
	line[1] = '}';
	CHECK(scan_copy(line, SCAN_LINE_MAX - 1, SCAN_REQUEST, &err) == 0, "the longest line");
	CHECK(scan_copy(line, SCAN_LINE_MAX, SCAN_REQUEST, &err) < 0 &&
		  err.code == ERR_REQUEST_TOO_LARGE,
	      "one byte more");
	CHECK(scan_copy(line, SCAN_LINE_MAX, SCAN_REPLY, &err) == 0, "replies may be longer");
	free(line);
}

/* Names of one line must not be taken for those of another. */
static void test_reuse(void)
{
	struct err err;
	bool clean = true;
	for (int i = 0; i < 10000; i++)
		clean = clean && scan_copy(T("{\"a\":{\"b\":1},\"b\":2}"), SCAN_REQUEST, &err) == 0;
	CHECK(clean, "10000 lines with the same names");
	scan->generation = UINT32_MAX - 1;
	for (int i = 0; i < 4; i++)
		CHECK(scan_copy(T("{\"a\":1}"), SCAN_REQUEST, &err) == 0 &&
			  scan_copy(T("{\"a\":1,\"a\":1}"), SCAN_REQUEST, &err) < 0,
		      "generation %u", scan->generation);
}

static bool is(struct span span, const char *text)
{
	return text == NULL ? span.at == NULL
			    : span.at != NULL && span.len == strlen(text) &&
				  memcmp(span.at, text, span.len) == 0;
}

/* Members of a single line: NULL where there is none. */
static const struct {
	const char *line, *method, *params, *id, *unknown;
	bool id_valid;
} members[] = {
    {"{}", NULL, NULL, NULL, NULL, true},
    {" {\"method\" : \"m\" , \"params\" : { \"id\" : 2 } , \"id\" : 1 } ", "\"m\"",
     "{ \"id\" : 2 }", "1", NULL, true},
    {"{\"params\":[{\"method\":1,\"x\":2},[3]],\"method\":null}", "null",
     "[{\"method\":1,\"x\":2},[3]]", NULL, NULL, true},
    {"{\"m\\u0065thod\":\"\\u0061\"}", "\"\\u0061\"", NULL, NULL, NULL, true},
    {"{\"Method\":1,\"METHOD\":2}", NULL, NULL, NULL, "\"Method\"", true},
    {"{\"x\":{\"method\":1,\"id\":2},\"y\":0}", NULL, NULL, NULL, "\"x\"", true},
    {"{\"x\":1,\"id\":7}", NULL, NULL, "7", "\"x\"", true},
    {"{\"methods\":1}", NULL, NULL, NULL, "\"methods\"", true},
    {"{\"metho\":1}", NULL, NULL, NULL, "\"metho\"", true},
    {"{\"\":1}", NULL, NULL, NULL, "\"\"", true},
    {"{\"id\":9007199254740993}", NULL, NULL, "9007199254740993", NULL, true},
    {"{\"id\":1e2}", NULL, NULL, "1e2", NULL, true},
    {"{\"id\":-0.50\r}", NULL, NULL, "-0.50", NULL, true},
    {"{\"id\":\"\\u0041\"}", NULL, NULL, "\"\\u0041\"", NULL, true},
    {"{\"id\":\"\"}", NULL, NULL, "\"\"", NULL, true},
    {"{\"id\":null}", NULL, NULL, "null", NULL, true},
    {"{\"id\":true}", NULL, NULL, "true", NULL, false},
    {"{\"id\":false}", NULL, NULL, "false", NULL, false},
    {"{\"id\":{}}", NULL, NULL, "{}", NULL, false},
    {"{\"id\":[1]}", NULL, NULL, "[1]", NULL, false},
};

static void test_members(void)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		struct err err;
		int got = scan_copy(members[i].line, strlen(members[i].line), SCAN_REQUEST, &err);
		const struct scan_entry *entry = &scan->entry[0];
		CHECK(got == 0 && !scan->batch && scan->count == 1 && entry->object,
		      "one object: %s", members[i].line);
		CHECK(is(entry->method, members[i].method) && is(entry->params, members[i].params),
		      "method and params of %s", members[i].line);
		CHECK(is(entry->id, members[i].id) && entry->id_valid == members[i].id_valid,
		      "id of %s", members[i].line);
		CHECK(is(entry->unknown, members[i].unknown), "first unknown member of %s",
		      members[i].line);
	}
	struct err err;
	scan_copy(T("{\"result\":{},\"error\":[],\"jsonrpc\":2}"), SCAN_REPLY, &err);
	CHECK(is(scan->entry[0].result, "{}") && is(scan->entry[0].error, "[]") &&
		  is(scan->entry[0].jsonrpc, "2"),
	      "the other members");
	scan_copy(T(" 17 "), SCAN_REQUEST, &err);
	CHECK(scan->count == 1 && !scan->batch && !scan->entry[0].object &&
		  is(scan->entry[0].text, "17"),
	      "a scalar is one entry that is no object");
}

/* An id of n characters, as a string's contents or as a number. */
static bool id_valid(char quote, size_t n)
{
	char line[512], digits[256];
	struct err err;
	memset(digits, '1', sizeof(digits));
	char mark[2] = {quote, '\0'};
	int len = snprintf(line, sizeof(line), "{\"id\":%s%.*s%s}", mark, (int)n, digits, mark);
	return scan_copy(line, (size_t)len, SCAN_REQUEST, &err) == 0 && scan->entry[0].id_valid;
}

static void test_id_limits(void)
{
	struct err err;
	CHECK(id_valid('"', SCAN_ID_STRING_MAX), "an id of 128 bytes");
	CHECK(!id_valid('"', SCAN_ID_STRING_MAX + 1), "an id of 129 bytes");
	CHECK(id_valid('\0', SCAN_ID_NUMBER_MAX), "an id of 64 digits");
	CHECK(!scan->entry[0].long_number, "the id's length is nobody else's concern");
	CHECK(!id_valid('\0', SCAN_ID_NUMBER_MAX + 1), "an id of 65 digits");
	char line[128];
	for (int n = SCAN_NUMBER_MAX; n <= SCAN_NUMBER_MAX + 1; n++) {
		int len = snprintf(line, sizeof(line), "{\"params\":{\"a\":[1.%0*d]}}", n - 2, 0);
		CHECK(scan_copy(line, (size_t)len, SCAN_REQUEST, &err) == 0 &&
			  scan->entry[0].long_number == (n > SCAN_NUMBER_MAX),
		      "a number of %d characters", n);
	}
}

static void test_batch(void)
{
	struct err err;
	static const char line[] = " [ {\"id\":1} , 2,\"x\", [3,{\"id\":4}], {\"method\":\"m\"} ] ";
	CHECK(scan_copy(T(line), SCAN_REQUEST, &err) == 0 && scan->batch && scan->count == 5,
	      "a batch of five");
	CHECK(is(scan->entry[0].text, "{\"id\":1}") && is(scan->entry[0].id, "1"), "an object");
	CHECK(is(scan->entry[1].text, "2") && !scan->entry[1].object, "a number");
	CHECK(is(scan->entry[2].text, "\"x\"") && !scan->entry[2].object, "a string");
	CHECK(is(scan->entry[3].text, "[3,{\"id\":4}]") && !scan->entry[3].object &&
		  scan->entry[3].id.at == NULL,
	      "an array");
	CHECK(is(scan->entry[4].method, "\"m\"") && scan->entry[4].id.at == NULL, "a notification");
	CHECK(scan_copy(T("[]"), SCAN_REQUEST, &err) == 0 && scan->batch && scan->count == 0,
	      "an empty batch");
	CHECK(scan_zeros(SCAN_BATCH_MAX, SCAN_REQUEST, &err) == 0 &&
		  scan->count == SCAN_BATCH_MAX && !scan->batch_too_long,
	      "64 entries");
	CHECK(scan_zeros(SCAN_BATCH_MAX + 1, SCAN_REQUEST, &err) == 0 &&
		  scan->count == SCAN_BATCH_MAX && scan->batch_too_long,
	      "65 entries");
	CHECK(scan_copy(T("{}"), SCAN_REQUEST, &err) == 0 && !scan->batch && !scan->batch_too_long,
	      "and then a single request");
}

static void test_scalars(void)
{
	static const char *const scalars[] = {"0",    "-1.5e3", "\"\"", "\"a\\n\"",
					      "true", "false",	"null"};
	static const char *const others[] = {"",     "01",     "1 ", " 1", "a",
					     "\"",   "\"a\"b", "{}", "[]", "nulls",
					     "True", "1,2",    "-",  "1.", "\"\\q\""};
	for (size_t i = 0; i < COUNT(scalars); i++)
		CHECK(scan_scalar(scalars[i], strlen(scalars[i])), "a scalar: %s", scalars[i]);
	for (size_t i = 0; i < COUNT(others); i++)
		CHECK(!scan_scalar(others[i], strlen(others[i])), "no scalar: %s", others[i]);
}

static void test_string_length(void)
{
	static const struct {
		const char *text;
		size_t n;
		const char *why;
	} rows[] = {
	    {"\"\"", 2, ""},
	    {"\"a\\\"\\u00e9\"]x", 11, ""},
	    {"\"a\" \"b\"", 3, ""},
	    {"", 0, "byte 1: an opening quote"},
	    {"a\"", 0, "byte 1: an opening quote"},
	    {"\"a", 0, "byte 3: a string is not closed"},
	    {"\"a\\", 0, "byte 4: an unknown escape"},
	    {"\"a\n\"", 0, "byte 3: a control character"},
	    {"\"\xff\"", 0, "byte 2: bytes that are not UTF-8"},
	    {"\"a\\u0000\"", 0, "\\u0000"},
	    {"\"\\ud800\"", 0, "a high surrogate"},
	    {"\"\\u0000\\q\"", 0, "an unknown escape"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = {0};
		CHECK_UINT(scan_string_length(rows[i].text, strlen(rows[i].text), &err), rows[i].n,
			   "length of the string %s begins with", rows[i].text);
		CHECK(strstr(err.detail, rows[i].why) != NULL, "told: %s", err.detail);
	}
}

static void test_strings(void)
{
	static const struct {
		const char *raw, *text;
	} rows[] = {
	    {"\"\"", ""},
	    {"\"abc\"", "abc"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	    {"\"\\uffff\\u07ff\\u0800\\udbff\\udfff\"",
	     "\xef\xbf\xbf\xdf\xbf\xe0\xa0\x80\xf4\x8f\xbf\xbf"},
	};
	char text[32];
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span raw = {rows[i].raw, strlen(rows[i].raw)};
		size_t n = scan_string(raw, text, sizeof(text));
		CHECK_UINT(n, strlen(rows[i].text), "length of %s", rows[i].raw);
		CHECK_STR(text, rows[i].text, "text of %s", rows[i].raw);
		CHECK(scan_string_is(raw, rows[i].text), "%s is it", rows[i].raw);
		CHECK(!scan_string_is(raw, "abd"), "%s is not abd", rows[i].raw);
	}
	struct span euros = {T("\"\\u20ac\\u20acab\"")};
	CHECK_UINT(scan_string(euros, text, 6), 8, "the whole length is told");
	CHECK_STR(text, "\xe2\x82\xac", "cut between characters, nothing after the cut");
	CHECK(!scan_string_is((struct span){"2.0", 3}, "2.0"), "a number is no string");
	CHECK(!scan_string_is((struct span){0}, ""), "nothing is no string");
	CHECK(!scan_string_is((struct span){T("\"id\\u0000\"")}, "id"), "a NUL is not the end");
}

static void test_utf8(void)
{
	unsigned bad = 0;
	for (uint32_t c = 0; c < 0x110000; c++) {
		unsigned char b[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		for (size_t i = n - 1; i > 0; i--)
			b[i] = (unsigned char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		b[0] = (unsigned char)(n == 1 ? c : (0xf00u >> n & 0xff) | c >> 6 * (n - 1));
		bool surrogate = c >= 0xd800 && c < 0xe000;
		bad += utf8_sequence((char *)b, n) != (surrogate ? 0 : n);
		bad += n > 1 && utf8_sequence((char *)b, n - 1) != 0;
	}
	CHECK_UINT(bad, 0, "every code point, whole and cut");
	unsigned pairs = 0;
	for (unsigned i = 0; i < 65536; i++)
		pairs += utf8_valid((char[]){(char)(i >> 8), (char)i}, 2);
	CHECK_UINT(pairs, 128 * 128 + 30 * 64, "well-formed among all pairs of bytes");
	CHECK(utf8_valid("", 0) && utf8_sequence("a", 0) == 0, "nothing is valid, and no sequence");
	CHECK(!utf8_valid("ab\xff", 3) && utf8_valid("ab\xff", 2), "the length is kept to");
}

/* Cutting a valid text anywhere, and putting any byte anywhere, never steps outside (a sanitizer
   would tell) and gives one of the two errors. */
static void test_damage(void)
{
	static const char text[] =
	    "[{\"jsonrpc\":\"2.0\",\"m\\u0065\":\"\\ud83d\\ude00\xe2\x82\xac\","
	    "\"id\":-1.5e+3,\"a\":[true,null,{\"b\":{}}]}]";
	size_t n = sizeof(text) - 1;
	unsigned cut = 0, odd = 0;
	struct err err;
	for (size_t i = 0; i < n; i++)
		cut += scan_copy(text, i, SCAN_REQUEST, &err) < 0 && err.code == ERR_PARSE_ERROR;
	CHECK_UINT(cut, n, "every cut is told");
	for (size_t i = 0; i < n; i++) {
		for (int byte = 0; byte < 256; byte++) {
			char copy[sizeof(text)];
			memcpy(copy, text, sizeof(text));
			copy[i] = (char)byte;
			int got = scan_copy(copy, n, SCAN_REQUEST, &err);
			odd += got == 0
				   ? err.code != ERR_NONE
				   : err.code != ERR_PARSE_ERROR && err.code != ERR_INVALID_REQUEST;
		}
	}
	CHECK_UINT(odd, 0, "every byte everywhere is accepted or told");
}

int main(void)
{
	scan = calloc(1, sizeof(*scan));
	if (scan == NULL)
		return 1;
	test_texts();
	test_limits();
	test_precedence();
	test_depth();
	test_counts();
	test_reuse();
	test_members();
	test_id_limits();
	test_batch();
	test_scalars();
	test_string_length();
	test_strings();
	test_utf8();
	test_damage();
	free(scan);
	return check_done();
}
