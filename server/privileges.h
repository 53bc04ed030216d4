/* Who the process is to the kernel: looking users and groups up, and becoming somebody else for
   good. */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "../proto/error.h"
#include "ids.h"

enum { PRIVILEGES_GROUPS_MAX = IDS_GROUPS_MAX };

/* A user with all of its groups. */
struct privileges {
	uid_t uid;
	gid_t gid;
	gid_t groups[PRIVILEGES_GROUPS_MAX]; /* supplementary ones */
	size_t ngroups;
};

/* A group by name or number. -1: err says that there is none. */
int group_find(const char *text, gid_t *gid, struct err *err) __attribute__((warn_unused_result));
/* A user by name or number, with the groups the system's files say; group, by name or number, takes
   the place of the user's own (NULL: that). -1: no such user or group, a number that has no own
   group where none was given, or root. */
int privileges_find(struct privileges *wanted, const char *user, const char *group, struct err *err)
    __attribute__((warn_unused_result));
/* One more supplementary group. -1: there are too many. */
int privileges_add_group(struct privileges *wanted, gid_t gid, struct err *err)
    __attribute__((warn_unused_result));

/* The process, which has no threads, becomes that user for good: real, effective and saved ids, no
   other groups, and no capability in any set, except that CAP_NET_BIND_SERVICE stays its own (and
   is passed on to nobody) if keep_bind. As ids_take does it; -1: err says what failed, and the
   caller must end. */
int privileges_drop(const struct privileges *wanted, bool keep_bind, struct err *err)
    __attribute__((warn_unused_result));

#endif
