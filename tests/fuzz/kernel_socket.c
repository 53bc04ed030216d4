/* The model kernel: sockets. Both ends of a connection are files of the same kind; noded has one by
   a descriptor, the world outside holds the other. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { FIRST_PORT = 40000 };

static unsigned next_port;

/* -- names -- */

static bool is_unix(const struct sock *sock)
{
	return sock->local.sa.ss_family == AF_UNIX;
}

static uint16_t *port_of(struct name *name)
{
	/* Both families have it at the same place. */
	return name->sa.ss_family == AF_UNIX ? NULL
					     : &((struct sockaddr_in *)(void *)&name->sa)->sin_port;
}

static struct name name_of(const struct sockaddr *sa, socklen_t len)
{
	struct name name = {.len = len};

	memcpy(&name.sa, sa, len < sizeof(name.sa) ? len : sizeof(name.sa));
	if (name.sa.ss_family == AF_INET)
		name.len = sizeof(struct sockaddr_in);
	else if (name.sa.ss_family == AF_INET6)
		name.len = sizeof(struct sockaddr_in6);
	return name;
}

static struct name name_none(int family)
{
	struct name name = {.sa.ss_family = (sa_family_t)family, .len = sizeof(sa_family_t)};

	if (family != AF_UNIX)
		name.len =
		    family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	return name;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static int give_name(const struct name *name, struct sockaddr *sa, socklen_t *len)
{
	memcpy(sa, &name->sa, *len < name->len ? *len : name->len);
	*len = name->len;
	return 0;
}

static const char *path_of(const struct sockaddr *sa)
{
	return ((const struct sockaddr_un *)(const void *)sa)->sun_path;
}

/* -- life -- */

void sock_boot(void)
{
	next_port = 0;
}

struct file *sock_new(int family, int type)
{
	struct file *file = file_new(KIND_SOCKET);

