/* A Unix socket path that is ours: claiming it without ever destroying what is somebody else's,
   checking that it still is ours, dropping it. */
#ifndef SERVER_CLAIM_H
#define SERVER_CLAIM_H

#include <stdbool.h>
#include <sys/stat.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "owner.h"

struct claim {
	struct address address; /* len 0: nothing claimed */
	dev_t dev;		/* of the socket file at the path, as bound */
	ino_t ino;
	mode_t mode;
};

/* Binds fd (an unbound Unix stream socket) to the address with the file permissions given and
   listens at once with that backlog, following the rules of noded(8): an existing path is replaced
   only if it is a socket, ours by uid, and dead (a datagram connect says ECONNREFUSED); it is moved
   aside (RENAME_NOREPLACE) and its identity compared before it is unlinked. *replaced tells that a
   stale one was.
   owner, if not NULL, is whom the file is given to before anybody can connect; a dead socket of
   that user is one of ours as well. -1: path_exists, unsafe_directory, address_in_use, bind_denied,
   address_invalid, io_error, ...; nothing is changed then. fd stays the caller's. */
int claim_take(struct claim *claim, int fd, const struct address *address, mode_t mode,
	       const struct owner *owner, int backlog, bool *replaced, struct err *err)
    __attribute__((warn_unused_result));

/* True while lstat shows our own socket at the path. */
bool claim_holds(const struct claim *claim);

/* Unlinks the path if it is still ours; else leaves it alone. Afterwards nothing is claimed. */
void claim_drop(struct claim *claim);

/* True if a claim of this path can be dropped, and made again: we may write in its directory. */
bool claim_is_free(const struct address *address);

/* Creates a directory for the admin socket (mode 0700) if it is missing; -1 unless it then is a
   directory of ours that nobody else may write: unsafe_directory or io_error. owner, if not NULL,
   is whom it is given to, then with mode 0750 if that is a group; it may be that user's already. */
int claim_directory(const struct address *address, const struct owner *owner, struct err *err)
    __attribute__((warn_unused_result));

#endif
