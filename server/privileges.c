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

/* Where ids once had 16 bits the calls of today have names of their own. libc's wrappers also tell
   other threads, which noded has none of and a child between clone and execve must not touch. */
#ifdef SYS_setresuid32
enum { SETRESUID = SYS_setresuid32, SETRESGID = SYS_setresgid32, SETGROUPS = SYS_setgroups32 };
#else
enum { SETRESUID = SYS_setresuid, SETRESGID = SYS_setresgid, SETGROUPS = SYS_setgroups };
#endif

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
		return err_set(err, ERR_INVALID_PARAMS, "there is no group \"%s\"", text);
	*gid = group->gr_gid;
	return 0;
}

static int find_groups(struct identity *identity, const char *name, struct err *err)
{
	int n = IDENTITY_GROUPS_MAX;

	if (getgrouplist(name, identity->gid, identity->groups, &n) < 0)
		return err_set(err, ERR_INVALID_PARAMS, "the user %s is in more than %d groups",
			       name, IDENTITY_GROUPS_MAX);
	identity->ngroups = (size_t)n;
	return 0;
}

int identity_find(struct identity *identity, const char *user, const char *group, struct err *err)
{
	const struct passwd *entry;
	id_t id;

	*identity = (struct identity){0};
	entry = id_number(user, &id) ? getpwuid(id) : getpwnam(user);
	if (entry)
		id = entry->pw_uid;
	else if (!id_number(user, &id))
		return err_set(err, ERR_INVALID_PARAMS, "there is no user \"%s\"", user);
	identity->uid = id;
	if (group && group_find(group, &identity->gid, err) < 0)
		return -1;
	if (!group && !entry)
		return err_set(err, ERR_INVALID_PARAMS,
			       "the user %s has no name and no group: give one with --group", user);
	if (!group)
		identity->gid = entry->pw_gid;
	return entry ? find_groups(identity, entry->pw_name, err) : 0;
}

int identity_add_group(struct identity *identity, gid_t gid, struct err *err)
{
	if (identity->ngroups == IDENTITY_GROUPS_MAX)
		return err_set(err, ERR_INVALID_PARAMS, "more than %d groups", IDENTITY_GROUPS_MAX);
	identity->groups[identity->ngroups++] = gid;
	return 0;
}

/* -- becoming -- */

static bool __attribute__((no_sanitize_address)) has_groups(const struct identity *identity)
{
	gid_t groups[IDENTITY_GROUPS_MAX];
	int n = getgroups(IDENTITY_GROUPS_MAX, groups);

	if (n < 0 || (size_t)n != identity->ngroups)
		return false;
	/* The kernel keeps them sorted, so each is looked for. */
	for (size_t i = 0; i < identity->ngroups; i++) {
		int at = 0;

		while (at < n && groups[at] != identity->groups[i])
			at++;
		if (at == n)
			return false;
	}
	return true;
}

static bool __attribute__((no_sanitize_address)) is_identity(const struct identity *identity)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uid[i] != identity->uid || gid[i] != identity->gid)
			return false;
	return has_groups(identity);
}

/* Tries in earnest: the kernel alone knows. */
static bool __attribute__((no_sanitize_address)) can_go_back(const struct identity *identity)
{
	if (identity->uid == 0)
		return false; /* it is root that was asked for */
	return syscall(SETRESUID, -1, 0, -1) == 0 || syscall(SETGROUPS, 0, NULL) == 0 ||
	       (identity->gid != 0 && syscall(SETRESGID, -1, 0, -1) == 0);
}

int __attribute__((no_sanitize_address)) identity_assume(const struct identity *identity)
{
	/* In this order: each takes a privilege that the last one gives up. */
	if (syscall(SETGROUPS, identity->ngroups, identity->groups) < 0 ||
	    syscall(SETRESGID, identity->gid, identity->gid, identity->gid) < 0 ||
	    syscall(SETRESUID, identity->uid, identity->uid, identity->uid) < 0)
		return errno;
	return is_identity(identity) && !can_go_back(identity) ? 0 : EPERM;
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

int privileges_drop(const struct identity *identity, bool keep_bind, struct err *err)
{
	unsigned kept = keep_bind ? 1U << CAP_NET_BIND_SERVICE : 0;
	int error;

	limit_bounding_set(kept);
	if (prctl(PR_SET_KEEPCAPS, keep_bind, 0, 0, 0) < 0)
		return err_sys(err, ERR_IO_ERROR, errno, "cannot keep a capability");
	error = identity_assume(identity);
	if (error)
		return err_sys(err, ERR_PERMISSION_DENIED, error, "cannot become user %u, group %u",
			       (unsigned)identity->uid, (unsigned)identity->gid);
	if (set_capabilities(kept) < 0)
		return err_sys(err, ERR_PERMISSION_DENIED, errno, "cannot %s",
			       keep_bind ? "keep CAP_NET_BIND_SERVICE" : "give capabilities up");
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* With KEEPCAPS the look in identity_assume came before the capability to go back had gone.
	 */
	if (!has_capabilities(kept) || can_go_back(identity))
		return err_set(err, ERR_PERMISSION_DENIED,
			       "user %u, group %u could go back to what it was before",
			       (unsigned)identity->uid, (unsigned)identity->gid);
	return 0;
}
