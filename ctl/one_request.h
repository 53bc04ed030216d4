/* Commands that are one request and one reply. */
#ifndef CTL_ONE_REQUEST_H
#define CTL_ONE_REQUEST_H

#include "session.h"

/* Appends what a result looks like on standard output, lines with their LF. -1: *failure, a
   senseless reply. */
typedef int result_printer(struct buf *out, struct span result, const struct args *args,
			   struct failure *failure);

/* Prints an answered request's result, or reports its failure. Returns the exit status. */
int one_request_finish(const struct args *args, struct request *request, result_printer *printer);

#endif
