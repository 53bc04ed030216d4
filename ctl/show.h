/* A value of the state on standard output: a scalar raw, a tree for people, JSON for scripts. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "args.h"
#include "raw.h"

void show_value(const struct args *args, struct span value);

#endif
