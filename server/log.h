/* The log: one line a cause on standard error, which may be slow, full or gone without hurting the
   loop. The only global of noded. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };
enum { LOG_SUBJECT_SIZE = 120 }; /* of a limit: holds an address as text */

/* Takes standard error as the target: a pipe or terminal is reopened through /proc/self/fd/2 so
   that O_NONBLOCK is ours alone (it belongs to the open file description, open(2)); priorities in
   place of times when JOURNAL_STREAM names it (systemd.exec(5)). Never fails: a target that cannot
   be written costs lines. */
void log_open(enum log_format format, enum log_level level);
/* Writes what it can of what is kept, without waiting, and closes what log_open opened. */
void log_close(void);

/* One line: time, level, subject, event. subject is what it is about ("node", "admin", a server's
   address, ...), event reads "did this: because of that", lower case. Both are escaped: whatever
   they hold, it stays one line. errno is preserved. */
void log_line(enum log_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_level() >= LOG_LEVEL_DEBUG)                                                \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)

/* Tries again to write lines kept while the target was full, and tells of windows that are over
   with lines held back; called twice a second. */
void log_flush(void);

enum log_level log_level(void);
void log_set_level(enum log_level level);
const char *log_level_name(enum log_level level);
/* -1 for a name that is none. */
int log_level_find(const char *name);
/* Lines that could not be written since the start. */
uint64_t log_lost(void);

/* Holds back repetitions of one cause: at most `burst` lines in `seconds`, then silence, then one
   line says how many there were, at the end of the window (log_flush) or of the owner. Zeroed it is
   ready; log_limit_end before its memory goes. */
struct log_limit {
	LIST_ENTRY(log_limit) link; /* in the log's list while held > 0 */
	double since, seconds;	    /* monotonic; the current window */
	unsigned shown, held;
	enum log_level level;
	char subject[LOG_SUBJECT_SIZE]; /* valid while held > 0 */
};
/* True if a line may be written now. Where lines were held back in a window that is over, "<n> more
   like this in the last <seconds> s" about subject comes first, at that level. */
bool log_allowed(struct log_limit *limit, unsigned burst, double seconds, enum log_level level,
		 const char *subject);
/* Tells of lines held back, if there are any; afterwards it is as new. */
void log_limit_end(struct log_limit *limit);

#endif
