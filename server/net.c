/* Sockets as this project wants them, the descriptor limit, and the descriptors kept back. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DISCARD_MAX = 1024 * 1024, DISCARD_CHUNK = 16 * 1024 };

/* Descriptors of nothing, which can be given up. */
struct kept {
	int fds[NET_RESERVE];
	size_t n, most;
};

/* What belongs to the process and not to an engine: its limit and its spare numbers. */
static size_t nofile_before; /* soft limit found at the start; 0: not raised yet */
static struct kept reserve = {.most = NET_RESERVE}, margin = {.most = NET_MARGIN};
static bool (*shed_all)(void *keeper); /* NULL: nobody keeps any */
static void *shed_keeper;

int net_socket(const struct address *address, bool (*give)(void))
{
	const int family = address->sa.sa_family;
	const int on = 1;
	int fd;

	do
		fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (fd == -1 && net_is_out_of_fds(errno) && give());
	if (fd == -1 || family != AF_INET6)
		return fd;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == -1) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int net_pipe(int ends[2], bool (*give)(void))
{
	int status;

	do
		status = pipe2(ends, O_CLOEXEC);
	while (status == -1 && net_is_out_of_fds(errno) && give());
	return status;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == -1 ? -1 : value;
}

/* A connection without these still works: failures are of no interest. */
void net_tune(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Looked at once, for a socket that has what is the system's default. */
static bool default_paces(int fd)
{
	static enum { UNKNOWN, NO, YES } paces;
	char name[16] = ""; /* TCP_CA_NAME_MAX */
	socklen_t len = sizeof name;

	if (paces == UNKNOWN && getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0)
		paces = strncmp(name, "bbr", sizeof name) == 0 ? YES : NO;
	return paces == YES;
}

/* BBR sends by a timer (the kernel's net/ipv4/tcp_bbr.c), also where the network is a copy in
   memory: that halves what a bulk gets through. Reno is always there, and anybody may choose it
   (tcp(7), tcp_allowed_congestion_control). Once connected would be too late: the timer stays. */
void net_unpace(int fd, const struct address *address)
{
	static const char reno[] = "reno";

	if (!address_is_unix(address) && address_is_loopback(address) && default_paces(fd))
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1);
}

int net_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	return error;
}

/* True if a peer's last bytes lie unread: closing then sends a reset. */
static bool has_unread(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void net_close_gently(int fd, bool local)
{
	char waste[DISCARD_CHUNK];
	const int on = 1;
	size_t total = 0;
	ssize_t n;

	/* An urgent byte, which recv(2) passes over, would lie unread for ever (tcp(7)). */
	if (!local)
		setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
	/* Our FIN goes out before the queue is looked at, so that even a peer who sends on after
	   that reads the FIN first. A Unix peer can be kept from sending more; on TCP, SHUT_RD
	   would itself answer further data with a reset. A close by itself sends a FIN, too. */
	if (local || has_unread(fd)) {
		shutdown(fd, local ? SHUT_RDWR : SHUT_WR);
		do {
			n = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
			total += n > 0 ? (size_t)n : 0;
		} while ((n > 0 && total < DISCARD_MAX) || (n == -1 && errno == EINTR));
	}
	close(fd);
}

void net_close_both(int a, int b)
{
	if ((a == b + 1 && close_range((unsigned)b, (unsigned)a, 0) == 0) ||
	    (b == a + 1 && close_range((unsigned)a, (unsigned)b, 0) == 0))
		return;
	close(a);
	close(b);
}

void net_close_reset(int fd)
{
	const struct linger none = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(fd);
}

bool net_accept_is_transient(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPERM: /* a firewall's rule */
	/* accept(2): errors already pending on the new connection are passed on. */
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

bool net_is_shortage(int error)
{
	return net_is_out_of_fds(error) || error == ENOBUFS || error == ENOMEM;
}

bool net_is_out_of_fds(int error)
{
	return error == EMFILE || error == ENFILE;
}

enum error_code net_bind_error(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ERR_ADDRESS_IN_USE;
	case EACCES:
	case EPERM:
		return ERR_BIND_DENIED;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return ERR_ADDRESS_INVALID;
	default:
		return net_is_shortage(error) ? ERR_LIMIT_REACHED : ERR_IO_ERROR;
	}
}

static int socket_filter(int fd)
{
	enum { TCP_FLAGS = 13, SYN = 0x02, ACK = 0x10 };
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),	   /* drop: the client's kernel tries again */
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), /* keep every byte */
	};
	const struct sock_fprog program = {
	    .len = sizeof code / sizeof code[0],
	    .filter = code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* Drops what comes with a smaller TTL or hop limit; 0: nothing (ip(7) IP_MINTTL). */
static int socket_min_hops(int fd, int hops)
{
	if (socket_option(fd, SO_DOMAIN) == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &hops, sizeof hops);
	return setsockopt(fd, IPPROTO_IP, IP_MINTTL, &hops, sizeof hops);
}

/* Some kernels (seen on 6.18) let only CAP_NET_ADMIN filter TCP. Without it, a TTL hardly anybody
   sends with keeps SYNs out as well; what a connection completed meanwhile drops until
   net_accept_syn, its client sends again. */
int net_refuse_syn(int fd)
{
	if (socket_filter(fd) == 0)
		return 0;
	return errno == EPERM ? socket_min_hops(fd, 255) : -1;
}

/* Fails only where there is nothing to undo, which is as well. */
void net_accept_syn(int fd)
{
	const int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == -1)
		socket_min_hops(fd, 0);
}

