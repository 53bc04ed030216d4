/* The methods: each does its work at once, or begins it and answers later. */
#ifndef SERVER_METHODS_H
#define SERVER_METHODS_H

#include "call.h"

/* do_<name> for each row of the method table: one without a function does not link. */
#define X(id, name) void do_##name(struct call *call);
METHODS(X)
#undef X

/* Does the client have the role that the method takes? If not, err says who has it, and the refusal
   is noted. */
bool method_permits(const struct method *method, struct domain *domain, const struct client *client,
		    struct err *err) __attribute__((warn_unused_result));

/* Runs the function of the call's method: do_<name>, one for each row of METHODS. The call may be
   answered when this returns. */
void method_run(struct call *call);

/* The server a parameter names. -1: answered with no_such_server already. */
int call_server(struct call *call, const char *param, struct server **server)
    __attribute__((warn_unused_result));

/* wait.c: calls that wait for a part of the state. */
void waits_open(struct domain *domain);
/* Answers every wait: cancelled. */
void waits_cancel(struct domain *domain);

/* shutdown.c: begins noded's end, or makes it shorter or harder, as `shutdown` and the signals do.
   seconds < 0: the --drain time, or the deadline that an end under way has. */
void domain_end(struct domain *domain, double seconds, enum end how, enum reason why);

#endif
