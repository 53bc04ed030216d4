/* What people see of a drain while it lasts. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "memory.h"
#include "print.h"
#include "raw.h"

enum {
	TICK_MS = 200,
	PATIENCE_MS = 1000, /* a drain shorter than this is not worth a line */
	BAR_MIN = 10,
	BAR_MAX = 40,
};

/* One request's part. */
struct lane {
	bool active;
	char phase[16];
	uint64_t done, total;
	uint64_t elapsed_ms;  /* when noted */
	uint64_t deadline_at; /* of client_now; TIME_NONE: not told */
};

struct progress {
	const char *subject;
	bool live;	/* a bar; else one line */
	bool drawn;	/* the bar is on the terminal */
	bool told;	/* the one line has been printed */
	size_t width;	/* of the bar so far, which only shrinks, */
	size_t columns; /* on a terminal so wide */
	size_t n;
	struct lane lane[];
};

/* All lanes together. */
struct sum {
	uint64_t left, total, elapsed_ms;
	uint64_t deadline_in; /* TIME_NONE: not told */
	const char *phase;    /* of the first still active; NULL: none is */
};

static bool can_redraw(void)
{
	const char *term = getenv("TERM");

	return print_columns(stderr) > 0 && term != NULL && strcmp(term, "dumb") != 0;
}

struct progress *progress_new(size_t n, const char *subject)
{
	struct progress *progress =
	    memory_get(1, sizeof(*progress) + n * sizeof(progress->lane[0]));

	progress->n = n;
	progress->subject = subject;
	progress->live = can_redraw();
	return progress;
}

void progress_free(struct progress *progress)
{
	if (progress != NULL)
		progress_hide(progress);
	free(progress);
}

static void sum_lanes(const struct progress *progress, struct sum *sum)
{
	uint64_t now = client_now();

	*sum = (struct sum){.deadline_in = TIME_NONE};
	for (size_t i = 0; i < progress->n; i++) {
		const struct lane *lane = &progress->lane[i];
		uint64_t in;

		sum->total += lane->total;
		if (!lane->active)
			continue;
		sum->left += lane->total - lane->done;
		if (sum->phase == NULL)
			sum->phase = lane->phase;
		if (lane->elapsed_ms > sum->elapsed_ms)
			sum->elapsed_ms = lane->elapsed_ms;
		if (lane->deadline_at == TIME_NONE)
			continue;
		in = lane->deadline_at > now ? lane->deadline_at - now : 0;
		if (sum->deadline_in == TIME_NONE || in > sum->deadline_in)
			sum->deadline_in = in;
	}
}

/* Tenths of a second as long as they say something; never milliseconds, which only flicker. */
static const char *seconds_text(char text[static PRINT_DURATION_SIZE], uint64_t ms)
{
	if (ms >= 10000)
		return print_duration(text, ms);
	snprintf(text, PRINT_DURATION_SIZE, "%.1f s", (double)ms / 1000);
	return text;
}

static void describe(const struct sum *sum, struct buf *out)
{
	char text[PRINT_DURATION_SIZE];

	buf_printf(out, "%llu connection%s left", (unsigned long long)sum->left,
		   sum->left == 1 ? "" : "s");
	if (sum->deadline_in != TIME_NONE)
		buf_printf(out, ", %s to the deadline", seconds_text(text, sum->deadline_in));
}

static void draw_bar(struct buf *out, const struct sum *sum, size_t width)
{
	uint64_t gone = sum->total - sum->left;
	/* Sums of what nobody counts to may have come round. */
	size_t filled =
	    gone < sum->total ? (size_t)((double)gone / (double)sum->total * (double)width) : width;

	buf_append(out, "[", 1);
	for (size_t i = 0; i < width; i++)
		buf_append(out, i < filled ? "#" : ".", 1);
	buf_append(out, "] ", 2);
}

static void draw(struct progress *progress, const struct sum *sum)
{
	struct buf text = {0}, line = {0};
	size_t columns = print_columns(stderr), used, width;

	describe(sum, &text);
	memory_check(&text);
	buf_printf(&line, "\r\033[K");
	used = strlen(sum->phase) + 1 + text.len + 3;
	width = columns > used + BAR_MIN ? columns - used - 1 : 0;
	if (width > BAR_MAX)
		width = BAR_MAX;
	if (progress->columns == columns && progress->width < width)
		width = progress->width;
	progress->columns = columns;
	progress->width = width;
	if (columns > strlen(sum->phase) + 1 + text.len)
		buf_printf(&line, "%s ", sum->phase);
	if (width > 0)
		draw_bar(&line, sum, width);
	buf_append(&line, text.data, text.len < columns ? text.len : columns - 1);
	print_stderr(&line);
	fflush(stderr);
	progress->drawn = true;
	buf_free(&line);
	buf_free(&text);
}

static void tell_once(struct progress *progress, const struct sum *sum)
{
	struct buf line = {0};

	if (progress->told || sum->elapsed_ms < PATIENCE_MS)
		return;
	progress->told = true;
	buf_printf(&line, "nodectl: ");
	buf_escape(&line, progress->subject, strlen(progress->subject));
	buf_printf(&line, ": %s, ", sum->phase);
	describe(sum, &line);
	buf_append(&line, "\n", 1);
	print_stderr(&line);
	buf_free(&line);
}

void progress_note(struct progress *progress, size_t index, struct span params)
{
	struct lane *lane = &progress->lane[index];
	struct span phase = raw_member(params, "phase");
	uint64_t in = raw_u64(raw_member(params, "deadline_in_ms"), TIME_NONE);
	struct buf text = {0};

	lane->active = true;
	lane->total = raw_u64(raw_member(params, "total"), 0);
	lane->done = raw_u64(raw_member(params, "done"), 0);
	if (lane->done > lane->total)
		lane->done = lane->total;
	lane->elapsed_ms = raw_u64(raw_member(params, "elapsed_ms"), 0);
	lane->deadline_at = in > DURATION_MAX_MS ? TIME_NONE : client_now() + in;
	print_cell(&text, phase);
	memory_check(&text);
	escape_text(lane->phase, sizeof(lane->phase), text.data, text.len);
	buf_free(&text);
	progress_show(progress);
}

void progress_finish(struct progress *progress, size_t index)
{
	progress->lane[index].active = false;
	progress->lane[index].done = progress->lane[index].total;
}

uint64_t progress_tick_ms(const struct progress *progress)
{
	return progress->live ? TICK_MS : TIME_NONE;
}

void progress_show(struct progress *progress)
{
	struct sum sum;

	sum_lanes(progress, &sum);
	if (sum.phase == NULL)
		return;
	if (progress->live)
		draw(progress, &sum);
	else
		tell_once(progress, &sum);
}

void progress_hide(struct progress *progress)
{
	if (!progress->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}
