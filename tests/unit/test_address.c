/* Addresses: what is taken and in which canonical form, what is refused in which words, what
   comes from the kernel, and who reaches whom. */
#include "address.h"

#include <stddef.h>
#include "check.h"

#define A100                                                                                       \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiii" \
	"iijjjjjjjjjj"

static const struct {
	const char *text, *canonical;
} taken[] = {
    {"tcp:127.0.0.1:80", "tcp:127.0.0.1:80"},
    {"tcp:0.0.0.0:0", "tcp:0.0.0.0:0"},
    {"tcp:255.255.255.255:65535", "tcp:255.255.255.255:65535"},
    {"tcp:[::1]:80", "tcp:[::1]:80"},
    {"tcp:[::]:0", "tcp:[::]:0"},
    {"tcp:[0:0:0:0:0:0:0:1]:80", "tcp:[::1]:80"},
    {"tcp:[2001:DB8::00A]:8080", "tcp:[2001:db8::a]:8080"},
    {"tcp:[::ffff:127.0.0.1]:80", "tcp:[::ffff:127.0.0.1]:80"},
    {"tcp:[::ffff:7f00:1]:80", "tcp:[::ffff:127.0.0.1]:80"},
    {"tcp:[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "tcp:[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"unix:/run/x.sock", "unix:/run/x.sock"},
    {"/run/x.sock", "unix:/run/x.sock"},
    {"//run///x.sock", "unix:/run/x.sock"},
    {"unix://run/./x.sock/", "unix:/run/x.sock"},
    {"/run/a/b/../../x.sock", "unix:/run/x.sock"},
    {"/../../x", "unix:/x"},
    {"/run/x/.", "unix:/run/x"},
    {"/run/x/y/..", "unix:/run/x"},
    {"/run/...", "unix:/run/..."},
    {"/run/..x/.y", "unix:/run/..x/.y"},
    {"/tmp/a b", "unix:/tmp/a b"},
    {"/tmp/a\\b", "unix:/tmp/a\\b"},
    {"/tmp/[x]:\"y\"", "unix:/tmp/[x]:\"y\""},
    {"/tmp/\u00e4\u20ac\U0001F600", "unix:/tmp/\u00e4\u20ac\U0001F600"},
    {"/" A100 "/67890", "unix:/" A100 "/67890"},
    {"/" A100 "/../" A100 "/67890", "unix:/" A100 "/67890"},
    {"/@x", "unix:/@x"},
};

static void test_taken(void)
{
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
		struct address address, again;
		char text[ADDRESS_TEXT_SIZE];
		struct err err = {0};

		if (!CHECK(address_parse(&address, taken[i].text, &err) == 0, "%s is taken",
			   taken[i].text))
			continue;
		CHECK_STR(address_text(&address, text), taken[i].canonical, "its canonical form");
		CHECK(address_parse(&again, text, &err) == 0 && address_equal(&address, &again),
		      "which is taken, and equal");
		CHECK(address_is_unix(&address) == (strncmp(text, "unix:", 5) == 0), "its family");
	}
}

