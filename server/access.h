/* Who has which role on the admin sockets, as the kernel tells who is there. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include "../proto/error.h"
#include "../proto/method.h"

/* The rules, made once at the start. Root and the user noded runs as operate. */
struct access {
	gid_t observers, operators; /* (gid_t)-1: no such group */
	const char *observers_name; /* as they were given, for explanations */
	const char *operators_name;
};

/* A client as it was when it connected. */
struct client {
	uid_t uid;
	enum role role;
	bool by_observe_socket; /* where nobody is more than an observer */
};

/* Who is at the other end of a Unix connection (SO_PEERCRED, SO_PEERGROUPS: unix(7), socket(7)):
   supplementary groups count like its own. On the observe socket whoever may connect observes. */
void access_identify(const struct access *access, int fd, bool observe_socket,
		     struct client *client);

/* Fills in permission_denied: what takes which role (method NULL: connecting), what the client has,
   and who has it. */
void access_explain(const struct access *access, const struct client *client,
		    const struct method *method, struct err *err);

#endif
