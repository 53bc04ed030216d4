/* One JSON text per line, both ways: framing, and the requests, replies and notifications of
   JSON-RPC 2.0 with ids kept byte for byte. */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include "buf.h"
#include "error.h"
#include "method.h"
#include "scan.h"

/* Cuts a byte stream into lines. Zeroed with max set it is ready. */
struct wire_reader {
	struct buf in;	/* bytes received and not yet handed out */
	size_t max;	/* longest line, its LF counted */
	size_t at;	/* start of what is not handed out yet */
	size_t seen;	/* bytes from there known to be without an LF */
	size_t skipped; /* bytes of the last overlong line thrown away so far */
	bool skipping;
};

enum wire_line {
	WIRE_MORE,     /* no complete line: read more */
	WIRE_LINE,     /* *line is one, without its LF; valid until the next wire_read_space */
	WIRE_TOO_LONG, /* told once per overlong line, which is then skipped to its LF */
};

/* Room for n more received bytes, NULL when out of memory (close the connection then);
   reader->in.len is raised by the caller. Lines handed out before become invalid. */
char *wire_read_space(struct wire_reader *reader, size_t n);
/* Call until it says WIRE_MORE. Lines of nothing but whitespace are passed over. eof: nothing more
   will come, so what is left is a line too. */
enum wire_line wire_next(struct wire_reader *reader, bool eof, struct span *line);
/* True if the last line received has been begun and not finished (or is being skipped). */
bool wire_partial(const struct wire_reader *reader);
void wire_reader_free(struct wire_reader *reader);

/* A request. */
struct wire_request {
	struct span id; /* raw text, in the line; at NULL: a notification */
	const struct method *method;
	cJSON *params; /* NULL: none given, or not read yet; see wire_request_params */
};

/* All but the parameters, from one entry of a scanned line. -1: invalid_request or
   method_not_found; request->id is then what the error must echo (at NULL: answer null).
   *notification, set in any case, tells whether it is a well-formed request without an id, which is
   never answered, whatever else is wrong with it. */
int wire_request_parse(struct wire_request *request, const struct scan_entry *entry,
		       bool *notification, struct err *err) __attribute__((warn_unused_result));
/* Then its parameters, checked against the method's table; the caller frees them. -1:
   invalid_params, address_invalid or internal_error, and there are none. */
int wire_request_params(struct wire_request *request, const struct scan_entry *entry,
			struct err *err) __attribute__((warn_unused_result));

/* Writers append to out; running out of memory shows in out->failed. id: raw text, exactly as it
   came; at NULL writes null. */

/* One complete line with its LF. id: JSON text; NULL: a notification. params: NULL for none; whole
   numbers are written exactly, cJSON_Raw as it is. */
void wire_write_request(struct buf *out, const char *id, const char *method, const cJSON *params);
/* {"jsonrpc":"2.0","id":ID,"result": -- then the caller writes the result and a closing brace with
   wire_end. In a batch the LF is left out: pass false. */
void wire_begin_result(struct buf *out, struct span id);
void wire_end(struct buf *out, bool newline);
void wire_write_error(struct buf *out, struct span id, const struct err *err, bool newline);
/* The error object alone: {"code","message","data":{"name",...}}. */
void wire_error_object(struct buf *out, const struct err *err);

/* What a server sent: a result, an error, or a progress notification. */
struct wire_reply {
	enum { WIRE_RESULT, WIRE_ERROR, WIRE_PROGRESS } kind;
	struct span id;	      /* raw, at NULL if none */
	struct span text;     /* result, error object or params, raw, in the line */
	enum error_code code; /* WIRE_ERROR: of data.name, else of the number; ERR_NONE: unknown */
	char name[64];	      /* data.name, or "error CODE" */
	char detail[512];     /* data.detail, else message */
};

/* Checks a line of a server strictly; its unknown members are ignored. -1: parse_error,
   invalid_request (JSON, but no reply) or internal_error (out of memory); detail: what is wrong
   with the line. */
int wire_reply_parse(struct wire_reply *reply, struct scan *scan, const char *line, size_t n,
		     struct err *err) __attribute__((warn_unused_result));

#endif
