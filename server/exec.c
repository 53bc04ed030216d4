/* The exec handler: a program for each connection, which is its standard input and output. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../proto/buf.h"
#include "child.h"
#include "handler.h"
#include "net.h"

#define PATH_DEFAULT  "/usr/local/bin:/usr/bin:/bin"
#define DROPPED_PAUSE 1. /* seconds until standard error is watched again */

enum {
	LINE_LONGEST = 1024, /* bytes of a line of standard error; the rest is left out */
	CHUNK = 16 * 1024,   /* bytes of it read at once */
	LAST_CHUNKS = 4,     /* read when the program has ended: what a pipe holds, 64 KiB */
	BYTES_A_SECOND = 1024 * 1024, /* read of it; a program that writes more has to wait */
	LINES_A_SECOND = 20,	      /* logged for one server */
	UCSPI_VARIABLES = 6,	      /* per connection, beside those of noded */
};

struct exec {
	struct conn conn;
	struct child child;
	ev_io error;	   /* reads the program's standard error; fd -1 once closed */
	ev_timer pause;	   /* until the next second: no more is read in this one */
	double second;	   /* loop_now() when it began */
	size_t said;	   /* bytes read in it */
	struct buf line;   /* of which a part has come; empty otherwise */
	pid_t pid;	   /* of the program, also when it has ended */
	uid_t uid;	   /* of a Unix peer */
	int status;	   /* exit status or signal */
	enum reason ended; /* REASON_EXIT or _SIGNAL; none while it runs */
	bool cut;	   /* line was longer than LINE_LONGEST */
};

static struct exec *exec_of(struct conn *conn)
{
	return container_of(conn, struct exec, conn);
}

/* -- the program -- */

/* 0, or an errno. */
static int program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* The first of that name in PATH that can be run; else NULL and the errno that tells most. */
static char *program_search(const char *name, const char *path, int *error)
{
	size_t n;

	*error = ENOENT;
	for (; *path; path += n + (path[n] == ':')) {
		char *program;
		int tried;

		n = strcspn(path, ":");
		/* The programs run in "/": what is relative to where noded was started is not
		 * meant. */
		if (path[0] != '/')
			continue;
		if (asprintf(&program, "%.*s/%s", (int)n, path, name) < 0) {
			*error = ENOMEM;
			return NULL;
		}
		tried = program_check(program);
		if (!tried)
			return program;
		free(program);
		if (tried != ENOENT && tried != ENOTDIR)
			*error = tried;
	}
	return NULL;
}

static int program_find(struct handler_spec *spec, struct err *err)
{
	const char *name = spec->argv[0], *path = getenv("PATH");
	int error = 0;

	free(spec->program);
	spec->program = NULL;
	if (name[0] == '/') {
		error = program_check(name);
		if (error)
			return err_sys(err, ERR_PROGRAM_NOT_FOUND, error, "%s cannot be run", name);
		spec->program = strdup(name);
	} else if (strchr(name, '/')) {
		return err_set(err, ERR_PROGRAM_NOT_FOUND,
			       "%s is relative: give an absolute path, or a name to be found in "
			       "noded's PATH",
			       name);
	} else {
		spec->program = program_search(name, path ? path : PATH_DEFAULT, &error);
	}
	if (spec->program)
		return 0;
	if (!error || error == ENOMEM)
		return err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	if (error == ENOENT && strchr(name, ' '))
		return err_set(err, ERR_PROGRAM_NOT_FOUND,
			       "no \"%s\" in noded's PATH; a program and its arguments are words "
			       "of their own, no shell is involved",
			       name);
	if (error == ENOENT)
		return err_set(err, ERR_PROGRAM_NOT_FOUND, "no %s in noded's PATH, which is %s",
			       name, path ? path : PATH_DEFAULT);
	return err_sys(err, ERR_PROGRAM_NOT_FOUND, error, "the %s in noded's PATH cannot be run",
		       name);
}

