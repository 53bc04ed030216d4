/* Refusals in the log: one line a user and minute, with a count, whoever tries how often. */
#include "../../server/refusals.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../server/log.h"
#include "check.h"

static char text[256 * 1024]; /* the log */
static int saved_stderr, file;

static void open_log(void)
{
	char path[] = "/tmp/test_refusals.XXXXXX";

	file = mkstemp(path);
	if (file == -1 || unlink(path) == -1 || dup2(file, STDERR_FILENO) == -1)
		exit(1);
	log_open(LOG_TEXT, LOG_LEVEL_INFO);
}

static void read_log(void)
{
	ssize_t n;

	log_close();
	n = pread(file, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(file);
	dup2(saved_stderr, STDERR_FILENO);
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void test_flood(void)
{
	struct refusals refusals = {0};

	open_log();
	/* Ten minutes of one try a millisecond, as the loop sees them. */
	for (unsigned ms = 0; ms < 600000; ms++)
		refusals_note(&refusals, 1000 + ms / 1000., 7, "uid 7 may not");
	read_log();
	CHECK_UINT(count("\n"), 10, "one line for each minute");
	CHECK_UINT(count("warning admin refused: uid 7 may not\n"), 1, "the first tells why");
	CHECK_UINT(count("refused: uid 7, 59999 more times\n"), 1, "the next one how many more");
	CHECK_UINT(count("refused: uid 7, 60000 more times\n"), 8, "and so do the others");
}

static void test_count_without_another_try(void)
{
	struct refusals refusals = {0};

	open_log();
	refusals_note(&refusals, 1, 7, "why");
	refusals_note(&refusals, 2, 7, "why");
	refusals_tell(&refusals, 60.9);
	refusals_tell(&refusals, 61);
	refusals_tell(&refusals, 61.5);
	refusals_note(&refusals, 62, 7, "why");
	refusals_tell(&refusals, 121.5);
	refusals_tell(&refusals, 181.5);
	refusals_tell(&refusals, 400);
	read_log();
	CHECK_UINT(count("\n"), 3, "a minute that has its line gets no second one");
	CHECK_UINT(count("refused: uid 7, 1 more time\n"), 2, "each count is told, once");
}

static void test_quiet_user_starts_again(void)
{
	struct refusals refusals = {0};

	open_log();
	refusals_note(&refusals, 1, 7, "why");
	refusals_note(&refusals, 100, 7, "why");
	refusals_note(&refusals, 100, 8, "why");
	refusals_end(&refusals);
	read_log();
	CHECK_UINT(count("refused: why\n"), 3, "each user, and each minute, has its line");
	CHECK_UINT(count("\n"), 3, "and there is no count of none");
}

static void test_many_users(void)
{
	struct refusals refusals = {0};

	open_log();
	for (unsigned uid = 0; uid < 10000; uid++)
		refusals_note(&refusals, 1, uid, "why");
	for (unsigned uid = 0; uid < 10000; uid++)
		refusals_note(&refusals, 2, uid, "why");
	refusals_end(&refusals);
	read_log();
	CHECK_UINT(count("refused: why\n"), REFUSALS_USERS + 1, "those counted, and one more");
	CHECK_UINT(count("1 more time\n"), REFUSALS_USERS, "each of those is told of");
	CHECK_UINT(count("refused: 19935 more times, users beyond the 32 counted apart\n"), 1,
		   "and the rest together");
	CHECK_UINT(count("\n"), 2 * (REFUSALS_USERS + 1), "that is all");
}

int main(void)
{
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	test_flood();
	test_count_without_another_try();
	test_quiet_user_starts_again();
	test_many_users();
	return check_done();
}
