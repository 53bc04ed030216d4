/* Names of phases and reasons, and the matrix of which phase may follow which. */
#include "phase.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct word {
	const char *name, *doc;
};

static const struct word phases[PHASE_COUNT] = {
#define X(id, name, doc) {name, doc},
    PHASES(X)
#undef X
};

static const struct word reasons[REASON_COUNT] = {
#define X(id, name, doc) {name, doc},
    REASONS(X)
#undef X
};

#define TO(id)	 (1u << PHASE_##id)
#define AN_END() (TO(DRAINING) | TO(STOPPING))

/* One row a phase: what may follow it. */
static const unsigned may_follow[PHASE_COUNT] = {
    [PHASE_STARTING] = TO(RUNNING) | AN_END(),
    [PHASE_RUNNING] = TO(SUSPENDED) | AN_END(),
    [PHASE_SUSPENDED] = TO(RUNNING) | AN_END(),
    [PHASE_DRAINING] = TO(STOPPING),
    [PHASE_STOPPING] = TO(STOPPED),
    [PHASE_STOPPED] = 0,
};

const char *phase_name(enum phase phase)
{
	assert(phase < PHASE_COUNT);
	return phases[phase].name;
}

const char *phase_doc(enum phase phase)
{
	assert(phase < PHASE_COUNT);
	return phases[phase].doc;
}

const char *reason_name(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].name;
}

const char *reason_doc(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].doc;
}

bool phase_may_follow(enum phase from, enum phase to)
{
	assert(from < PHASE_COUNT && to < PHASE_COUNT);
	return may_follow[from] & (1u << to);
}

const char *reason_text(char text[static REASON_TEXT_SIZE], enum reason reason, int number)
{
	const char *name = reason_name(reason);

	if (reason == REASON_ERROR)
		snprintf(text, REASON_TEXT_SIZE, "%s:%s", name, errno_name(number));
	else if (reason == REASON_EXIT || reason == REASON_SIGNAL)
		snprintf(text, REASON_TEXT_SIZE, "%s:%d", name, number);
	else
		snprintf(text, REASON_TEXT_SIZE, "%s", name);
	return text;
}

const char *errno_name(int error)
{
	static char unknown[sizeof "E-2147483648"];
	/* glibc calls errno 0 "0", which is no name. */
	const char *name = error == 0 ? NULL : strerrorname_np(error);

	if (name != NULL)
		return name;
	snprintf(unknown, sizeof unknown, "E%d", error);
	return unknown;
}
