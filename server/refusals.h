/* Refusals of admin clients in the log: one line a user and minute, with the number of those that
   were held back, however many users there are and however often they try. */
#ifndef SERVER_REFUSALS_H
#define SERVER_REFUSALS_H

#include <stdbool.h>
#include <sys/types.h>

enum { REFUSALS_USERS = 32 };

struct refusal {
	bool used;
	uid_t uid;
	double since;  /* when its line was written */
	unsigned held; /* refusals since that have none */
};

/* Zeroed it is ready. The last one is for all users who find no place of their own. */
struct refusals {
	struct refusal user[REFUSALS_USERS + 1];
};

/* uid was refused, for the reason that detail tells. now: loop_now(). */
void refusals_note(struct refusals *refusals, double now, uid_t uid, const char *detail);

/* Tells of those held back for a minute; to be called now and then. */
void refusals_tell(struct refusals *refusals, double now);

/* Tells of all that are held back: nobody will be refused any more. */
void refusals_end(struct refusals *refusals);

#endif
