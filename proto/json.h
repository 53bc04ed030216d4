/* Writes JSON text (RFC 8259) straight into a buffer: exact integers, no tree, no allocation but
   the buffer's own. Reading is cJSON's business, behind scan.h. */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "buf.h"

/* A zeroed struct with out set is ready. Commas are put by themselves. */
struct json {
	struct buf *out;
	bool comma; /* a value has been written at this level: the next one needs a comma */
	bool mute;  /* write nothing, but keep count (to walk past what was written before) */
};

void json_object(struct json *json);	 /* { */
void json_object_end(struct json *json); /* } */
void json_array(struct json *json);	 /* [ */
void json_array_end(struct json *json);	 /* ] */
void json_key(struct json *json, const char *key);
/* NULL writes null. Bytes that are not UTF-8 become U+FFFD; no raw control byte, so no raw LF, is
   ever written; C1 controls and U+2028/2029 are escaped too. */
void json_string(struct json *json, const char *text);
void json_string_n(struct json *json, const char *bytes, size_t n);
void json_u64(struct json *json, uint64_t number);
void json_i64(struct json *json, int64_t number);
void json_bool(struct json *json, bool truth);
void json_null(struct json *json);
/* A key and its value in one. */
void json_key_string(struct json *json, const char *key, const char *text);
void json_key_u64(struct json *json, const char *key, uint64_t number);
/* A complete JSON text made elsewhere. */
void json_raw(struct json *json, const char *text, size_t n);
/* Seconds since the epoch as an RFC 3339 UTC string with milliseconds, rounded to the nearest; null
   if there is none (negative, NaN, after the year 9999). */
void json_time(struct json *json, double seconds);

#endif
