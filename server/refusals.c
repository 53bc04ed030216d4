/* Refusals of admin clients in the log. */
#include "refusals.h"

#include <math.h>

#include "log.h"

#define WINDOW 60. /* seconds */

static bool is_others(const struct refusals *refusals, const struct refusal *user)
{
	return user == &refusals->user[REFUSALS_USERS];
}

/* That of the user, or a free one, or the one for the others. */
static struct refusal *user_get(struct refusals *refusals, uid_t uid)
{
	struct refusal *user = &refusals->user[REFUSALS_USERS];

	for (int i = 0; i < REFUSALS_USERS; i++) {
		if (refusals->user[i].used && refusals->user[i].uid == uid)
			return &refusals->user[i];
		if (!refusals->user[i].used && is_others(refusals, user))
			user = &refusals->user[i];
	}
	return user;
}

void refusals_note(struct refusals *refusals, double now, uid_t uid, const char *detail)
{
	struct refusal *user;

	refusals_tell(refusals, now);
	user = user_get(refusals, uid);
	if (user->used) {
		user->held++;
		return;
	}
	*user = (struct refusal){.used = true, .uid = uid, .since = now};
	log_warning("admin", "refused: %s", detail);
}

/* A line that tells how many begins the next minute: there is none beside it. */
static void tell(const struct refusals *refusals, struct refusal *user, double now)
{
	if (user->held == 0) {
		user->used = false;
		return;
	}
	if (is_others(refusals, user))
		log_warning("admin", "refused: %u more times, users beyond the %d counted apart",
			    user->held, REFUSALS_USERS);
	else
		log_warning("admin", "refused: uid %u, %u more time%s", (unsigned)user->uid,
			    user->held, user->held == 1 ? "" : "s");
	user->held = 0;
	user->since = now;
}

void refusals_tell(struct refusals *refusals, double now)
{
	for (int i = 0; i <= REFUSALS_USERS; i++)
		if (refusals->user[i].used && now - refusals->user[i].since >= WINDOW)
			tell(refusals, &refusals->user[i], now);
}

void refusals_end(struct refusals *refusals)
{
	refusals_tell(refusals, INFINITY);
}
