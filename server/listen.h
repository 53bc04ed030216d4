/* Opens a listening socket: bound, tuned, a Unix path claimed; nothing is left where that fails. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdint.h>
#include <sys/stat.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "claim.h"
#include "owner.h"

struct listen_options {
	struct address address; /* TCP port 0 picks one */
	int backlog;
	mode_t mode;		   /* of a Unix socket file */
	const struct owner *owner; /* of a Unix socket file; NULL: as bind makes it */
	int bound_fd; /* a TCP socket bound to the address that does not listen; -1: none */
};

/* The listening descriptor, the caller's; it takes the place of bound_fd, which is closed. *bound:
   the address with its port; *claim: the Unix path, if it is one. -1: address_in_use, bind_denied,
   path_exists, ...; bound_fd is as it was. */
int listen_open(const struct listen_options *options, struct address *bound, struct claim *claim,
		struct err *err) __attribute__((warn_unused_result));

/* Makes a listening TCP socket silent but keeps it bound: clients are refused, nobody is given the
   port, and listen_open can take it up again. */
void listen_silence(int fd);

/* What the kernel makes of a backlog: capped by net.core.somaxconn (listen(2)). */
uint32_t listen_backlog(int wanted);

#endif