	file->sock = calloc(1, sizeof(*file->sock));
	if (!file->sock)
		abort();
	file->sock->type = type;
	file->sock->local = name_none(family);
	file->sock->mode = 0777;
	file->sock->peer_uid = OUR_UID;
	return file;
}

uint32_t sock_ready(const struct sock *sock)
{
	uint32_t events = 0;

	switch (sock->state) {
	case SOCK_FRESH:
		return sock->type == SOCK_STREAM ? EPOLLOUT | EPOLLHUP : EPOLLOUT;
	case SOCK_CONNECTING:
		return 0;
	case SOCK_LISTENING:
		events = sock->nqueue ? EPOLLIN : 0;
		/* unix_poll: shut for reading, it says so for ever. */
		return sock->shut_rd ? events | EPOLLIN | EPOLLRDHUP : events;
	case SOCK_DEAD:
		return EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | (sock->error ? EPOLLERR : 0U);
	case SOCK_CONNECTED:
		break;
	}
	if (sock->len || sock->eof || sock->shut_rd || sock->error)
		events |= EPOLLIN;
	if (sock->eof || sock->shut_rd)
		events |= EPOLLRDHUP;
	if (sock->error)
		events |= EPOLLERR;
	if (sock->reset || ((sock->eof || sock->shut_rd) && sock->shut_wr))
		events |= EPOLLHUP;
	if (!sock->peer || sock->shut_wr || sock->error ||
	    sock->peer->sock->len <= SOCKET_BUFFER / 2)
		events |= EPOLLOUT;
	return events;
}

/* The connection is over at this end without a goodbye. */
static void receive_reset(struct sock *sock)
{
	sock->error = ECONNRESET;
	sock->reset = sock->eof = sock->shut_wr = true;
	if (!is_unix(sock)) { /* tcp_reset: what was not read is gone */
		sock->len = 0;
		sock->urgent = false;
	}
	kernel.changes++;
}

static void leave_peer(struct sock *sock)
{
	struct sock *peer = sock->peer ? sock->peer->sock : NULL;

	if (!peer)
		return;
	peer->peer = sock->peer = NULL;
	if (sock->linger_reset || sock->len > 0 || sock->urgent) {
		receive_reset(peer);
	} else if (is_unix(sock)) {
		peer->eof = peer->shut_wr = true;
	} else {
		peer->eof = true;
	}
}

static void drop_queue(struct sock *sock)
{
	while (sock->nqueue > 0) {
		struct file *client = sock->queue[--sock->nqueue];

		client->sock->linger_reset = true; /* closed unserved: the client reads a reset */
		file_unref(client);
	}
}

void sock_closed(struct file *file)
{
	struct sock *sock = file->sock;

	drop_queue(sock);
	leave_peer(sock);
	if (sock->bound)
		sock->bound->socket = NULL;
}

/* -- listening -- */

/* net.ipv4: two may be bound to one port if both allow it and none listens. */
static bool port_is_taken(const struct file *self, const struct name *name)
{
	const struct file *file;

	TAILQ_FOREACH (file, &kernel.files, link) {
		if (!file->sock || file == self || !same_name(&file->sock->local, name) ||
		    file->sock->state == SOCK_CONNECTED || file->sock->state == SOCK_CONNECTING)
			continue;
		if (file->sock->state == SOCK_LISTENING || !file->sock->reuse || !self->sock->reuse)
			return true;
	}
	return false;
}

static int bind_path(struct file *file, const struct sockaddr *sa, uid_t uid)
{
	const char *path = path_of(sa);
	int error = inode_find(path) ? EADDRINUSE : directory_check(path);
	struct inode *inode;

	if (error) {
		errno = error;
		return -1;
	}
	inode = inode_new(path, S_IFSOCK | (file->sock->mode & ~kernel.mask & 0777), uid);
	inode->socket = file;
	inode->by_noded = uid == OUR_UID;
	file->sock->bound = inode;
	return 0;
}

int sock_bind(struct file *file, const struct sockaddr *sa, socklen_t len, uid_t uid)
{
	struct name name = name_of(sa, len);

	if (name.sa.ss_family == AF_UNIX) {
		if (bind_path(file, sa, uid) < 0)
			return -1;
	} else {
		if (*port_of(&name) == 0)
			*port_of(&name) = htons((uint16_t)(FIRST_PORT + next_port++ % 20000));
		if (port_is_taken(file, &name)) {
			errno = EADDRINUSE;
			return -1;
		}
	}
	file->sock->local = name;
	kernel.changes++;
	return 0;
}

int sock_listen(struct file *file, int backlog)
{
	struct sock *sock = file->sock;

	if (!is_unix(sock) && port_is_taken(file, &sock->local)) {
		errno = EADDRINUSE;
		return -1;
	}
	sock->state = SOCK_LISTENING;
	sock->backlog = backlog < QUEUE_MAX ? (size_t)backlog : QUEUE_MAX;
	sock->shut_rd = sock->shut_wr = sock->filter = false;
	kernel.changes++;
	return 0;
}

struct file *sock_accept(struct file *file)
{
	struct sock *sock = file->sock;
	struct file *client;

	if (sock->state != SOCK_LISTENING) {
		errno = EINVAL;
		return NULL;
	}
	if (sock->nqueue == 0) {
		errno = EAGAIN;
		return NULL;
	}
	client = sock->queue[0];
	memmove(sock->queue, sock->queue + 1, --sock->nqueue * sizeof(sock->queue[0]));
	kernel.changes++;
	return client;
}

void sock_destroy(struct file *file)
{
	struct sock *sock = file->sock;

	kernel.changes++;
	if (sock->state == SOCK_LISTENING && is_unix(sock)) {
		sock->shut_rd = true;
		return;
	}
	drop_queue(sock);
	if (sock->state == SOCK_CONNECTED) {
		receive_reset(sock);
		sock->linger_reset = true;
		leave_peer(sock);
		return;
	}
	sock->state = SOCK_DEAD;
}

/* -- connecting -- */

static struct sock *listener_at(const struct name *name)
{
	const struct inode *inode;
	struct file *file;