static struct rlimit nofile_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		limit.rlim_cur = limit.rlim_max = 0;
	return limit;
}

size_t net_raise_nofile(size_t max)
{
	struct rlimit limit = nofile_limit();

	if (limit.rlim_max == 0) /* not known: it stays as it is */
		return 0;
	if (nofile_before == 0)
		nofile_before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (max > 0 && max < limit.rlim_cur)
		limit.rlim_cur = max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return net_nofile();
}

size_t net_child_nofile(void)
{
	return nofile_before > 0 ? nofile_before : net_nofile();
}

size_t net_nofile(void)
{
	return nofile_limit().rlim_cur;
}

void net_sanitize_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		/* The lowest free number, which is fd. Where there is no /dev/null the number is at
		   least taken: a socket there would get what is meant for standard error. */
		if (open("/dev/null", O_RDWR) == -1 && open("/", O_PATH) == -1)
			_exit(1);
	}
}

void net_shed_from(bool (*shed)(void *keeper), void *keeper)
{
	shed_all = shed;
	shed_keeper = keeper;
}

static bool shed_any(void)
{
	return shed_all && shed_all(shed_keeper);
}

bool net_shed(int error)
{
	bool any = net_is_out_of_fds(error) && shed_any();

	errno = error;
	return any;
}

static int open_nothing(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 || net_is_out_of_fds(errno))
		return fd;
	return open("/", O_PATH | O_CLOEXEC);
}

/* Opened one by one, not duplicated, so that each also holds a place in the system's file table
   (ENFILE). errno is 0, or says why it is not full. */
static void kept_fill(struct kept *kept)
{
	errno = 0;
	while (kept->n < kept->most) {
		int fd = open_nothing();

		if (fd != -1)
			kept->fds[kept->n++] = fd;
		else if (!net_shed(errno))
			return;
	}
}

static bool kept_has(struct kept *kept, size_t n)
{
	kept_fill(kept);
	return kept->n >= n || !net_is_out_of_fds(errno);
}

static bool kept_give(struct kept *kept)
{
	if (shed_any())
		return true;
	if (kept->n == 0)
		return false;
	close(kept->fds[--kept->n]);
	return true;
}

void net_reserve_fill(void)
{
	kept_fill(&reserve);
}

bool net_reserve_give(void)
{
	return kept_give(&reserve);
}

bool net_reserve_has(size_t n)
{
	return kept_has(&reserve, n);
}

bool net_margin_has(void)
{
	return margin.n == margin.most || kept_has(&margin, margin.most);
}

bool net_margin_give(void)
{
	return kept_give(&margin);
}

void net_kept_close(void)
{
	while (net_margin_give() || net_reserve_give())
		continue;
}

FILE *net_fopen(const char *path)
{
	FILE *file;

	do
		file = fopen(path, "re");
	while (!file && net_is_out_of_fds(errno) && net_reserve_give());
	return file;
}

unsigned net_setting(const char *path, unsigned otherwise)
{
	FILE *file = net_fopen(path);
	unsigned value;

	if (!file)
		return otherwise;
	if (fscanf(file, "%u", &value) != 1)
		value = otherwise;
	fclose(file);
	return value;
}

bool net_is_socket(int fd, ino_t ino)
{
	struct stat st;

	/* A number that cannot be looked at, but is open, is not given up for that. */
	if (fstat(fd, &st) == -1)
		return errno != EBADF;
	return S_ISSOCK(st.st_mode) && (ino == 0 || st.st_ino == ino);
}

bool net_listens(int fd)
{
	return socket_option(fd, SO_ACCEPTCONN) == 1;
}
