/* Users and groups, and the way from root to one of them. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "ids.h"

/* -- looking up -- */

/* A number as ids are: (id_t)-1 means "none" to the kernel. False if the text is none. */
static bool id_number(const char *text, id_t *id)
{
	unsigned long long number;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	number = strtoull(text, NULL, 10);
	*id = (id_t)number;
	return number < (id_t)-1;
}

/* The look-up failed; getpwnam(3) lists what else errno may be when there is nobody of that name.
 */
static bool is_failure(int error)
{
	return error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == ERANGE || error == EINTR;
}

static int not_found(int error, const char *what, const char *name, struct err *err)
{
	if (is_failure(error))
		return err_sys(err, ERR_IO_ERROR, error, "the %s \"%s\" cannot be looked up", what,
			       name);
	return err_set(err, ERR_INVALID_PARAMS, "there is no %s \"%s\"", what, name);
}

int group_find(const char *text, gid_t *gid, struct err *err)
{
	const struct group *group;
	id_t id;

	if (id_number(text, &id)) {
		*gid = id;
		return 0;
	}
	errno = 0;
	group = getgrnam(text);
	if (!group)
		return not_found(errno, "group", text, err);
	*gid = group->gr_gid;
	return 0;
}

static int find_groups(struct privileges *wanted, const char *name, struct err *err)
{
	int n = PRIVILEGES_GROUPS_MAX;

	if (getgrouplist(name, wanted->gid, wanted->groups, &n) < 0)
		return err_set(err, ERR_INVALID_PARAMS, "the user %s is in more than %d groups",
			       name, PRIVILEGES_GROUPS_MAX);
	wanted->ngroups = (size_t)n;
	return 0;
}

int privileges_find(struct privileges *wanted, const char *user, const char *group, struct err *err)
{
	const struct passwd *entry;
	id_t id;

	*wanted = (struct privileges){0};
	errno = 0;
	entry = id_number(user, &id) ? getpwuid(id) : getpwnam(user);
	if (entry)
		id = entry->pw_uid;
	else if (is_failure(errno) || !id_number(user, &id))
		return not_found(errno, "user", user, err);
	if (id == 0)
		return err_set(err, ERR_INVALID_PARAMS, "%s is root: nothing would be given up",
			       user);
	wanted->uid = id;
	if (group && group_find(group, &wanted->gid, err) < 0)
		return -1;
	if (group && wanted->gid == 0)
		return err_set(err, ERR_INVALID_PARAMS, "the group %s is root's: it opens much",
			       group);
	if (!group && !entry)
		return err_set(err, ERR_INVALID_PARAMS,
			       "the user %s has no name and no group: give one with --group", user);
	if (!group)
		wanted->gid = entry->pw_gid;
	return entry ? find_groups(wanted, entry->pw_name, err) : 0;
}

int privileges_add_group(struct privileges *wanted, gid_t gid, struct err *err)
{
	if (wanted->ngroups == PRIVILEGES_GROUPS_MAX)
		return err_set(err, ERR_INVALID_PARAMS, "more than %d groups",
			       PRIVILEGES_GROUPS_MAX);
	wanted->groups[wanted->ngroups++] = gid;
	return 0;
}

/* -- becoming -- */

/* So that no file run later can give back what is given up. A container's root may lack the right
   to do this; then it stays with what execve(2) gives a user, who has none. */
static void limit_bounding_set(unsigned kept)
{
	for (int capability = 0; capability < 64; capability++)
		if ((capability >= 32 || !(kept & 1U << capability)) &&
		    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return;
}

int privileges_drop(const struct privileges *wanted, bool keep_bind, struct err *err)
{
	const struct ids ids = {
	    .user = wanted->uid,
	    .group = wanted->gid,
	    .groups = wanted->groups,
	    .ngroups = wanted->ngroups,
	    .kept = keep_bind ? 1U << CAP_NET_BIND_SERVICE : 0,
	};

	limit_bounding_set(ids.kept);
	if (prctl(PR_SET_KEEPCAPS, keep_bind, 0, 0, 0) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "cannot keep a capability");
	if (ids_take(&ids) < 0)
		return err_sys(err, ERR_PERMISSION_DENIED, errno,
			       "cannot become user %u, group %u for good", (unsigned)ids.user,
			       (unsigned)ids.group);
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	return 0;
}