/* needle: what the detail must say. */
static const struct {
	const char *text, *needle;
} refused[] = {
    /* What was meant can be told. */
    {"127.0.0.1:80", "did you mean tcp:127.0.0.1:80"},
    {"[::1]:80", "did you mean tcp:[::1]:80"},
    {"localhost:80", "did you mean tcp:localhost:80"},
    {"localhost:80", "nodectl resolves names"},
    {"db-1.example.org:5432", "did you mean tcp:db-1.example.org:5432"},
    {"h:80", "did you mean tcp:h:80"},
    {"80", "did you mean tcp:127.0.0.1:80"},
    {":80", "did you mean tcp:127.0.0.1:80"},
    {"tcp:80", "did you mean tcp:127.0.0.1:80"},
    {"tcp::80", "did you mean tcp:127.0.0.1:80"},
    {"tcp:*:80", "did you mean tcp:127.0.0.1:80"},
    {"tcp:::1:80", "did you mean tcp:[::1]:80"},
    {"tcp:2001:db8::1:443", "did you mean tcp:[2001:db8::1]:443"},
    {"tcp://127.0.0.1:80", "did you mean tcp:127.0.0.1:80"},
    {"tcp://127.0.0.1:80/", "did you mean tcp:127.0.0.1:80"},
    {"tcp://[::1]:80", "did you mean tcp:[::1]:80"},
    {"tcp://:80", "did you mean tcp:127.0.0.1:80"},
    {"tcp://localhost:80", "did you mean tcp:localhost:80 (noded takes numeric addresses only"},
    {"tcp://127.0.0.1", "no slashes are behind tcp:"},
    {"tcp://", "no slashes are behind tcp:"},
    {"tcp:///", "no slashes are behind tcp:"},
    {"TCP:127.0.0.1:80", "lower case"},
    {"Unix:/run/x", "lower case"},
    {"x.sock", "must be absolute"},
    {"./x.sock", "must be absolute"},
    {"../x", "must be absolute"},
    {"~/x.sock", "must be absolute"},
    {"run/x", "must be absolute"},
    {"unix:x.sock", "must be absolute"},
    {"unix:./x.sock", "must be absolute"},
    {"tcp:localhost:80", "numeric addresses only (nodectl resolves names)"},
    {"tcp:localhost", "tcp:localhost:PORT"},
    {"tcp:127.0.0.1", "tcp:127.0.0.1:PORT"},
    /* What it is not. */
    {"", "empty"},
    {"unix:", "empty"},
    {"tcp:", "no host and no port"},
    {"hello", "its forms: tcp:"},
    {"http://127.0.0.1:80/", "its forms: tcp:"},
    {"udp:127.0.0.1:80", "its forms: tcp:"},
    {"udp:80", "its forms: tcp:"},
    {" tcp:127.0.0.1:80", "its forms: tcp:"},
    {"\033[2J", "\\x1b[2J"},
    /* IPv4 */
    {"tcp:127.0.0.01:80", "leading zeros"},
    {"tcp:127.1:80", "not an IPv4 address"},
    {"tcp:256.0.0.1:80", "not an IPv4 address"},
    {"tcp:127.0.0.1.:80", "not an IPv4 address"},
    {"tcp:2130706433:80", "not an IPv4 address"},
    {"tcp:0x7f.0.0.1:80", "numeric addresses only"},
    {"tcp: 127.0.0.1:80", "numeric addresses only"},
    {"tcp:127.0.0.1 :80", "numeric addresses only"},
    /* IPv6 */
    {"tcp:[::1%lo]:80", "zone"},
    {"tcp:[fe80::1%1]:80", "zone"},
    {"tcp:[::1:80", "no ]"},
    {"tcp:[::1]", "no port"},
    {"tcp:[::1]80", "no port"},
    {"tcp:[::1]]:80", "no port"},
    {"tcp:[]:80", "not an IPv6 address"},
    {"tcp:[127.0.0.1]:80", "not an IPv6 address"},
    {"tcp:[[::1]]:80", "not an IPv6 address"},
    {"tcp:[:::1]:80", "not an IPv6 address"},
    {"tcp:[12345::]:80", "not an IPv6 address"},
    {"tcp:[::ffff:127.0.0.01]:80", "not an IPv6 address"},
    {"tcp:[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80", "not an IPv6 address"},
    {"tcp:127.0.0.1:80:80", "more than one colon"},
    /* ports */
    {"tcp:127.0.0.1:", "the port is not"},
    {"tcp:127.0.0.1:65536", "the port is not"},
    {"tcp:127.0.0.1:99999999999999999999", "the port is not"},
    {"tcp:127.0.0.1:4294967376", "the port is not"},
    {"tcp:127.0.0.1:080", "the port is not"},
    {"tcp:127.0.0.1:00", "the port is not"},
    {"tcp:127.0.0.1:+80", "the port is not"},
    {"tcp:127.0.0.1:-1", "the port is not"},
    {"tcp:127.0.0.1: 80", "the port is not"},
    {"tcp:127.0.0.1:80 ", "the port is not"},
    {"tcp:127.0.0.1:80\n", "the port is not"},
    {"tcp:127.0.0.1:http", "the port is not"},
    {"tcp:127.0.0.1:0x50", "the port is not"},
    {"tcp:[::1]:", "the port is not"},
    {"tcp:[::1]:65536", "the port is not"},
    {"tcp:[::1]:080", "the port is not"},
    /* paths */
    {"/", "root directory"},
    {"unix:///.//..", "root directory"},
    {"/x/..", "root directory"},
    {"@x", "abstract"},
    {"unix:@x", "abstract"},
    {"/tmp/a\nb", "control characters or is not UTF-8: /tmp/a\\x0ab"},
    {"/tmp/a\tb", "control characters"},
    {"/tmp/a\177b", "control characters"},
    {"/tmp/a\xc2\x85", "control characters"},
    {"/tmp/a\u2028", "control characters"},
    {"/tmp/\xff", "not UTF-8"},
    {"/tmp/\xc0\xaf", "not UTF-8"},
    {"/tmp/\xed\xa0\x80", "not UTF-8"},
    {"/" A100 "/678901", "the path has 108 bytes, that of a socket can have 107"},
    {"/x\n/..", "control characters"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct address address;
		struct err err = {0};

		memset(&address, 0x55, sizeof address);
		CHECK(address_parse(&address, refused[i].text, &err) == -1 &&
			  err.code == ERR_ADDRESS_INVALID,
		      "\"%s\" is refused", refused[i].text);
		if (!CHECK(strstr(err.detail, refused[i].needle) != NULL, "and told: %s",
			   refused[i].needle))
			printf("# told: %s\n", err.detail);
		CHECK(address.len == 0, "and no address is left");
	}
}

