/* Who a program runs as: a user and one group, by number. Names are never looked up here. */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>
#include "../proto/error.h"

struct identity {
	bool given; /* false: noded's own, and the rest means nothing */
	uid_t user;
	gid_t group;
};

/* Whether this process may start others as somebody else, and kill them. -1: permission_denied,
   saying what it lacks. */
int identity_may_change(struct err *err) __attribute__((warn_unused_result));

/* In a new process, before its program runs: becomes that user for good, with that group alone and,
   unless the user is root, without a capability, as ids_take does. -1: errno is set; the process
   must not go on. */
int identity_take(const struct identity *identity) __attribute__((warn_unused_result));

#endif
