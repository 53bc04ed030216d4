/* State paths: which keys a text stands for, what is refused, and that keys written as text are
   read back. */
#include "path.h"

#include <stdlib.h>
#include "check.h"

#define SERVERS "transport|servers|"

/* keys: joined by '|'. again: the canonical text. */
static const struct {
	const char *text, *keys, *again;
} taken[] = {
    {"", "", ""},
    {"phase", "phase", "phase"},
    {"process.fds", "process|fds", "process.fds"},
    {"a-b.c_d.E9", "a-b|c_d|E9", "a-b.c_d.E9"},
    {"transport.servers[tcp:[::1]:9000].listener", SERVERS "tcp:[::1]:9000|listener",
     "transport.servers[\"tcp:[::1]:9000\"].listener"},
    {"transport.servers[tcp:[0::1]:9000]", SERVERS "tcp:[::1]:9000",
     "transport.servers[\"tcp:[::1]:9000\"]"},
    {"transport.servers[/tmp/a.sock]", SERVERS "unix:/tmp/a.sock",
     "transport.servers[\"unix:/tmp/a.sock\"]"},
    {"transport.servers[\"unix:/tmp/a b.sock\"]", SERVERS "unix:/tmp/a b.sock",
     "transport.servers[\"unix:/tmp/a b.sock\"]"},
    {"transport.servers[\"//tmp/./a]\\\"\\u0062\"].why", SERVERS "unix:/tmp/a]\"b|why",
     "transport.servers[\"unix:/tmp/a]\\\"b\"].why"},
    {"transport.servers[/tmp/a[1].sock].why", SERVERS "unix:/tmp/a[1].sock|why",
     "transport.servers[\"unix:/tmp/a[1].sock\"].why"},
    {"transport.servers./tmp/a", SERVERS "unix:/tmp/a", "transport.servers[\"unix:/tmp/a\"]"},
    {"connections[17]", "connections|17", "connections[17]"},
    {"connections.17", "connections|17", "connections[17]"},
    {"connections[18446744073709551616].peer", "connections|18446744073709551616|peer",
     "connections[18446744073709551616].peer"},
    {"closed.error:ECONNREFUSED", "closed|error:ECONNREFUSED", "closed[\"error:ECONNREFUSED\"]"},
    {"closed[exit:3]", "closed|exit:3", "closed[\"exit:3\"]"},
    {"[transport][servers]", "transport|servers", "transport.servers"},
    {"[\"transport\"].servers", "transport|servers", "transport.servers"},
    {"a[ b ]", "a| b ", "a[\" b \"]"},
    {"a[b\"c]", "a|b\"c", "a[\"b\\\"c\"]"},
    {"a[b[c[d]]e]", "a|b[c[d]]e", "a[\"b[c[d]]e\"]"},
    {"a[\"\"].b", "a||b", "a[\"\"].b"},
    {"a[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "a|\"\\/\b\f\n\r\t", "a[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"},
    {"a[\"\\u00e4\\u20AC\\ud83d\\uDE00\"]", "a|\u00e4\u20ac\U0001F600",
     "a[\"\u00e4\u20ac\U0001F600\"]"},
    {"a[\"\\u007f\\uffff\\udbff\\udfff\"]", "a|\177\uffff\U0010ffff",
     "a[\"\\u007f\uffff\U0010ffff\"]"},
    {"\u00e4.b", "\u00e4|b", "[\"\u00e4\"].b"},
    {"/tmp/x.sock", SERVERS "unix:/tmp/x.sock", "transport.servers[\"unix:/tmp/x.sock\"]"},
    {"unix:/tmp/../x.[1]", SERVERS "unix:/x.[1]", "transport.servers[\"unix:/x.[1]\"]"},
    {"tcp:[0:0::1]:80", SERVERS "tcp:[::1]:80", "transport.servers[\"tcp:[::1]:80\"]"},
    {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p",
     "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p"},
    /* Sixteen keys, each longer in its canonical form. */
    {"[/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][/a][tcp:[::ff:ff]:1]",
     "unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|unix:/a|"
     "unix:/a|unix:/a|unix:/a|unix:/a|tcp:[::0.255.0.255]:1",
     NULL},
};