	if (name->sa.ss_family == AF_UNIX) {
		inode = inode_at(path_of((const struct sockaddr *)&name->sa));
		return inode && inode->socket ? inode->socket->sock : NULL;
	}
	TAILQ_FOREACH (file, &kernel.files, link)
		if (file->sock && file->sock->state == SOCK_LISTENING &&
		    same_name(&file->sock->local, name))
			return file->sock;
	return NULL;
}

static void name_client(struct sock *sock)
{
	if (is_unix(sock))
		return;
	*port_of(&sock->local) = htons((uint16_t)(FIRST_PORT + next_port++ % 20000));
}

/* Makes the other end, which waits in the listener's queue. */
static void join(struct file *file, struct sock *listener, uid_t uid)
{
	struct file *other = sock_new(listener->local.sa.ss_family, SOCK_STREAM);
	struct sock *sock = file->sock;

	name_client(sock);
	other->sock->local = listener->local;
	other->sock->remote = sock->local;
	other->sock->filter = listener->filter;
	other->sock->peer_uid = uid;
	sock->remote = listener->local;
	sock->peer = other;
	other->sock->peer = file;
	sock->state = other->sock->state = SOCK_CONNECTED;
	listener->queue[listener->nqueue++] = other;
	kernel.changes++;
}

static int connect_unix(struct file *file, struct sock *to, const struct inode *at, uid_t uid)
{
	if (!at)
		errno = ENOENT;
	else if (!to)
		errno = ECONNREFUSED;
	else if (to->type != file->sock->type)
		errno = EPROTOTYPE;
	else if (to->state != SOCK_LISTENING || to->shut_rd)
		errno = ECONNREFUSED;
	else if (to->nqueue >= to->backlog)
		errno = EAGAIN;
	else {
		join(file, to, uid);
		return 0;
	}
	return -1;
}

/* True: there is an answer. */
static bool try_connect(struct file *file)
{
	struct sock *sock = file->sock, *to = listener_at(&sock->remote);

	if (to && (to->filter || to->nqueue >= to->backlog))
		return false;
	kernel.changes++;
	if (to) {
		join(file, to, OUR_UID);
	} else {
		sock->state = SOCK_DEAD;
		sock->error = ECONNREFUSED;
	}
	return true;
}

bool socks_retry(void)
{
	struct file *file;
	bool any = false;

	TAILQ_FOREACH (file, &kernel.files, link)
		if (file->sock && file->sock->state == SOCK_CONNECTING)
			any |= try_connect(file);
	return any;
}

int sock_connect(struct file *file, const struct sockaddr *sa, socklen_t len, uid_t uid)
{
	struct name name = name_of(sa, len);

	if (name.sa.ss_family == AF_UNIX)
		return connect_unix(file, listener_at(&name), inode_at(path_of(sa)), uid);
	file->sock->remote = name;
	file->sock->state = SOCK_CONNECTING;
	try_connect(file);
	errno = EINPROGRESS;
	return -1;
}

/* -- bytes -- */

static int take_error(struct sock *sock)
{
	errno = sock->error;
	sock->error = 0;
	kernel.changes++;
	return -1;
}

/* How much of n can be read at once: up to an urgent byte; one that is next is passed over. */
static size_t up_to_urgent(struct sock *sock, size_t n)
{
	if (sock->urgent && sock->ahead == 0)
		sock->urgent = false;
	if (n > sock->len)
		n = sock->len;
	return sock->urgent && n > sock->ahead ? sock->ahead : n;
}

ssize_t sock_recv(struct file *file, void *to, size_t n, bool peek)
{
	struct sock *sock = file->sock;

	if (sock->state != SOCK_CONNECTED && sock->state != SOCK_DEAD) {
		errno = sock->state == SOCK_LISTENING ? EINVAL : ENOTCONN;
		return -1;
	}
	if (sock->error && (sock->len == 0 || !is_unix(sock)))
		return take_error(sock);
	n = up_to_urgent(sock, n);
	if (sock->len == 0 && (sock->eof || sock->shut_rd || sock->state == SOCK_DEAD))
		return 0;
	if (sock->len == 0) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(to, sock->in, n);
	if (peek)
		return (ssize_t)n;
	sock->len -= n;
	sock->ahead -= sock->urgent ? n : 0;
	memmove(sock->in, sock->in + n, sock->len);
	kernel.changes++;
	return (ssize_t)n;
}

ssize_t sock_send(struct file *file, const void *from, size_t n)
{
	struct sock *sock = file->sock, *peer = sock->peer ? sock->peer->sock : NULL;

	if (sock->error)
		return take_error(sock);
	if (sock->state != SOCK_CONNECTED || sock->shut_wr) {
		errno = sock->state == SOCK_CONNECTED ? EPIPE : ENOTCONN;
		return -1;
	}
	if (is_unix(sock) && (!peer || peer->shut_rd)) {
		errno = EPIPE;
		return -1;
	}
	/* TCP: it goes out, and what comes back is a reset. */
	if (!peer || peer->shut_rd) {
		receive_reset(sock);
		return (ssize_t)n;
	}
	if (peer->len == SOCKET_BUFFER) {
		errno = EAGAIN;
		return -1;
	}
	kernel.changes++;
	if (n > SOCKET_BUFFER - peer->len)
		n = SOCKET_BUFFER - peer->len;
	memcpy(peer->in + peer->len, from, n);
	peer->len += n;
	return (ssize_t)n;
}

void sock_urge(struct file *file)
{
	struct sock *sock = file->sock, *peer = sock->peer ? sock->peer->sock : NULL;

	if (is_unix(sock) || sock->shut_wr || sock->error || !peer || peer->shut_rd)
		return;
	peer->urgent = true;
	peer->ahead = peer->len;
	kernel.changes++;
}

int sock_shutdown(struct file *file, int how)
{
	struct sock *sock = file->sock;

	kernel.changes++;
	if (sock->state == SOCK_LISTENING) {
		/* A TCP listener stops being one. */
		if (!is_unix(sock)) {
			drop_queue(sock);
			sock->state = SOCK_FRESH;
		}
		sock->shut_rd = sock->shut_rd || how != SHUT_WR;
		return 0;
	}
	if (sock->state != SOCK_CONNECTED) {
		errno = ENOTCONN;
		return -1;
	}
	sock->shut_rd = sock->shut_rd || how != SHUT_WR;
	if (how == SHUT_RD || sock->shut_wr)
		return 0;
	sock->shut_wr = true;
	if (sock->peer)
		sock->peer->sock->eof = true;
	return 0;
}

void sock_reset(struct file *file)
{
	file->sock->linger_reset = true;
	leave_peer(file->sock);
}

/* -- what noded calls -- */

static struct file *socket_of(int fd)
{
	struct file *file = fd_file(fd);

