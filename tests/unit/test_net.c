/* Sockets as noded wants them: the filter that refuses new connections and nothing else, the two
   ways to close, the descriptor limit and the descriptors kept back. */
#include "../../server/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

enum { PATIENCE_MS = 10000, SILENCE_MS = 300, NOBODY = 65534 };

static struct address loopback(int family)
{
	struct address address = {.len = 0};

	if (family == AF_INET) {
		address.len = sizeof address.in;
		address.in.sin_family = AF_INET;
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		address.len = sizeof address.in6;
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_addr = in6addr_loopback;
	}
	return address;
}

/* A listener on a free port, which address then has; -1 if the family is off here. */
static int open_listener(struct address *address)
{
	int fd = net_socket(address, net_reserve_give);

	if (fd == -1 || bind(fd, &address->sa, address->len) == -1 || listen(fd, 16) == -1 ||
	    getsockname(fd, &address->sa, &address->len) == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

static bool ready(int fd, short events, int ms)
{
	struct pollfd poller = {.fd = fd, .events = events};

	return poll(&poller, 1, ms) == 1;
}

/* A client whose connect was begun. */
static int begin_client(const struct address *address)
{
	int fd = net_socket(address, net_reserve_give);

	if (fd != -1 && connect(fd, &address->sa, address->len) == -1 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static int accept_one(int listener)
{
	if (!ready(listener, POLLIN, PATIENCE_MS))
		return -1;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool passes(int from, int to)
{
	char byte = 'x', got = 0;

	return send(from, &byte, 1, MSG_NOSIGNAL) == 1 && ready(to, POLLIN, PATIENCE_MS) &&
	       recv(to, &got, 1, 0) == 1 && got == byte;
}

static void test_sockets(int family, const char *name)
{
	struct address address = loopback(family);
	int fd = net_socket(&address, net_reserve_give), on = -1;
	socklen_t len = sizeof on;

	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK),
	      "%s: close-on-exec, non-blocking", name);
	if (family == AF_INET6)
		CHECK(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len) == 0 && on == 1,
		      "IPv6 only");
	net_tune(fd);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on == 1, "%s: no delay",
	      name);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0 && on == 1, "%s: keepalive",
	      name);
	close(fd);
}

static void test_filter(int family, const char *name)
{
	struct address address = loopback(family);
	int listener = open_listener(&address);
	int before, queued, refused, inside, outside;

	if (listener == -1) {
		printf("# %s is off here\n", name);
		return;
	}
	before = begin_client(&address);
	outside = accept_one(listener);
	queued = begin_client(&address);
	CHECK(ready(listener, POLLIN, PATIENCE_MS), "%s: a client waits in the queue", name);
	CHECK(net_refuse_syn(listener) == 0, "%s: the filter is attached", name);

	CHECK(passes(before, outside) && passes(outside, before), "%s: an open connection goes on",
	      name);
	inside = accept_one(listener);
	CHECK(inside != -1 && passes(queued, inside) && passes(inside, queued),
	      "%s: a queued client is served", name);
	refused = begin_client(&address);
	CHECK(!ready(refused, POLLOUT, SILENCE_MS) && !ready(listener, POLLIN, 0),
	      "%s: a new one neither gets in nor is refused", name);

	net_accept_syn(inside);
	CHECK(passes(queued, inside), "%s: detached from what was accepted, it goes on", name);
	net_accept_syn(listener);
	CHECK(ready(refused, POLLOUT, PATIENCE_MS) && net_error(refused) == 0,
	      "%s: detached, the new one gets in with its next try", name);
	close(before);
	close(outside);
	close(queued);
	close(inside);

	/* The purpose: with the filter on, accepted until empty and closed, nobody is reset. */
	inside = accept_one(listener);
	CHECK(net_refuse_syn(listener) == 0, "%s: the filter is attached again", name);
	close(listener);
	CHECK(passes(refused, inside), "%s: who was accepted outlives the listener", name);
	close(refused);
	close(inside);
}

/* Two connected ends: [0] the client's, [1] the server's. */
static bool open_pair(int family, int ends[2])
{
	struct address address;
	int listener;

	if (family == AF_UNIX)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
	address = loopback(family);
	listener = open_listener(&address);
	ends[0] = begin_client(&address);
	ends[1] = accept_one(listener);
	close(listener);
	return ends[0] != -1 && ends[1] != -1;
}

static bool send_unread(const int ends[2])
{
	return send(ends[0], "unread", 6, 0) == 6 && ready(ends[1], POLLIN, PATIENCE_MS);
}

/* What the client reads in the end: 0 for the end of file, else an errno. */
static int end_of(int fd)
{
	char byte;
	ssize_t n;

	if (!ready(fd, POLLIN, PATIENCE_MS))
		return ETIMEDOUT;
	n = recv(fd, &byte, 1, MSG_DONTWAIT);
	return n == -1 ? errno : (int)n;
}

