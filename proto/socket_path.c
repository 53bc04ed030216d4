/* Where the admin socket is: an option, a variable or a default, in that order. */
#include "socket_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int socket_path_given(const char *origin, const char *given, struct address *address,
		      struct err *err)
{
	const char *path = strncmp(given, "unix:", 5) == 0 ? given + 5 : given;
	char text[2 * PATH_MAX], directory[PATH_MAX] = "";

	if (strncmp(given, "tcp:", 4) == 0)
		return err_set(err, ERR_ADDRESS_INVALID,
			       "%s: the admin socket is a Unix socket, never TCP", origin);
	if (path[0] != '\0' && path[0] != '/' && path[0] != '@' &&
	    getcwd(directory, sizeof directory) == NULL)
		return err_sys(err, ERR_ADDRESS_INVALID, errno,
			       "%s: the path is relative, and the current directory not known",
			       origin);
	/* What does not fit is too long for a socket by far. */
	snprintf(text, sizeof text, "unix:%s%s%s", directory, directory[0] != '\0' ? "/" : "",
		 path);
	if (address_parse(address, text, err) < 0)
		return err_set(err, ERR_ADDRESS_INVALID, "%s: %s", origin, err->detail);
	return 0;
}

static const char *variable(const char *name)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

static int default_path(struct address *address, struct err *err)
{
	const char *runtime = variable("XDG_RUNTIME_DIR");
	char path[PATH_MAX];
	int n;

	if (geteuid() == 0)
		return address_parse(address, "/run/noded/admin.sock", err);
	/* The XDG base directory specification says that relative ones are to be ignored. */
	if (runtime == NULL || runtime[0] != '/') {
		snprintf(path, sizeof path, "/tmp/noded-%u/admin.sock", (unsigned)geteuid());
		return address_parse(address, path, err);
	}
	n = snprintf(path, sizeof path, "%s/noded/admin.sock", runtime);
	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(err, ERR_ADDRESS_INVALID, "XDG_RUNTIME_DIR: the path is too long");
	if (address_parse(address, path, err) < 0)
		return err_set(err, ERR_ADDRESS_INVALID, "XDG_RUNTIME_DIR: %s", err->detail);
	return 0;
}

int socket_path_resolve(const char *option, struct address *address, bool *is_default,
			struct err *err)
{
	const char *environment = variable("NODED_SOCKET");

	*address = (struct address){0};
	*is_default = option == NULL && environment == NULL;
	if (option != NULL)
		return socket_path_given("--socket", option, address, err);
	if (environment != NULL)
		return socket_path_given("NODED_SOCKET", environment, address, err);
	return default_path(address, err);
}
