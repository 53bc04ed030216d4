/* Walks JSON text in place, without building a tree: numbers keep the text they came as, and a
   long list costs no memory. Only for text that scan_line has accepted. */
#ifndef CTL_RAW_H
#define CTL_RAW_H

#include <stdbool.h>
#include <stdint.h>
#include "../proto/buf.h"
#include "../proto/scan.h"

enum raw_type { RAW_NONE, RAW_NULL, RAW_BOOL, RAW_NUMBER, RAW_STRING, RAW_ARRAY, RAW_OBJECT };

/* RAW_NONE for an absent value (at NULL). */
enum raw_type raw_type(struct span value);

struct raw_walk {
	const char *at, *end;
	bool object;
};

struct raw_item {
	struct span key; /* with its quotes; at NULL in an array */
	struct span value;
};

/* Starts a walk over an object or array; anything else has no items. */
void raw_begin(struct raw_walk *walk, struct span container);
/* False at the end. */
bool raw_next(struct raw_walk *walk, struct raw_item *item);

/* Whether a key, with its quotes, stands for that name. */
bool raw_key_is(struct span key, const char *name);

/* The member of that name, at NULL if there is none or object is not one. */
struct span raw_member(struct span object, const char *name);
/* Follows names joined by dots; a whole dotted name that is itself a key wins. */
struct span raw_find(struct span object, const char *dotted);

/* Appends the bytes a string stands for; other values as they are written. */
void raw_decode(struct buf *out, struct span value);
/* A number's whole part, or fallback if it is not an unsigned integer of 64 bits. */
uint64_t raw_u64(struct span value, uint64_t fallback);

#endif
