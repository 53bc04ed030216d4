/* wait: until a part of the state meets a condition; noded does the waiting, and until there is a
   noded the connecting is tried again and again. */
#include <errno.h>
#include <time.h>

#include "commands.h"
#include "exchange.h"
#include "one_request.h"
#include "state.h"

enum {
	WAIT_DEFAULT_MS = 60000,
	RETRY_FIRST_MS = 5,
	RETRY_MAX_MS = 100,
	/* How much later than the time asked for the answer may come. */
	GRACE_MS = 10000,
};

static uint64_t asked_ms(const struct args *args)
{
	if (!args->globals.timeout_given)
		return WAIT_DEFAULT_MS;
	return args->globals.timeout_ms == TIME_NONE ? DURATION_MAX_MS : args->globals.timeout_ms;
}

static void pause_ms(uint64_t ms)
{
	struct timespec left = {.tv_sec = (time_t)(ms / 1000),
				.tv_nsec = (long)(ms % 1000) * 1000000L};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static uint64_t time_left(uint64_t until)
{
	uint64_t now = client_now();

	return until > now ? until - now : 0;
}

/* Connects, trying again while noded may still come, until that time. */
static int connect_until(struct client *client, const struct address *address, uint64_t until,
			 const struct args *args, struct failure *failure)
{
	uint64_t delay = RETRY_FIRST_MS;
	bool retry;

	for (;;) {
		uint64_t left = time_left(until);

		if (client_open(client, address, left, args->globals.verbose, &retry, failure) == 0)
			return 0;
		if (!retry || left == 0)
			return -1;
		pause_ms(delay < left ? delay : left);
		delay = delay * 2 < RETRY_MAX_MS ? delay * 2 : RETRY_MAX_MS;
	}
}

static int print_wait(struct buf *out, struct span result, const struct args *args,
		      struct failure *failure)
{
	struct span value = raw_member(result, "value");

	(void)out;
	if (value.at == NULL)
		return failure_set(failure, ERR_INVALID_REQUEST,
				   "a senseless reply: it has no value");
	if (!args->globals.quiet)
		state_print(args, value);
	return 0;
}

static int wait_for(const struct args *args, struct requests *requests, struct failure *failure)
{
	struct request *request = &requests->all[0];
	uint64_t until = client_now() + asked_ms(args);
	struct address address;
	struct client client;
	int status;

	if (session_find(&address, args, failure) < 0 ||
	    connect_until(&client, &address, until, args, failure) < 0)
		return session_report(args, args->command->name, failure);
	request_set_number(request, "timeout_ms", time_left(until));
	client.silence_ms = time_left(until) + GRACE_MS;
	exchange_run(&client, requests, NULL, NULL, NULL);
	status = one_request_finish(args, request, print_wait);
	client_close(&client);
	return status;
}

int run_wait(const struct args *args)
{
	struct requests requests;
	struct failure failure = {0};
	int status;

	if (requests_build(&requests, args, &failure) < 0) {
		status = session_report(args, args->command->name, &failure);
	} else if (args->globals.dry_run) {
		request_set_number(&requests.all[0], "timeout_ms", asked_ms(args));
		status = session_run(args, &requests, NULL, NULL);
	} else {
		status = wait_for(args, &requests, &failure);
	}
	requests_free(&requests);
	failure_clear(&failure);
	return status;
}