	if (file && !file->sock) {
		errno = ENOTSOCK;
		return NULL;
	}
	return file;
}

CALL(int, socket, int family, int type, int protocol)
{
	struct file *file;

	(void)protocol;
	if (fault(FAULT_socket))
		return -1;
	file = sock_new(family, type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK));
	file->nonblock = type & SOCK_NONBLOCK;
	return fd_install(file, type & SOCK_CLOEXEC);
}

CALL(int, bind, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct file *file = socket_of(fd);

	if (!file || fault(FAULT_bind))
		return -1;
	return sock_bind(file, sa, len, OUR_UID);
}

CALL(int, listen, int fd, int backlog)
{
	struct file *file = socket_of(fd);

	if (!file || fault(FAULT_listen))
		return -1;
	return sock_listen(file, backlog);
}

/* An error that is a client's takes the client with it. */
static void refuse_first(struct sock *sock)
{
	int error = errno;

	if (sock->nqueue > 0 && error != EMFILE && error != ENFILE && error != ENOMEM &&
	    error != ENOBUFS && error != EINTR && error != EAGAIN && error != EINVAL)
		file_unref(sock->queue[--sock->nqueue]);
	errno = error;
}

CALL(int, accept4, int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct file *file = socket_of(fd), *client;

	if (!file)
		return -1;
	if (fault(FAULT_accept4)) {
		refuse_first(file->sock);
		return -1;
	}
	if (!file->nonblock)
		violated("an accept that would wait");
	/* As the kernel does: a number first, then a client. */
	if (fd_free() < 0)
		return -1;
	client = sock_accept(file);
	if (!client)
		return -1;
	client->nonblock = flags & SOCK_NONBLOCK;
	give_name(&client->sock->remote, sa, len);
	return fd_install(client, flags & SOCK_CLOEXEC);
}

