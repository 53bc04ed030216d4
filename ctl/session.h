/* What every command does around its work: connect, tell what went wrong, print results. */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "args.h"
#include "client.h"
#include "request.h"

struct session {
	const struct args *args;
	struct address address; /* of the admin socket */
	struct client client;
};

/* The work of a command while it is connected; returns the exit status, having reported. */
typedef int session_work(struct session *session, struct requests *requests, void *context);

/* With --dry-run prints the requests, else connects and works. Returns the exit status. */
int session_run(const struct args *args, struct requests *requests, session_work *work,
		void *context);
/* The same with the requests the command line stands for. */
int session_run_args(const struct args *args, session_work *work, void *context);

/* The time-out that applies: the longest silence. */
uint64_t session_silence_ms(const struct args *args);
/* Where the admin socket is. -1: *failure; exit status 2, or 5 for a default place that is not
 * ours. */
int session_find(struct address *address, const struct args *args, struct failure *failure)
    __attribute__((warn_unused_result));

/* Tells of the failure on stderr, and with --json on stdout too. Returns its exit status. */
int session_report(const struct args *args, const char *subject, const struct failure *failure);

/* Text on standard output as it is; with --json as {"KEY": text}. Empties it. */
void session_print_text(const struct args *args, const char *key, struct buf *text);

/* Appends a member (dotted) of a result to a line. -1: it is not there, a senseless reply. */
int session_add(struct buf *out, struct span result, const char *dotted, struct failure *failure)
    __attribute__((warn_unused_result));

#endif
