/* Giving files away. */
#include "owner.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The attribute as the kernel takes it: little endian, entries in the order of their tags. */
struct list {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry[5];
};

static struct posix_acl_xattr_entry entry(unsigned tag, mode_t rights, gid_t gid)
{
	return (struct posix_acl_xattr_entry){
	    .e_tag = htole16((uint16_t)tag),
	    .e_perm = htole16((uint16_t)(rights & 7)),
	    .e_id = htole32(gid),
	};
}

/* The mode, with what it grants its group granted to another one too. stat(2) shows the mask in the
   place of the group's rights: the same, so the mode looks as it did. */
static int add_group(int fd, mode_t mode, gid_t gid)
{
	const gid_t none = (gid_t)ACL_UNDEFINED_ID;
	const struct list list = {
	    .header.a_version = htole32(POSIX_ACL_XATTR_VERSION),
	    .entry =
		{
		    entry(ACL_USER_OBJ, mode >> 6, none),
		    entry(ACL_GROUP_OBJ, mode >> 3, none),
		    entry(ACL_GROUP, mode >> 3, gid),
		    entry(ACL_MASK, mode >> 3, none),
		    entry(ACL_OTHER, mode, none),
		},
	};
	char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

	/* fsetxattr(2) takes no O_PATH. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return setxattr(path, "system.posix_acl_access", &list, sizeof list, 0);
}

static int cannot_give(const struct owner *owner, struct err *err)
{
	if (owner->uid != (uid_t)-1)
		return err_sys(err, ERR_IO_ERROR, errno, "only root can give it to user %u",
			       (unsigned)owner->uid);
	return err_sys(err, ERR_IO_ERROR, errno,
		       "only root and members of group %u can give it to that group",
		       (unsigned)owner->gid);
}

int owner_give(int fd, mode_t mode, const struct owner *owner, struct err *err)
{
	if ((owner->uid != (uid_t)-1 || owner->gid != (gid_t)-1) &&
	    fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) == -1)
		return cannot_give(owner, err);
	if (owner->also != (gid_t)-1 && add_group(fd, mode, owner->also) == -1)
		return err_sys(err, ERR_IO_ERROR, errno,
			       "cannot let a second group, %u, in (it takes a file system with "
			       "ACLs)",
			       (unsigned)owner->also);
	return 0;
}
