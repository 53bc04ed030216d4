/* One connection to noded's admin socket: lines out, lines in, never waiting longer than told. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "interrupt.h"
#include "memory.h"
#include "print.h"
#include "owner.h"

enum { READ_SIZE = 65536 };

uint64_t client_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* "/a/b" -> "/a" -> "/"; false at the root. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || path[1] == '\0')
		return false;
	slash[slash == path ? 1 : 0] = '\0';
	return true;
}

/* Who is kept out by the file has no role for noded to refuse; said as noded says it (ACCESS in
   noded(8)), where it is known: not of a directory in the way, which says nothing of the socket. */
static void add_role(struct buf *text, const struct stat *st)
{
	char owner[OWNER_SIZE];

	if (geteuid() == 0 || geteuid() == st->st_uid || !S_ISSOCK(st->st_mode))
		return;
	if (st->st_mode & S_IWGRP) {
		buf_printf(text,
			   "; its group may connect: uid %lu is not in it, and has no role here",
			   (unsigned long)geteuid());
		return;
	}
	buf_printf(text, "; uid %lu has no role here: operate is for root",
		   (unsigned long)geteuid());
	if (st->st_uid != 0)
		buf_printf(text, ", %s", owner_user(owner, st->st_uid));
}

/* "P: permission denied (owner U:G, mode M; you are U)": of the socket, or of the directory that
   keeps us from it; who would be let in, if that is a group; and who has which role. */
static int explain_denied(const char *path, struct failure *failure)
{
	char *above = memory_text(path), owner[OWNER_SIZE], self[OWNER_SIZE];
	struct buf text = {0};
	struct stat st;
	int status = lstat(path, &st);

	while (status < 0 && errno == EACCES && go_up(above))
		status = lstat(above, &st);
	buf_printf(&text, "%s: permission denied (", path);
	if (status == 0 && strcmp(above, path) != 0)
		buf_printf(&text, "%s has ", above);
	if (status == 0)
		buf_printf(&text, "owner %s, mode %04o; ", owner_text(owner, &st),
			   (unsigned)(st.st_mode & 07777));
	buf_printf(&text, "you are %s)", owner_user(self, geteuid()));
	if (status == 0 && S_ISDIR(st.st_mode) && st.st_mode & S_IXGRP)
		buf_printf(&text, "; its group may connect");
	if (status == 0)
		add_role(&text, &st);
	failure_set(failure, ERR_PERMISSION_DENIED, "%s", memory_check(&text));
	buf_free(&text);
	free(above);
	return -1;
}

/* What keeps us from the socket, in words. */
static int explain_connect(int error, const char *path, bool *retry, struct failure *failure)
{
	struct stat st;

	*retry = error == ENOENT || error == ECONNREFUSED;
	if (error == EACCES || error == EPERM)
		return explain_denied(path, failure);
	if (error == ENOENT)
		return failure_own(failure, OWN_ERROR_NO_NODED,
				   "no socket at %s; is noded running? (--socket, NODED_SOCKET)",
				   path);
	if (error == EPROTOTYPE)
		return failure_own(failure, OWN_ERROR_NO_NODED,
				   "%s is a socket of another kind, not noded's", path);
	if (error != ECONNREFUSED)
		return failure_own(failure, OWN_ERROR_NO_NODED, "no socket at %s: %s", path,
				   strerror(error));
	if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		*retry = false;
		return failure_own(failure, OWN_ERROR_NO_NODED, "%s is not a socket", path);
	}
	return failure_own(failure, OWN_ERROR_NO_NODED,
			   "%s exists but nobody listens (stale); start noded", path);
}

/* A full queue answers a non-blocking connect with EAGAIN, and poll cannot tell when it has room
   again; a blocking one waits as long as the send time-out allows. */
