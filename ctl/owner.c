/* Who owns a file, and who a user is, in words. */
#include "owner.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

static void user_text(char *text, size_t size, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		snprintf(text, size, "%s", user->pw_name);
	else
		snprintf(text, size, "%lu", (unsigned long)uid);
}

const char *owner_text(char text[static OWNER_SIZE], const struct stat *st)
{
	char user[OWNER_SIZE / 2 - 1];
	const struct group *group = getgrgid(st->st_gid);

	user_text(user, sizeof(user), st->st_uid);
	if (group != NULL)
		snprintf(text, OWNER_SIZE, "%s:%.60s", user, group->gr_name);
	else
		snprintf(text, OWNER_SIZE, "%s:%lu", user, (unsigned long)st->st_gid);
	return text;
}

const char *owner_user(char text[static OWNER_SIZE], uid_t uid)
{
	user_text(text, OWNER_SIZE, uid);
	return text;
}