/* What is at a path is seen, not asked for over a network: no socket that lives is said to be dead,
   nor one that does not listen to have a full queue. noded goes by such answers. */
static bool connect_fails(const struct sockaddr *sa)
{
	return fault(FAULT_connect) &&
	       (sa->sa_family != AF_UNIX || (errno != ECONNREFUSED && errno != EAGAIN));
}

CALL(int, connect, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct file *file = socket_of(fd);
	bool was_fresh;

	if (!file)
		return -1;
	file->sock->called_connect = true;
	if (connect_fails(sa))
		return -1;
	if (!file->nonblock)
		violated("a connect that would wait");
	was_fresh = file->sock->state == SOCK_FRESH;
	if (file->sock->state == SOCK_DEAD && file->sock->error)
		return take_error(file->sock);
	if (!was_fresh) {
		errno = file->sock->state == SOCK_CONNECTING ? EALREADY : EISCONN;
		return -1;
	}
	return sock_connect(file, sa, len, OUR_UID);
}

CALL(ssize_t, recv, int fd, void *to, size_t n, int flags)
{
	struct file *file = socket_of(fd);
	ssize_t got;

	if (!file || fault(FAULT_recv))
		return -1;
	got = sock_recv(file, to, n, flags & MSG_PEEK);
	if (got < 0 && errno == EAGAIN && !file->nonblock && !(flags & MSG_DONTWAIT))
		violated("a recv that would wait");
	return got;
}

CALL(ssize_t, __recv_chk, int fd, void *to, size_t n, size_t size, int flags)
{
	(void)size;
	return model_recv(fd, to, n, flags);
}

CALL(ssize_t, send, int fd, const void *from, size_t n, int flags)
{
	struct file *file = socket_of(fd);
	ssize_t sent;

	if (!file || fault(FAULT_send))
		return -1;
	if (!(flags & MSG_NOSIGNAL))
		violated("a send that may raise SIGPIPE");
	sent = sock_send(file, from, n);
	if (sent < 0 && errno == EAGAIN && !file->nonblock && !(flags & MSG_DONTWAIT))
		violated("a send that would wait");
	return sent;
}

CALL(int, shutdown, int fd, int how)
{
	struct file *file = socket_of(fd);

	if (!file || fault(FAULT_shutdown))
		return -1;
	return sock_shutdown(file, how);
}

static void set_option(struct sock *sock, int level, int option, const void *value)
{
	if (level == SOL_SOCKET && option == SO_REUSEADDR)
		sock->reuse = *(const int *)value;
	if (level == SOL_SOCKET && option == SO_LINGER)
		sock->linger_reset = ((const struct linger *)value)->l_onoff;
	if (level == SOL_SOCKET && option == SO_ATTACH_FILTER)
		sock->filter = true;
}

CALL(int, setsockopt, int fd, int level, int option, const void *value, socklen_t len)
{
	struct file *file = socket_of(fd);

	(void)len;
	if (!file || fault(FAULT_setsockopt))
		return -1;
	if (level == SOL_SOCKET && option == SO_DETACH_FILTER) {
		if (!file->sock->filter) {
			errno = ENOENT;
			return -1;
		}
		file->sock->filter = false;
		return 0;
	}
	set_option(file->sock, level, option, value);
	return 0;
}

