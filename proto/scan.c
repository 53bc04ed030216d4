/* The one strict pass over a line of JSON: grammar, limits, and where requests and ids stand. */
#include "scan.h"

#include <assert.h>
#include <string.h>
#include <sys/auxv.h>

/* Prime modulus of the name hash. */
#define M61 ((UINT64_C(1) << 61) - 1)
#define END UINT32_MAX /* what next_char says at the closing quote */

_Static_assert(SCAN_LINE_MAX - 1 <= UINT16_MAX, "scan_name.at holds any offset in a request line");
_Static_assert(SCAN_VALUES_MAX <= UINT16_MAX, "scan_name.object holds any object of a line");

/* One run over a line. */
struct pass {
	struct scan *scan;
	enum scan_rules rules;
	struct err *err;
	const char *line, *end, *at;
	size_t depth; /* arrays and objects open */
	size_t values;
	bool limited; /* a limit is broken and described in err; only the grammar matters now */
	struct scan_entry *entry; /* being read, or NULL */
	size_t entry_depth;	  /* what is open around an entry: the array of a batch */
	struct span *member;	  /* where the entry's current member goes; NULL: nowhere */
	uint16_t objects;
	uint16_t object[SCAN_DEPTH_MAX + 1]; /* number of the object open at each depth */
};

