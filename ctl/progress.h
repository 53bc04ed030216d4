/* What people see of a drain while it lasts: a live bar on a terminal, else one line after a
   second. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../proto/scan.h"

struct progress;

/* For n requests. subject: what the line is about; must outlive it. Exits when out of memory. */
struct progress *progress_new(size_t n, const char *subject);
void progress_free(struct progress *progress);

/* The index-th request's latest notification: the params object. */
void progress_note(struct progress *progress, size_t index, struct span params);
/* It has been answered. */
void progress_finish(struct progress *progress, size_t index);
/* How often progress_show wants to be called, TIME_NONE for never. */
uint64_t progress_tick_ms(const struct progress *progress);
void progress_show(struct progress *progress);
/* Takes the bar off the terminal, before something else is printed. */
void progress_hide(struct progress *progress);

#endif
