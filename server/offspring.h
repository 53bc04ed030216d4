/* Which processes are children of this one, as the kernel tells: also those nobody here started,
   which lost their own parent (PR_SET_CHILD_SUBREAPER). */
#ifndef SERVER_OFFSPRING_H
#define SERVER_OFFSPRING_H

#include <sys/types.h>

/* Has visit see the pid of each child of this process, those not reaped yet included, moments after
   it was read. What visit does may change who there is: who has to be sure asks again. */
enum offspring_look {
	OFFSPRING_LISTED,
	OFFSPRING_SEARCHED, /* every process of the system had to be looked at for that */
	OFFSPRING_UNSEEN,   /* there may be others, that could not be looked at (errno) */
};
enum offspring_look offspring_each(void (*visit)(pid_t pid, void *context), void *context);

/* The name of a process, up to 15 bytes; "?" if it is not known. Returns name. */
enum { OFFSPRING_NAME_SIZE = 16 };
const char *offspring_name(pid_t pid, char name[static OFFSPRING_NAME_SIZE]);

#endif