static void test_close(int family, const char *name)
{
	int ends[2];

	CHECK(open_pair(family, ends) && send_unread(ends), "%s: unread input", name);
	close(ends[1]);
	CHECK_UINT((unsigned)end_of(ends[0]), ECONNRESET, "%s: a plain close resets", name);
	close(ends[0]);

	CHECK(open_pair(family, ends) && send_unread(ends), "%s: unread input again", name);
	net_close_gently(ends[1], family == AF_UNIX);
	CHECK_UINT((unsigned)end_of(ends[0]), 0, "%s: a gentle one does not", name);
	CHECK_UINT((unsigned)end_of(ends[0]), 0, "%s: nor later", name);
	close(ends[0]);

	if (family == AF_UNIX)
		return;
	CHECK(open_pair(family, ends), "%s: a connection", name);
	net_close_reset(ends[1]);
	CHECK_UINT((unsigned)end_of(ends[0]), ECONNRESET, "%s: a reset is a reset", name);
	CHECK_UINT((unsigned)net_error(ends[0]), 0, "%s: reading took the pending error", name);
	close(ends[0]);
}

/* A peer that never stops sending does not keep us. */
static void test_close_is_bounded(void)
{
	static char noise[65536];
	int ends[2], status;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		while (send(ends[0], noise, sizeof noise, MSG_NOSIGNAL) > 0)
			continue;
		_exit(0);
	}
	close(ends[0]);
	CHECK(ready(ends[1], POLLIN, PATIENCE_MS), "it sends");
	net_close_gently(ends[1], true);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "and is closed");
}

static void test_errors(void)
{
	static const int transient[] = {EINTR,	     ECONNABORTED, EPROTO, ENETDOWN,
					ENOPROTOOPT, EHOSTDOWN,	   ENONET, EHOSTUNREACH,
					EOPNOTSUPP,  ENETUNREACH,  EPERM,  ETIMEDOUT};
	static const int shortage[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
	static const int fatal[] = {EAGAIN, EINVAL, EBADF, ENOTSOCK, EFAULT};
	static const struct {
		int error;
		enum error_code code;
	} binds[] = {
	    {EADDRINUSE, ERR_ADDRESS_IN_USE},
	    {EACCES, ERR_BIND_DENIED},
	    {EPERM, ERR_BIND_DENIED},
	    {EADDRNOTAVAIL, ERR_ADDRESS_INVALID},
	    {EAFNOSUPPORT, ERR_ADDRESS_INVALID},
	    {EMFILE, ERR_LIMIT_REACHED},
	    {ENOBUFS, ERR_LIMIT_REACHED},
	    {EROFS, ERR_IO_ERROR},
	    {ENOSPC, ERR_IO_ERROR},
	};

	for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++)
		CHECK(net_accept_is_transient(transient[i]) && !net_is_shortage(transient[i]),
		      "accept goes on after: %s", strerror(transient[i]));
	for (size_t i = 0; i < sizeof shortage / sizeof shortage[0]; i++)
		CHECK(net_is_shortage(shortage[i]) && !net_accept_is_transient(shortage[i]),
		      "a shortage: %s", strerror(shortage[i]));
	CHECK(net_is_out_of_fds(EMFILE) && net_is_out_of_fds(ENFILE) &&
		  !net_is_out_of_fds(ENOMEM) && !net_is_out_of_fds(ENOBUFS),
	      "closing a descriptor helps those who are short of one, not of memory");
	for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
		CHECK(!net_is_shortage(fatal[i]) && !net_accept_is_transient(fatal[i]),
		      "neither: %s", strerror(fatal[i]));
	for (size_t i = 0; i < sizeof binds / sizeof binds[0]; i++)
		CHECK_UINT(net_bind_error(binds[i].error), binds[i].code, "bind: %s",
			   strerror(binds[i].error));
}

static int in_child(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run());
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Some kernels keep filters from whoever lacks CAP_NET_ADMIN; its checks are counted, not shown. */
static int run_filter_unprivileged(void)
{
	if (freopen("/dev/null", "w", stdout) == NULL)
		return 101;
	if (geteuid() == 0 && (setgid(NOBODY) == -1 || setuid(NOBODY) == -1))
		return 102;
	check = (struct check){0};
	test_filter(AF_INET, "IPv4");
	test_filter(AF_INET6, "IPv6");
	return check.run > 0 ? (int)check.failed : 103;
}

