/* Names of users and groups -> their numbers, looked up here because noded never does. */
#ifndef CTL_ACCOUNT_H
#define CTL_ACCOUNT_H

#include <stdint.h>
#include "failure.h"

enum { ACCOUNT_SIZE = 24 }; /* of a number as text */

/* The number for a name, as decimal text; digits only are a number already: returned as they are.
   NULL: failure says why, exit status 2. */
const char *account_user(const char *text, char number[static ACCOUNT_SIZE],
			 struct failure *failure);
const char *account_group(const char *text, char number[static ACCOUNT_SIZE],
			  struct failure *failure);
/* The group a user is in first of all. -1: exit status 2. */
int account_primary_group(uint64_t user, uint64_t *group, struct failure *failure)
    __attribute__((warn_unused_result));

#endif
