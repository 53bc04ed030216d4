/* SIGINT and SIGTERM while a drain is watched: noticed only where the waiting is. */
#include "interrupt.h"

#include <stdbool.h>
#include <stddef.h>

static volatile sig_atomic_t caught;
static bool catching;
static sigset_t outside; /* the mask before */

static void note(int signal_number)
{
	caught = signal_number;
}

void interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction action = {.sa_handler = note}, before;
	sigset_t held;

	if (catching)
		return;
	sigemptyset(&held);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &before) < 0 || before.sa_handler == SIG_IGN)
			continue;
		if (sigaction(signals[i], &action, NULL) == 0)
			sigaddset(&held, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &held, &outside);
	catching = true;
}

const sigset_t *interrupt_mask(void)
{
	return catching ? &outside : NULL;
}

int interrupt_caught(void)
{
	return caught;
}
