/* The ids and capabilities of the process: others taken for good. */
#include "ids.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the plain call is the one of 16-bit numbers (setresuid(2)). */
#ifdef SYS_setresuid32
enum {
	CALL_SETGROUPS = SYS_setgroups32,
	CALL_GETGROUPS = SYS_getgroups32,
	CALL_SETRESGID = SYS_setresgid32,
	CALL_GETRESGID = SYS_getresgid32,
	CALL_SETRESUID = SYS_setresuid32,
	CALL_GETRESUID = SYS_getresuid32,
};
#else
enum {
	CALL_SETGROUPS = SYS_setgroups,
	CALL_GETGROUPS = SYS_getgroups,
	CALL_SETRESGID = SYS_setresgid,
	CALL_GETRESGID = SYS_getresgid,
	CALL_SETRESUID = SYS_setresuid,
	CALL_GETRESUID = SYS_getresuid,
};
#endif

/* The memory may be the parent's, whose sanitizer must not be told of our stack. */
#define BARE __attribute__((no_sanitize_address))

enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

/* Ids that are not 0 keep whatever an ambient or inheritable capability gave (capabilities(7)
   clears them only on the way from 0). */
static int BARE set_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[WORDS] = {{.effective = kept, .permitted = kept}};

	return (int)syscall(SYS_capset, &header, sets);
}

/* What is not inheritable is not ambient either (capabilities(7)). */
static bool BARE has_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[WORDS] = {{0}};

	if (syscall(SYS_capget, &header, sets) < 0 || sets[0].effective != kept ||
	    sets[0].permitted != kept)
		return false;
	return !(sets[0].inheritable | sets[1].effective | sets[1].permitted | sets[1].inheritable);
}

static bool BARE has_group(const gid_t *groups, long n, gid_t group)
{
	for (long i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The kernel keeps them sorted, so each is looked for. */
static bool BARE has_groups(const struct ids *ids)
{
	gid_t groups[IDS_GROUPS_MAX];
	long n = syscall(CALL_GETGROUPS, IDS_GROUPS_MAX, groups);

	if (n < 0 || (size_t)n != ids->ngroups)
		return false;
	for (size_t i = 0; i < ids->ngroups; i++)
		if (!has_group(groups, n, ids->groups[i]))
			return false;
	return true;
}

static bool BARE has_ids(const struct ids *ids)
{
	gid_t group[3];
	uid_t user[3];

	if (syscall(CALL_GETRESGID, &group[0], &group[1], &group[2]) < 0 ||
	    syscall(CALL_GETRESUID, &user[0], &user[1], &user[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (user[i] != ids->user || group[i] != ids->group)
			return false;
	return has_groups(ids);
}

/* Tries in earnest: the kernel alone knows. */
static bool BARE can_go_back(const struct ids *ids)
{
	uid_t same = (uid_t)-1;

	return syscall(CALL_SETRESUID, same, 0, same) == 0 ||
	       syscall(CALL_SETGROUPS, 0, NULL) == 0 ||
	       (ids->group != 0 && syscall(CALL_SETRESGID, same, 0, same) == 0);
}

int BARE ids_take(const struct ids *ids)
{
	bool is_root = ids->user == 0;

	/* In this order: each takes a privilege that the last one gives up. */
	if (syscall(CALL_SETGROUPS, ids->ngroups, ids->groups) < 0 ||
	    syscall(CALL_SETRESGID, ids->group, ids->group, ids->group) < 0 ||
	    syscall(CALL_SETRESUID, ids->user, ids->user, ids->user) < 0 ||
	    (!is_root && set_capabilities(ids->kept) < 0))
		return -1;
	if (has_ids(ids) && (is_root || (has_capabilities(ids->kept) && !can_go_back(ids))))
		return 0;
	errno = EPERM;
	return -1;
}