static void join(struct buf *keys, const struct path *path)
{
	buf_reset(keys);
	for (size_t i = 0; i < path->count; i++)
		buf_printf(keys, "%s%s", i > 0 ? "|" : "", path->key[i]);
}

static void test_taken(void)
{
	struct path *path = malloc(sizeof *path);
	struct buf keys = {0}, again = {0};

	for (size_t i = 0; path != NULL && i < sizeof taken / sizeof taken[0]; i++) {
		struct err err = {0};

		if (!CHECK(path_parse(path, taken[i].text, &err) == 0, "%s is taken",
			   taken[i].text)) {
			printf("# %s\n", err.detail);
			continue;
		}
		join(&keys, path);
		CHECK_STR(buf_string(&keys), taken[i].keys, "its keys");
		buf_reset(&again);
		path_format(&again, path, path->count);
		if (taken[i].again != NULL)
			CHECK_STR(buf_string(&again), taken[i].again, "its canonical text");
		if (!CHECK(path_parse(path, buf_string(&again), &err) == 0, "which is taken"))
			continue;
		join(&keys, path);
		CHECK_STR(buf_string(&keys), taken[i].keys, "and has the same keys");
	}
	buf_free(&keys);
	buf_free(&again);
	free(path);
}

static const struct {
	const char *text, *needle;
} refused[] = {
    {".", "no key at byte 0"},
    {".a", "no key at byte 0"},
    {"a.", "no key at byte 2"},
    {"a..b", "no key at byte 2"},
    {"a.[b]", "no key at byte 2"},
    {"a[b]c", "neither '.' nor '[' at byte 4"},
    {"a]", "neither '.' nor '[' at byte 1"},
    {"a b", "neither '.' nor '[' at byte 1"},
    {"a\nb", "neither '.' nor '[' at byte 1"},
    {"a\"b\"", "neither '.' nor '[' at byte 1"},
    {" ", "no key at byte 0"},
    {"]", "no key at byte 0"},
    {"[", "not closed"},
    {"a[", "not closed"},
    {"a[b", "not closed"},
    {"a[b[c]", "not closed"},
    {"a[b\n]", "not closed"},
    {"a[]", "an empty key"},
    {"a[b]]", "neither '.' nor '['"},
    {"a[\"", "the string at byte 2 of the path: byte 2: a string is not closed"},
    {"a[\"b", "not closed"},
    {"a[\"b]", "not closed"},
    {"a[\"b\n\"]", "a control character"},
    {"a[\"b\"", "no ] behind the string"},
    {"a[\"b\"x]", "no ] behind the string"},
    {"a[\"\\", "unknown escape"},
    {"a[\"\\x\"]", "unknown escape"},
    {"a[\"\\u\"]", "four hexadecimal digits"},
    {"a[\"\\u12g4\"]", "four hexadecimal digits"},
    {"a[\"\\u123", "four hexadecimal digits"},
    {"a[\"\\u0000\"]", "\\u0000 is refused"},
    {"a[\"\\ud800\"]", "surrogate"},
    {"a[\"\\ud800x\"]", "surrogate"},
    {"a[\"\\ud800\\u0041\"]", "surrogate"},
    {"a[\"\\ud800\\ud800\"]", "surrogate"},
    {"a[\"\\udc00\\ud800\"]", "surrogate"},
    {"a[\"\\ud800\\u", "surrogate"},
    {"a.\xff", "not UTF-8"},
    {"a[\"\xed\xa0\x80\"]", "not UTF-8"},
    {"/", "root directory"},
    {"unix:x", "must be absolute"},
    {"tcp:localhost:80", "numeric"},
    {"tcp:127.0.0.1:80.listener", "the port is not"},
    {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "16 keys"},
    {"[1][2][3][4][5][6][7][8][9][10][11][12][13][14][15][16][17]", "16 keys"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct path path;
		struct err err = {0};

		CHECK(path_parse(&path, refused[i].text, &err) == -1 &&
			  err.code == ERR_INVALID_PARAMS && strcmp(err.param, "path") == 0,
		      "\"%s\" is refused", refused[i].text);
		if (!CHECK(strstr(err.detail, refused[i].needle) != NULL, "and told: %s",
			   refused[i].needle))
			printf("# told: %s\n", err.detail);
	}
}

