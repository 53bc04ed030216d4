/* Where the admin socket is: the one answer of noded and nodectl. */
#ifndef PROTO_SOCKET_PATH_H
#define PROTO_SOCKET_PATH_H

#include <stdbool.h>
#include "address.h"
#include "error.h"

/* option (may be NULL), else $NODED_SOCKET, else /run/noded/admin.sock for root, else
   $XDG_RUNTIME_DIR/noded/admin.sock (if absolute), else /tmp/noded-UID/admin.sock. An empty
   variable is an unset one. The first two are a path or unix:PATH; relative paths are taken from
   the current directory. -1: address_invalid (too long, ...), with where it came from in detail.
   *is_default tells whether it is one of the last three, whose directory noded creates (0700) and
   refuses if it is not ours. */
int socket_path_resolve(const char *option, struct address *address, bool *is_default,
			struct err *err) __attribute__((warn_unused_result));

/* The same for a path somebody gave for another socket of noded's own; origin is what it was given
   with, for the error. */
int socket_path_given(const char *origin, const char *given, struct address *address,
		      struct err *err) __attribute__((warn_unused_result));

#endif