static int exec_check(struct handler_spec *spec, const struct address *serving, struct err *err)
{
	struct spawn spawn = {.identity = spec->identity};

	(void)serving;
	if (spec->env->no_exec)
		return err_set(err, ERR_PERMISSION_DENIED,
			       "this noded runs no programs: it was started with --no-exec");
	if (spec->identity.given && identity_may_change(err) < 0)
		return -1;
	if (program_find(spec, err) < 0)
		return -1;
	spawn.program = spec->program;
	return spec->identity.given ? launch_rehearse(&spec->env->supervisor->launcher, &spawn, err)
				    : 0;
}

/* -- its environment -- */

/* own: of noded's user, so nothing a program of another user can use. */
static bool is_kept(const char *variable, bool other_user)
{
	static const struct {
		const char *name;
		bool own;
	} kept[] = {{"PATH=", false},	{"LANG=", false}, {"LC_", false},
		    {"TZ=", false},	{"HOME=", true},  {"USER=", true},
		    {"LOGNAME=", true}, {"SHELL=", true}, {"TMPDIR=", true}};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (variable[0] == kept[i].name[0] &&
		    strncmp(variable, kept[i].name, strlen(kept[i].name)) == 0)
			return !(other_user && kept[i].own);
	return false;
}

static bool same_host(const struct exec *a, const struct exec *b)
{
	if (a->conn.peer.family != b->conn.peer.family)
		return false;
	switch (a->conn.peer.family) {
	case AF_INET:
		return a->conn.peer.in.sin_addr.s_addr == b->conn.peer.in.sin_addr.s_addr;
	case AF_INET6:
		return IN6_ARE_ADDR_EQUAL(&a->conn.peer.in6.sin6_addr, &b->conn.peer.in6.sin6_addr);
	default:
		return a->uid == b->uid;
	}
}

/* Open connections of the same host or user on this server, this one included. */
static unsigned count_same(const struct exec *exec)
{
	const struct engine *sibling;
	unsigned n = 0;

	TAILQ_FOREACH (sibling, &exec->conn.e.parent->brood->list, sibling)
		n += same_host(exec, container_of(sibling, const struct exec, conn.e));
	return n;
}

/* Appends one variable with its NUL. */
#define VARIABLE(text, ...) (buf_printf(text, __VA_ARGS__), buf_append(text, "", 1))

static void describe_ip(struct buf *text, const char *side, const struct address *address)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (address->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &address->in.sin_addr, ip, sizeof(ip));
	else
		inet_ntop(AF_INET6, &address->in6.sin6_addr, ip, sizeof(ip));
	VARIABLE(text, "TCP%sIP=%s", side, ip);
	VARIABLE(text, "TCP%sPORT=%u", side, address_port(address));
}

static void describe_tcp(const struct exec *exec, struct buf *text)
{
	struct address local = *exec->conn.link->server, peer;

	conn_local(&exec->conn, &local);
	conn_peer(&exec->conn, &peer);
	VARIABLE(text, "PROTO=TCP");
	describe_ip(text, "LOCAL", &local);
	describe_ip(text, "REMOTE", &peer);
	VARIABLE(text, "TCPCONNNUM=%u", count_same(exec));
}

static void describe_unix(struct exec *exec, struct buf *text)
{
	const struct conn *conn = &exec->conn;
	struct ucred who = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t len = sizeof(who);

	getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	exec->uid = who.uid;
	VARIABLE(text, "PROTO=IPC");
	VARIABLE(text, "IPCLOCALPATH=%s", conn->link->server->un.sun_path);
	VARIABLE(text, "IPCREMOTEPATH=%s", conn->peer_path ? conn->peer_path : "");
	VARIABLE(text, "IPCREMOTEEUID=%u", who.uid);
	VARIABLE(text, "IPCREMOTEEGID=%u", who.gid);
	VARIABLE(text, "IPCCONNNUM=%u", count_same(exec));
}

/* What of noded's environment is kept, then the connection's own from text, which holds each with
   its NUL and must live as long. NULL when out of memory; else NULL-terminated and to be freed. */
static char **environment_make(const struct buf *text, bool other_user)
{
	char **environment;
	size_t n = 0;

	while (environ[n])
		n++;
	environment = calloc(n + UCSPI_VARIABLES + 1, sizeof(*environment));
	if (!environment)
		return NULL;
	n = 0;
	for (char **variable = environ; *variable; variable++)
		if (is_kept(*variable, other_user))
			environment[n++] = *variable;
	for (size_t at = 0; at < text->len; at += strlen(text->data + at) + 1)
		environment[n++] = text->data + at;
	return environment;
}

