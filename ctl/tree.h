/* A JSON value as an indented, aligned tree that people can read. */
#ifndef CTL_TREE_H
#define CTL_TREE_H

#include <stdbool.h>
#include "raw.h"

/* Prints an object or array on standard output. */
void tree_print(struct span value, bool colored);

#endif
