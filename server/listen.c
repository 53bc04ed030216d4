/* Opens listening sockets. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

static int failed(struct err *err, const struct address *address, const char *call)
{
	int error = errno;
	char text[ADDRESS_TEXT_SIZE];

	address_text(address, text);
	if (error == EADDRINUSE)
		return err_sys(err, net_bind_error(error), error,
			       "%s: another process listens there", text);
	return err_sys(err, net_bind_error(error), error, "cannot %s %s", call, text);
}

static int reuse_address(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* A socket whose port the kernel chose gives the port away when it is shut down; one that was bound
   to the port by number keeps it (SOCK_BINDPORT_LOCK in the kernel's inet_bind). So bind a second
   one to the number while the first still holds it. */
static int bind_by_number(int fd, const struct address *address)
{
	int named = net_socket(address, net_reserve_give);

	if (named >= 0 && reuse_address(named, 1) == 0 &&
	    bind(named, &address->sa, address->len) == 0 && dup3(named, fd, O_CLOEXEC) >= 0) {
		close(named);
		return 0;
	}
	if (named >= 0)
		close(named);
	return -1;
}

static int bind_tcp(int fd, struct address *address, struct err *err)
{
	bool any_port = address_port(address) == 0;
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	/* From the first run on: no waiting for TIME_WAIT, tcp(7). */
	if (reuse_address(fd, 1) < 0 || bind(fd, &address->sa, address->len) < 0)
		return failed(err, address, "bind");
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return failed(err, address, "bind");
	address_from_sockaddr(address, (struct sockaddr *)&name, len);
	if (any_port && bind_by_number(fd, address) < 0)
		return failed(err, address, "bind");
	return 0;
}

static int listen_tcp(int fd, const struct address *address, int backlog, struct err *err)
{
	/* Inherited by what is accepted: saves a system call for each. */
	net_tune(fd);
	net_unpace(fd, address);
	return listen(fd, backlog) < 0 ? failed(err, address, "listen on") : 0;
}

/* On a socket of its own, which then takes the place of the one that kept the port. That one may
   have been destroyed or shut down, before or since: the kernel would listen on it, but whatever is
   accepted from it inherits the shutdown and is at its end from birth. */
static int listen_again(const struct listen_options *options, struct err *err)
{
	struct address address = options->address;
	int fd = net_socket(&address, net_reserve_give);

	if (fd < 0)
		return failed(err, &address, "open a socket for");
	if (reuse_address(options->bound_fd, 1) < 0) {
		failed(err, &address, "bind");
	} else if (bind_tcp(fd, &address, err) == 0 &&
		   listen_tcp(fd, &address, options->backlog, err) == 0) {
		close(options->bound_fd);
		return fd;
	}
	reuse_address(options->bound_fd, 0);
	close(fd);
	return -1;
}

static int claim_path(int fd, const struct listen_options *options, struct claim *claim,
		      struct err *err)
{
	char text[ADDRESS_TEXT_SIZE];
	bool replaced = false;

	if (claim_take(claim, fd, &options->address, options->mode, options->owner,
		       options->backlog, &replaced, err) < 0)
		return -1;
	if (replaced)
		log_info(address_text(&options->address, text),
			 "replaced a dead socket file of ours");
	return 0;
}

int listen_open(const struct listen_options *options, struct address *bound, struct claim *claim,
		struct err *err)
{
	int fd, status;

	*bound = options->address;
	if (options->bound_fd >= 0)
		return listen_again(options, err);
	fd = net_socket(bound, net_reserve_give);
	if (fd < 0)
		return failed(err, bound, "open a socket for");
	if (address_is_unix(bound))
		status = claim_path(fd, options, claim, err);
	else
		status = bind_tcp(fd, bound, err) < 0 ||
			 listen_tcp(fd, bound, options->backlog, err) < 0;
	if (status == 0)
		return fd;
	close(fd);
	return -1;
}

void listen_silence(int fd)
{
	shutdown(fd, SHUT_RDWR);
	net_accept_syn(fd);
	/* Others with SO_REUSEADDR could bind the port too if we had it while we do not listen. */
	reuse_address(fd, 0);
}

uint32_t listen_backlog(int wanted)
{
	unsigned most = net_setting("/proc/sys/net/core/somaxconn", (unsigned)wanted);

	return (unsigned)wanted < most ? (unsigned)wanted : most;
}
