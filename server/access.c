/* Roles of admin clients. */
#include "access.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../proto/buf.h"

enum { GROUPS_AT_ONCE = 64 };

/* -- who it is -- */

/* The client's supplementary groups: in few, or where those do not fit in *many, which is the
   caller's to free. Their number; 0 also if they cannot be had. */
static size_t peer_groups(int fd, gid_t few[static GROUPS_AT_ONCE], gid_t **many)
{
	socklen_t len = GROUPS_AT_ONCE * sizeof(*few);

	*many = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len) == 0)
		return len / sizeof(*few);
	if (errno != ERANGE) /* with which len tells how much it takes */
		return 0;
	*many = malloc(len);
	if (!*many || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *many, &len) < 0)
		return 0;
	return len / sizeof(**many);
}

static bool is_group(gid_t gid)
{
	return gid != (gid_t)-1;
}

static enum role role_of_group(const struct access *access, gid_t gid)
{
	if (is_group(access->operators) && gid == access->operators)
		return ROLE_OPERATE;
	return is_group(access->observers) && gid == access->observers ? ROLE_OBSERVE : ROLE_NONE;
}

static enum role role_of_groups(const struct access *access, gid_t own, int fd)
{
	enum role role = role_of_group(access, own), other;
	gid_t few[GROUPS_AT_ONCE], *many;
	size_t n = peer_groups(fd, few, &many);

	for (size_t i = 0; i < n; i++) {
		other = role_of_group(access, (many ? many : few)[i]);
		if (other > role)
			role = other;
	}
	free(many);
	return role;
}

void access_identify(const struct access *access, int fd, bool observe_socket,
		     struct client *client)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*client = (struct client){.uid = (uid_t)-1, .by_observe_socket = observe_socket};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	client->uid = cred.uid;
	if (observe_socket)
		client->role = ROLE_OBSERVE;
	else if (cred.uid == 0 || cred.uid == geteuid())
		client->role = ROLE_OPERATE;
	else
		client->role = role_of_groups(access, cred.gid, fd);
}

/* -- in words -- */

static void name_those_who(const struct access *access, enum role role, struct buf *text)
{
	buf_printf(text, "%s is for ", role_name(role));
	if (role == ROLE_OBSERVE) {
		buf_printf(text, "group %s", access->observers_name);
		return;
	}
	buf_printf(text, "root");
	if (geteuid() != 0)
		buf_printf(text, ", uid %u", (unsigned)geteuid());
	if (is_group(access->operators))
		buf_printf(text, ", group %s", access->operators_name);
}

void access_explain(const struct access *access, const struct client *client,
		    const struct method *method, struct err *err)
{
	struct buf who = {0};

	if (method)
		buf_printf(&who, "%s takes the role %s, and uid %u has %s%s: ", method->name,
			   role_name(method_role(method)), (unsigned)client->uid,
			   role_name(client->role),
			   client->by_observe_socket ? ", as everybody on this socket" : "");
	else
		buf_printf(&who, "uid %u has no role here: ", (unsigned)client->uid);
	if (!method && is_group(access->observers)) {
		name_those_who(access, ROLE_OBSERVE, &who);
		buf_printf(&who, ", ");
	}
	name_those_who(access, ROLE_OPERATE, &who);
	if (client->by_observe_socket)
		buf_printf(&who, ", on the admin socket");
	err_set(err, ERR_PERMISSION_DENIED, "%s", buf_string_or(&who, "not yours"));
	buf_free(&who);
}
