/* The log against every kind of standard error: lines stay whole, nothing ever waits, what is lost
   is counted, and a shared description keeps its flags. */
#include "../../server/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "check.h"

enum { NOBODY = 65534, MANY = 3000, TEXT_SIZE = 1024 * 1024 };

static int saved_stderr;
static char text[TEXT_SIZE]; /* what was read back */
static size_t text_len;

static void forget(void)
{
	text_len = 0;
	text[0] = '\0';
}

/* Makes fd standard error and opens the log on it. */
static void open_on(int fd, enum log_format format)
{
	if (dup2(fd, STDERR_FILENO) == -1)
		exit(1);
	log_open(format, LOG_LEVEL_INFO);
}

static void close_log(void)
{
	log_close();
	if (dup2(saved_stderr, STDERR_FILENO) == -1)
		exit(1);
}

/* Reads all that is there now and appends it to text. */
static size_t collect(int fd)
{
	size_t before = text_len;
	ssize_t n;

	do {
		int ready = 0;

		if (ioctl(fd, FIONREAD, &ready) == -1 || ready <= 0)
			break;
		n = read(fd, text + text_len, sizeof text - 1 - text_len);
		text_len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[text_len] = '\0';
	return text_len - before;
}

static void collect_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	text_len = n > 0 ? (size_t)n : 0;
	text[text_len] = '\0';
	close(fd);
}

static bool matches(const char *pattern)
{
	regex_t regex;
	bool match;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	match = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

static unsigned count(const char *needle)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
		n++;
	return n;
}

/* True if text is "... line I of many", each whole, I growing; *seen tells how many. */
static bool whole_and_ordered(unsigned *seen)
{
	int last = -1, number, end;

	*seen = 0;
	for (char *line = text, *next; *line != '\0'; line = next) {
		const char *at;

		next = strchr(line, '\n');
		if (next == NULL)
			return false;
		*next++ = '\0';
		at = strstr(line, "test line ");
		if (at == NULL && strstr(line, "lines lost") != NULL)
			continue;
		end = 0;
		if (at == NULL || sscanf(at, "test line %d of many%n", &number, &end) != 1 ||
		    at[end] != '\0' || number <= last)
			return false;
		last = number;
		(*seen)++;
	}
	return true;
}

static void test_text(void)
{
	char path[] = "/tmp/test_log.XXXXXX";
	int fd = mkostemp(path, O_APPEND);

	open_on(fd, LOG_TEXT);
	log_info("unix:/tmp/x.sock", "running: %s", "started");
	collect_file(path);
	CHECK(matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
		      "info  unix:/tmp/x\\.sock running: started\n$"),
	      "a line: %s", text);
	log_debug("x", "too low");
	errno = ENOSPC;
	log_error("a\nb", "fa\033[1miled\r\n: %m");
	CHECK_UINT((unsigned)errno, ENOSPC, "errno is what it was");
	collect_file(path);
	CHECK_UINT(count("\n"), 2, "one line each, debug is not shown");
	CHECK(strstr(text, "error a\\x0ab fa\\x1b[1miled\\x0d\\x0a: No space left on device\n") !=
		  NULL,
	      "what is foreign is escaped: %s", text);
	CHECK((fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK)) == O_APPEND, "a file keeps its flags");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("x", "shown");
	collect_file(path);
	CHECK(log_level() == LOG_LEVEL_DEBUG && strstr(text, " debug x shown\n") != NULL,
	      "the level can be changed");
	CHECK(log_level_find("warning") == LOG_LEVEL_WARNING && log_level_find("loud") == -1 &&
		  strcmp(log_level_name(LOG_LEVEL_ERROR), "error") == 0,
	      "levels have names");
	close_log();
	close(fd);
	unlink(path);
}

static void test_json(void)
{
	static const char *const keys[] = {"time", "level", "subject", "event"};
	char path[] = "/tmp/test_log.XXXXXX";
	int fd = mkostemp(path, O_APPEND);
	cJSON *line;
	const cJSON *member;
	size_t i = 0;

	open_on(fd, LOG_JSON);
	log_warning("no\"de", "a\nb \xff \xc3\xa9");
	collect_file(path);
	CHECK_UINT(count("\n"), 1, "JSON is one line");
	line = cJSON_Parse(text);
	cJSON_ArrayForEach (member, line) {
		CHECK_STR(member->string, i < 4 ? keys[i] : "", "key %zu", i + 1);
		i++;
	}
	CHECK_UINT(i, 4, "four keys");
	CHECK_STR(cJSON_GetStringValue(cJSON_GetObjectItem(line, "level")), "warning", "level");
	CHECK_STR(cJSON_GetStringValue(cJSON_GetObjectItem(line, "subject")), "no\"de", "subject");
	CHECK_STR(cJSON_GetStringValue(cJSON_GetObjectItem(line, "event")),
		  "a\nb \xef\xbf\xbd \xc3\xa9", "event");
	cJSON_Delete(line);
	close_log();
	close(fd);
	unlink(path);
}

