/* Reading, showing and comparing addresses. */
#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "buf.h"
#include "text.h"

#define FORMS "tcp:A.B.C.D:PORT, tcp:[V6]:PORT, unix:/PATH or /PATH"

enum {
	UNIX_PATH_AT = offsetof(struct sockaddr_un, sun_path),
	UNIX_PATH_MAX_LEN = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	SHOWN_SIZE = 160, /* of the caller's text in a detail */
};

/* Decimal, 0 to 65535, one way to write each; false if text is anything else. */
static bool port_parse(const char *text, in_port_t *port)
{
	unsigned number = 0;

	if (!text_is_all(text, TEXT_DIGITS) || strlen(text) > 5 ||
	    (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++)
		number = 10 * number + (unsigned)(*text - '0');
	if (number > UINT16_MAX)
		return false;
	*port = htons((uint16_t)number);
	return true;
}

/* inet_pton takes no zone, and no leading zeros in IPv4. */
static bool host_parse(struct address *address, const char *host, size_t n)
{
	bool bracketed = n >= 2 && host[0] == '[' && host[n - 1] == ']';
	char copy[INET6_ADDRSTRLEN];

	*address = (struct address){0};
	if (bracketed) {
		host++;
		n -= 2;
	}
	if (n >= sizeof copy)
		return false;
	memcpy(copy, host, n);
	copy[n] = '\0';
	if (bracketed) {
		address->in6.sin6_family = AF_INET6;
		address->len = sizeof address->in6;
		return inet_pton(AF_INET6, copy, &address->in6.sin6_addr) == 1;
	}
	address->in.sin_family = AF_INET;
	address->len = sizeof address->in;
	return inet_pton(AF_INET, copy, &address->in.sin_addr) == 1;
}

/* text: what follows "tcp:". On failure *address is undefined. */
static bool tcp_parse(struct address *address, const char *text)
{
	const char *colon = strrchr(text, ':');
	in_port_t port;

	if (colon == NULL || !host_parse(address, text, (size_t)(colon - text)) ||
	    !port_parse(colon + 1, &port))
		return false;
	if (address->sa.sa_family == AF_INET6)
		address->in6.sin6_port = port;
	else
		address->in.sin_port = port;
	return true;
}

/* What is wrong with "tcp:" and a bracketed rest. */
static int v6_explain(const char *text, const char *shown, struct err *err)
{
	const char *close = strchr(text, ']');
	struct address host;

	if (close == NULL)
		return err_set(err, ERR_ADDRESS_INVALID, "no ] ends the IPv6 address in tcp:%s",
			       shown);
	if (memchr(text, '%', (size_t)(close - text)) != NULL)
		return err_set(err, ERR_ADDRESS_INVALID,
			       "IPv6 addresses with a zone (%%) are not taken: tcp:%s", shown);
	if (!host_parse(&host, text, (size_t)(close + 1 - text)))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "what is in brackets is not an IPv6 address: tcp:%s", shown);
	if (close[1] != ':')
		return err_set(err, ERR_ADDRESS_INVALID,
			       "no port behind the ], as in tcp:[::1]:80: tcp:%s", shown);
	return err_set(err, ERR_ADDRESS_INVALID,
		       "the port is not a decimal number from 0 to 65535: tcp:%s", shown);
}

/* IPv6 without its brackets: what was meant can be said if the last number can only be the port. */
static int colons_explain(const char *text, const char *shown, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char meant[SHOWN_SIZE];
	struct address address;

	snprintf(meant, sizeof meant, "[%.*s]%s", (int)(colon - text), text, colon);
	if (tcp_parse(&address, meant))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "IPv6 addresses are written in brackets: did you mean tcp:%s",
			       meant);
	return err_set(err, ERR_ADDRESS_INVALID,
		       "more than one colon; IPv6 addresses are written in brackets, as in "
		       "tcp:[::1]:80: tcp:%s",
		       shown);
}

/* True for "name:port" whose name is no scheme people know from elsewhere. */
static bool is_host_and_port(const char *text)
{
	static const char *const schemes[] = {"http", "https", "udp", "tcp4", "tcp6", "ip", "unix"};
	const char *colon = strchr(text, ':');
	in_port_t port;

	if (colon == NULL || !port_parse(colon + 1, &port))
		return false;
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strlen(schemes[i]) == (size_t)(colon - text) &&
		    strncasecmp(text, schemes[i], (size_t)(colon - text)) == 0)
			return false;
	for (const char *c = text; c < colon; c++)
		if (!isalnum((unsigned char)*c) && strchr("-._", *c) == NULL)
			return false;
	return true;
}

