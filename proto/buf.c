/* The growing byte buffer, and the escaping of bytes for people. */
#include "buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scan.h"

enum { BUF_FIRST = 256, ESCAPE_MAX = 4 };

char *buf_reserve(struct buf *buf, size_t n)
{
	size_t cap = buf->cap > 0 ? buf->cap : BUF_FIRST;
	char *data;

	if (buf->failed)
		return NULL;
	if (n > PTRDIFF_MAX - buf->len)
		goto fail;
	while (cap - buf->len < n)
		cap = cap > PTRDIFF_MAX / 2 ? PTRDIFF_MAX : 2 * cap;
	if (cap > buf->cap) {
		data = realloc(buf->data, cap);
		if (data == NULL)
			goto fail;
		buf->data = data;
		buf->cap = cap;
	}
	return buf->data + buf->len;
fail:
	buf->failed = true;
	return NULL;
}

void buf_append(struct buf *buf, const void *bytes, size_t n)
{
	char *end;

	if (n == 0)
		return;
	end = buf_reserve(buf, n);
	if (end == NULL)
		return;
	memcpy(end, bytes, n);
	buf->len += n;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int n;

	/* Most texts fit what is free already; the others are formatted once more. */
	for (size_t room = 64;; room = (size_t)n + 1) {
		char *end = buf_reserve(buf, room);

		if (end == NULL)
			return;
		va_start(args, format);
		n = vsnprintf(end, buf->cap - buf->len, format, args);
		va_end(args);
		if (n < 0) {
			buf->failed = true;
			return;
		}
		if ((size_t)n < buf->cap - buf->len)
			break;
	}
	buf->len += (size_t)n;
}

void buf_consume(struct buf *buf, size_t n)
{
	assert(n <= buf->len);
	if (n == 0)
		return;
	buf->len -= n;
	memmove(buf->data, buf->data + n, buf->len);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

const char *buf_string(struct buf *buf)
{
	char *end = buf_reserve(buf, 1);

	if (end == NULL)
		return NULL;
	*end = '\0';
	return buf->data;
}

const char *buf_string_or(struct buf *buf, const char *otherwise)
{
	const char *text = buf_string(buf);

	return text ? text : otherwise;
}

size_t printable_sequence(const char *bytes, size_t n)
{
	unsigned char c = n > 0 ? (unsigned char)bytes[0] : 0;
	size_t len;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	len = utf8_sequence(bytes, n);
	if (len == 2 && c == 0xc2 && (unsigned char)bytes[1] < 0xa0)
		return 0; /* C1 */
	if (len == 3 && (memcmp(bytes, "\u2028", 3) == 0 || memcmp(bytes, "\u2029", 3) == 0))
		return 0;
	return len;
}

/* Writes how the first character of bytes[0..n), n > 0, is shown, and its length to *shown.
   Returns how many bytes that stands for. */
static size_t escape_one(char out[static ESCAPE_MAX], size_t *shown, const char *bytes, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = printable_sequence(bytes, n);
	unsigned char c = (unsigned char)bytes[0];

	if (len > 0) {
		memcpy(out, bytes, len);
		*shown = len;
	} else {
		memcpy(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
		*shown = 4;
		len = 1;
	}
	return len;
}

/* Nearly every character there is. */
static bool is_usual(char c)
{
	return c >= ' ' && c < 0x7f;
}

void buf_escape(struct buf *buf, const char *bytes, size_t n)
{
	char one[ESCAPE_MAX];
	size_t shown;

	for (size_t i = 0; i < n;) {
		size_t run = 0;

		while (i + run < n && is_usual(bytes[i + run]))
			run++;
		buf_append(buf, bytes + i, run);
		i += run;
		if (i == n)
			break;
		i += escape_one(one, &shown, bytes + i, n - i);
		buf_append(buf, one, shown);
	}
}

const char *escape_text(char *out, size_t size, const char *bytes, size_t n)
{
	char one[ESCAPE_MAX];
	size_t shown, len = 0;

	for (size_t i = 0; i < n;) {
		i += escape_one(one, &shown, bytes + i, n - i);
		if (shown >= size - len)
			break;
		memcpy(out + len, one, shown);
		len += shown;
	}
	out[len] = '\0';
	return out;
}
