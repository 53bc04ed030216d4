/* The phase matrix against the lifecycle, all 36 pairs; the texts of phases and reasons. */
#include "phase.h"

#include <errno.h>
#include "check.h"

/* Row: from, column: to; in the order of the lifecycle. */
static const char *const order[] = {"starting", "running",  "suspended",
				    "draining", "stopping", "stopped"};
static const char *const allowed[] = {
    /* to:        s r s d s s */
    /* starting */ ". x . x x .",
    /* running  */ ". . x x x .",
    /* suspended*/ ". x . x x .",
    /* draining */ ". . . . x .",
    /* stopping */ ". . . . . x",
    /* stopped  */ ". . . . . .",
};

static enum phase phase_of(const char *name)
{
	int phase = 0;

	while (phase < PHASE_COUNT && strcmp(phase_name((enum phase)phase), name) != 0)
		phase++;
	return (enum phase)phase;
}

static void test_matrix(void)
{
	CHECK_UINT(PHASE_COUNT, sizeof order / sizeof order[0], "every phase is in this test");
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		enum phase from = phase_of(order[i]);

		if (!CHECK(from != PHASE_COUNT, "there is a phase %s", order[i]))
			continue;
		for (size_t j = 0; j < sizeof order / sizeof order[0]; j++) {
			bool may = allowed[i][2 * j] == 'x';

			CHECK(phase_may_follow(from, phase_of(order[j])) == may, "%s -> %s: %s",
			      order[i], order[j], may ? "yes" : "no");
		}
	}
}

/* Whatever happened, one can get to stopped, and an end once begun is never taken back. */
static void test_ends(void)
{
	bool leads[PHASE_COUNT] = {[PHASE_STOPPED] = true};

	for (int round = 0; round < PHASE_COUNT; round++)
		for (int from = 0; from < PHASE_COUNT; from++)
			for (int to = 0; to < PHASE_COUNT; to++)
				if (leads[to] && phase_may_follow((enum phase)from, (enum phase)to))
					leads[from] = true;
	for (int from = 0; from < PHASE_COUNT; from++)
		CHECK(leads[from], "%s leads to stopped", phase_name((enum phase)from));
	for (int from = PHASE_DRAINING; from < PHASE_COUNT; from++)
		for (int to = 0; to <= from; to++)
			CHECK(!phase_may_follow((enum phase)from, (enum phase)to),
			      "%s: no way back to %s", phase_name((enum phase)from),
			      phase_name((enum phase)to));
}

static void test_reasons(void)
{
	static const struct {
		enum reason reason;
		int number;
		const char *text;
	} rows[] = {
	    {REASON_NONE, 7, ""},
	    {REASON_REQUESTED, 7, "requested"},
	    {REASON_LISTENER_LOST, 0, "listener_lost"},
	    {REASON_PATH_REMOVED, 0, "path_removed"},
	    {REASON_FULL, 0, "full"},
	    {REASON_FD_LIMIT, 0, "fd_limit"},
	    {REASON_CLIENT_CLOSED, 0, "client_closed"},
	    {REASON_BACKEND_CLOSED, 0, "backend_closed"},
	    {REASON_RESET, ECONNRESET, "reset"},
	    {REASON_IDLE, 0, "idle"},
	    {REASON_DEADLINE, 0, "deadline"},
	    {REASON_STOPPED, 15, "stopped"},
	    {REASON_KILLED, 9, "killed"},
	    {REASON_EXIT, 0, "exit:0"},
	    {REASON_EXIT, 127, "exit:127"},
	    {REASON_SIGNAL, 15, "signal:15"},
	    {REASON_ERROR, ECONNREFUSED, "error:ECONNREFUSED"},
	    {REASON_ERROR, EPROTONOSUPPORT, "error:EPROTONOSUPPORT"},
	    {REASON_ERROR, -2147483647 - 1, "error:E-2147483648"},
	};
	bool seen[REASON_COUNT] = {false};
	char text[REASON_TEXT_SIZE];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		seen[rows[i].reason] = true;
		CHECK_STR(reason_text(text, rows[i].reason, rows[i].number), rows[i].text,
			  "reason text \"%s\"", rows[i].text);
	}
	for (int i = 0; i < REASON_COUNT; i++) {
		CHECK(seen[i], "reason \"%s\" is in this test", reason_name((enum reason)i));
		CHECK(reason_doc((enum reason)i)[0] != '\0', "it has a documentation");
	}
	for (int i = 0; i < PHASE_COUNT; i++)
		CHECK(phase_doc((enum phase)i)[0] != '\0', "phase %s has a documentation",
		      phase_name((enum phase)i));
}

static void test_errno_names(void)
{
	CHECK_STR(errno_name(EAGAIN), "EAGAIN", "EAGAIN has its name");
	CHECK_STR(errno_name(ENOTCONN), "ENOTCONN", "ENOTCONN has its name");
	CHECK_STR(errno_name(0), "E0", "0 is no errno");
	CHECK_STR(errno_name(9999), "E9999", "an unknown errno is a number");
	for (int error = 1; error < 134; error++) {
		char text[REASON_TEXT_SIZE];

		if (!CHECK(strlen(reason_text(text, REASON_ERROR, error)) ==
			       strlen("error:") + strlen(errno_name(error)),
			   "the text of errno %d is not cut", error))
			break;
	}
}

int main(void)
{
	test_matrix();
	test_ends();
	test_reasons();
	test_errno_names();
	return check_done();
}
