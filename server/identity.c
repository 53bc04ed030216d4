/* Who a program runs as. */
#include "identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ids.h"

enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

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

/* In memory that may be the parent's, whose sanitizer must not be told of our stack. */
int __attribute__((no_sanitize_address)) identity_take(const struct identity *identity)
{
	const struct ids ids = {.user = identity->user, .group = identity->group};

	return ids_take(&ids);
}
