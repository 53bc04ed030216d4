/* What an admin session is held to; `version` shows it, noded-protocol(7) says what each means. */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

enum {
	SESSION_CLIENTS_MAX = 64,
	SESSION_OBSERVERS_MAX = 48,	  /* of them, where operators come too */
	SESSION_SPARE_FDS = 4,		  /* of the reserve: fewer, and a client gives way */
	SESSION_OPERATORS_FDS = 16,	  /* the same before an observer is let in */
	SESSION_CALLS_MAX = 64,		  /* in flight */
	SESSION_SKIP_MAX = 1024 * 1024,	  /* bytes of one overlong line thrown away */
	SESSION_OUTPUT_HIGH = 256 * 1024, /* bytes not yet sent: read and run no more ... */
	SESSION_OUTPUT_LOW = 64 * 1024,	  /* ... until so few are left */
	SESSION_STUCK_MS = 30000,	  /* output that makes no progress */
	SESSION_PARTIAL_MS = 10000,	  /* a line begun and not finished */
	SESSION_PARSE_ERRORS_MAX = 16,	  /* in a row */
};

#endif
