/* What noded hands out in pages, fetched to the end and put together again. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include "../proto/text.h"
#include "exchange.h"
#include "memory.h"

/* The pages so far. */
struct pages {
	const char *member;
	enum raw_type type; /* of the member in the pages so far: RAW_OBJECT or RAW_ARRAY */
	struct buf after;   /* the key the page at hand follows, decoded */
	size_t turns;	    /* pages that named another */
	uint64_t left;	    /* rows still wanted */
	pages_row *each;
	void *context;
	bool keep;	 /* gather the rows */
	struct buf rows; /* of all pages, as JSON text, comma between */
};

static void add_rows(struct pages *pages, struct span page)
{
	struct raw_walk walk;
	struct raw_item item;

	raw_begin(&walk, page);
	while (pages->left > 0 && raw_next(&walk, &item)) {
		pages->left--;
		if (pages->each != NULL)
			pages->each(&item, pages->context);
		if (!pages->keep)
			continue;
		if (pages->rows.len > 0)
			buf_append(&pages->rows, ",", 1);
		if (item.key.at != NULL) {
			buf_append(&pages->rows, item.key.at, item.key.len);
			buf_append(&pages->rows, ":", 1);
		}
		buf_append(&pages->rows, item.value.at, item.value.len);
	}
}

/* The last page's result with the rows of all of them. */
static void join(const struct pages *pages, struct span result, struct buf *whole)
{
	struct raw_walk walk;
	struct raw_item item;
	struct span page = raw_member(result, pages->member);

	raw_begin(&walk, result);
	buf_append(whole, "{", 1);
	while (raw_next(&walk, &item)) {
		if (whole->len > 1)
			buf_append(whole, ",", 1);
		buf_append(whole, item.key.at, item.key.len);
		buf_append(whole, ":", 1);
		if (item.value.at != page.at) {
			buf_append(whole, item.value.at, item.value.len);
			continue;
		}
		buf_append(whole, page.at, 1);
		buf_append(whole, pages->rows.data, pages->rows.len);
		buf_append(whole, page.at + page.len - 1, 1);
	}
	buf_append(whole, "}", 1);
	memory_check(whole);
}

static int refuse_member(struct request *request, const char *member, const char *what)
{
	return failure_set(&request->failure, ERR_INVALID_REQUEST,
			   "a senseless reply: its %s is %s", member, what);
}

/* Rows of one kind in every page; what is not looked at and is all there is may be anything. */
static int check_page(struct pages *pages, struct span reply, struct request *request)
{
	enum raw_type type = raw_type(raw_member(reply, pages->member));
	bool container = type == RAW_OBJECT || type == RAW_ARRAY;

	if (type == RAW_NONE)
		return failure_set(&request->failure, ERR_INVALID_REQUEST,
				   "a senseless reply: it has no %s", pages->member);
	if (!container && pages->each == NULL && raw_member(reply, "next").at == NULL)
		return 0;
	if (!container)
		return refuse_member(request, pages->member, "neither an object nor an array");
	if (pages->type != RAW_NONE && pages->type != type)
		return refuse_member(request, pages->member,
				     "an object in one page and an array in another");
	pages->type = type;
	return 0;
}

/* Ids, written as numbers or as keys of an object, are in the order of their values, addresses in
   that of their bytes. Of the two together there is no order: 9, 10, "1x" and 9 again. */
static bool key_grows(const char *from, const char *to)
{
	bool number = text_is_all(to, TEXT_DIGITS);
	size_t n = strlen(from), m = strlen(to);

	if (number != text_is_all(from, TEXT_DIGITS))
		return false;
	if (number && n != m)
		return n < m;
	return strcmp(from, to) < 0;
}

/* Takes the key that the next page follows. -1: following it could go on for ever. */
static int take_key(struct pages *pages, struct span next, struct request *request)
{
	struct buf key = {0};

	if (raw_type(next) != RAW_STRING && raw_u64(next, UINT64_MAX) == UINT64_MAX)
		return refuse_member(request, "next", "neither a key nor null");
	raw_decode(&key, next);
	memory_check(&key);
	if (pages->turns++ > 0 && !key_grows(memory_check(&pages->after), key.data)) {
		buf_free(&key);
		return failure_set(&request->failure, ERR_INVALID_REQUEST,
				   "a senseless reply: its next page does not follow it");
	}
	buf_free(&pages->after);
	pages->after = key;
	return 0;
}

/* Makes the request ask for what follows, and no more rows than are wanted. */
static void turn_page(struct request *request, struct pages *pages, struct span next)
{
	if (raw_type(next) == RAW_NUMBER)
		request_set_number(request, "after", raw_u64(next, 0));
	else
		request_set_string(request, "after", memory_check(&pages->after));
	request_set_number(request, "limit", pages->left < PAGES_ROWS ? pages->left : PAGES_ROWS);
	free(request->result);
	request->result = NULL;
	request->answered = false;
}

static int fetch(struct client *client, struct request *request, struct pages *pages,
		 struct buf *whole)
{
	struct requests one = {.all = request, .n = 1};

	for (;;) {
		struct span reply, next;

		if (exchange_run(client, &one, NULL, NULL, NULL) < 0 || request->result == NULL)
			return -1;
		reply = request_result(request);
		next = raw_member(reply, "next");
		if (check_page(pages, reply, request) < 0)
			return -1;
		add_rows(pages, raw_member(reply, pages->member));
		if (raw_type(next) == RAW_NONE || raw_type(next) == RAW_NULL || pages->left == 0) {
			if (whole != NULL && pages->turns == 0 && pages->left > 0)
				buf_append(whole, reply.at, reply.len);
			else if (whole != NULL)
				join(pages, reply, whole);
			return 0;
		}
		if (take_key(pages, next, request) < 0)
			return -1;
		turn_page(request, pages, next);
	}
}

int pages_fetch(struct client *client, struct request *request, const char *member, uint64_t rows,
		pages_row *each, void *context, struct buf *whole)
{
	struct pages pages = {.member = member,
			      .left = rows,
			      .each = each,
			      .context = context,
			      .keep = whole != NULL};
	int result;

	result = fetch(client, request, &pages, whole);
	if (pages.rows.failed)
		memory_failed();
	buf_free(&pages.rows);
	buf_free(&pages.after);
	return result;
}