static int connect_blocking(int fd, const struct address *address, uint64_t wait_ms)
{
	struct timeval limit = {0};
	int flags = fcntl(fd, F_GETFL), result;

	if (wait_ms == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (wait_ms != TIME_NONE) {
		limit.tv_sec = (time_t)(wait_ms / 1000);
		limit.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	}
	if (flags < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -1;
	result = connect(fd, &address->sa, address->len);
	if (result == 0)
		result = fcntl(fd, F_SETFL, flags);
	return result;
}

int client_open(struct client *client, const struct address *address, uint64_t silence_ms,
		bool verbose, bool *retry, struct failure *failure)
{
	int error;

	*retry = false;
	*client = (struct client){.fd = -1,
				  .verbose = verbose,
				  .silence_ms = silence_ms,
				  .next_id = 1,
				  .reader = {.max = CLIENT_LINE_MAX},
				  .path = address->un.sun_path};
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return failure_set(failure, ERR_IO_ERROR, "socket: %s", strerror(errno));
	if (connect(client->fd, &address->sa, address->len) < 0 &&
	    (errno != EAGAIN || connect_blocking(client->fd, address, silence_ms) < 0)) {
		error = errno;
		client_close(client);
		if (error == EAGAIN)
			return failure_set(failure, ERR_TIMEOUT,
					   "%s: noded takes no connections; nothing was sent",
					   client->path);
		return explain_connect(error, client->path, retry, failure);
	}
	client->scan = memory_get(1, sizeof(*client->scan));
	client->heard_at = client_now();
	return 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	wire_reader_free(&client->reader);
	buf_free(&client->out);
	free(client->scan);
	client->scan = NULL;
}

static void show_line(const struct client *client, const char *mark, const char *line, size_t n)
{
	struct buf text = {0};

	if (!client->verbose)
		return;
	buf_printf(&text, "%s ", mark);
	buf_escape(&text, line, n);
	buf_append(&text, "\n", 1);
	print_stderr(&text);
	buf_free(&text);
}

void client_send(struct client *client, const struct buf *line)
{
	show_line(client, ">", line->data, line->len > 0 ? line->len - 1 : 0);
	buf_append(&client->out, line->data, line->len);
	memory_check(&client->out);
	client->heard_at = client_now();
}

/* A peer that is gone is noticed by the reading, which may find a last word of it first. */
static void write_some(struct client *client)
{
	ssize_t n;

	if (client->out.len == 0)
		return;
	n = send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);
	if (n > 0) {
		buf_consume(&client->out, (size_t)n);
		client->sent = true;
		client->heard_at = client_now();
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		buf_reset(&client->out);
	}
}

static void read_some(struct client *client)
{
	char *room = wire_read_space(&client->reader, READ_SIZE);
	ssize_t n;

	if (room == NULL)
		memory_failed();
	n = recv(client->fd, room, READ_SIZE, 0);
	if (n > 0) {
		client->reader.in.len += (size_t)n;
		client->heard_at = client_now();
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		client->eof = true;
	}
}

static int poll_timeout(uint64_t until)
{
	uint64_t now = client_now();

	if (until == TIME_NONE)
		return -1;
	if (until <= now)
		return 0;
	return until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

static uint64_t after(uint64_t from, uint64_t ms)
{
	return ms == TIME_NONE ? TIME_NONE : from + ms;
}

/* Sends, waits until `until` and receives. False if nothing came and nothing could be sent. */
static bool exchange_bytes(struct client *client, uint64_t until)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
	struct timespec limit;
	int ms;

	write_some(client);
	if (client->out.len > 0)
		poll_fd.events |= POLLOUT;
	ms = poll_timeout(until);
	limit = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	if (ppoll(&poll_fd, 1, ms < 0 ? NULL : &limit, interrupt_mask()) <= 0)
		return false;
	if ((poll_fd.revents & ~POLLOUT) != 0)
		read_some(client);
	return true;
}

static enum client_event take_line(struct client *client, struct span line,
				   struct wire_reply *reply, struct failure *failure)
{
	struct err err = {0};

	show_line(client, "<", line.at, line.len);
	if (wire_reply_parse(reply, client->scan, line.at, line.len, &err) == 0)
		return CLIENT_REPLY;
	if (err.code == ERR_INTERNAL_ERROR)
		memory_failed();
	failure_set(failure, err.code, "a senseless reply from %s: %s", client->path, err.detail);
	return CLIENT_FAILED;
}

static enum client_event take_eof(struct client *client, struct failure *failure)
{
	if (!wire_partial(&client->reader))
		return CLIENT_EOF;
	failure_set(failure, ERR_PARSE_ERROR, "the reply from %s was cut", client->path);
	return CLIENT_FAILED;
}

static enum client_event give_up(struct client *client, struct failure *failure)
{
	char text[PRINT_DURATION_SIZE];

	failure_set(failure, ERR_TIMEOUT, "no answer for %s",
		    print_duration(text, client->silence_ms));
	return CLIENT_FAILED;
}

enum client_event client_next(struct client *client, uint64_t tick_ms, struct wire_reply *reply,
			      struct failure *failure)
{
	uint64_t tick_at = after(client_now(), tick_ms);

	for (;;) {
		uint64_t silent_at = after(client->heard_at, client->silence_ms);
		struct span line;

		switch (wire_next(&client->reader, false, &line)) {
		case WIRE_LINE:
			return take_line(client, line, reply, failure);
		case WIRE_TOO_LONG:
			failure_set(failure, ERR_PARSE_ERROR,
				    "a senseless reply from %s: over %d MiB long", client->path,
				    CLIENT_LINE_MAX >> 20);
			return CLIENT_FAILED;
		case WIRE_MORE:
			break;
		}
		if (client->eof)
			return take_eof(client, failure);
		if (interrupt_caught() != 0) {
			failure_own(failure, OWN_ERROR_INTERRUPTED, "interrupted");
			failure->status = 128 + interrupt_caught();
			return CLIENT_FAILED;
		}
		if (exchange_bytes(client, silent_at < tick_at ? silent_at : tick_at))
			continue;
		if (client_now() >= tick_at)
			return CLIENT_TICK;
		if (client_now() >= after(client->heard_at, client->silence_ms))
			return give_up(client, failure);
	}
}