/* HOST:PORT, or a port alone, behind "tcp:". */
static bool suggest_tcp(const char *text, char meant[static ADDRESS_TEXT_SIZE])
{
	const char *port_text = text[0] == ':' ? text + 1 : text;
	struct address address;
	in_port_t port;
	int n;

	if (port_parse(port_text, &port))
		n = snprintf(meant, ADDRESS_TEXT_SIZE, "tcp:127.0.0.1:%s", port_text);
	else if (tcp_parse(&address, text) || is_host_and_port(text))
		n = snprintf(meant, ADDRESS_TEXT_SIZE, "tcp:%s", text);
	else
		return false;
	return n < ADDRESS_TEXT_SIZE;
}

/* The same without the slashes of a URL, before and behind. */
static bool suggest_url(const char *text, char meant[static ADDRESS_TEXT_SIZE])
{
	char bare[ADDRESS_TEXT_SIZE];
	size_t n;

	text += text_begins(text, "//") ? 2 : 0;
	n = strlen(text);
	n -= n > 0 && text[n - 1] == '/';
	if (n >= sizeof bare)
		return false;
	memcpy(bare, text, n);
	bare[n] = '\0';
	return suggest_tcp(bare, meant);
}

static int explain_meant(const char *meant, struct err *err)
{
	struct address address;

	return err_set(err, ERR_ADDRESS_INVALID, "did you mean %s%s", meant,
		       tcp_parse(&address, meant + strlen("tcp:"))
			   ? ""
			   : " (noded takes numeric addresses only, nodectl resolves names)");
}

/* "tcp:" and what would follow it in a URL. */
static int url_explain(const char *text, const char *shown, struct err *err)
{
	char meant[ADDRESS_TEXT_SIZE];

	if (suggest_url(text, meant))
		return explain_meant(meant, err);
	return err_set(err, ERR_ADDRESS_INVALID,
		       "no slashes are behind tcp:, as in tcp:[::1]:80: tcp:%s", shown);
}

/* What is wrong with an address that begins with "tcp:"; text is the rest. */
static int tcp_explain(const char *text, struct err *err)
{
	const char *colon = strchr(text, ':');
	size_t host = strcspn(text, ":");
	char shown[SHOWN_SIZE];
	in_port_t port;

	escape_text(shown, sizeof shown, text, strlen(text));
	if (text[0] == '\0')
		return err_set(err, ERR_ADDRESS_INVALID,
			       "no host and no port behind tcp:, as in tcp:127.0.0.1:80");
	if (text_begins(text, "//"))
		return url_explain(text, shown, err);
	if (text[0] == '[')
		return v6_explain(text, shown, err);
	if (colon == NULL && port_parse(text, &port))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "no host: did you mean tcp:127.0.0.1:%s (this machine only) or "
			       "tcp:0.0.0.0:%s",
			       text, text);
	if (colon == NULL)
		return err_set(err, ERR_ADDRESS_INVALID, "no port: tcp:%s:PORT is the form", shown);
	if (strchr(colon + 1, ':') != NULL)
		return colons_explain(text, shown, err);
	if (!port_parse(colon + 1, &port))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "the port is not a decimal number from 0 to 65535: tcp:%s", shown);
	if (host == 0 || (host == 1 && text[0] == '*'))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "no host: did you mean tcp:127.0.0.1%s (this machine only) or "
			       "tcp:0.0.0.0%s",
			       colon, colon);
	if (strspn(text, TEXT_DIGITS ".") == host)
		return err_set(err, ERR_ADDRESS_INVALID,
			       "not an IPv4 address, which is four numbers up to 255 without "
			       "leading zeros: tcp:%s",
			       shown);
	return err_set(err, ERR_ADDRESS_INVALID,
		       "noded takes numeric addresses only (nodectl resolves names): tcp:%s",
		       shown);
}

