/* Sends requests all at once on one connection and gives each its reply. */
#ifndef CTL_EXCHANGE_H
#define CTL_EXCHANGE_H

#include <stddef.h>
#include "client.h"
#include "progress.h"
#include "request.h"

/* Called for each request in their order, as soon as it and those before it are answered. */
typedef void exchange_ready(struct request *request, void *context);

/* Runs all requests to their end; each is answered afterwards, if only with the failure of the
   connection. progress and ready may be NULL. Returns -1 if the connection failed. */
int exchange_run(struct client *client, struct requests *requests, struct progress *progress,
		 exchange_ready *ready, void *context);

/* Waits for noded to close the connection. -1: it does not. */
int exchange_wait_end(struct client *client, struct failure *failure)
    __attribute__((warn_unused_result));

#endif