/* A text far over every limit: told shortened, whatever form it begins like. */
static void test_endless(void)
{
	static const char *const beginnings[] = {"",	   "/",	       "unix:",	     "unix:/",
						 "tcp:",   "tcp:[",    "tcp:[::1]:", "tcp://",
						 "tcp:1:", "tcp:1:2:", ".",	     "@",
						 ":"};
	static char text[70000];

	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
		static const char fillings[] = "a1:/.]\033\xff";

		for (const char *filling = fillings; *filling != '\0'; filling++) {
			struct address address;
			struct err err = {0};

			memset(text, *filling, sizeof text - 1);
			memcpy(text, beginnings[i], strlen(beginnings[i]));
			CHECK(address_parse(&address, text, &err) == -1 && strlen(err.detail) > 0 &&
				  strlen(err.detail) < 400,
			      "70,000 times \\x%02x behind \"%s\" is refused",
			      (unsigned char)*filling, beginnings[i]);
		}
	}
}

static struct address parsed(const char *text)
{
	struct address address;
	struct err err;

	if (address_parse(&address, text, &err) < 0)
		CHECK(false, "%s: %s", text, err.detail);
	return address;
}

static const struct {
	const char *name, *path;
	size_t n; /* bytes of path the kernel counts */
	const char *text;
} peers[] = {
    {"unbound", "", 0, "unix:"},
    {"path with its NUL", "/run/x", 7, "unix:/run/x"},
    {"path without", "/run/x", 6, "unix:/run/x"},
    {"relative path", "x.sock", 7, "unix:x.sock"},
    {"path with a backslash", "/a\\b", 5, "unix:/a\\b"},
    {"path with escapes", "/a\033\n\\\xff", 7, "unix:/a\\x1b\\x0a\\\\xff"},
    {"longest path", "/" A100 "/67890", 108, "unix:/" A100 "/67890"},
    {"108 bytes without NUL", "/" A100 "/678901", 108, "unix:/" A100 "/67890"},
    {"abstract", "\0name", 5, "unix:@name"},
    {"abstract with NULs", "\0a\0b\0", 5, "unix:@a\\x00b\\x00"},
    {"abstract without a name", "\0", 1, "unix:@"},
    {"abstract, cut", "\0\1" A100, 102, "unix:@\\x01" A100},
    {"abstract, 107 bytes", "\0" A100 "123456", 107, "unix:@" A100 "123456"},
};

static void test_unix_peers(void)
{
	for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + peers[i].n);
		char text[ADDRESS_TEXT_SIZE];
		struct address address;

		memset(un.sun_path, 'Z', sizeof un.sun_path);
		memcpy(un.sun_path, peers[i].path, peers[i].n);
		address_from_sockaddr(&address, (struct sockaddr *)&un, len);
		CHECK_STR(address_text(&address, text), peers[i].text, "Unix peer: %s",
			  peers[i].name);
		CHECK(address_is_unix(&address) && address_is_loopback(&address) &&
			  address_port(&address) == 0,
		      "a Unix address, here, without a port");
		CHECK(address.un.sun_path[sizeof address.un.sun_path - 1] == '\0', "its path ends");
	}
}

/* All bytes foreign: the text is full, and cut between two escapes. */
static void test_long_escapes(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	size_t n;

	memset(un.sun_path, '\n', sizeof un.sun_path);
	address_from_sockaddr(&address, (struct sockaddr *)&un, sizeof un);
	n = strlen(address_text(&address, text));
	CHECK(n > ADDRESS_TEXT_SIZE - 5 && n < ADDRESS_TEXT_SIZE, "a foreign path fills the text");
	CHECK_STR(text + n - 4, "\\x0a", "and is cut between escapes");
}

static void test_other_sockaddrs(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(443),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				   .sin6_scope_id = 3};
	struct sockaddr other = {.sa_family = AF_APPLETALK};
	char text[ADDRESS_TEXT_SIZE];
	struct address address, want = parsed("tcp:[::1]:443");

	address_from_sockaddr(&address, (struct sockaddr *)&in, sizeof in);
	CHECK_STR(address_text(&address, text), "tcp:0.0.0.0:80", "an IPv4 sockaddr");
	address_from_sockaddr(&address, (struct sockaddr *)&in6, sizeof in6);
	CHECK_STR(address_text(&address, text), "tcp:[::1]:443", "an IPv6 sockaddr");
	CHECK(address_equal(&address, &want), "equal to the parsed one, zone or not");
	address_from_sockaddr(&address, (struct sockaddr *)&in6, sizeof in6 - 1);
	CHECK(address.len == 0, "a cut sockaddr is no address");
	address_from_sockaddr(&address, &other, sizeof other);
	CHECK(address.len == 0, "another family is no address");
	address_from_sockaddr(&address, &other, 0);
	CHECK_STR(address_text(&address, text), "", "no address has no text");
	CHECK(!address_is_unix(&address) && !address_is_loopback(&address) &&
		  address_port(&address) == 0,
	      "and is of no family, not here, without a port");
}

