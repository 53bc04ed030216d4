/* Growing, consuming, failing to grow; and what people are shown of foreign bytes. */
#include "buf.h"

#include "check.h"

/* Present in a sanitized program, whose allocator reports what malloc just refuses. */
extern void __asan_init(void) __attribute__((weak));

static void test_growth(void)
{
	struct buf buf = {0};
	bool same = true;

	CHECK_STR(buf_string(&buf), "", "a zeroed buffer is the empty string");
	CHECK_UINT(buf.len, 0, "the NUL of buf_string is not counted");
	CHECK_STR(buf_string_or(&buf, "lost"), "", "what is there is not told otherwise");
	for (unsigned i = 0; i < 100000; i++)
		buf_append(&buf, &(char){(char)('a' + i % 26)}, 1);
	CHECK_UINT(buf.len, 100000, "100,000 bytes went in one by one");
	CHECK(buf.cap >= buf.len && buf.cap < 4 * buf.len, "the memory fits the contents");
	for (unsigned i = 0; i < 100000; i++)
		same = same && buf.data[i] == (char)('a' + i % 26);
	CHECK(same, "they are the same bytes");
	CHECK(buf_string(&buf) != NULL && strlen(buf.data) == 100000, "buf_string ends them");

	buf_reset(&buf);
	CHECK(buf.len == 0 && buf.cap > 0, "buf_reset keeps the memory");
	buf_append(&buf, "", 0);
	CHECK_UINT(buf.len, 0, "nothing appended is nothing");
	buf_free(&buf);
	CHECK(buf.data == NULL && buf.len == 0 && buf.cap == 0, "buf_free leaves an empty buffer");
	buf_append(&buf, NULL, 0);
	CHECK(buf.data == NULL && !buf.failed, "nothing appended needs no memory");
	buf_append(&buf, "again", 5);
	CHECK_STR(buf_string(&buf), "again", "a freed buffer can be used again");
	buf_free(&buf);
}

static void test_printf(void)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 255, 256, 257, 1023, 5000};
	char text[5001];
	struct buf buf = {0};

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(text, 'y', lengths[i]);
		text[lengths[i]] = '\0';
		buf_printf(&buf, "%s", text);
		CHECK_STR(buf_string(&buf), text, "buf_printf of %zu bytes", lengths[i]);
		buf_reset(&buf);
		buf_append(&buf, text, lengths[i]);
		buf_printf(&buf, "%d%%", 7);
		CHECK(buf.len == lengths[i] + 2 && memcmp(buf.data + lengths[i], "7%", 2) == 0,
		      "buf_printf behind %zu bytes", lengths[i]);
		buf_reset(&buf);
	}
	buf_free(&buf);
}

static void test_consume(void)
{
	struct buf buf = {0};

	buf_consume(&buf, 0);
	CHECK_UINT(buf.len, 0, "nothing of an empty buffer can be consumed");
	buf_append(&buf, "one two", 7);
	buf_consume(&buf, 0);
	CHECK_STR(buf_string(&buf), "one two", "consume nothing");
	buf_consume(&buf, 4);
	CHECK_STR(buf_string(&buf), "two", "consume the first bytes");
	buf_append(&buf, "!", 1);
	CHECK_STR(buf_string(&buf), "two!", "append behind the rest");
	buf_consume(&buf, buf.len);
	CHECK_UINT(buf.len, 0, "consume everything");
	buf_free(&buf);
}

static void test_reserve(void)
{
	struct buf buf = {0};
	char *end = buf_reserve(&buf, 0);

	CHECK(end != NULL, "room for nothing is somewhere");
	buf_append(&buf, "ab", 2);
	end = buf_reserve(&buf, 3000);
	if (CHECK(end == buf.data + 2 && buf.cap - buf.len >= 3000, "the room is at the end")) {
		memset(end, 'z', 3000);
		buf.len += 3000;
	}
	CHECK(memcmp(buf.data, "abz", 3) == 0 && buf.data[3001] == 'z', "what is there stays");
	buf_free(&buf);
}

