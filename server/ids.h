/* The ids and capabilities of the process: others taken for good. System calls only, none of libc's
   wrappers, so that a new process which still has its parent's memory can do it too. */
#ifndef SERVER_IDS_H
#define SERVER_IDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { IDS_GROUPS_MAX = 256 };

struct ids {
	uid_t user;
	gid_t group;
	const gid_t *groups; /* supplementary ones, IDS_GROUPS_MAX at most */
	size_t ngroups;
	uint32_t kept; /* capabilities that stay, as bits; root's are not touched */
};

/* Real, effective and saved ids, these groups and no other, and no capability but `kept` in any set
   (PR_SET_KEEPCAPS must let those through). Looks afterwards that it is so, and tries to get back.
   Clears PR_SET_PDEATHSIG. -1: errno is set; the process must end, since it may be half-way. */
int ids_take(const struct ids *ids) __attribute__((warn_unused_result));

#endif
