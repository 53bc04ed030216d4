/* Addresses: "tcp:A.B.C.D:PORT", "tcp:[V6]:PORT", "unix:/path", "/path"; one canonical form. */
#ifndef PROTO_ADDRESS_H
#define PROTO_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "error.h"

/* Compared with memcmp nowhere: use address_text. len 0 is "no address". */
struct address {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un; /* sun_path always NUL-terminated */
	};
};

/* Longest canonical text and its NUL: "unix:" and 107 bytes of path (sizeof sun_path - 1). */
enum { ADDRESS_TEXT_SIZE = 5 + sizeof(((struct sockaddr_un *)0)->sun_path) };

/* Reads one of the forms above. Numeric only; an absolute path is folded lexically (".", "..",
   "//" and a "/" at the end; symlinks are not resolved). IPv6 addresses that map IPv4 stay IPv6.
   -1: address_invalid, *address is then no address; the caller names the parameter, detail says
   what is wrong and, where that can be guessed, what was meant. Refused: an empty or, folded,
   overlong path (> 107 bytes), characters in it that printable_sequence does not pass, a path
   that folds to "/", abstract sockets, IPv6 zones, leading zeros in IPv4 and ports, ports over
   65535. */
int address_parse(struct address *address, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/* True if text begins as an address does: with "/", "unix:" or "tcp:". */
bool address_begins(const char *text);
/* True for a port as it is written in an address. */
bool address_is_port(const char *text);
/* What was probably meant by a text that is none: "tcp:" before HOST:PORT, whether the host is a
   name or a number, and this machine for a port alone; tcp://HOST:PORT without the slashes; TCP:
   and UNIX: in lower case. False if nothing is near. */
bool address_suggest(const char *text, char meant[static ADDRESS_TEXT_SIZE]);

/* Takes what accept, getsockname or getpeername gave; other families become no address. An unbound
   Unix peer becomes an empty path; an abstract one keeps its leading NUL and all its bytes (len
   tells how many), which address_text shows as "@name". A path of 108 bytes loses its last. */
void address_from_sockaddr(struct address *address, const struct sockaddr *sa, socklen_t len);

/* The canonical text: "tcp:127.0.0.1:80", "tcp:[::1]:80", "unix:/run/x.sock", "unix:" for an
   unbound peer, "" for no address. What address_parse took, it takes again and gives the same. A
   peer's path that holds what address_parse would refuse to show is escaped as a whole
   (escape_text), and cut to fit. Returns text. */
const char *address_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);

bool address_is_unix(const struct address *address);
/* 127.0.0.0/8, ::1 and every Unix address. */
bool address_is_loopback(const struct address *address);
/* 0.0.0.0 or [::]. */
bool address_is_wildcard(const struct address *address);
unsigned address_port(const struct address *address); /* 0 for Unix */
/* The same text; zones of IPv6 peers are not looked at. */
bool address_equal(const struct address *a, const struct address *b);
/* True if connecting to `to` reaches a listener bound to `at` (IPv6 ones being IPV6_V6ONLY): equal,
   or same family and port and `at` is the wildcard while `to` is a loopback address. As `to`, the
   wildcard means 127.0.0.1 or ::1 and an IPv4-mapped IPv6 address means IPv4, as for connect(2).
   The wildcard reached by another address of this machine is not noticed. */
bool address_reaches(const struct address *to, const struct address *at);

#endif
