/* The log. A line is made in one piece and written with one call. What a full target does not take
   at once is kept, in order, and tried again before the next line and at every flush; what cannot
   be kept is counted, and the count is a line of its own once everything kept is out. */
#include "log.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "../proto/buf.h"
#include "../proto/json.h"
#include "clock.h"

enum {
	LINE_SIZE = 2048, /* longest line with its LF; under PIPE_BUF: pipes keep it whole */
	SUBJECT_SIZE = 256,
	KEPT_SIZE = 64 * 1024,
	/* What a JSON string makes of the longest event: six characters for a byte. */
	MADE_SIZE = 6 * (LINE_SIZE + SUBJECT_SIZE) + 256,
};

/* How to write without waiting. */
enum target {
	TARGET_PLAIN,  /* a file or /dev/null, which never waits; anything before log_open */
	TARGET_OWN,    /* a description of our own with O_NONBLOCK */
	TARGET_POLLED, /* somebody else's that cannot be reopened: asked before each line */
	TARGET_SOCKET,
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

enum { LEVEL_COUNT = sizeof level_names / sizeof level_names[0] };

static struct {
	bool open;
	enum target target;
	int fd;
	enum log_format format;
	enum log_level level;
	bool journal;	 /* systemd-journald reads: priorities */
	struct buf made; /* the line being made */
	char kept[KEPT_SIZE];
	size_t start, len;   /* of what is kept */
	bool torn;	     /* what is kept begins within a line */
	uint64_t lost, told; /* lines; up to which number the log says so */
	LIST_HEAD(, log_limit) limits;
} sink = {.fd = STDERR_FILENO, .level = LOG_LEVEL_INFO};

/* As systemd.exec(5) has it, $JOURNAL_STREAM is "DEVICE:INODE" of the stream it gave us; a
   standard error redirected since is another. */
static bool is_journal(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	int end = 0;

	return stream != NULL && sscanf(stream, "%ju:%ju%n", &device, &inode, &end) == 2 &&
	       stream[end] == '\0' && device == st->st_dev && inode == st->st_ino;
}

static int reopen_stderr(void)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return -1;
	return open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool target_ready(void)
{
	struct pollfd poller = {.fd = sink.fd, .events = POLLOUT};

	if (sink.target != TARGET_POLLED)
		return true;
	return poll(&poller, 1, 0) > 0;
}

/* Writes what it can of bytes[0..n). -1: errno; EAGAIN if there is no room now. */
static ssize_t target_write(const char *bytes, size_t n)
{
	ssize_t written;

	if (!target_ready()) {
		errno = EAGAIN;
		return -1;
	}
	do
		written = sink.target == TARGET_SOCKET
			      ? send(sink.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL)
			      : write(sink.fd, bytes, n);
	while (written == -1 && errno == EINTR);
	return written;
}

/* The target may take it later. A full disk is not among these: lines would be kept for hours. */
static bool is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

static size_t line_length(const char *bytes, size_t n)
{
	const char *end = memchr(bytes, '\n', n);

	return end == NULL ? n : (size_t)(end - bytes) + 1;
}

/* False if there is no room for it. */
static bool keep(const char *bytes, size_t n)
{
	if (n > KEPT_SIZE - sink.len)
		return false;
	if (n > KEPT_SIZE - sink.len - sink.start) {
		memmove(sink.kept, sink.kept + sink.start, sink.len);
		sink.start = 0;
	}
	memcpy(sink.kept + sink.start + sink.len, bytes, n);
	sink.len += n;
	return true;
}

static void unkeep(size_t n, bool torn)
{
	sink.start += n;
	sink.len -= n;
	sink.torn = torn;
	if (sink.len == 0)
		sink.start = 0;
}

/* Tries what is kept, line by line. True: nothing is left. The rest of a line that is half out is
   not given up for a failure that may pass: the next line would be glued to it. */
static bool kept_write(void)
{
	while (sink.len > 0) {
		const char *line = sink.kept + sink.start;
		size_t n = line_length(line, sink.len);
		ssize_t written = target_write(line, n);

		if (written >= 0) {
			unkeep((size_t)written, (size_t)written < n);
			if ((size_t)written < n)
				return false;
		} else if (is_full(errno) || (sink.torn && errno != EPIPE)) {
			return false;
		} else {
			unkeep(n, false);
			sink.lost++;
		}
	}
	return true;
}

/* One line when nothing is kept. False: it is lost. */
static bool line_write(const char *line, size_t n)
{
	ssize_t written = target_write(line, n);

	if (written == -1)
		return is_full(errno) && keep(line, n);
	if ((size_t)written < n) {
		keep(line + written, n - (size_t)written);
		sink.torn = written > 0;
	}
	return true;
}

/* Where to cut text so that byte n is not in it: before the character n is a part of. */
static size_t cut_length(const char *text, size_t n)
{
	size_t start = n;

	while (start > 0 && n - start < 4 && ((unsigned char)text[start] & 0xc0) == 0x80)
		start--;
	return n - start < 4 ? start : n;
}

static void make_json(const char *time, enum log_level level, const char *subject,
		      const char *event, size_t n, const char *more)
{
	struct json json = {.out = &sink.made};
	char whole[LINE_SIZE + 8];

	snprintf(whole, sizeof whole, "%.*s%s", (int)n, event, more);
	json_object(&json);
	json_key(&json, "time");
	json_string(&json, time);
	json_key(&json, "level");
	json_string(&json, level_names[level]);
	json_key(&json, "subject");
	json_string(&json, subject);
	json_key(&json, "event");
	json_string(&json, whole);
	json_object_end(&json);
}

static void make_text(const char *time, enum log_level level, const char *subject,
		      const char *event, size_t n, const char *more)
{
	if (!sink.journal)
		buf_printf(&sink.made, "%s ", time);
	buf_printf(&sink.made, "%-5s ", level_names[level]);
	buf_escape(&sink.made, subject, strlen(subject));
	buf_append(&sink.made, " ", 1);
	buf_escape(&sink.made, event, n);
	buf_append(&sink.made, more, strlen(more));
}

static void make_time(char *text, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Makes the line in sink.made, of the first n bytes of event. False if memory ran out. */
static bool make_line(enum log_level level, const char *subject, const char *event, size_t n,
		      const char *more)
{
	/* syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. */
	static const char priorities[LEVEL_COUNT] = {'3', '4', '6', '7'};
	char time[48];

	make_time(time, sizeof time);
	buf_reset(&sink.made);
	if (sink.journal)
		buf_printf(&sink.made, "<%c>", priorities[level]);
	if (sink.format == LOG_JSON)
		make_json(time, level, subject, event, n, more);
	else
		make_text(time, level, subject, event, n, more);
	buf_append(&sink.made, "\n", 1);
	return !sink.made.failed;
}

/* The same within LINE_SIZE: what is too long is shortened by its share until it fits, since
   escaping makes some bytes longer than others. */
static bool make_fitting(enum log_level level, const char *subject, const char *event, bool cut)
{
	size_t n = strlen(event);

	if (!make_line(level, subject, event, n, cut ? "..." : ""))
		return false;
	while (sink.made.len > LINE_SIZE && n > 0) {
		n = cut_length(event, n * LINE_SIZE / (sink.made.len + 3));
		if (!make_line(level, subject, event, n, "..."))
			return false;
	}
	return true;
}

/* Everything kept goes first, then how many were lost. True: both are done. */
static bool settle(void)
{
	uint64_t lost;
	char event[80];

	if (!kept_write())
		return false;
	if (sink.lost == sink.told)
		return true;
	lost = sink.lost;
	snprintf(event, sizeof event, "%" PRIu64 " lines lost: standard error took none",
		 lost - sink.told);
	if (!make_fitting(LOG_LEVEL_WARNING, "log", event, false) ||
	    !line_write(sink.made.data, sink.made.len))
		return false;
	sink.told = lost;
	return sink.len == 0;
}

void log_open(enum log_format format, enum log_level level)
{
	struct stat st;

	log_close();
	sink.open = true;
	sink.format = format;
	sink.level = level;
	buf_reserve(&sink.made, MADE_SIZE);
	if (fstat(STDERR_FILENO, &st) == -1)
		return;
	sink.journal = is_journal(&st);
	if (S_ISSOCK(st.st_mode)) {
		sink.target = TARGET_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO)) {
		int fd = reopen_stderr();

		sink.target = fd == -1 ? TARGET_POLLED : TARGET_OWN;
		sink.fd = fd == -1 ? STDERR_FILENO : fd;
	}
}

void log_close(void)
{
	if (!sink.open) /* what is plain may wait */
		return;
	log_flush();
	while (sink.len > 0) {
		unkeep(line_length(sink.kept + sink.start, sink.len), false);
		sink.lost++;
	}
	if (sink.target == TARGET_OWN)
		close(sink.fd);
	buf_free(&sink.made);
	sink.open = false;
	sink.target = TARGET_PLAIN;
	sink.fd = STDERR_FILENO;
	sink.format = LOG_TEXT;
	sink.journal = false;
}

/* Lines are lost from the first that finds no room until all that is kept is out, so that the
   count stands at one place, where they are missing. */
static void emit(enum log_level level, const char *subject, const char *event, bool cut)
{
	bool settled = settle(), fits = make_fitting(level, subject, event, cut);

	if (fits && settled)
		sink.lost += !line_write(sink.made.data, sink.made.len);
	else if (!fits || sink.lost != sink.told || !keep(sink.made.data, sink.made.len))
		sink.lost++;
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
	char shown[SUBJECT_SIZE], event[LINE_SIZE];
	int error = errno, n;
	va_list args;

	if (level > sink.level)
		return;
	va_start(args, format);
	n = vsnprintf(event, sizeof event, format, args); /* %m is still the caller's */
	va_end(args);
	if (n < 0)
		snprintf(event, sizeof event, "%s", format);
	else if ((size_t)n >= sizeof event)
		event[cut_length(event, sizeof event - 2)] = '\0';
	if (snprintf(shown, sizeof shown, "%s", subject) >= (int)sizeof shown)
		shown[cut_length(shown, sizeof shown - 2)] = '\0';
	emit(level, shown, event, n >= (int)sizeof event);
	errno = error;
}

enum log_level log_level(void)
{
	return sink.level;
}

void log_set_level(enum log_level level)
{
	sink.level = level;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

int log_level_find(const char *name)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (strcmp(level_names[i], name) == 0)
			return i;
	return -1;
}

uint64_t log_lost(void)
{
	return sink.lost;
}

/* What was held back is told, and a new window may begin. */
static void limit_tell(struct log_limit *limit, double now)
{
	log_line(limit->level, limit->subject, "%u more like this in the last %.0f s", limit->held,
		 now - limit->since);
	LIST_REMOVE(limit, link);
	limit->shown = limit->held = 0;
}

static void limit_hold(struct log_limit *limit, double seconds, enum log_level level,
		       const char *subject)
{
	if (limit->held++ > 0)
		return;
	limit->seconds = seconds;
	limit->level = level;
	strlcpy(limit->subject, subject, sizeof(limit->subject));
	LIST_INSERT_HEAD(&sink.limits, limit, link);
}

bool log_allowed(struct log_limit *limit, unsigned burst, double seconds, enum log_level level,
		 const char *subject)
{
	double now = clock_seconds();

	if (limit->shown > 0 && now - limit->since >= seconds) {
		if (limit->held > 0)
			limit_tell(limit, now);
		limit->shown = 0;
	}
	if (limit->shown >= burst) {
		limit_hold(limit, seconds, level, subject);
		return false;
	}
	if (limit->shown++ == 0)
		limit->since = now;
	return true;
}

void log_limit_end(struct log_limit *limit)
{
	if (limit->held > 0)
		limit_tell(limit, clock_seconds());
}

static void limits_tell(void)
{
	struct log_limit *limit, *next;
	double now = sink.limits.lh_first ? clock_seconds() : 0;

	LIST_FOREACH_SAFE (limit, &sink.limits, link, next)
		if (now - limit->since >= limit->seconds)
			limit_tell(limit, now);
}

void log_flush(void)
{
	int error = errno;

	settle();
	limits_tell();
	errno = error;
}