static void test_failure(void)
{
	static const struct {
		const char *name;
		size_t n;
	} rows[] = {
	    {"more than the memory there is", (size_t)1 << 60},
	    {"more than an object can have", (size_t)PTRDIFF_MAX + 1},
	    {"a length that overflows", SIZE_MAX},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf buf = {0};

		if (rows[i].n <= PTRDIFF_MAX && __asan_init != NULL)
			continue;
		buf_append(&buf, "kept", 4);
		CHECK(buf_reserve(&buf, rows[i].n) == NULL && buf.failed, "%s: fails",
		      rows[i].name);
		buf_append(&buf, "x", 1);
		buf_printf(&buf, "x");
		buf_escape(&buf, "x", 1);
		CHECK(buf.len == 4 && memcmp(buf.data, "kept", 4) == 0,
		      "%s: the contents stay, appends do nothing", rows[i].name);
		CHECK(buf_string(&buf) == NULL && buf_reserve(&buf, 1) == NULL,
		      "%s: the failure is remembered", rows[i].name);
		CHECK_STR(buf_string_or(&buf, "lost"), "lost", "%s: and told otherwise",
			  rows[i].name);
		buf_consume(&buf, 2);
		CHECK(buf.failed, "%s: by consume too", rows[i].name);
		buf_reset(&buf);
		buf_append(&buf, "new", 3);
		CHECK_STR(buf_string(&buf), "new", "%s: buf_reset forgets it", rows[i].name);
		buf_free(&buf);
	}
}

static const struct {
	const char *name, *bytes;
	size_t n;
	const char *shown;
} escapes[] = {
#define ROW(name, bytes, shown)                                                                    \
	{                                                                                          \
		name, bytes, sizeof bytes - 1, shown                                               \
	}
    ROW("nothing", "", ""),
    ROW("printable ASCII", " !\"#~az09", " !\"#~az09"),
    ROW("backslash", "a\\b", "a\\b"),
    ROW("NUL", "a\0b", "a\\x00b"),
    ROW("newline and tab", "\n\t\r", "\\x0a\\x09\\x0d"),
    ROW("escape sequence", "\033[31m", "\\x1b[31m"),
    ROW("DEL", "\177", "\\x7f"),
    ROW("two-byte sequence", "\u00e4", "\u00e4"),
    ROW("first after C1", "\u00a0", "\u00a0"),
    ROW("first and last C1", "\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f"),
    ROW("three and four bytes", "\u20ac\U0001F600", "\u20ac\U0001F600"),
    ROW("line separators", "\u2027\u2028\u2029\u202f",
	"\u2027\\xe2\\x80\\xa8\\xe2\\x80\\xa9\u202f"),
    ROW("stray continuation", "a\x80z", "a\\x80z"),
    ROW("cut sequence", "\xe2\x82", "\\xe2\\x82"),
    ROW("overlong slash", "\xc0\xaf", "\\xc0\\xaf"),
    ROW("surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ROW("over U+10FFFF", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
    ROW("bad byte, then good text", "\xff\u00e4", "\\xff\u00e4"),
#undef ROW
};

static void test_escape(void)
{
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
		struct buf buf = {0};
		char text[128];

		buf_escape(&buf, escapes[i].bytes, escapes[i].n);
		CHECK_STR(buf_string(&buf), escapes[i].shown, "buf_escape: %s", escapes[i].name);
		buf_free(&buf);
		escape_text(text, sizeof text, escapes[i].bytes, escapes[i].n);
		CHECK_STR(text, escapes[i].shown, "escape_text: %s", escapes[i].name);
	}
}

static void test_cut(void)
{
	static const struct {
		size_t size;
		const char *bytes, *shown;
	} rows[] = {
	    {1, "a", ""},      {3, "ab", "ab"},	    {3, "abc", "ab"},	   {3, "\\", "\\"},
	    {1, "\\", ""},     {5, "a\nb", "a"},    {6, "a\nb", "a\\x0a"}, {4, "\u20ac", "\u20ac"},
	    {3, "\u20ac", ""}, {3, "a\u00e4", "a"},
	};
	char text[8];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memset(text, '!', sizeof text);
		escape_text(text, rows[i].size, rows[i].bytes, strlen(rows[i].bytes));
		CHECK_STR(text, rows[i].shown, "%zu bytes of room", rows[i].size);
		CHECK(text[rows[i].size] == '!', "and not one more is touched");
	}
}

int main(void)
{
	test_growth();
	test_printf();
	test_consume();
	test_reserve();
	test_failure();
	test_escape();
	test_cut();
	return check_done();
}
