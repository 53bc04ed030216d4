/* A growing byte buffer whose failure to grow is remembered, so that a run of appends needs one
   check at its end. */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while cap is 0 */
	size_t len, cap;
	bool failed; /* memory ran out once: contents are incomplete until buf_reset or buf_free */
};

/* A zeroed struct buf is empty and valid. What is appended must not lie in the buffer itself. */
void buf_append(struct buf *buf, const void *bytes, size_t n);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go, or NULL (and failed). The caller adds
   to len what it wrote. */
char *buf_reserve(struct buf *buf, size_t n);
/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *buf, size_t n);
/* Forgets contents and failure, keeps the memory. */
void buf_reset(struct buf *buf);
/* Gives the memory back; the buffer is then empty and valid. */
void buf_free(struct buf *buf);
/* The contents as a string: appends a NUL that is not counted in len. NULL if failed. The memory
   stays the buffer's. */
const char *buf_string(struct buf *buf);
/* The same, but `otherwise` if failed. */
const char *buf_string_or(struct buf *buf, const char *otherwise);

/* Appends bytes as people may safely see them: printable ASCII and well-formed UTF-8 as they are;
   every other byte, the C1 controls and the line and paragraph separators U+2028/2029 as \xNN (\n
   and \t too). A backslash stays one, so that what is shown can be pasted back, and what has been
   escaped already is not escaped again. */
void buf_escape(struct buf *buf, const char *bytes, size_t n);
/* The same into memory of a fixed size (> 0): cut before what does not fit whole, always
   NUL-terminated. Returns out. */
const char *escape_text(char *out, size_t size, const char *bytes, size_t n);
/* Length of the character at bytes[0..n), if it is one that the above leave as it is (or the
   backslash); else 0. */
size_t printable_sequence(const char *bytes, size_t n);

#endif
