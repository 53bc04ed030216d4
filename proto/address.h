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
   "//"; symlinks are not resolved). -1: address_invalid; the caller names the parameter. Refused:
   an empty or overlong path (> 107 bytes), control bytes or bytes that are not UTF-8 in it, a
   path that folds to "/", abstract sockets, IPv6 zones, leading zeros, ports over 65535. */
int address_parse(struct address *address, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/* Takes what accept, getsockname or getpeername gave. An unbound Unix peer becomes an empty path;
   an abstract one "@name" with NULs and other bytes kept for escaping by address_text. */
void address_from_sockaddr(struct address *address, const struct sockaddr *sa, socklen_t len);

/* The canonical text: "tcp:127.0.0.1:80", "tcp:[::1]:80", "unix:/run/x.sock", "unix:" for an
   unbound peer. Foreign bytes in a peer's path are shown escaped and cut to fit. Returns text. */
const char *address_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);

bool address_is_unix(const struct address *address);
/* 127.0.0.0/8, ::1 and every Unix address. */
bool address_is_loopback(const struct address *address);
unsigned address_port(const struct address *address); /* 0 for Unix */
bool address_equal(const struct address *a, const struct address *b);
/* True if connecting to `to` reaches a listener bound to `at`: equal, or same port and `at` is the
   wildcard of its family while `to` is a loopback address (or the wildcard itself). */
bool address_reaches(const struct address *to, const struct address *at);

#endif
