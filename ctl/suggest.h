/* "Did you mean": the nearest of several words. */
#ifndef CTL_SUGGEST_H
#define CTL_SUGGEST_H

#include <stddef.h>

struct suggest {
	const char *word; /* what was typed */
	size_t distance;  /* of the best so far */
	char best[64];	  /* "" if nothing is near enough */
};

void suggest_begin(struct suggest *suggest, const char *word);
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
