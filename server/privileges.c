/* Users and groups, and the way from root to one of them. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Nobody of that name, or the look-up failed: getpwnam(3) lists what else errno may be when there
   is none. */
static int not_found(int error, const char *what, const char *name, struct err *err)
{
	if (error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ERANGE || error == EINTR)
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
	else if (!id_number(user, &id))
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

static bool has_groups(const struct privileges *wanted)
{
	gid_t groups[PRIVILEGES_GROUPS_MAX];
	int n = getgroups(PRIVILEGES_GROUPS_MAX, groups);

	if (n < 0 || (size_t)n != wanted->ngroups)
		return false;
	/* The kernel keeps them sorted, so each is looked for. */
	for (size_t i = 0; i < wanted->ngroups; i++) {
		int at = 0;

		while (at < n && groups[at] != wanted->groups[i])
			at++;
		if (at == n)
			return false;
	}
	return true;
}

static bool has_ids(const struct privileges *wanted)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uid[i] != wanted->uid || gid[i] != wanted->gid)
			return false;
	return has_groups(wanted);
}

/* Tries in earnest: the kernel alone knows. */
static bool can_go_back(const struct privileges *wanted)
{
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgroups(0, NULL) == 0 ||
	       (wanted->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0);
}

/* 0, or an errno: then it may be half-way. */
static int assume(const struct privileges *wanted)
{
	/* In this order: each takes a privilege that the last one gives up. */
	if (setgroups(wanted->ngroups, wanted->groups) < 0 ||
	    setresgid(wanted->gid, wanted->gid, wanted->gid) < 0 ||
	    setresuid(wanted->uid, wanted->uid, wanted->uid) < 0)
		return errno;
	return has_ids(wanted) ? 0 : EPERM;
}

/* -- capabilities -- */

static int set_capabilities(unsigned first)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = first, .permitted = first},
	};

	return (int)syscall(SYS_capset, &header, data);
}

static bool has_capabilities(unsigned first)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 && data[0].permitted == first &&
	       data[0].effective == first && data[0].inheritable == 0 && data[1].permitted == 0 &&
	       data[1].effective == 0 && data[1].inheritable == 0;
}

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
	unsigned kept = keep_bind ? 1U << CAP_NET_BIND_SERVICE : 0;
	int error;

	limit_bounding_set(kept);
	if (prctl(PR_SET_KEEPCAPS, keep_bind, 0, 0, 0) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "cannot keep a capability");
	error = assume(wanted);
	if (error)
		return err_sys(err, ERR_PERMISSION_DENIED, error, "cannot become user %u, group %u",
			       (unsigned)wanted->uid, (unsigned)wanted->gid);
	if (set_capabilities(kept) < 0)
		return err_sys(err, ERR_PERMISSION_DENIED, errno, "cannot %s",
			       keep_bind ? "keep CAP_NET_BIND_SERVICE" : "give capabilities up");
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	/* What is not inheritable is not ambient either (capabilities(7)). */
	if (!has_capabilities(kept) || can_go_back(wanted))
		return err_set(err, ERR_PERMISSION_DENIED,
			       "user %u, group %u could go back to what it was before",
			       (unsigned)wanted->uid, (unsigned)wanted->gid);
	return 0;
}