/* Closes those of descriptors 0 to 2 that the bits of an exit status say, and looks again. */
static int sanitize(unsigned closed)
{
	for (int fd = 0; fd <= 2; fd++)
		if (closed & 1u << fd)
			close(fd);
	net_sanitize_stdio();
	for (int fd = 0; fd <= 2; fd++) {
		char name[32], target[64] = "";

		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		if (readlink(name, target, sizeof target - 1) == -1)
			return 1;
		if ((closed & 1u << fd) && (strcmp(target, "/dev/null") != 0 ||
					    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR))
			return 2;
	}
	return 0;
}

static unsigned pattern;

static int run_sanitize(void)
{
	return sanitize(pattern);
}

static int run_nofile(void)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = 300};

	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1;
	if (net_child_nofile() != 100 || net_nofile() != 100)
		return 2;
	if (net_raise_nofile(0) != 300 || net_nofile() != 300 || net_child_nofile() != 100)
		return 3;
	if (net_raise_nofile(200) != 200 || net_child_nofile() != 100)
		return 4;
	return net_raise_nofile(1000) == 300 && net_child_nofile() == 100 ? 0 : 5;
}

enum { NO_CHROOT = 77 };

/* Something else is kept then. */
static int run_reserve_without_null(void)
{
	if (chroot("/proc") == -1)
		return NO_CHROOT;
	if (!net_reserve_has(NET_RESERVE) || !net_margin_has())
		return 1;
	return net_reserve_give() && net_margin_give() ? 0 : 2;
}

static int run_reserve(void)
{
	struct rlimit limit;
	int fd = STDERR_FILENO + 1, given = 0;

	closefrom(fd);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)fd + NET_RESERVE + 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	net_reserve_fill();
	net_reserve_fill();
	if (dup(STDOUT_FILENO) == -1 || dup(STDOUT_FILENO) == -1 || dup(STDOUT_FILENO) != -1)
		return 1;
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return 2;
	while (net_reserve_give()) {
		if (dup(STDOUT_FILENO) == -1)
			return 3;
		given++;
	}
	if (given != NET_RESERVE)
		return 4;
	if (net_reserve_has(1) || !net_reserve_has(0))
		return 8;
	if (net_reserve_give())
		return 5;
	close(fd);
	if (net_reserve_has(2) || !net_reserve_has(1))
		return 9;
	if (dup(STDOUT_FILENO) != -1)
		return 6;
	net_kept_close();
	return dup(STDOUT_FILENO) == fd && !net_reserve_give() ? 0 : 7;
}

/* What serves a client comes from the margin, and nobody is to be accepted until it is whole again.
 */
static int run_margin(void)
{
	const struct address address = loopback(AF_INET);
	struct rlimit limit;
	int ends[2], more[2], fd;

	closefrom(STDERR_FILENO + 1);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = STDERR_FILENO + 1 + NET_MARGIN;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (!net_margin_has() || dup(STDOUT_FILENO) != -1)
		return 1;
	if (net_pipe(ends, net_margin_give) == -1 || net_pipe(more, net_margin_give) == -1)
		return 2;
	if (net_socket(&address, net_margin_give) != -1 || errno != EMFILE)
		return 3;
	if (net_margin_has() || errno != EMFILE)
		return 4;
	net_close_both(ends[0], ends[1]);
	close(more[0]);
	if (net_margin_has())
		return 5;
	fd = net_socket(&address, net_margin_give);
	close(more[1]);
	close(fd);
	if (!net_margin_has())
		return 6;
	net_kept_close();
	return dup(STDOUT_FILENO) == STDERR_FILENO + 1 ? 0 : 7;
}

static void test_descriptors(void)
{
	int status;

	for (pattern = 0; pattern < 8; pattern++)
		CHECK_UINT((unsigned)in_child(run_sanitize), 0,
			   "started without those of %u: /dev/null stands there", pattern);
	CHECK_UINT((unsigned)in_child(run_nofile), 0, "the limit is raised, and remembered");
	status = in_child(run_reserve_without_null);
	if (status != NO_CHROOT)
		CHECK_UINT((unsigned)status, 0, "without /dev/null as many are kept back");
	CHECK_UINT((unsigned)in_child(run_reserve), 0, "32 are kept back, given and taken back");
	CHECK_UINT((unsigned)in_child(run_margin), 0, "so are four for what serves a client");
}

int main(void)
{
	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	test_sockets(AF_INET, "IPv4");
	test_sockets(AF_INET6, "IPv6");
	test_filter(AF_INET, "IPv4");
	test_filter(AF_INET6, "IPv6");
	CHECK_UINT((unsigned)in_child(run_filter_unprivileged), 0, "the same without privileges");
	test_close(AF_INET, "IPv4");
	test_close(AF_INET6, "IPv6");
	test_close(AF_UNIX, "Unix");
	test_close_is_bounded();
	test_errors();
	test_descriptors();
	return check_done();
}
