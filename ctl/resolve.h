/* Addresses as people write them -> the numeric, absolute form noded takes. */
#ifndef CTL_RESOLVE_H
#define CTL_RESOLVE_H

#include <stdbool.h>
#include "../proto/address.h"
#include "failure.h"

/* Writes the canonical form of text: relative paths are made absolute, host names looked up (first
   IPv4 result, else first IPv6). -1: exit status 2, with a suggestion where one is near. */
int resolve_address(const char *text, char out[static ADDRESS_TEXT_SIZE], struct failure *failure)
    __attribute__((warn_unused_result));

/* True if text can only be an address: it begins with "/", "./", "../", "unix:" or "tcp:". */
bool resolve_is_address(const char *text);

#endif