/* -- its standard error -- */

/* Says what is in exec->line, and that there was more to it. */
static void log_words(struct exec *exec, const char *server)
{
	struct log_limit *limit = &exec->conn.link->chatter;

	/* Text ends at a NUL, a line of a program need not. */
	for (size_t i = 0; i < exec->line.len; i++)
		if (!exec->line.data[i])
			exec->line.data[i] = '?';
	if (log_allowed(limit, LINES_A_SECOND, 1., LOG_LEVEL_INFO, server))
		log_info(server, "[pid %d] %.*s%s", (int)exec->pid, (int)exec->line.len,
			 exec->line.data, exec->cut ? "..." : "");
	else if (limit->held == 1)
		log_info(server, "programs wrote over %d lines a second: the rest is left out",
			 LINES_A_SECOND);
}

/* Empty lines say nothing. */
static void line_end(struct exec *exec, const char *server)
{
	if (exec->line.len && !exec->line.failed)
		log_words(exec, server);
	buf_reset(&exec->line);
	exec->cut = false;
}

static void line_add(struct exec *exec, const char *bytes, size_t n)
{
	size_t room = LINE_LONGEST - exec->line.len;

	exec->cut = exec->cut || n > room;
	buf_append(&exec->line, bytes, n > room ? room : n);
}

