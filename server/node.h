/* The node: the root of the tree. Signals, the admin socket and the transport, the process. */
#ifndef SERVER_NODE_H
#define SERVER_NODE_H

#include <stdbool.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "access.h"
#include "owner.h"
#include "sandbox.h"

struct node_options {
	struct address admin;	/* the admin socket */
	bool admin_is_default;	/* its directory is ours to make */
	struct address observe; /* one for observers alone; len 0: none */
	mode_t admin_mode;	/* of both */
	struct owner owner;	/* of both, and of that directory */
	struct access access;
	const struct sandbox *sandbox; /* entered between node_open and node_run */
	const char *name;	       /* NULL: the host's name */
	double drain;		       /* seconds a shutdown lets connections end by themselves */
	int ready_fd;		       /* gets a newline when the admin socket answers; -1: none */
};

struct node;

/* Claims the admin socket and sets everything up; nobody is answered yet. options must live as long
   as the node. NULL: err says why it cannot start, and nothing is left. */
struct node *node_open(const struct node_options *options, struct err *err)
    __attribute__((warn_unused_result));
/* Serves until it has shut down. */
void node_run(struct node *node);
/* Releases it, after node_run or in its place. */
void node_close(struct node *node);

#endif
