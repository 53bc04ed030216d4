/* The names that --columns takes. */
#ifndef CTL_COLUMNS_H
#define CTL_COLUMNS_H

#include "failure.h"

enum columns_of { COLUMNS_OF_SERVERS, COLUMNS_OF_CONNECTIONS };

/* -1: rows of that list have no such member; the nearest name is suggested, or all are told. Known
   before anything is sent, so that a mistake is one without any rows, too. */
int columns_check(enum columns_of list, const char *name, struct failure *failure)
    __attribute__((warn_unused_result));

#endif
