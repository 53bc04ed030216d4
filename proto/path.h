/* State paths: transport.servers[tcp:[::1]:9000].listener -> a list of keys. */
#ifndef PROTO_PATH_H
#define PROTO_PATH_H

#include <stddef.h>
#include "buf.h"
#include "error.h"

enum { PATH_KEYS_MAX = 16, PATH_TEXT_MAX = 1024 };

/* Its keys point into itself: not to be copied. */
struct path {
	size_t count;			/* 0: the root */
	const char *key[PATH_KEYS_MAX]; /* NUL-terminated, in text */
	char text[PATH_TEXT_MAX + PATH_KEYS_MAX + 256];
};

/* Keys joined by '.', or in brackets: digits, a JSON string, or a bareword with balanced brackets.
   "" is the root. An unbracketed key has no '.', '[', ']', '"', space or control character. A key
   that parses as an address is put in its canonical form, however it is written. A path that
   begins with "/", "unix:" or "tcp:" is an address as a whole, and stands for the three keys
   transport, servers, that address.
   -1: invalid_params with param "path" (malformed, too long, too many keys). */
int path_parse(struct path *path, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/* Appends one literal key to a path text being built: ".key" for a plain word (letters, digits,
   "_", "-"), [17] for digits alone, else ["..."] as a JSON string; no dot at the beginning. */
void path_append_key(struct buf *text, const char *key);

/* Appends the canonical text of the first n keys, which path_parse reads back as the same keys. */
void path_format(struct buf *text, const struct path *path, size_t n);

#endif