static void take_words(struct exec *exec, const char *bytes, size_t n)
{
	const char *end = bytes + n, *lf;
	char server[ADDRESS_TEXT_SIZE];

	address_text(exec->conn.link->server, server);
	while ((lf = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		line_add(exec, bytes, (size_t)(lf - bytes));
		line_end(exec, server);
		bytes = lf + 1;
	}
	line_add(exec, bytes, (size_t)(end - bytes));
}

static void error_close(struct exec *exec)
{
	if (exec->error.fd < 0)
		return;
	ev_io_stop(exec->conn.e.loop->ev, &exec->error);
	ev_timer_stop(exec->conn.e.loop->ev, &exec->pause);
	if (exec->line.len)
		take_words(exec, "\n", 1);
	close(exec->error.fd);
	exec->error.fd = -1;
}

/* Gives how many bytes there were. */
static size_t error_read(struct exec *exec)
{
	char *scratch = exec->conn.e.loop->scratch;
	ssize_t n = read(exec->error.fd, scratch, CHUNK);

	if (n > 0)
		take_words(exec, scratch, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		error_close(exec);
	return n > 0 ? (size_t)n : 0;
}

/* Reading and counting what nobody will see must not cost a processor. */
static void on_error(struct ev_loop *ev, ev_io *io, int revents)
{
	struct exec *exec = container_of(io, struct exec, error);
	double now = loop_now(exec->conn.e.loop);

	if (loop_dropped(revents)) { /* closing it would kill the program when it writes */
		ev_timer_set(&exec->pause, DROPPED_PAUSE, 0.);
		ev_timer_start(ev, &exec->pause);
		return;
	}
	if (now - exec->second >= 1) {
		exec->second = now;
		exec->said = 0;
	}
	exec->said += error_read(exec);
	if (exec->said < BYTES_A_SECOND || exec->error.fd < 0)
		return;
	ev_io_stop(ev, io);
	ev_timer_set(&exec->pause, exec->second + 1 - now, 0.);
	ev_timer_start(ev, &exec->pause);
}

static void on_paused(struct ev_loop *ev, ev_timer *timer, int revents)
{
	(void)revents;
	ev_io_start(ev, &container_of(timer, struct exec, pause)->error);
}

/* -- the handler -- */

static void on_exited(struct child *child, bool signalled, int status)
{
	struct exec *exec = container_of(child, struct exec, child);
	int chunks = LAST_CHUNKS;

	exec->ended = signalled ? REASON_SIGNAL : REASON_EXIT;
	exec->status = status;
	while (exec->error.fd >= 0 && chunks-- > 0 && error_read(exec))
		;
	/* Whoever it left the pipe to does not keep the connection. */
	error_close(exec);
	conn_end(&exec->conn, exec->ended, status);
}

static int exec_spawn(struct exec *exec, int error, struct err *err)
{
	const struct handler_spec *spec = exec->conn.spec;
	struct spawn spawn = {
	    .program = spec->program,
	    .argv = spec->argv,
	    .identity = spec->identity,
	    .in_out = exec->conn.fd,
	    .error = error,
	};
	struct buf text = {0};
	char **environment;
	int result;

	if (exec->conn.peer.family == AF_UNIX)
		describe_unix(exec, &text);
	else
		describe_tcp(exec, &text);
	environment = text.failed ? NULL : environment_make(&text, spec->identity.given);
	spawn.environment = environment;
	if (environment)
		result = child_spawn(&exec->child, spec->env->supervisor, &spawn, err);
	else
		result =
		    err_sys(err, ERR_LIMIT_REACHED, ENOMEM, "no environment for %s", spec->program);
	free(environment);
	buf_free(&text);
	return result;
}

static int exec_open(struct conn *conn, struct err *err)
{
	struct exec *exec = exec_of(conn);
	int error[2], result;

	exec->child.exited = on_exited;
	ev_io_init(&exec->error, on_error, -1, EV_READ);
	ev_timer_init(&exec->pause, on_paused, 0., 0.);
	if (net_pipe(error, net_margin_give) < 0)
		return err_sys(err, net_is_shortage(errno) ? ERR_LIMIT_REACHED : ERR_IO_ERROR,
			       errno, "no pipe for the program's standard error");
	/* Ours alone: each end is an open file description of its own. */
	if (fcntl(error[0], F_SETFL, O_NONBLOCK) < 0) {
		err_sys(err, ERR_IO_ERROR, errno, "no pipe for the program's standard error");
		close(error[0]);
		close(error[1]);
		return -1;
	}
	loop_opened(conn->e.loop, error[0]);
	ev_io_set(&exec->error, error[0], EV_READ);
	result = exec_spawn(exec, error[1], err);
	close(error[1]);
	if (result < 0)
		return -1;
	exec->pid = exec->child.pid;
	close(conn->fd);
	conn->fd = -1;
	ev_io_start(conn->e.loop->ev, &exec->error);
	conn_running(conn);
	return 0;
}

/* A connection lives until its program is reaped and nothing is left of it. */
static bool exec_end(struct conn *conn, enum end how)
{
	struct child *child = &exec_of(conn)->child;

	if (how == END_STOP) {
		child_signal(child, SIGTERM);
		child_signal(child, SIGCONT);
	} else if (how == END_KILL) {
		child_signal(child, SIGKILL);
	}
	return child->stage == CHILD_NONE;
}

static void exec_close(struct conn *conn)
{
	struct exec *exec = exec_of(conn);

	error_close(exec);
	child_forget(&exec->child);
	buf_free(&exec->line);
}

static void exec_status(const struct conn *conn, char text[static REASON_TEXT_SIZE])
{
	const struct exec *exec = container_of(conn, const struct exec, conn);

	text[0] = '\0';
	if (exec->ended != REASON_NONE)
		reason_text(text, exec->ended, exec->status);
}

static void exec_write(struct json *json, const struct handler_spec *spec)
{
	json_key(json, "argv");
	json_array(json);
	for (char **word = spec->argv; *word; word++)
		json_string(json, *word);
	json_array_end(json);
	json_key_string(json, "program", spec->program);
	if (!spec->identity.given)
		return;
	json_key_u64(json, "user", spec->identity.user);
	json_key_u64(json, "group", spec->identity.group);
}

static void write_status(struct json *json, const void *owner)
{
	char text[REASON_TEXT_SIZE];

	exec_status(owner, text);
	json_string(json, text[0] ? text : NULL);
}

static const struct field exec_rows[] = {
    FIELD(struct exec, pid, INT, "the program's process"),
    FIELD_GET("status", write_status, "how it ended (exit:0, signal:9); null while it runs"),
};

static const struct field_table exec_fields = FIELD_TABLE(exec_rows);

const struct handler exec_handler = {
    .id = HANDLER_EXEC,
    .size = sizeof(struct exec),
    .fields = &exec_fields,
    .check = exec_check,
    .write = exec_write,
    .open = exec_open,
    .end = exec_end,
    .status = exec_status,
    .close = exec_close,
};
