/* The lifecycle's vocabulary: phases, and the reasons for entering one. */
#ifndef PROTO_PHASE_H
#define PROTO_PHASE_H

#include <stdbool.h>
#include <stddef.h>

/* X(ENUM, "name on the wire", "one line of documentation") */
#define PHASES(X)                                                                                  \
	X(STARTING, "starting", "being set up; nothing is served yet")                             \
	X(RUNNING, "running", "serving")                                                           \
	X(SUSPENDED, "suspended", "not accepting; what is open lives on")                          \
	X(DRAINING, "draining", "accepts nothing new and waits for what is open to end by itself") \
	X(STOPPING, "stopping", "being ended: flushed, told to leave, then closed")                \
	X(STOPPED, "stopped", "ended; everything it held is released")

enum phase {
#define X(id, name, doc) PHASE_##id,
	PHASES(X)
#undef X
	    PHASE_COUNT
};

/* Why an engine is in its phase. The last three carry a number, printed behind a colon. */
#define REASONS(X)                                                                                 \
	X(NONE, "", "no particular reason")                                                        \
	X(REQUESTED, "requested", "somebody asked for it")                                         \
	X(LISTENER_LOST, "listener_lost", "the listening socket died")                             \
	X(PATH_REMOVED, "path_removed", "the socket file is gone or is somebody else's")           \
	X(FULL, "full", "max_connections are open")                                                \
	X(FD_LIMIT, "fd_limit",                                                                    \
	  "accepting fails: no descriptors, no memory, or a rule against it")                      \
	X(CLIENT_CLOSED, "client_closed", "the client closed first")                               \
	X(BACKEND_CLOSED, "backend_closed", "the backend closed first")                            \
	X(RESET, "reset", "a peer reset the connection")                                           \
	X(IDLE, "idle", "idle_timeout_ms passed without a byte")                                   \
	X(DEADLINE, "deadline", "the drain deadline passed")                                       \
	X(STOPPED, "stopped", "ended by a forced stop or close_connection")                        \
	X(KILLED, "killed", "closed because it did not leave within kill_ms")                      \
	X(EXIT, "exit", "the program exited; its status follows")                                  \
	X(SIGNAL, "signal", "the program died by a signal; its number follows")                    \
	X(ERROR, "error", "a system call failed; the errno's name follows")

enum reason {
#define X(id, name, doc) REASON_##id,
	REASONS(X)
#undef X
	    REASON_COUNT
};

/* Longest text of a reason with its number, and the NUL: "error:EPROTONOSUPPORT". */
enum { REASON_TEXT_SIZE = 40 };

/* The name on the wire; never NULL for a value of the enum. */
const char *phase_name(enum phase phase);
const char *phase_doc(enum phase phase);
const char *reason_name(enum reason reason);
const char *reason_doc(enum reason reason);

/* True if the lifecycle lets an engine go from one phase to the other: the one matrix. No phase
   follows itself: a new reason for the same phase is not a transition. */
bool phase_may_follow(enum phase from, enum phase to);

/* Writes "idle", "exit:3", "signal:15" or "error:ECONNREFUSED" into text, NUL-terminated; returns
   text. number is the exit status, the signal or the errno, and is ignored for other reasons. */
const char *reason_text(char text[static REASON_TEXT_SIZE], enum reason reason, int number);

/* The symbolic name of an errno ("ECONNREFUSED"), or "E<number>" for one libc does not know; the
   latter lives in a static buffer. */
const char *errno_name(int error);

#endif
