/* Who owns a file, and who we are, in words. */
#include "whose.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static void user_text(char *text, size_t size, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		snprintf(text, size, "%s", user->pw_name);
	else
		snprintf(text, size, "%lu", (unsigned long)uid);
}

const char *whose_text(char text[static WHOSE_SIZE], const struct stat *st)
{
	char user[WHOSE_SIZE / 2 - 1];
	const struct group *group = getgrgid(st->st_gid);

	user_text(user, sizeof(user), st->st_uid);
	if (group != NULL)
		snprintf(text, WHOSE_SIZE, "%s:%.60s", user, group->gr_name);
	else
		snprintf(text, WHOSE_SIZE, "%s:%lu", user, (unsigned long)st->st_gid);
	return text;
}

const char *whose_self(char text[static WHOSE_SIZE])
{
	user_text(text, WHOSE_SIZE, geteuid());
	return text;
}