/* Keys may be longer once canonical, but never outgrow the room there is for them. */
static void test_room(void)
{
	char text[PATH_TEXT_MAX + 1] = "";
	struct path path;
	struct err err = {0};

	for (int i = 0; i < PATH_KEYS_MAX - 1; i++)
		strcat(text, "[\"/a\"]");
	strcat(text, "[\"");
	memset(text + strlen(text), 'b', sizeof text - 1 - strlen(text) - 2);
	memcpy(text + sizeof text - 3, "\"]", 3);
	CHECK(path_parse(&path, text, &err) == 0 && path.count == PATH_KEYS_MAX &&
		  path.key[15][0] == 'b',
	      "sixteen keys that fill the path to the end are taken: %s", err.detail);
}

static void test_length(void)
{
	char text[PATH_TEXT_MAX + 2];
	struct path path;
	struct err err = {0};

	memset(text, 'a', sizeof text);
	text[PATH_TEXT_MAX] = '\0';
	CHECK(path_parse(&path, text, &err) == 0 && path.count == 1 &&
		  strcmp(path.key[0], text) == 0,
	      "a path of %d bytes is taken", PATH_TEXT_MAX);
	text[PATH_TEXT_MAX] = 'a';
	text[PATH_TEXT_MAX + 1] = '\0';
	CHECK(path_parse(&path, text, &err) == -1 && strstr(err.detail, "1024 bytes") != NULL,
	      "one of %d is not", PATH_TEXT_MAX + 1);
}

/* Every key a caller has in hand, in every place, comes back from the text. */
static void test_append(void)
{
	static const struct {
		const char *key, *first, *next;
	} rows[] = {
	    {"listener", "listener", "x.listener"},
	    {"17", "[17]", "x[17]"},
	    {"17a", "17a", "x.17a"},
	    {"", "[\"\"]", "x[\"\"]"},
	    {"a.b", "[\"a.b\"]", "x[\"a.b\"]"},
	    {"a]\"\\\n", "[\"a]\\\"\\\\\\n\"]", "x[\"a]\\\"\\\\\\n\"]"},
	    {"tcp:[::1]:80", "[\"tcp:[::1]:80\"]", "x[\"tcp:[::1]:80\"]"},
	    {"\u00e4\xc2\x80", "[\"\u00e4\\u0080\"]", "x[\"\u00e4\\u0080\"]"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf text = {0};
		struct path path;
		struct err err;

		path_append_key(&text, rows[i].key);
		CHECK_STR(buf_string(&text), rows[i].first, "key \"%s\" first", rows[i].key);
		CHECK(path_parse(&path, buf_string(&text), &err) == 0 && path.count == 1 &&
			  strcmp(path.key[0], rows[i].key) == 0,
		      "and read back");
		buf_reset(&text);
		path_append_key(&text, "x");
		path_append_key(&text, rows[i].key);
		CHECK_STR(buf_string(&text), rows[i].next, "then behind another");
		CHECK(path_parse(&path, buf_string(&text), &err) == 0 && path.count == 2 &&
			  strcmp(path.key[1], rows[i].key) == 0,
		      "and read back");
		buf_free(&text);
	}
}

static void test_prefix(void)
{
	struct buf text = {0};
	struct path path;
	struct err err;

	if (CHECK(path_parse(&path, "transport.servers[/x].nothing.more", &err) == 0,
		  "a path is taken")) {
		path_format(&text, &path, 0);
		CHECK_STR(buf_string(&text), "", "none of its keys");
		path_format(&text, &path, 3);
		CHECK_STR(buf_string(&text), "transport.servers[\"unix:/x\"]", "the first three");
	}
	buf_free(&text);
}

int main(void)
{
	test_taken();
	test_refused();
	test_length();
	test_room();
	test_append();
	test_prefix();
	return check_done();
}