/* Events of every length up to far too long, of bytes that grow when escaped. */
static void test_long(void)
{
	static const char *const units[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\x01", "\xff", "\""};
	static char event[8192];
	char path[] = "/tmp/test_log.XXXXXX";
	int fd = mkostemp(path, O_APPEND);
	size_t longest = 0;
	bool good = true;

	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		open_on(fd, (enum log_format)format);
		for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
			for (size_t n = 1; n < 2200; n += n < 1900 ? 97 : 1) {
				cJSON *line = NULL;
				size_t len = strlen(units[u]);
				bool cut;

				for (size_t k = 0; k < n; k++)
					memcpy(event + k * len, units[u], len + 1);
				if (ftruncate(fd, 0) == -1)
					exit(1);
				log_info(n % 2 ? "s" : event, "%s", event);
				collect_file(path);
				cut = strcmp(text + text_len - (format == LOG_JSON ? 6 : 4),
					     format == LOG_JSON ? "...\"}\n" : "...\n") == 0;
				if (format == LOG_JSON)
					line = cJSON_Parse(text);
				good =
				    good && count("\n") == 1 && text_len <= 2048 &&
				    (cut || len * n < 2048) &&
				    (format == LOG_TEXT || line != NULL) &&
				    (units[u][0] == '\xff' || strstr(text, "\xef\xbf\xbd") == NULL);
				longest = text_len > longest ? text_len : longest;
				cJSON_Delete(line);
			}
		close_log();
	}
	CHECK(good, "long lines are cut between characters, marked, and stay well-formed");
	CHECK(longest > 2000 && longest <= 2048, "at 2 KiB and not before: %zu", longest);
	close(fd);
	unlink(path);
}

static void fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	for (size_t chunk = 4096; chunk > 0; chunk /= 2)
		while (write(fd, text, chunk) > 0)
			continue;
	fcntl(fd, F_SETFL, flags);
}

static void drain(int fd)
{
	while (collect(fd) > 0)
		forget();
	forget();
}

static void test_full_pipe(void)
{
	int ends[2], flags;
	uint64_t lost = log_lost();
	unsigned seen = 0;
	char *notice;

	memset(text, '-', 4096);
	if (pipe2(ends, O_CLOEXEC) == -1)
		exit(1);
	fill(ends[1]);
	flags = fcntl(ends[1], F_GETFL);
	open_on(ends[1], LOG_TEXT);
	for (int i = 0; i < 3; i++)
		log_info("test", "line %d of many", i);
	CHECK_UINT(log_lost(), lost, "a full pipe: lines are kept");
	CHECK((fcntl(STDERR_FILENO, F_GETFL) & ~O_CLOEXEC) == flags,
	      "the pipe's flags are not changed");
	drain(ends[0]);
	log_flush();
	collect(ends[0]);
	CHECK(whole_and_ordered(&seen) && seen == 3, "and written when there is room");

	memset(text, '-', 4096);
	fill(ends[1]);
	for (int i = 0; i < MANY; i++)
		log_info("test", "line %d of many", i);
	CHECK(log_lost() > lost && log_lost() < lost + MANY, "more than can be kept is counted");
	drain(ends[0]);
	for (int i = 0; i < 100 && (log_flush(), collect(ends[0]) > 0); i++)
		continue;
	log_info("test", "line %d of many", MANY);
	collect(ends[0]);
	CHECK_UINT(count("lines lost"), 1, "and told once");
	notice = strstr(text, "warning log ");
	CHECK(notice != NULL &&
		  strtoull(notice + strlen("warning log "), NULL, 10) == log_lost() - lost,
	      "with the right number, %" PRIu64, log_lost() - lost);
	CHECK(notice != NULL && strstr(notice, "line 3000 of many") != NULL,
	      "where the lines are missing");
	CHECK(whole_and_ordered(&seen) && seen + (log_lost() - lost) == MANY + 1,
	      "written and lost are all");
	CHECK(seen > 500, "64 KiB of lines were kept: %u", seen);
	close_log();
	close(ends[0]);
	close(ends[1]);
	forget();
}

static void test_gone_reader(void)
{
	int ends[2];
	uint64_t lost = log_lost();

	if (pipe2(ends, O_CLOEXEC) == -1)
		exit(1);
	open_on(ends[1], LOG_TEXT);
	close(ends[0]);
	for (int i = 0; i < 5; i++)
		log_info("test", "line %d of many", i);
	CHECK_UINT(log_lost() - lost, 5, "a reader that is gone costs lines");
	close_log();

	lost = log_lost();
	open_on(ends[1], LOG_TEXT);
	log_info("test", "line");
	CHECK_UINT(log_lost() - lost, 1, "also one that was gone from the start");
	close_log();
	close(ends[1]);
}

