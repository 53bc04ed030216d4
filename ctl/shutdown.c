/* shutdown: noded stops every server, answers, and is gone when the connection ends. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exchange.h"
#include "interrupt.h"
#include "one_request.h"

static int print_nothing(struct buf *out, struct span result, const struct args *args,
			 struct failure *failure)
{
	(void)out;
	(void)result;
	(void)args;
	(void)failure;
	return 0;
}

/* Every server has stopped, so what is left is quick; if not, that is worth telling. */
static int wait_end(struct session *session, struct request *request)
{
	struct failure *failure = &request->failure;
	size_t n;

	if (exchange_wait_end(&session->client, failure) == 0)
		return 0;
	n = strlen(failure->text);
	snprintf(failure->text + n, sizeof(failure->text) - n,
		 "; every server has stopped, but noded has not ended yet");
	return -1;
}

static int work(struct session *session, struct requests *requests, void *context)
{
	const struct args *args = session->args;
	struct request *request = &requests->all[0];
	struct progress *progress = NULL;

	(void)context;
	interrupt_catch();
	if (!args->globals.quiet)
		progress = progress_new(1, args->command->name);
	exchange_run(&session->client, requests, progress, NULL, NULL);
	progress_free(progress);
	if (request->result != NULL && wait_end(session, request) < 0)
		return session_report(args, request->subject, &request->failure);
	return one_request_finish(args, request, print_nothing);
}

int run_shutdown(const struct args *args)
{
	return session_run_args(args, work, NULL);
}
