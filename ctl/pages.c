/* What noded hands out in pages, fetched to the end and put together again. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "memory.h"

/* The pages so far. */
struct pages {
	const char *member;
	uint64_t left; /* rows still wanted */
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

/* Makes the request ask for what follows `next`, and no more rows than are wanted. */
static void turn_page(struct request *request, struct span next, uint64_t left)
{
	struct buf key = {0};

	if (raw_type(next) == RAW_NUMBER) {
		request_set_number(request, "after", raw_u64(next, 0));
	} else {
		raw_decode(&key, next);
		request_set_string(request, "after", memory_check(&key));
	}
	buf_free(&key);
	request_set_number(request, "limit", left < PAGES_ROWS ? left : PAGES_ROWS);
	free(request->result);
	request->result = NULL;
	request->answered = false;
}

static int fetch(struct client *client, struct request *request, struct pages *pages,
		 struct buf *whole)
{
	struct requests one = {.all = request, .n = 1};
	struct buf before = {0};
	int result = -1;

	for (size_t turn = 0;; turn++) {
		struct span reply, next;

		if (exchange_run(client, &one, NULL, NULL, NULL) < 0 || request->result == NULL)
			break;
		reply = request_result(request);
		next = raw_member(reply, "next");
		add_rows(pages, raw_member(reply, pages->member));
		if (raw_type(next) == RAW_NONE || raw_type(next) == RAW_NULL || pages->left == 0) {
			if (whole != NULL && turn == 0 && pages->left > 0)
				buf_append(whole, reply.at, reply.len);
			else if (whole != NULL)
				join(pages, reply, whole);
			result = 0;
			break;
		}
		if (before.len > 0 && before.len == next.len &&
		    memcmp(before.data, next.at, next.len) == 0) {
			failure_set(&request->failure, ERR_INVALID_REQUEST,
				    "a senseless reply: its next page is itself");
			break;
		}
		buf_reset(&before);
		buf_append(&before, next.at, next.len);
		memory_check(&before);
		turn_page(request, next, pages->left);
	}
	buf_free(&before);
	return result;
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
	return result;
}
