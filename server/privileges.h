/* Who the process is to the kernel: looking users and groups up, and becoming somebody else for
   good. */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "../proto/error.h"

enum { IDENTITY_GROUPS_MAX = 256 };

/* A user with all of its groups. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS_MAX]; /* supplementary ones */
	size_t ngroups;
};

/* A group by name or number. -1: err says that there is none. */
int group_find(const char *text, gid_t *gid, struct err *err) __attribute__((warn_unused_result));
/* A user by name or number, with the groups the system's files say; group, by name or number, takes
   the place of the user's own (NULL: that). -1: no such user or group, or a number that has no own
   group and no group was given. */
int identity_find(struct identity *identity, const char *user, const char *group, struct err *err)
    __attribute__((warn_unused_result));
/* One more supplementary group. -1: there are too many. */
int identity_add_group(struct identity *identity, gid_t gid, struct err *err)
    __attribute__((warn_unused_result));

/* Becomes that user: real, effective and saved ids, and no other group than those. Looks afterwards
   that it is so, and that there is no way back to root. By system calls alone, so that it may be
   called between clone and execve. 0, or an errno: then the caller must end, since it may be
   half-way. */
int identity_assume(const struct identity *identity);

/* The whole process becomes that user for good: also no capability is left in any set, except that
   CAP_NET_BIND_SERVICE stays its own (and is passed on to nobody) if keep_bind. -1: err says what
   failed; the caller must end. */
int privileges_drop(const struct identity *identity, bool keep_bind, struct err *err)
    __attribute__((warn_unused_result));

#endif
