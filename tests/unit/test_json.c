/* JSON as it is written: exact integers, commas, strings of any bytes, times. */
#include "json.h"

#include <math.h>
#include "check.h"

/* Ends what was written and compares it. */
#define CHECK_JSON(out, want, ...)                                                                 \
	do {                                                                                       \
		CHECK_STR(buf_string(out), want, __VA_ARGS__);                                     \
		buf_free(out);                                                                     \
	} while (0)

static void test_integers(void)
{
	static const struct {
		uint64_t number;
		const char *text;
	} naturals[] = {
	    {0, "0"},
	    {7, "7"},
	    {UINT64_C(9007199254740993), "9007199254740993"}, /* 2^53 + 1: not a double */
	    {INT64_MAX, "9223372036854775807"},
	    {UINT64_MAX, "18446744073709551615"},
	};
	static const struct {
		int64_t number;
		const char *text;
	} integers[] = {
	    {0, "0"},
	    {-1, "-1"},
	    {INT64_C(-9007199254740993), "-9007199254740993"},
	    {INT64_MAX, "9223372036854775807"},
	    {INT64_MIN, "-9223372036854775808"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof naturals / sizeof naturals[0]; i++) {
		json_u64(&(struct json){.out = &out}, naturals[i].number);
		CHECK_JSON(&out, naturals[i].text, "u64 %s", naturals[i].text);
	}
	for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
		json_i64(&(struct json){.out = &out}, integers[i].number);
		CHECK_JSON(&out, integers[i].text, "i64 %s", integers[i].text);
	}
}

static void test_strings(void)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		const char *text;
	} rows[] = {
#define ROW(name, bytes, text) {name, bytes, sizeof bytes - 1, text}
	    ROW("empty", "", "\"\""),
	    ROW("plain", "abc /~", "\"abc /~\""),
	    ROW("quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\""),
	    ROW("short escapes", "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""),
	    ROW("other controls", "\1\33\37", "\"\\u0001\\u001b\\u001f\""),
	    ROW("NUL", "a\0b", "\"a\\u0000b\""),
	    ROW("DEL and C1", "\x7f\xc2\x80\xc2\x9f", "\"\\u007f\\u0080\\u009f\""),
	    ROW("line separators", "\u2028\u2029", "\"\\u2028\\u2029\""),
	    ROW("UTF-8 as it is", "\u00e4\u20ac\U0001F600", "\"\u00e4\u20ac\U0001F600\""),
	    ROW("last code point", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""),
	    ROW("stray continuation", "a\x80z", "\"a\uFFFDz\""),
	    ROW("cut sequence", "a\xe2\x82", "\"a\uFFFD\uFFFD\""),
	    ROW("overlong", "\xc0\xaf", "\"\uFFFD\uFFFD\""),
	    ROW("surrogate", "\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""),
	    ROW("over U+10FFFF", "\xf4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""),
	    ROW("bad, good, bad", "\xff\u00e4\xfe", "\"\uFFFD\u00e4\uFFFD\""),
#undef ROW
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_string_n(&(struct json){.out = &out}, rows[i].bytes, rows[i].n);
		CHECK_JSON(&out, rows[i].text, "string: %s", rows[i].name);
	}
	json_string(&(struct json){.out = &out}, "x\ny");
	CHECK_JSON(&out, "\"x\\ny\"", "a NUL-terminated string");
	json_string(&(struct json){.out = &out}, NULL);
	CHECK_JSON(&out, "null", "no string is null");
}

static void test_every_byte(void)
{
	struct buf out = {0};
	unsigned raw = 0;

	for (unsigned c = 0; c < 256; c++)
		json_string_n(&(struct json){.out = &out}, &(char){(char)c}, 1);
	for (size_t i = 0; i < out.len; i++)
		raw += (unsigned char)out.data[i] < 0x20 || out.data[i] == 0x7f;
	CHECK_UINT(raw, 0, "no byte value gets a raw control byte written");
	buf_free(&out);
}

static void write_tree(struct json *json)
{
	json_object(json);
	json_key(json, "empty");
	json_object(json);
	json_object_end(json);
	json_key(json, "list");
	json_array(json);
	json_array(json);
	json_array_end(json);
	json_u64(json, 1);
	json_bool(json, true);
	json_object(json);
	json_key(json, "a\"b");
	json_null(json);
	json_object_end(json);
	json_raw(json, "{\"x\":1}", 7);
	json_array_end(json);
	json_key(json, "no");
	json_bool(json, false);
	json_key(json, "at");
	json_time(json, 0);
	json_object_end(json);
}

static void test_commas(void)
{
	static const char tree[] = "{\"empty\":{},\"list\":[[],1,true,{\"a\\\"b\":null},{\"x\":1}],"
				   "\"no\":false,\"at\":\"1970-01-01T00:00:00.000Z\"}";
	struct buf out = {0};
	struct json json = {.out = &out};

	write_tree(&json);
	CHECK_JSON(&out, tree, "commas are where they must be");

	json = (struct json){.out = &out};
	json_array(&json);
	json.mute = true;
	write_tree(&json);
	json_i64(&json, -1);
	json_string(&json, "\x80\n");
	json.mute = false;
	json_u64(&json, 2);
	json_array_end(&json);
	CHECK_JSON(&out, "[,2]", "mute writes nothing and keeps count of commas");
}

static void test_times(void)
{
	static const struct {
		double seconds;
		const char *text;
	} rows[] = {
	    {0, "\"1970-01-01T00:00:00.000Z\""},
	    {951782399.5, "\"2000-02-28T23:59:59.500Z\""},
	    {951782400, "\"2000-02-29T00:00:00.000Z\""},
	    {1700000000.678, "\"2023-11-14T22:13:20.678Z\""},
	    {1700000000.001, "\"2023-11-14T22:13:20.001Z\""},
	    {1700000000.9996, "\"2023-11-14T22:13:21.000Z\""},
	    {4102444800, "\"2100-01-01T00:00:00.000Z\""},
	    {253402300799, "\"9999-12-31T23:59:59.000Z\""},
	    {253402300800, "null"},
	    {1e300, "null"},
	    {-1, "null"},
	    {(double)NAN, "null"},
	    {(double)INFINITY, "null"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_time(&(struct json){.out = &out}, rows[i].seconds);
		CHECK_JSON(&out, rows[i].text, "time %s", rows[i].text);
	}
}

int main(void)
{
	test_integers();
	test_strings();
	test_every_byte();
	test_commas();
	test_times();
	return check_done();
}
