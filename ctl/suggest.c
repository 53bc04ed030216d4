/* "Did you mean": the nearest of several words. */
#include "suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 40 };

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours between two words of at most
   WORD_MAX bytes (optimal string alignment). */
static size_t word_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = smallest(d[i - 1][j] + 1, d[i][j - 1] + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[na][nb];
}

static bool begins_with_part(const char *word, const char *part)
{
	size_t n = strlen(part);

	return n >= 3 && strncmp(word, part, n) == 0 && word[n] == '-';
}

void suggest_begin(struct suggest *suggest, const char *word)
{
	size_t n = strlen(word);

	/* A third of the word may be wrong; and one letter of a short one. */
	*suggest = (struct suggest){.word = word, .distance = (n < 3 ? 3 : n) / 3 + 1};
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
	size_t n = strlen(suggest->word), distance;

	if (n > WORD_MAX || strlen(candidate) > WORD_MAX)
		return;
	distance = word_distance(suggest->word, candidate);
	/* A beginning of three letters and more is a guess as good as one wrong letter; so is a
	   word of which one part is right, as of "start-server". */
	if (n >= 3 && strncmp(candidate, suggest->word, n) == 0 && distance > 1)
		distance = 1;
	if (begins_with_part(suggest->word, candidate))
		distance = 1;
	if (distance >= suggest->distance)
		return;
	suggest->distance = distance;
	snprintf(suggest->best, sizeof(suggest->best), "%s", candidate);
}
