/* What a field table is: for each type that appears in `state`, one row a key. state.c reads them;
   every owner of a type writes its own. */
#ifndef SERVER_FIELD_H
#define SERVER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../proto/address.h"
#include "../proto/json.h"

struct engine;
struct field;

enum field_type {
	FIELD_U64,     /* uint64_t */
	FIELD_U32,     /* uint32_t */
	FIELD_INT,     /* int */
	FIELD_BOOL,    /* bool */
	FIELD_STRING,  /* char *, NULL is null */
	FIELD_ADDRESS, /* struct address, len 0 is null */
	FIELD_TIME,    /* double, seconds since the epoch */
	FIELD_MS,      /* double seconds, shown as integer milliseconds */
	FIELD_ENGINE,  /* pointer to a struct whose first member is an engine, NULL is null */
	FIELD_GETTER,  /* write() writes any JSON value */
	FIELD_OBJECT,  /* part() finds a struct described by table; NULL is null */
	FIELD_MAP,     /* engines by key, through map; paged */
};

/* A keyed collection of engines. */
struct field_map {
	/* The member of that key, or NULL. */
	const struct engine *(*find)(const void *owner, const char *key);
	/* The first member whose key comes after `after` (NULL: the first of all), or NULL. */
	const struct engine *(*next)(const void *owner, const char *after);
	/* Writes a member's key. */
	void (*key)(const struct engine *member, char *text, size_t size);
	uint64_t (*total)(const void *owner);
};

struct field_table {
	const struct field *row;
	size_t count;
};

enum field_flag {
	FIELD_ASIDE = 1 << 0, /* shown only when a path names it, not as part of its owner */
	FIELD_TIMED = 1 << 1, /* changes with time alone: cannot be waited for */
};

struct field {
	const char *key;
	enum field_type type;
	unsigned flags; /* of enum field_flag */
	size_t offset;
	const char *doc;
	union {
		void (*write)(struct json *json, const void *owner);
		struct {
			const void *(*part)(const void *owner);
			const struct field_table *table;
		};
		const struct field_map *map;
	};
};

#define FIELD_C_U64	uint64_t
#define FIELD_C_U32	uint32_t
#define FIELD_C_INT	int
#define FIELD_C_BOOL	bool
#define FIELD_C_STRING	char *
#define FIELD_C_ADDRESS struct address
#define FIELD_C_TIME	double
#define FIELD_C_MS	double

/* A member of T shown under its own name, or under another key. A member of another C type than
   the field type's does not compile. */
#define FIELD(T, m, F, text) FIELD_AS(#m, T, m, F, text)
#define FIELD_AS(name, T, m, F, text)                                                              \
	{                                                                                          \
		.key = (name), .type = FIELD_##F, .doc = (text),                                   \
		.offset = offsetof(T, m) + 0 * sizeof(_Generic(((T *)0)->m, FIELD_C_##F : 0))      \
	}
/* A pointer member to a struct that begins with `struct engine e`. */
#define FIELD_CHILD(name, T, m, text)                                                              \
	{                                                                                          \
		.key = (name), .type = FIELD_ENGINE, .doc = (text),                                \
		.offset =                                                                          \
		    offsetof(T, m) + 0 * sizeof(_Generic(&((T *)0)->m->e, struct engine * : 0))    \
	}
#define FIELD_GET(name, function, text)                                                            \
	{                                                                                          \
		.key = (name), .type = FIELD_GETTER, .doc = (text), .write = (function)            \
	}
#define FIELD_GET_TIMED(name, function, text)                                                      \
	{                                                                                          \
		.key = (name), .type = FIELD_GETTER, .flags = FIELD_TIMED, .doc = (text),          \
		.write = (function)                                                                \
	}
#define FIELD_PART(name, function, of, text)                                                       \
	{                                                                                          \
		.key = (name), .type = FIELD_OBJECT, .doc = (text), .part = (function),            \
		.table = (of)                                                                      \
	}
#define FIELD_COLLECTION(name, of, how, text)                                                      \
	{                                                                                          \
		.key = (name), .type = FIELD_MAP, .flags = (how), .doc = (text), .map = (of)       \
	}
#define FIELD_TABLE(rows)                                                                          \
	{                                                                                          \
		.row = (rows), .count = sizeof(rows) / sizeof((rows)[0])                           \
	}

#endif
