/* Whom a file or directory is given to: a user, a group, and where that is not enough one more
   group. */
#ifndef SERVER_OWNER_H
#define SERVER_OWNER_H

#include <sys/stat.h>
#include "../proto/error.h"

struct owner {
	uid_t uid;  /* (uid_t)-1: as it is */
	gid_t gid;  /* the same */
	gid_t also; /* a group with the rights of gid, by an entry of acl(5); (gid_t)-1: none */
};

/* Gives the inode that fd shows (O_PATH is enough) to them; mode is what it has, and keeps. -1: err
   says why not; the owner may be changed by then. */
int owner_give(int fd, mode_t mode, const struct owner *owner, struct err *err)
    __attribute__((warn_unused_result));

#endif
