/* The node: the root of the tree. Signals, the admin socket and the transport, the process. */
#ifndef SERVER_NODE_H
#define SERVER_NODE_H

#include <stdbool.h>
#include "../proto/address.h"
#include "../proto/error.h"

struct node_options {
	struct address admin;  /* the admin socket */
	bool admin_is_default; /* its directory is ours to make */
	const char *name;      /* NULL: the host's name */
	double drain;	       /* seconds a shutdown lets connections end by themselves */
	int ready_fd;	       /* gets a newline when the admin socket answers; -1: none */
};

/* Runs noded until it has shut down. -1: it could not start. */
int node_run(const struct node_options *options, struct err *err)
    __attribute__((warn_unused_result));

#endif