/* Well-formed sequences: Unicode, table 3-7. Only the second byte's range varies. */
size_t utf8_sequence(const char *bytes, size_t n)
{
	const unsigned char *b = (const unsigned char *)bytes;
	if (n == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	size_t len = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	unsigned char low = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
	if (b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t len =
		    (unsigned char)bytes[at] < 0x80 ? 1 : utf8_sequence(bytes + at, n - at);
		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

uint32_t utf8_code_point(const char *bytes, size_t len)
{
	uint32_t code = (unsigned char)bytes[0] & (len == 1 ? 0x7fu : 0x7fu >> len);
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	return code;
}

static size_t utf8_write(char bytes[static 4], uint32_t c)
{
	if (c < 0x80) {
		bytes[0] = (char)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(lead[len] | c);
	return len;
}

/* -1 for a byte that is no hexadecimal digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits of a \u escape at[0..end), -1 if they are not there. */
static int32_t hex4(const char *at, const char *end)
{
	if (end - at < 4)
		return -1;
	int32_t value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(at[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The code point of an escape whose backslash is behind us; the string has been checked. */
static uint32_t next_escaped(const char **at)
{
	char c = *(*at)++;
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		break;
	default:
		return (unsigned char)c;
	}
	uint32_t unit = (uint32_t)hex4(*at, *at + 4);
	*at += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	uint32_t low = (uint32_t)hex4(*at + 2, *at + 6);
	*at += 6;
	return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* The next code point of a checked string, whether escaped or not; END at its closing quote. */
static uint32_t next_char(const char **at)
{
	unsigned char c = (unsigned char)*(*at)++;
	if (c == '"')
		return END;
	if (c == '\\')
		return next_escaped(at);
	if (c < 0x80)
		return c;
	size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	*at += len - 1;
	return utf8_code_point(*at - len, len);
}

/* Nearly every string: it stands for what is between its quotes. */
static bool is_literal(struct span string)
{
	return memchr(string.at, '\\', string.len) == NULL;
}

size_t scan_string(struct span string, char *text, size_t size)
{
	size_t len = 0, kept = 0;
	const char *at = string.at + 1;
	uint32_t c;
	if (string.len - 2 < size && is_literal(string)) {
		memcpy(text, at, string.len - 2);
		text[string.len - 2] = '\0';
		return string.len - 2;
	}
	while ((c = next_char(&at)) != END) {
		char bytes[4];
		size_t n = utf8_write(bytes, c);
		if (kept == len && len + n < size) {
			memcpy(text + len, bytes, n);
			kept += n;
		}
		len += n;
	}
	if (size > 0)
		text[kept] = '\0';
	return len;
}

bool scan_string_is(struct span value, const char *text)
{
	char found[32];
	size_t n = strlen(text);
	assert(n < sizeof(found));
	if (value.at == NULL || value.at[0] != '"')
		return false;
	if (is_literal(value))
		return value.len - 2 == n && memcmp(value.at + 1, text, n) == 0;
	return scan_string(value, found, sizeof(found)) == n && memcmp(found, text, n) == 0;
}

/* The text is not JSON. */
static int pass_fail(struct pass *p, const char *what)
{
	return err_set(p->err, ERR_PARSE_ERROR, "byte %zu: %s", (size_t)(p->at - p->line) + 1,
		       what);
}

/* It is JSON so far, but more than we accept. The first such finding is told, unless the line
   turns out not to be JSON. */
static void pass_limit(struct pass *p, const char *what)
{
	if (!p->limited)
		err_set(p->err, ERR_INVALID_REQUEST, "byte %zu: %s", (size_t)(p->at - p->line) + 1,
			what);
	p->limited = true;
}

static void skip_space(struct pass *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '\n'))
		p->at++;
}

static bool at_digit(const struct pass *p)
{
	return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static int take_digits(struct pass *p)
{
	if (!at_digit(p))
		return pass_fail(p, "a digit is missing");
	while (at_digit(p))
		p->at++;
	return 0;
}

static int take_number(struct pass *p)
{
	const char *start = p->at;
	if (*p->at == '-')
		p->at++;
	bool zero = p->at < p->end && *p->at == '0';
	if (take_digits(p) < 0)
		return -1;
	if (zero && p->at - start > 1 + (*start == '-')) {
		p->at = start;
		return pass_fail(p, "a number has a leading zero");
	}
	if (p->at < p->end && *p->at == '.') {
		p->at++;
		if (take_digits(p) < 0)
			return -1;
	}
	if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
		p->at++;
		if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
			p->at++;
		if (take_digits(p) < 0)
			return -1;
	}
	if (p->entry != NULL && p->at - start > SCAN_NUMBER_MAX && p->member != &p->entry->id)
		p->entry->long_number = true;
	return 0;
}

static int take_escape(struct pass *p)
{
	p->at++;
	if (p->at == p->end || memchr("\"\\/bfnrtu", *p->at, 9) == NULL)
		return pass_fail(p, "an unknown escape");
	if (*p->at++ != 'u')
		return 0;
	int32_t unit = hex4(p->at, p->end);
	if (unit < 0)
		return pass_fail(p, "\\u without four hexadecimal digits");
	if (unit == 0 && p->rules == SCAN_REQUEST)
		pass_limit(p, "\\u0000 is refused");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return pass_fail(p, "a low surrogate without a high one");
	p->at += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return 0;
	int32_t low = -1;
	if (p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u')
		low = hex4(p->at + 2, p->end);
	if (low < 0xdc00 || low > 0xdfff)
		return pass_fail(p, "a high surrogate without a low one");
	p->at += 6;
	return 0;
}

static int take_string(struct pass *p)
{
	p->at++;
	while (p->at < p->end) {
		unsigned char c = (unsigned char)*p->at;
		if (c == '"') {
			p->at++;
			return 0;
		}
		if (c == '\\') {
			if (take_escape(p) < 0)
				return -1;
			continue;
		}
		if (c < 0x20)
			return pass_fail(p, "a control character in a string");
		if (c < 0x80) {
			p->at++;
			continue;
		}
		size_t n = utf8_sequence(p->at, (size_t)(p->end - p->at));
		if (n == 0)
			return pass_fail(p, "bytes that are not UTF-8");
		p->at += n;
	}
	return pass_fail(p, "a string is not closed");
}

size_t scan_string_length(const char *text, size_t n, struct err *err)
{
	struct pass p = {
	    .rules = SCAN_REQUEST, .err = err, .line = text, .at = text, .end = text + n};
	if (n == 0 || *text != '"')
		pass_fail(&p, "an opening quote is missing");
	else if (take_string(&p) == 0 && !p.limited)
		return (size_t)(p.at - text);
	return 0;
}

static int take_word(struct pass *p, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
		return pass_fail(p, "not a JSON value");
	p->at += n;
	return 0;
}

static int take_scalar(struct pass *p)
{
	switch (*p->at) {
	case '"':
		return take_string(p);
	case 't':
		return take_word(p, "true");
	case 'f':
		return take_word(p, "false");
	case 'n':
		return take_word(p, "null");
	default:
		if (*p->at == '-' || at_digit(p))
			return take_number(p);
		if (p->end - p->at >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
			return pass_fail(p, "a byte order mark");
		return pass_fail(p, "not a JSON value");
	}
}

bool scan_scalar(const char *text, size_t n)
{
	struct err ignored;
	struct pass p = {
	    .rules = SCAN_REPLY, .err = &ignored, .line = text, .at = text, .end = text + n};
	return n > 0 && take_scalar(&p) == 0 && p.at == p.end;
}

static void in_object_set(struct pass *p, bool object)
{
	uint8_t *byte = &p->scan->in_object[p->depth / 8];
	uint8_t bit = (uint8_t)(1u << p->depth % 8);
	*byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
}

static bool in_object(const struct pass *p)
{
	return p->scan->in_object[p->depth / 8] >> p->depth % 8 & 1;
}

/* A polynomial over a prime field at a secret point: two given names collide for a vanishing part
   of all points, so the table stays fast whatever names a client chooses. */
static uint64_t name_hash(const struct pass *p, uint16_t object, const char *name)
{
	uint64_t hash = object;
	uint32_t c;
	name++;
	while ((c = next_char(&name)) != END) {
		unsigned __int128 wide = (unsigned __int128)hash * p->scan->key + c + 1;
		hash = (uint64_t)(wide & M61) + (uint64_t)(wide >> 61);
		if (hash >= M61)
			hash -= M61;
	}
	return hash;
}

static bool same_name(const char *a, const char *b)
{
	uint32_t c;
	a++;
	b++;
	do {
		c = next_char(&a);
		if (c != next_char(&b))
			return false;
	} while (c != END);
	return true;
}

/* Remembers a name of the innermost object; names are at most as many as values, so half of the
   table stays empty. */
static void note_name(struct pass *p, const char *name)
{
	enum { ROWS = sizeof(p->scan->name) / sizeof(p->scan->name[0]) };
	_Static_assert((ROWS & (ROWS - 1)) == 0 && ROWS >= 2 * SCAN_VALUES_MAX, "sparse");
	uint16_t object = p->object[p->depth];
	uint64_t hash = name_hash(p, object, name);
	struct scan_name *row;
	for (size_t i = hash % ROWS;; i = (i + 1) % ROWS) {
		row = &p->scan->name[i];
		if (row->generation != p->scan->generation)
			break;
		if (row->object == object && row->hash == (uint32_t)(hash >> 16) &&
		    same_name(p->line + row->at, name)) {
			pass_limit(p, "a member name appears twice in one object");
			return;
		}
	}
	row->generation = p->scan->generation;
	row->hash = (uint32_t)(hash >> 16);
	row->object = object;
	row->at = (uint16_t)(name - p->line);
}

/* Where the value of an entry's member belongs; NULL if it is none of JSON-RPC's. */
static struct span *entry_member(struct scan_entry *entry, struct span name)
{
	const struct {
		const char *name;
		struct span *value;
	} members[] = {
	    {"jsonrpc", &entry->jsonrpc}, {"method", &entry->method}, {"params", &entry->params},
	    {"id", &entry->id},		  {"result", &entry->result}, {"error", &entry->error},
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (scan_string_is(name, members[i].name))
			return members[i].value;
	if (entry->unknown.at == NULL)
		entry->unknown = name;
	return NULL;
}

/* A member's name and colon. */
static int take_name(struct pass *p)
{
	skip_space(p);
	const char *start = p->at;
	if (p->at == p->end || *p->at != '"')
		return pass_fail(p, "a member name is missing");
	if (take_string(p) < 0)
		return -1;
	if (p->entry != NULL && p->depth == p->entry_depth + 1)
		p->member = entry_member(p->entry, (struct span){start, (size_t)(p->at - start)});
	if (p->rules == SCAN_REQUEST && !p->limited)
		note_name(p, start);
	skip_space(p);
	if (p->at == p->end || *p->at != ':')
		return pass_fail(p, "a colon is missing");
	p->at++;
	return 0;
}

static bool id_is_valid(struct span id)
{
	if (id.at == NULL || id.at[0] == 'n')
		return true;
	if (id.at[0] == '"')
		return id.len - 2 <= SCAN_ID_STRING_MAX;
	if (id.at[0] == '-' || (id.at[0] >= '0' && id.at[0] <= '9'))
		return id.len <= SCAN_ID_NUMBER_MAX;
	return false;
}

static void entry_begin(struct pass *p)
{
	struct scan *scan = p->scan;
	if (scan->count == SCAN_BATCH_MAX) {
		scan->batch_too_long = true;
		return;
	}
	p->entry = &scan->entry[scan->count++];
	*p->entry = (struct scan_entry){.text.at = p->at, .object = *p->at == '{'};
	p->member = NULL;
}

/* True if the value at hand is that of a member of the entry that we keep. */
static bool at_member(const struct pass *p)
{
	return p->entry != NULL && p->entry->object && p->member != NULL &&
	       p->depth == p->entry_depth + 1;
}

static void value_begin(struct pass *p)
{
	if (++p->values > SCAN_VALUES_MAX && p->rules == SCAN_REQUEST)
		pass_limit(p, "too many values");
	if (p->depth == 0) {
		p->scan->batch = *p->at == '[';
		p->entry_depth = p->scan->batch;
	}
	if (at_member(p))
		p->member->at = p->at;
	else if (p->depth == p->entry_depth && !(p->depth == 0 && p->scan->batch))
		entry_begin(p);
}

static void value_end(struct pass *p)
{
	if (at_member(p)) {
		assert(p->member != NULL);
		p->member->len = (size_t)(p->at - p->member->at);
	} else if (p->entry != NULL && p->depth == p->entry_depth) {
		p->entry->text.len = (size_t)(p->at - p->entry->text.at);
		p->entry->id_valid = id_is_valid(p->entry->id);
		p->entry = NULL;
	}
}

static void container_close(struct pass *p)
{
	p->at++;
	p->depth--;
	value_end(p);
}

/* 0: it was empty and is closed again, 1: its first value is due. */
static int container_open(struct pass *p)
{
	bool object = *p->at == '{';
	if (p->depth == SCAN_DEPTH_MAX) {
		pass_limit(p, "nested too deeply");
		/* The bits for deeper levels suffice for a request line only. */
		if (p->rules == SCAN_REPLY)
			return -1;
	}
	p->at++;
	p->depth++;
	in_object_set(p, object);
	if (object && !p->limited)
		p->object[p->depth] = p->objects++;
	skip_space(p);
	if (p->at < p->end && *p->at == (object ? '}' : ']')) {
		container_close(p);
		return 0;
	}
	return object && take_name(p) < 0 ? -1 : 1;
}

/* 0: a value has been read, 1: one has been opened and the first value in it is due. */
static int take_value(struct pass *p)
{
	skip_space(p);
	if (p->at == p->end)
		return pass_fail(p, "a value is missing");
	value_begin(p);
	if (*p->at == '{' || *p->at == '[')
		return container_open(p);
	if (take_scalar(p) < 0)
		return -1;
	value_end(p);
	return 0;
}

/* Behind a value: closes what ends here, until a comma says that another value is due or
   everything is closed. */
static int take_ends(struct pass *p)
{
	while (p->depth > 0) {
		bool object = in_object(p);
		skip_space(p);
		if (p->at == p->end)
			return pass_fail(p, object ? "an object is not closed"
						   : "an array is not closed");
		if (*p->at == ',') {
			p->at++;
			return object ? take_name(p) : 0;
		}
		if (*p->at != (object ? '}' : ']'))
			return pass_fail(p, object ? "neither comma nor closing brace"
						   : "neither comma nor closing bracket");
		container_close(p);
	}
	return 0;
}

static int take_text(struct pass *p)
{
	do {
		int due = take_value(p);
		while (due > 0)
			due = take_value(p);
		if (due < 0 || take_ends(p) < 0)
			return -1;
	} while (p->depth > 0);
	skip_space(p);
	return p->at == p->end ? 0 : pass_fail(p, "text after the value");
}

static void scan_reset(struct scan *scan)
{
	scan->batch = scan->batch_too_long = false;
	scan->count = 0;
	if (++scan->generation == 0) {
		memset(scan->name, 0, sizeof(scan->name));
		scan->generation = 1;
	}
	if (scan->key == 0) {
		/* Sixteen random bytes the kernel gives every process: no call that can fail. */
		memcpy(&scan->key, (const void *)getauxval(AT_RANDOM), sizeof(scan->key));
		scan->key = scan->key % (M61 - 256) + 256;
	}
}

int scan_line(struct scan *scan, const char *line, size_t n, enum scan_rules rules, struct err *err)
{
	scan_reset(scan);
	if (rules == SCAN_REQUEST && n >= SCAN_LINE_MAX)
		return err_set(err, ERR_REQUEST_TOO_LARGE,
			       "a request line may have %d bytes with its line feed",
			       SCAN_LINE_MAX);
	struct pass p = {
	    .scan = scan, .rules = rules, .err = err, .line = line, .at = line, .end = line + n};
	if (take_text(&p) < 0 || p.limited)
		return -1;
	return 0;
}
