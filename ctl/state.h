/* How a value of the state is shown. */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "args.h"
#include "raw.h"

/* On standard output: a scalar raw, a tree for people, one line of JSON for scripts. */
void state_print(const struct args *args, struct span value);

#endif
