/* One validating pass over a line of JSON before cJSON, which is lenient, sees it: strict RFC 8259
   grammar, the limits of the protocol, and where each request and its id stand in the text. */
#ifndef PROTO_SCAN_H
#define PROTO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

enum {
	SCAN_BATCH_MAX = 64,	  /* entries of one batch */
	SCAN_DEPTH_MAX = 32,	  /* arrays and objects open at once, the outermost is the first */
	SCAN_VALUES_MAX = 4096,	  /* values in a request line, member names not counted */
	SCAN_LINE_MAX = 65536,	  /* bytes of a request line with its LF */
	SCAN_ID_STRING_MAX = 128, /* bytes of a string id between its quotes, as written */
	SCAN_ID_NUMBER_MAX = 64,  /* characters of a number id */
	SCAN_NUMBER_MAX = 63, /* characters of a number cJSON can read (it has a fixed buffer) */
};

struct span {
	const char *at; /* NULL: absent */
	size_t len;
};

/* One object at the top of the line, or one entry of a batch (which may be any value). */
struct scan_entry {
	struct span text;
	bool object;
	/* The values of these members, if it is an object that has them. */
	struct span jsonrpc, method, params, id, result, error;
	struct span unknown; /* the name of the first other member, with its quotes */
	bool id_valid;	  /* absent ids are valid; else string, number or null within the limits */
	bool long_number; /* a number over SCAN_NUMBER_MAX is in it, not counting the id */
};

struct scan {
	bool batch;	     /* the line was an array */
	size_t count;	     /* of entry[]; a batch may have 0 */
	bool batch_too_long; /* more than SCAN_BATCH_MAX: only the first are in entry[] */
	struct scan_entry entry[SCAN_BATCH_MAX];
	/* Scratch, so that nothing is allocated and no stack is deep. Names are in a hash table
	   whose rows of earlier lines are told by their generation; it is at most half full. */
	uint64_t key; /* random, so that nobody can choose names that collide; 0: not drawn yet */
	uint32_t generation;
	struct scan_name {
		uint32_t generation, hash;
		uint16_t object; /* which object of the line it is a member of */
		uint16_t at;	 /* where in the line its opening quote is */
	} name[2 * SCAN_VALUES_MAX];
	uint8_t in_object[SCAN_LINE_MAX / 8]; /* a bit a depth: an object, not an array */
};

/* What to hold a line to. */
enum scan_rules {
	SCAN_REQUEST, /* all limits above; duplicate names and \u0000 are refused; line <= 64 KiB */
	SCAN_REPLY,   /* grammar and SCAN_DEPTH_MAX only, any length: for what a server sends */
};

/* Checks line[0..n) (CR, spaces, tabs around are allowed). Reuse one struct scan, zeroed once: it
   is big. 0: entries are filled in, pointing into line.
   -1: parse_error if the text is not JSON, else invalid_request if it breaks a limit; parse_error
   wins wherever in the line it is, but for a reply that is too deep. A request line longer than
   SCAN_LINE_MAX, which a wire_reader does not let through, is request_too_large. */
int scan_line(struct scan *scan, const char *line, size_t n, enum scan_rules rules, struct err *err)
    __attribute__((warn_unused_result));

/* True if text[0..n) is exactly one JSON string, number, true, false or null. */
bool scan_scalar(const char *text, size_t n);

/* How long the JSON string is that text[0..n) begins with, its quotes counted. 0: parse_error, or
   invalid_request for \u0000. */
size_t scan_string_length(const char *text, size_t n, struct err *err);

/* Unescapes a JSON string with its quotes, as found in a scanned line, into text: NUL-terminated,
   cut between characters if it does not fit. Returns the bytes the whole needs without the NUL. */
size_t scan_string(struct span string, char *text, size_t size);
/* True if a JSON value of a scanned line is a string and, unescaped, equals text. */
bool scan_string_is(struct span value, const char *text);

/* True if bytes[0..n) is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(const char *bytes, size_t n);
/* Length of the well-formed UTF-8 sequence at bytes[0..n), 0 if there is none. */
size_t utf8_sequence(const char *bytes, size_t n);
/* The code point of a sequence that long, as utf8_sequence found it. */
uint32_t utf8_code_point(const char *bytes, size_t len);

#endif