static void test_gone_while_kept(void)
{
	int ends[2];
	uint64_t lost = log_lost();

	if (pipe2(ends, O_CLOEXEC) == -1)
		exit(1);
	open_on(ends[1], LOG_TEXT);
	log_flush(); /* what was lost before is told here */
	memset(text, '-', 4096);
	fill(ends[1]);
	for (int i = 0; i < 5; i++)
		log_info("test", "line %d of many", i);
	close(ends[0]);
	log_flush();
	CHECK_UINT(log_lost() - lost, 5, "lines kept for a reader that goes are lost, and counted");
	close_log();
	close(ends[1]);
	forget();
}

static void test_full_device(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	uint64_t lost = log_lost();

	open_on(fd, LOG_TEXT);
	for (int i = 0; i < 5; i++)
		log_info("test", "line %d of many", i);
	log_flush();
	CHECK_UINT(log_lost() - lost, 5, "/dev/full costs lines");
	close_log();
	close(fd);
}

/* A terminal takes parts of lines. */
static void test_terminal(void)
{
	int controller, terminal, flags;
	uint64_t lost;
	unsigned seen = 0;
	struct termios raw;

	if (openpty(&controller, &terminal, NULL, NULL, NULL) == -1) {
		printf("# terminals are left out: there are none here\n");
		return;
	}
	tcgetattr(terminal, &raw);
	cfmakeraw(&raw);
	tcsetattr(terminal, TCSANOW, &raw);
	fcntl(controller, F_SETFL, O_NONBLOCK);
	flags = fcntl(terminal, F_GETFL);
	open_on(terminal, LOG_TEXT);
	log_flush(); /* what was lost before is told here */
	lost = log_lost();
	for (int i = 0; i < 1000; i++)
		log_info("test", "line %d of many", i);
	CHECK_UINT((unsigned)fcntl(STDERR_FILENO, F_GETFL), (unsigned)flags,
		   "a terminal's flags are not changed");
	CHECK_UINT(log_lost(), lost, "nobody reads: a thousand lines are kept");
	forget();
	/* Bytes pass through a terminal in their own time. */
	for (int idle = 0; idle < 20000 && count("line 999 of many\n") == 0; idle++) {
		ssize_t n = read(controller, text + text_len, sizeof text - 1 - text_len);

		text_len += n > 0 ? (size_t)n : 0;
		text[text_len] = '\0';
		idle = n > 0 ? 0 : idle;
		log_flush();
		sched_yield();
	}
	CHECK(whole_and_ordered(&seen) && seen == 1000, "and none is torn: %u", seen);
	close_log();
	close(terminal);
	close(controller);
	forget();
}

static void test_socket(void)
{
	int ends[2];
	uint64_t lost;
	unsigned seen = 0;
	struct stat st;
	char stream[64];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		exit(1);
	fstat(ends[1], &st);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	open_on(ends[1], LOG_TEXT);
	log_flush();
	collect(ends[0]);
	forget();
	log_error("node", "failed");
	log_warning("node", "odd");
	log_info("node", "running");
	collect(ends[0]);
	CHECK_STR(text, "<3>error node failed\n<4>warning node odd\n<6>info  node running\n",
		  "the journal gets priorities instead of times");
	forget();
	lost = log_lost();
	for (int i = 0; i < 20 * MANY; i++)
		log_info("test", "line %d of many", i);
	CHECK(log_lost() > lost, "a full socket costs lines");
	for (int i = 0; i < 1000 && (log_flush(), collect(ends[0]) > 0); i++)
		continue;
	CHECK(whole_and_ordered(&seen) && seen + (log_lost() - lost) == 20 * MANY,
	      "written and lost are all: %u", seen);
	close(ends[0]);
	lost = log_lost();
	log_info("test", "line");
	CHECK_UINT(log_lost() - lost, 1, "a closed socket costs the line");
	close_log();

	setenv("JOURNAL_STREAM", "1:1", 1);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		exit(1);
	open_on(ends[1], LOG_TEXT);
	forget();
	collect(ends[0]);
	forget();
	log_info("node", "running");
	collect(ends[0]);
	CHECK(strstr(text, "Z info  node running\n") != NULL, "another stream is not the journal");
	unsetenv("JOURNAL_STREAM");
	close_log();
	close(ends[0]);
	close(ends[1]);
	forget();
}

