/* Who a program runs as. */
#include "identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
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

enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

/* -- may we -- */

static bool has(const struct __user_cap_data_struct sets[static WORDS], int capability)
{
	return sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

int identity_may_change(struct err *err)
{
	static const struct {
		int capability;
		const char *name;
	} needed[] = {
	    {CAP_SETUID, "CAP_SETUID"}, {CAP_SETGID, "CAP_SETGID"}, {CAP_KILL, "CAP_KILL"}};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[WORDS] = {{0}};

	if (syscall(SYS_capget, &header, sets) < 0)
		return err_sys(err, ERR_PERMISSION_DENIED, errno, "noded's rights are unknown");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!has(sets, needed[i].capability))
			return err_set(err, ERR_PERMISSION_DENIED,
				       "noded lacks %s: without it programs run as its own user "
				       "(%u) only",
				       needed[i].name, (unsigned)geteuid());
	return 0;
}

/* -- becoming somebody else: in memory that may be the parent's -- */

#define BARE __attribute__((no_sanitize_address))

/* Ids that are not 0 keep whatever an ambient or inheritable capability gave noded (capabilities(7)
   clears them only on the way from 0). */
static int BARE capabilities_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[WORDS] = {{0}};

	return (int)syscall(SYS_capset, &header, sets);
}

static bool BARE capabilities_are_gone(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[WORDS] = {{0}};

	if (syscall(SYS_capget, &header, sets) < 0)
		return false;
	for (int i = 0; i < WORDS; i++)
		if (sets[i].effective | sets[i].permitted | sets[i].inheritable)
			return false;
	return true;
}

static bool BARE ids_are(const struct identity *identity)
{
	gid_t group[3];
	uid_t user[3];

	if (syscall(CALL_GETRESGID, &group[0], &group[1], &group[2]) < 0 ||
	    syscall(CALL_GETRESUID, &user[0], &user[1], &user[2]) < 0 ||
	    syscall(CALL_GETGROUPS, 0, NULL) != 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (user[i] != identity->user || group[i] != identity->group)
			return false;
	return true;
}

int BARE identity_take(const struct identity *identity)
{
	uid_t keep = (uid_t)-1;

	if (syscall(CALL_SETGROUPS, 0, NULL) < 0 ||
	    syscall(CALL_SETRESGID, identity->group, identity->group, identity->group) < 0 ||
	    syscall(CALL_SETRESUID, identity->user, identity->user, identity->user) < 0)
		return -1;
	if (identity->user != 0 && capabilities_drop() < 0)
		return -1;
	if (ids_are(identity) &&
	    (identity->user == 0 ||
	     (capabilities_are_gone() && syscall(CALL_SETRESUID, keep, 0, keep) < 0)))
		return 0;
	errno = EPERM;
	return -1;
}