static int get_number(struct sock *sock, int option)
{
	int error = sock->error;

	switch (option) {
	case SO_DOMAIN:
		return sock->local.sa.ss_family;
	case SO_TYPE:
		return sock->type;
	case SO_ERROR:
		sock->error = 0;
		return error;
	case SO_ACCEPTCONN:
		return sock->state == SOCK_LISTENING;
	default:
		violated("getsockopt of an option the model does not know: %d", option);
	}
}

CALL(int, getsockopt, int fd, int level, int option, void *value, socklen_t *len)
{
	struct file *file = socket_of(fd);
	int number;

	if (!file || fault(FAULT_getsockopt))
		return -1;
	if (level == IPPROTO_TCP && option == TCP_CONGESTION) {
		memcpy(value, "bbr", sizeof("bbr"));
		*len = sizeof("bbr");
		return 0;
	}
	if (option == SO_PEERCRED) {
		const struct ucred cred = {1, file->sock->peer_uid, file->sock->peer_uid};

		memcpy(value, &cred, sizeof(cred));
		return 0;
	}
	if (option == SO_PEERGROUPS) {
		*len = 0;
		return 0;
	}
	number = get_number(file->sock, option);
	memcpy(value, &number, sizeof(number));
	*len = sizeof(number);
	return 0;
}

CALL(int, getsockname, int fd, struct sockaddr *sa, socklen_t *len)
{
	struct file *file = socket_of(fd);

	if (!file || fault(FAULT_getsockname))
		return -1;
	return give_name(&file->sock->local, sa, len);
}

CALL(int, getpeername, int fd, struct sockaddr *sa, socklen_t *len)
{
	struct file *file = socket_of(fd);

	if (!file || fault(FAULT_getpeername))
		return -1;
	if (!file->sock->peer) {
		errno = ENOTCONN;
		return -1;
	}
	return give_name(&file->sock->remote, sa, len);
}

/* It does not pass over an urgent byte, as recv(2) does: tcp_read_sock stops there for good, and
   then tcp_splice_read sees no input, or an end. */
static ssize_t splice_in(struct file *source, struct fifo *pipe, size_t n)
{
	const struct sock *sock = source->sock;
	ssize_t moved;

	if (sock->urgent && sock->ahead == 0 && !sock->error) {
		errno = EAGAIN;
		return sock->eof ? 0 : -1;
	}
	if (n > PIPE_BUFFER - pipe->len)
		n = PIPE_BUFFER - pipe->len;
	moved = sock_recv(source, pipe->bytes + pipe->len, n, false);
	pipe->len += moved > 0 ? (size_t)moved : 0;
	return moved;
}

/* From a socket into a pipe, or out of it into another. */
CALL(ssize_t, splice, int from, off64_t *at, int to, off64_t *there, size_t n, unsigned flags)
{
	struct file *source = fd_file(from), *target = fd_file(to);
	struct file *end = source && source->sock ? source : target;
	struct fifo *pipe;
	ssize_t moved;

	if (!source || !target || fault(FAULT_splice))
		return -1;
	if (at || there || !end->sock || !(flags & SPLICE_F_NONBLOCK))
		violated("a splice as it should not be");
	pipe = (end == source ? target : source)->pipe;
	if (!pipe)
		violated("a splice without a pipe");
	if (end == source)
		return splice_in(source, pipe, n);
	if (pipe->len == 0)
		violated("a splice out of an empty pipe");
	moved = sock_send(target, pipe->bytes, n < pipe->len ? n : pipe->len);
	if (moved > 0) {
		pipe->len -= (size_t)moved;
		memmove(pipe->bytes, pipe->bytes + moved, pipe->len);
	}
	return moved;
}

/* NOTIFY_SOCKET is not set. */
CALL(ssize_t, sendto, int fd, const void *from, size_t n, int flags, const struct sockaddr *sa,
     socklen_t len)
{
	(void)fd;
	(void)from;
	(void)n;
	(void)flags;
	(void)sa;
	(void)len;
	errno = ENOENT;
	return -1;
}
