/* Names of users and groups -> their numbers. */
#include "account.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* errno is 0, or what kept the data base from being read. */
static const char *refuse(const char *what, const char *text, struct failure *failure)
{
	if (errno != 0 && errno != ENOENT && errno != ESRCH)
		failure_usage(failure, "the %s %s cannot be looked up: %s", what, text,
			      strerror(errno));
	else
		failure_usage(failure, "there is no %s %s", what, *text != '\0' ? text : "\"\"");
	return NULL;
}

static const char *number_text(char number[static ACCOUNT_SIZE], uintmax_t id)
{
	snprintf(number, ACCOUNT_SIZE, "%ju", id);
	return number;
}

const char *account_user(const char *text, char number[static ACCOUNT_SIZE],
			 struct failure *failure)
{
	const struct passwd *user;

	if (is_number(text))
		return text;
	errno = 0;
	user = getpwnam(text);
	return user != NULL ? number_text(number, user->pw_uid) : refuse("user", text, failure);
}

const char *account_group(const char *text, char number[static ACCOUNT_SIZE],
			  struct failure *failure)
{
	const struct group *group;

	if (is_number(text))
		return text;
	errno = 0;
	group = getgrnam(text);
	return group != NULL ? number_text(number, group->gr_gid) : refuse("group", text, failure);
}

int account_primary_group(uint64_t user, uint64_t *group, struct failure *failure)
{
	const struct passwd *found = getpwuid((uid_t)user);

	if (found == NULL)
		return failure_usage(failure,
				     "user %" PRIu64 " has no name, and so no group of its own: "
				     "give --group",
				     user);
	*group = found->pw_gid;
	return 0;
}