/* Folds an absolute path into out, which has room for all of it; returns the length, 0 for "/". */
static size_t path_fold(char *out, const char *path)
{
	size_t len = 0;

	while (*path != '\0') {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	out[len] = '\0';
	return len;
}

static bool all_printable(const char *bytes, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = printable_sequence(bytes + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

static int unix_parse(struct address *address, const char *path, struct err *err)
{
	char folded[PATH_MAX], shown[SHOWN_SIZE];
	size_t len = strlen(path);

	escape_text(shown, sizeof shown, path, len);
	if (len == 0)
		return err_set(err, ERR_ADDRESS_INVALID, "the path is empty");
	if (path[0] == '@')
		return err_set(err, ERR_ADDRESS_INVALID,
			       "abstract sockets have no permissions and are not taken: %s", shown);
	if (path[0] != '/')
		return err_set(err, ERR_ADDRESS_INVALID,
			       "the path must be absolute, as in unix:/run/app.sock: %s", shown);
	if (!all_printable(path, len))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "the path has control characters or is not UTF-8: %s", shown);
	if (len < sizeof folded)
		len = path_fold(folded, path);
	if (len == 0)
		return err_set(err, ERR_ADDRESS_INVALID, "the path is the root directory: %s",
			       shown);
	if (len > UNIX_PATH_MAX_LEN)
		return err_set(err, ERR_ADDRESS_INVALID,
			       "the path has %zu bytes, that of a socket can have %d: %s", len,
			       (int)UNIX_PATH_MAX_LEN, shown);
	*address = (struct address){.len = (socklen_t)(UNIX_PATH_AT + len + 1)};
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path, folded, len);
	return 0;
}

static bool suggest_unix(const char *path, char meant[static ADDRESS_TEXT_SIZE])
{
	struct address address = {0};
	struct err err;

	return unix_parse(&address, path, &err) == 0 && *address_text(&address, meant) != '\0';
}

bool address_suggest(const char *text, char meant[static ADDRESS_TEXT_SIZE])
{
	if (strncasecmp(text, "tcp:", 4) == 0)
		return suggest_url(text + 4, meant);
	if (strncasecmp(text, "unix:", 5) == 0)
		return suggest_unix(text + 5, meant);
	return suggest_tcp(text, meant);
}

static bool is_relative_path(const char *text)
{
	size_t n = strlen(text);

	return strstr(text, "://") == NULL &&
	       (text[0] == '.' || text[0] == '~' || strchr(text, '/') != NULL ||
		(n > 5 && strcmp(text + n - 5, ".sock") == 0));
}

/* What is wrong with an address that begins like none of the forms. */
static int explain(const char *text, struct err *err)
{
	char shown[SHOWN_SIZE], meant[ADDRESS_TEXT_SIZE];
	struct address address;

	escape_text(shown, sizeof shown, text, strlen(text));
	if (text[0] == '\0')
		return err_set(err, ERR_ADDRESS_INVALID, "the address is empty; its forms: " FORMS);
	if (text[0] == '@')
		return unix_parse(&address, text, err);
	if (strncasecmp(text, "tcp:", 4) == 0 || strncasecmp(text, "unix:", 5) == 0)
		return err_set(err, ERR_ADDRESS_INVALID,
			       "tcp: and unix: are written in lower case: %s", shown);
	if (address_suggest(text, meant))
		return explain_meant(meant, err);
	if (is_relative_path(text))
		return err_set(err, ERR_ADDRESS_INVALID,
			       "the path must be absolute, as in unix:/run/app.sock: %s", shown);
	return err_set(err, ERR_ADDRESS_INVALID, "not an address: %s; its forms: " FORMS, shown);
}

bool address_begins(const char *text)
{
	return text[0] == '/' || text_begins(text, "unix:") || text_begins(text, "tcp:");
}

bool address_is_port(const char *text)
{
	in_port_t port;

	return port_parse(text, &port);
}

int address_parse(struct address *address, const char *text, struct err *err)
{
	struct address parsed;

	*address = (struct address){0};
	if (text_begins(text, "tcp:")) {
		if (!tcp_parse(&parsed, text + 4))
			return tcp_explain(text + 4, err);
		*address = parsed;
		return 0;
	}
	if (text_begins(text, "unix:"))
		return unix_parse(address, text + 5, err);
	if (text[0] == '/')
		return unix_parse(address, text, err);
	return explain(text, err);
}

/* The kernel's length may count a NUL behind the path, or leave none where 108 bytes are full. */
static void unix_from_sockaddr(struct address *address, const struct sockaddr *sa, socklen_t len)
{
	const char *path = (const char *)sa + UNIX_PATH_AT;
	size_t n = len > UNIX_PATH_AT ? len - UNIX_PATH_AT : 0;

	if (n > 0 && path[0] != '\0')
		n = strnlen(path, n);
	if (n > UNIX_PATH_MAX_LEN)
		n = UNIX_PATH_MAX_LEN;
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path, path, n);
	address->len = (socklen_t)(UNIX_PATH_AT + n);
	if (n > 0 && path[0] != '\0')
		address->len++;
}