/* In a child, whose status tells how it went; the alarm tells that it waited. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(run());
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A pipe that belongs to another user cannot be reopened. */
static int run_foreign_pipe(void)
{
	int ends[2];
	unsigned seen = 0;
	uint64_t lost = log_lost();
	char name[64];

	memset(text, '-', 4096);
	if (pipe(ends) == -1)
		return 1;
	fill(ends[1]);
	snprintf(name, sizeof name, "/proc/self/fd/%d", ends[1]);
	if (setgid(NOBODY) == -1 || setuid(NOBODY) == -1 || open(name, O_WRONLY) != -1)
		return 77;
	open_on(ends[1], LOG_TEXT);
	for (int i = 0; i < 3; i++)
		log_info("test", "line %d of many", i);
	drain(ends[0]);
	log_flush();
	collect(ends[0]);
	return log_lost() == lost && whole_and_ordered(&seen) && seen == 3 ? 0 : 2;
}

/* A disk that is full takes the beginning of a line; the rest follows when there is room. */
static int run_full_disk(void)
{
	char path[] = "/tmp/test_log.d/log", ballast[] = "/tmp/test_log.d/ballast";
	int fd, other;
	unsigned seen = 0;

	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/tmp/test_log.d", "tmpfs", 0, "size=64k") == -1)
		return 77;
	fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	other = open(ballast, O_CREAT | O_WRONLY, 0600);
	memset(text, '-', 4096);
	for (int i = 0; i < 12; i++)
		if (write(other, text, 4096) != 4096)
			return 1;
	open_on(fd, LOG_TEXT);
	for (int i = 0; i < 400; i++)
		log_info("test", "line %d of many", i);
	if (ftruncate(other, 0) == -1)
		return 2;
	log_info("test", "line %d of many", 400);
	collect_file(path);
	return whole_and_ordered(&seen) && seen > 100 ? 0 : 3;
}

static void test_as_root(void)
{
	int result;

	if (geteuid() != 0) {
		printf("# other users and full disks are left out: this is not root\n");
		return;
	}
	result = in_child(run_foreign_pipe);
	if (result == 77)
		printf("# a pipe of another user can be reopened here\n");
	else
		CHECK_UINT((unsigned)result, 0, "a full pipe that cannot be reopened");
	mkdir("/tmp/test_log.d", 0700);
	result = in_child(run_full_disk);
	if (result == 77)
		printf("# mounts are left out: they are not allowed here\n");
	else
		CHECK_UINT((unsigned)result, 0, "a disk that was full: no line is torn");
	rmdir("/tmp/test_log.d");
}

static void test_limit(void)
{
	struct log_limit limit = {0};
	int ends[2];
	unsigned shown = 0;

	if (pipe2(ends, O_CLOEXEC) == -1)
		exit(1);
	open_on(ends[1], LOG_TEXT);
	log_flush();
	collect(ends[0]);
	forget();
	for (int i = 0; i < 10; i++)
		shown += log_allowed(&limit, 3, 3600, LOG_LEVEL_WARNING, "unix:/x");
	CHECK_UINT(shown, 3, "three of ten may be shown");
	collect(ends[0]);
	CHECK_UINT(text_len, 0, "the others are silent");
	limit.since -= 3600;
	CHECK(log_allowed(&limit, 3, 3600, LOG_LEVEL_WARNING, "unix:/x"), "then a window begins");
	collect(ends[0]);
	CHECK(strstr(text, "warning unix:/x 7 more like this in the last 3600 s\n") != NULL,
	      "and says how many there were: %s", text);
	limit.since -= 3600;
	forget();
	CHECK(log_allowed(&limit, 3, 3600, LOG_LEVEL_WARNING, "unix:/x") && collect(ends[0]) == 0,
	      "none held back: nothing to say");
	while (log_allowed(&limit, 3, 3600, LOG_LEVEL_WARNING, "unix:/x"))
		continue;
	log_flush();
	CHECK_UINT(collect(ends[0]), 0, "the window is not over");
	limit.since -= 3600;
	log_flush();
	collect(ends[0]);
	CHECK(strstr(text, "warning unix:/x 1 more like this in the last 3600 s\n") != NULL,
	      "a window that is over is told of although nothing happens any more: %s", text);
	CHECK(log_allowed(&limit, 1, 3600, LOG_LEVEL_WARNING, "unix:/x"), "another begins");
	CHECK(!log_allowed(&limit, 1, 3600, LOG_LEVEL_WARNING, "unix:/x"), "with its own count");
	log_limit_end(&limit);
	collect(ends[0]);
	CHECK(strstr(text, "warning unix:/x 1 more like this in the last 0 s\n") != NULL,
	      "an owner that goes tells what it held back: %s", text);
	log_limit_end(&limit);
	CHECK_UINT(collect(ends[0]), 0, "once");
	close_log();
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	alarm(120);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("JOURNAL_STREAM");
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	test_text();
	test_json();
	test_long();
	test_full_pipe();
	test_gone_reader();
	test_gone_while_kept();
	test_full_device();
	test_terminal();
	test_socket();
	test_as_root();
	test_limit();
	return check_done();
}
