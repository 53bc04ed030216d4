/* Walks JSON text in place, without building a tree. */
#include "raw.h"

#include <ctype.h>
#include <string.h>

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* at is at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && at + 1 < end)
			at++;
	return at < end ? at + 1 : end;
}

static const char *skip_container(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at++;
		if (depth == 0)
			break;
	}
	return at;
}

static const char *skip_value(const char *at, const char *end)
{
	if (at < end && *at == '"')
		return skip_string(at, end);
	if (at < end && (*at == '{' || *at == '['))
		return skip_container(at, end);
	while (at < end && *at != ',' && *at != ']' && *at != '}' && (unsigned char)*at > ' ')
		at++;
	return at;
}

enum raw_type raw_type(struct span value)
{
	if (value.at == NULL || value.len == 0)
		return RAW_NONE;
	switch (value.at[0]) {
	case '{':
		return RAW_OBJECT;
	case '[':
		return RAW_ARRAY;
	case '"':
		return RAW_STRING;
	case 'n':
		return RAW_NULL;
	case 't':
	case 'f':
		return RAW_BOOL;
	default:
		return RAW_NUMBER;
	}
}

void raw_begin(struct raw_walk *walk, struct span container)
{
	enum raw_type type = raw_type(container);

	*walk = (struct raw_walk){0};
	if (type != RAW_OBJECT && type != RAW_ARRAY)
		return;
	walk->object = type == RAW_OBJECT;
	walk->at = container.at + 1;
	walk->end = container.at + container.len;
}

bool raw_next(struct raw_walk *walk, struct raw_item *item)
{
	const char *at = skip_space(walk->at, walk->end);

	*item = (struct raw_item){0};
	if (at < walk->end && *at == ',')
		at = skip_space(at + 1, walk->end);
	if (at >= walk->end || *at == '}' || *at == ']')
		return false;
	if (walk->object) {
		item->key.at = at;
		at = skip_string(at, walk->end);
		item->key.len = (size_t)(at - item->key.at);
		at = skip_space(at, walk->end);
		if (at < walk->end && *at == ':')
			at = skip_space(at + 1, walk->end);
	}
	item->value.at = at;
	walk->at = skip_value(at, walk->end);
	item->value.len = (size_t)(walk->at - at);
	return item->value.len > 0;
}

bool raw_key_is(struct span key, const char *name)
{
	struct buf plain = {0};
	size_t n = strlen(name);
	bool same;

	if (key.len < n + 2)
		return false;
	if (memchr(key.at, '\\', key.len) == NULL)
		return key.len == n + 2 && memcmp(key.at + 1, name, n) == 0;
	raw_decode(&plain, key);
	same = !plain.failed && plain.len == n && (n == 0 || memcmp(plain.data, name, n) == 0);
	buf_free(&plain);
	return same;
}

struct span raw_member(struct span object, const char *name)
{
	struct raw_walk walk;
	struct raw_item item;

	if (raw_type(object) != RAW_OBJECT)
		return (struct span){0};
	raw_begin(&walk, object);
	while (raw_next(&walk, &item))
		if (raw_key_is(item.key, name))
			return item.value;
	return (struct span){0};
}

struct span raw_find(struct span object, const char *dotted)
{
	struct span whole = raw_member(object, dotted);
	const char *dot = strchr(dotted, '.');
	char name[128];

	if (whole.at != NULL || dot == NULL || (size_t)(dot - dotted) >= sizeof(name))
		return whole;
	memcpy(name, dotted, (size_t)(dot - dotted));
	name[dot - dotted] = '\0';
	return raw_find(raw_member(object, name), dot + 1);
}

void raw_decode(struct buf *out, struct span value)
{
	char *room;

	if (raw_type(value) != RAW_STRING) {
		buf_append(out, value.at, value.len);
		return;
	}
	/* What a string stands for is never longer than its text. */
	room = buf_reserve(out, value.len);
	if (room != NULL)
		out->len += scan_string(value, room, value.len);
}

uint64_t raw_u64(struct span value, uint64_t fallback)
{
	uint64_t number = 0;

	if (raw_type(value) != RAW_NUMBER)
		return fallback;
	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.at[i]) ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(value.at[i] - '0'), &number))
			return fallback;
	}
	return number;
}