void address_from_sockaddr(struct address *address, const struct sockaddr *sa, socklen_t len)
{
	*address = (struct address){0};
	if (len < sizeof sa->sa_family)
		return;
	if (sa->sa_family == AF_UNIX) {
		unix_from_sockaddr(address, sa, len);
	} else if (sa->sa_family == AF_INET && len >= sizeof address->in) {
		memcpy(&address->in, sa, sizeof address->in);
		address->len = sizeof address->in;
	} else if (sa->sa_family == AF_INET6 && len >= sizeof address->in6) {
		memcpy(&address->in6, sa, sizeof address->in6);
		address->len = sizeof address->in6;
	}
}

static void unix_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	const char *path = address->un.sun_path;
	size_t n = address->len - UNIX_PATH_AT;
	char name[1 + UNIX_PATH_MAX_LEN];

	if (n > 0 && path[0] == '\0') {
		memcpy(name, path, n);
		name[0] = '@';
		path = name;
	} else {
		n = strlen(path);
	}
	memcpy(text, "unix:", 5);
	if (!all_printable(path, n)) {
		escape_text(text + 5, ADDRESS_TEXT_SIZE - 5, path, n);
		return;
	}
	memcpy(text + 5, path, n);
	text[5 + n] = '\0';
}

static char *put_number(char *at, unsigned number, char behind)
{
	char digits[sizeof "65535"];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		*at++ = digits[--n];
	*at++ = behind;
	return at;
}

/* Three for each row of a list, hence without printf, on which inet_ntop relies as well. */
static void ipv4_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	uint32_t host = ntohl(address->in.sin_addr.s_addr);
	char *at = text + 4;

	memcpy(text, "tcp:", 4);
	for (int shift = 24; shift >= 0; shift -= 8)
		at = put_number(at, host >> shift & 0xff, shift > 0 ? '.' : ':');
	put_number(at, address_port(address), '\0');
}

const char *address_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN];

	text[0] = '\0';
	if (address->len == 0)
		return text;
	if (address->sa.sa_family == AF_UNIX) {
		unix_text(address, text);
	} else if (address->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT_SIZE, "tcp:[%s]:%u", host, address_port(address));
	} else {
		ipv4_text(address, text);
	}
	return text;
}

static bool is_family(const struct address *address, sa_family_t family)
{
	return address->len > 0 && address->sa.sa_family == family;
}

bool address_is_wildcard(const struct address *address)
{
	if (is_family(address, AF_INET))
		return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return is_family(address, AF_INET6) && IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

bool address_is_unix(const struct address *address)
{
	return is_family(address, AF_UNIX);
}

bool address_is_loopback(const struct address *address)
{
	if (is_family(address, AF_INET))
		return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (is_family(address, AF_INET6))
		return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
	return address_is_unix(address);
}

unsigned address_port(const struct address *address)
{
	if (is_family(address, AF_INET))
		return ntohs(address->in.sin_port);
	if (is_family(address, AF_INET6))
		return ntohs(address->in6.sin6_port);
	return 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->len != b->len || a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->len == 0)
		return true;
	if (a->sa.sa_family == AF_UNIX)
		return memcmp(a->un.sun_path, b->un.sun_path, a->len - UNIX_PATH_AT) == 0;
	if (address_port(a) != address_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

/* Where connect(2) goes when asked for this address. */
static struct address destination(const struct address *to)
{
	struct address go = *to;

	if (is_family(to, AF_INET6) && IN6_IS_ADDR_V4MAPPED(&to->in6.sin6_addr)) {
		go = (struct address){.len = sizeof go.in};
		go.in.sin_family = AF_INET;
		go.in.sin_port = to->in6.sin6_port;
		memcpy(&go.in.sin_addr, &to->in6.sin6_addr.s6_addr[12], sizeof go.in.sin_addr);
	}
	if (address_is_wildcard(&go) && go.sa.sa_family == AF_INET)
		go.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (address_is_wildcard(&go))
		go.in6.sin6_addr = in6addr_loopback;
	return go;
}

bool address_reaches(const struct address *to, const struct address *at)
{
	struct address go = destination(to);

	if (address_equal(to, at) || address_equal(&go, at))
		return true;
	return address_is_wildcard(at) && go.sa.sa_family == at->sa.sa_family &&
	       address_is_loopback(&go) && address_port(&go) == address_port(at);
}