static void test_loopback(void)
{
	static const struct {
		const char *text;
		bool loopback;
		unsigned port;
	} rows[] = {
	    {"tcp:127.0.0.1:1", true, 1},      {"tcp:127.255.255.255:2", true, 2},
	    {"tcp:128.0.0.1:3", false, 3},     {"tcp:126.255.255.255:4", false, 4},
	    {"tcp:0.0.0.0:5", false, 5},       {"tcp:[::1]:65535", true, 65535},
	    {"tcp:[::]:0", false, 0},	       {"tcp:[::ffff:127.0.0.1]:7", false, 7},
	    {"tcp:[2001:db8::1]:8", false, 8}, {"/run/x", true, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct address address = parsed(rows[i].text);

		CHECK(address_is_loopback(&address) == rows[i].loopback, "%s is%s loopback",
		      rows[i].text, rows[i].loopback ? "" : " not");
		CHECK_UINT(address_port(&address), rows[i].port, "%s has its port", rows[i].text);
	}
}

static void test_reaches(void)
{
	static const struct {
		const char *to, *at;
		bool equal, reaches;
	} rows[] = {
	    {"tcp:127.0.0.1:80", "tcp:127.0.0.1:80", true, true},
	    {"tcp:127.0.0.1:80", "tcp:127.0.0.1:81", false, false},
	    {"tcp:127.0.0.2:80", "tcp:127.0.0.1:80", false, false},
	    {"tcp:127.0.0.1:80", "tcp:0.0.0.0:80", false, true},
	    {"tcp:127.9.9.9:80", "tcp:0.0.0.0:80", false, true},
	    {"tcp:127.0.0.1:80", "tcp:0.0.0.0:81", false, false},
	    {"tcp:10.0.0.1:80", "tcp:0.0.0.0:80", false, false},
	    {"tcp:0.0.0.0:80", "tcp:0.0.0.0:80", true, true},
	    {"tcp:0.0.0.0:80", "tcp:127.0.0.1:80", false, true},
	    {"tcp:0.0.0.0:80", "tcp:127.0.0.2:80", false, false},
	    {"tcp:[::1]:80", "tcp:[::1]:80", true, true},
	    {"tcp:[::1]:80", "tcp:[::]:80", false, true},
	    {"tcp:[::]:80", "tcp:[::1]:80", false, true},
	    {"tcp:[::]:80", "tcp:[::]:80", true, true},
	    {"tcp:[2001:db8::1]:80", "tcp:[::]:80", false, false},
	    {"tcp:127.0.0.1:80", "tcp:[::]:80", false, false},
	    {"tcp:[::1]:80", "tcp:0.0.0.0:80", false, false},
	    {"tcp:[::1]:80", "tcp:127.0.0.1:80", false, false},
	    {"tcp:[::ffff:127.0.0.1]:80", "tcp:127.0.0.1:80", false, true},
	    {"tcp:[::ffff:127.0.0.1]:80", "tcp:0.0.0.0:80", false, true},
	    {"tcp:[::ffff:0.0.0.0]:80", "tcp:127.0.0.1:80", false, true},
	    {"tcp:[::ffff:10.0.0.1]:80", "tcp:127.0.0.1:80", false, false},
	    {"/run/x", "unix:/run/./x", true, true},
	    {"/run/x", "/run/xy", false, false},
	    {"/run/x", "tcp:0.0.0.0:80", false, false},
	    {"tcp:127.0.0.1:80", "/run/x", false, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct address to = parsed(rows[i].to), at = parsed(rows[i].at);

		CHECK(address_equal(&to, &at) == rows[i].equal &&
			  address_equal(&at, &to) == rows[i].equal,
		      "%s and %s are%s equal", rows[i].to, rows[i].at, rows[i].equal ? "" : " not");
		CHECK(address_reaches(&to, &at) == rows[i].reaches, "%s %s %s", rows[i].to,
		      rows[i].reaches ? "reaches" : "does not reach", rows[i].at);
	}
}

int main(void)
{
	test_taken();
	test_refused();
	test_endless();
	test_unix_peers();
	test_long_escapes();
	test_other_sockaddrs();
	test_loopback();
	test_reaches();
	return check_done();
}
