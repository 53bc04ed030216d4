/* Fuzz target: noded itself, from its start to its end, on a kernel in memory (kernel.h) in a world
   (world.h) that does what the input says. Whatever that is, the promises of invariants.c hold.

   The input is a script, one action a line, and is best read. A line that is none is passed over.
   An action comes when noded has nothing left to do, but with "!" before it when noded next looks
   for events, and with "@" before noded starts. When the script is over whatever failed works
   again, SIGTERM comes, and noded must end in time, with nothing left.

   To see what happens: NODE_TRACE=1 build/fuzz/fuzz/node FILE */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "../../server/admin.h"
#include "../../server/log.h"
#include "../../server/node.h"
#include "fuzz.h"
#include "invariants.h"
#include "kernel.h"
#include "world.h"

enum { ARGS_MAX = 4, LINES_MAX = 120, LINE_SIZE = 160, LIMIT_MIN = 38 };
enum { LATE = 500 }; /* milliseconds a timer may be */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- words -- */

/* What may stand for an argument: a word with what it means, or, without words, a number below n.
 */
struct word {
	const char *word, *means;
};

struct choice {
	const struct word *words;
	unsigned n;
};

#define WORDS(name, ...)                                                                           \
	static const struct word name##_words[] = {__VA_ARGS__};                                   \
	static const struct choice name = {name##_words, COUNT(name##_words)}
#define NUMBER(name, most) static const struct choice name = {NULL, most}

NUMBER(client, CLIENTS);
NUMBER(end, ENDS);
NUMBER(session, SESSIONS);
NUMBER(backend, BACKENDS);
NUMBER(number, 16);
NUMBER(status, 256);
NUMBER(bytes, 8192);
NUMBER(milliseconds, 60000);
NUMBER(microseconds, 3000);
NUMBER(times, 1000);
NUMBER(descriptors, FD_MAX + 1);

WORDS(address, {"unix:/srv/a.sock", ""}, {"unix:/srv/b.sock", ""}, {"tcp:127.0.0.1:7001", ""},
      {"tcp:10.0.0.1:7002", ""}, {"tcp:[::1]:7003", ""}, {"tcp:127.0.0.1:0", ""},
      {"tcp:127.0.0.1:40000", ""}, {"unix:/tmp/a.sock", ""}, {"unix:/srv/stale.sock", ""},
      {"unix:/run/admin.sock", ""}, {"unix:/srv/file", ""}, {"unix:/srv/link", ""},
      {"unix:/srv/live.sock", ""}, {"unix:/srv/theirs.sock", ""}, {"unix:/open/a.sock", ""},
      {"unix:/ro/a.sock", ""}, {"unix:/nowhere/a.sock", ""});

WORDS(handler, {"echo", "\"type\":\"echo\""}, {"discard", "\"type\":\"discard\""},
      {"tcp-backend", "\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:9001\""},
      {"unix-backend", "\"type\":\"forward\",\"backend\":\"unix:/srv/backend.sock\""},
      {"impatient", "\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:9001\","
		    "\"connect_timeout_ms\":100"},
      {"to-a", "\"type\":\"forward\",\"backend\":\"unix:/srv/a.sock\""},
      {"program", "\"type\":\"exec\",\"argv\":[\"/bin/program\",\"x\"]"},
      {"no-program", "\"type\":\"exec\",\"argv\":[\"/bin/text\"]"});

WORDS(limits, {"plain", ""}, {"one", ",\"max_connections\":1"}, {"two", ",\"max_connections\":2"},
      {"any", ",\"max_connections\":null"}, {"idle", ",\"idle_timeout_ms\":2000"},
      {"busy", ",\"idle_timeout_ms\":0"}, {"short", ",\"drain_ms\":500,\"kill_ms\":300"},
      {"at-once", ",\"drain_ms\":0,\"kill_ms\":0"}, {"never", ",\"restart\":\"never\""},
      {"always", ",\"restart\":\"always\""});

WORDS(stop_how, {"wait", ""}, {"progress", ",\"progress\":true"}, {"no-wait", ",\"wait\":false"},
      {"force", ",\"force\":true"}, {"soon", ",\"deadline_ms\":500"},
      {"at-once", ",\"deadline_ms\":0"}, {"late", ",\"deadline_ms\":100000"},
      {"if-exists", ",\"if_exists\":true"});

WORDS(shutdown_how, {"wait", ""}, {"progress", "\"progress\":true"}, {"force", "\"force\":true"},
      {"soon", "\"deadline_ms\":500"}, {"late", "\"deadline_ms\":100000"});

WORDS(force, {"gently", ""}, {"force", ",\"force\":true"});

WORDS(path, {"all", ""}, {"phase", "phase"}, {"transport", "transport"}, {"a", "unix:/srv/a.sock"},
      {"a.phase", "transport.servers[/srv/a.sock].phase"},
      {"a.listener", "transport.servers[/srv/a.sock].listener"},
      {"a.listener.why", "transport.servers[/srv/a.sock].listener.why"},
      {"a.open", "transport.servers[/srv/a.sock].connection_pool.open"},
      {"a.connections", "transport.servers[/srv/a.sock].connection_pool.connections"},
      {"one", "transport.servers[/srv/a.sock].connection_pool.connections.1"},
      {"open", "transport.connection_pool.open"},
      {"backends", "transport.client_connection_pool.open"}, {"sessions", "admin.sessions"},
      {"children", "process.children"}, {"process", "process"});

WORDS(until, {"exists", "\"exists\":true"}, {"absent", "\"absent\":true"},
      {"null", "\"equals\":null"}, {"running", "\"equals\":\"running\""},
      {"draining", "\"equals\":\"draining\""}, {"stopping", "\"equals\":\"stopping\""},
      {"suspended", "\"equals\":\"suspended\""}, {"full", "\"equals\":\"full\""},
      {"some", "\"at_least\":1"}, {"none", "\"at_most\":0"});

WORDS(patience, {"long", "60000"}, {"once", "0"}, {"second", "1000"});

WORDS(level, {"info", "info"}, {"debug", "debug"}, {"warning", "warning"}, {"error", "error"});

WORDS(look, {"version", "version"}, {"discover", "rpc.discover"}, {"servers", "list_servers"},
      {"connections", "list_connections"});

WORDS(garbage, {"words", "hello\n"}, {"half-line", "{\"jsonrpc\":"}, {"empty", "\n\r\n"},
      {"no-batch", "[]\n"}, {"deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n"},
      {"no-method", "{\"jsonrpc\":\"2.0\",\"method\":\"none\",\"id\":null}\n"}, {"end", "\n"});

WORDS(who, {"us", ""}, {"root", ""}, {"stranger", ""});
WORDS(backend_how, {"closed", ""}, {"open", ""}, {"deaf", ""}, {"silent", ""});
WORDS(taken, {"closed", ""}, {"foreign", ""});
WORDS(thing, {"nothing", ""}, {"file", ""}, {"dead-socket", ""}, {"moved", ""});
WORDS(signal_name, {"TERM", ""}, {"INT", ""}, {"HUP", ""}, {"QUIT", ""});
WORDS(speech, {"line", "it works\n"}, {"part", "it wor"}, {"escapes", "\x1b[2J\xff\n\n"},
      {"nul", "a"});

static const struct word call_words[] = {
#define X(name) {#name, ""},
    FAULTS(X)
#undef X
};
static const struct choice call = {call_words, COUNT(call_words)};

static const int errnos[] = {
    EMFILE, ENFILE,	  ENOMEM,    ENOBUFS,	   ECONNABORTED, EPROTO,     EPERM,  EINTR,
    EAGAIN, ECONNRESET,	  EPIPE,     EINVAL,	   EACCES,	 EADDRINUSE, ENOSPC, EROFS,
    EIO,    ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETDOWN,	 ENOENT};
WORDS(error, {"EMFILE", ""}, {"ENFILE", ""}, {"ENOMEM", ""}, {"ENOBUFS", ""}, {"ECONNABORTED", ""},
      {"EPROTO", ""}, {"EPERM", ""}, {"EINTR", ""}, {"EAGAIN", ""}, {"ECONNRESET", ""},
      {"EPIPE", ""}, {"EINVAL", ""}, {"EACCES", ""}, {"EADDRINUSE", ""}, {"ENOSPC", ""},
      {"EROFS", ""}, {"EIO", ""}, {"ECONNREFUSED", ""}, {"ETIMEDOUT", ""}, {"EHOSTUNREACH", ""},
      {"ENETDOWN", ""}, {"ENOENT", ""});
_Static_assert(COUNT(errnos) == COUNT(error_words), "an errno without a name");

/* -- actions: asking noded -- */

#define NAME(which, n)	((which).words[n].word)
#define MEANS(which, n) ((which).words[n].means)

static void ask(unsigned n, uint64_t ms, const char *method, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void ask(unsigned n, uint64_t ms, const char *method, const char *format, ...)
{
	char params[512];
	va_list args;

	va_start(args, format);
	vsnprintf(params, sizeof(params), format, args);
	va_end(args);
	session_ask(n, method, params, ms);
}

static void act_start(const unsigned *arg)
{
	ask(arg[0], 0, "start", "\"address\":\"%s\",\"handler\":{%s}%s", NAME(address, arg[1]),
	    MEANS(handler, arg[2]), MEANS(limits, arg[3]));
}

static void act_ensure(const unsigned *arg)
{
	ask(arg[0], 0, "start", "\"address\":\"%s\",\"handler\":{%s},\"if_missing\":true",
	    NAME(address, arg[1]), MEANS(handler, arg[2]));
}

static void act_stop(const unsigned *arg)
{
	ask(arg[0], LONG, "stop_server", "\"address\":\"%s\"%s", NAME(address, arg[1]),
	    MEANS(stop_how, arg[2]));
}

static void act_suspend(const unsigned *arg)
{
	ask(arg[0], LONG, "suspend_server", "\"address\":\"%s\"", NAME(address, arg[1]));
}

static void act_resume(const unsigned *arg)
{
	ask(arg[0], LONG, "resume_server", "\"address\":\"%s\"", NAME(address, arg[1]));
}

static void act_update(const unsigned *arg)
{
	ask(arg[0], 0, "update_server", "\"address\":\"%s\"%s", NAME(address, arg[1]),
	    MEANS(limits, arg[2]));
}

static void act_close_connection(const unsigned *arg)
{
	ask(arg[0], LONG, "close_connection", "\"id\":%u%s", arg[1], MEANS(force, arg[2]));
}

static void act_state(const unsigned *arg)
{
	ask(arg[0], 0, "state", "\"path\":\"%s\"", MEANS(path, arg[1]));
}

static void act_wait(const unsigned *arg)
{
	ask(arg[0], strtoul(MEANS(patience, arg[3]), NULL, 10) + LATE, "wait",
	    "\"path\":\"%s\",%s,\"timeout_ms\":%s", MEANS(path, arg[1]), MEANS(until, arg[2]),
	    MEANS(patience, arg[3]));
}

static void act_ask(const unsigned *arg)
{
	ask(arg[0], 0, MEANS(look, arg[1]), "%s", "");
}

static void act_log(const unsigned *arg)
{
	ask(arg[0], 0, "set_log_level", "\"level\":\"%s\"", MEANS(level, arg[1]));
}

static void act_shutdown(const unsigned *arg)
{
	ask(arg[0], LONG, "shutdown", "%s", MEANS(shutdown_how, arg[1]));
}

/* -- actions: admin clients -- */

static void act_open(const unsigned *arg)
{
	static const uid_t uids[] = {OUR_UID, 0, 3000};

	session_connect(arg[0], uids[arg[1]]);
}

static void act_leave(const unsigned *arg)
{
	session_close(arg[0]);
}

static void act_half(const unsigned *arg)
{
	session_half_close(arg[0]);
}

static void act_ignore(const unsigned *arg)
{
	world.session[arg[0]].lazy = true;
	world.session[arg[0]].excused = true; /* whoever reads nothing is closed */
}

static void act_listen(const unsigned *arg)
{
	world.session[arg[0]].lazy = false;
}

static void act_batch(const unsigned *arg)
{
	if (world.session[arg[0]].file && world.session[arg[0]].collect == 0)
		world.session[arg[0]].collect = arg[1];
}

static void act_mute(const unsigned *arg)
{
	world.session[arg[0]].mute = true;
}

static void act_say(const unsigned *arg)
{
	session_raw(arg[0], MEANS(garbage, arg[1]), strlen(MEANS(garbage, arg[1])));
}

static void act_flood(const unsigned *arg)
{
	char *line = malloc(arg[1] + 1);

	if (!line)
		abort();
	memset(line, ' ', arg[1]);
	session_raw(arg[0], line, arg[1]);
	free(line);
}

/* -- actions: clients and backends -- */

static void act_connect(const unsigned *arg)
{
	struct address to;
	struct err err;

	/* Administrators come by other ways. */
	if (strcmp(NAME(address, arg[1]), "unix:/run/admin.sock") != 0 &&
	    address_parse(&to, NAME(address, arg[1]), &err) == 0)
		end_connect(arg[0], &to);
}

static void act_send(const unsigned *arg)
{
	end_send(arg[0], arg[1]);
}

static void act_urge(const unsigned *arg)
{
	end_urge(arg[0]);
}

static void act_read(const unsigned *arg)
{
	end_read(arg[0], arg[1]);
}

static void act_fin(const unsigned *arg)
{
	end_fin(arg[0]);
}

static void act_hang_up(const unsigned *arg)
{
	end_close(arg[0]);
}

static void act_reset(const unsigned *arg)
{
	end_reset(arg[0]);
}

static void act_lazy(const unsigned *arg)
{
	world.end[arg[0]].lazy = true;
}

static void act_eager(const unsigned *arg)
{
	world.end[arg[0]].lazy = false;
}

static void act_backend(const unsigned *arg)
{
	backend_set(arg[0], (enum backend_mode)arg[1]);
}

/* -- actions: programs -- */

static void act_exit(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);

	if (process)
		process_end(process, false, (int)arg[1]);
}

static void act_die(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);

	if (process)
		process_end(process, true, SIGSEGV);
}

static void act_stubborn(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);

	if (process)
		process->stubborn = true;
}

static void act_fork(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);

	if (process)
		process_fork(process, false);
}

static void act_setsid(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);

	if (process)
		process_fork(process, true);
}

static void act_complain(const unsigned *arg)
{
	struct process *process = process_get(arg[0]);
	const char *words = MEANS(speech, arg[1]);
	size_t n = strlen(words) + (words[0] == 'a');
	struct fifo *pipe = process && process->fd[2] ? process->fd[2]->pipe : NULL;

	if (!pipe)
		return;
	for (unsigned i = 0; i < arg[2] && pipe->len + n <= PIPE_BUFFER; i++, pipe->len += n)
		memcpy(pipe->bytes + pipe->len, words, n);
}

/* -- actions: faults -- */

static void act_fail(const unsigned *arg)
{
	int with = errnos[arg[1]];
	unsigned count = arg[2];

	/* No kernel says for ever that it was interrupted, or is not ready when it is. */
	if ((with == EINTR || with == EAGAIN) && count > 20)
		count = 20;
	/* epoll_ctl(2) on a descriptor that is open. */
	if (arg[0] == FAULT_epoll_ctl)
		with = ENOSPC;
	if (arg[0] == FAULT_open && (with == EMFILE || with == ENFILE))
		world.short_of_fds = true;
	kernel_fail((enum fault)arg[0], with, count, arg[3]);
}

static void act_heal(const unsigned *arg)
{
	(void)arg;
	kernel_heal();
	kernel.fd_limit = FD_MAX;
}

static void act_limit(const unsigned *arg)
{
	/* Enough for the reserve and a look into /proc at the end. */
	kernel.fd_limit = arg[0] > LIMIT_MIN ? arg[0] : LIMIT_MIN;
	world.short_of_fds = true;
}

static const struct listener *listener_of(unsigned n)
{
	struct domain *domain = invariants_domain();
	const struct server *server;
	struct address at;
	struct err err;

	if (!domain || address_parse(&at, NAME(address, n), &err) < 0)
		return NULL;
	if (strcmp(NAME(address, n), "unix:/run/admin.sock") == 0) {
		const struct engine *first = TAILQ_FIRST(&domain->root->brood->list);

		return first && strcmp(first->kind->name, "admin") == 0
			   ? container_of(first, const struct admin, e)->listener
			   : NULL;
	}
	server = transport_find(domain->transport, &at);
	return server ? server->listener : NULL;
}

/* Its socket, NULL if it has none any more. */
static struct file *socket_of(const struct listener *listener)
{
	struct file *file = listener && listener->fd >= 0 ? fd_file(listener->fd) : NULL;

	return file && file->ino == listener->ino ? file : NULL;
}

static void act_destroy(const unsigned *arg)
{
	struct file *file = socket_of(listener_of(arg[0]));

	if (file)
		sock_destroy(file);
}

static void act_snatch(const unsigned *arg)
{
	const struct listener *listener = listener_of(arg[0]);
	int fd;

	if (!socket_of(listener))
		return;
	fd = listener->fd;
	world.snatched = true;
	fd_close(fd);
	if (arg[1] == 0)
		return;
	kernel.fd[fd].file = file_new(KIND_NULL);
	kernel.fd[fd].file->foreign = true;
}

enum { THING_NOTHING, THING_FILE, THING_DEAD_SOCKET, THING_MOVED };

static void act_put(const unsigned *arg)
{
	const char *name = NAME(address, arg[0]) + strlen("unix:");
	struct inode *inode = inode_find(name);

	if (NAME(address, arg[0])[0] != 'u')
		return;
	if (inode && arg[1] == THING_MOVED) {
		snprintf(inode->path, sizeof(inode->path), "/moved/%lu", (unsigned long)inode->ino);
		inode->touched = true;
		return;
	}
	if (inode)
		inode_remove(inode);
	if (arg[1] == THING_FILE)
		inode_new(name, S_IFREG | 0644, OUR_UID);
	else if (arg[1] == THING_DEAD_SOCKET)
		inode_new(name, S_IFSOCK | 0600, OUR_UID)->touched = true;
}

static void act_signal(const unsigned *arg)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	if (invariants_node())
		kernel_signal(numbers[arg[0]]);
}

static void act_sleep(const unsigned *arg)
{
	world.wake = kernel.now + (uint64_t)arg[0] * 1000000;
}

static void act_cost(const unsigned *arg)
{
	kernel.cost = (uint64_t)(arg[0] + 1) * 1000; /* time never stands still */
}

static void act_reverse(const unsigned *arg)
{
	(void)arg;
	kernel.reverse = !kernel.reverse;
}

static const struct action {
	const char *name;
	void (*run)(const unsigned *arg);
	const struct choice *arg[ARGS_MAX];
} actions[] = {
    {"start", act_start, {&session, &address, &handler, &limits}},
    {"ensure", act_ensure, {&session, &address, &handler}},
    {"stop", act_stop, {&session, &address, &stop_how}},
    {"suspend", act_suspend, {&session, &address}},
    {"resume", act_resume, {&session, &address}},
    {"update", act_update, {&session, &address, &limits}},
    {"close-connection", act_close_connection, {&session, &number, &force}},
    {"state", act_state, {&session, &path}},
    {"wait", act_wait, {&session, &path, &until, &patience}},
    {"ask", act_ask, {&session, &look}},
    {"log", act_log, {&session, &level}},
    {"shutdown", act_shutdown, {&session, &shutdown_how}},
    {"open", act_open, {&session, &who}},
    {"leave", act_leave, {&session}},
    {"half-close", act_half, {&session}},
    {"ignore", act_ignore, {&session}},
    {"listen", act_listen, {&session}},
    {"batch", act_batch, {&session, &number}},
    {"mute", act_mute, {&session}},
    {"say", act_say, {&session, &garbage}},
    {"flood", act_flood, {&session, &bytes}},
    {"connect", act_connect, {&client, &address}},
    {"send", act_send, {&end, &bytes}},
    {"urge", act_urge, {&end}},
    {"read", act_read, {&end, &bytes}},
    {"fin", act_fin, {&end}},
    {"hang-up", act_hang_up, {&end}},
    {"reset", act_reset, {&end}},
    {"lazy", act_lazy, {&end}},
    {"eager", act_eager, {&end}},
    {"backend", act_backend, {&backend, &backend_how}},
    {"exit", act_exit, {&number, &status}},
    {"die", act_die, {&number}},
    {"stubborn", act_stubborn, {&number}},
    {"fork", act_fork, {&number}},
    {"setsid", act_setsid, {&number}},
    {"complain", act_complain, {&number, &speech, &times}},
    {"fail", act_fail, {&call, &error, &times, &times}},
    {"heal", act_heal, {NULL}},
    {"limit", act_limit, {&descriptors}},
    {"destroy", act_destroy, {&address}},
    {"snatch", act_snatch, {&address, &taken}},
    {"put", act_put, {&address, &thing}},
    {"signal", act_signal, {&signal_name}},
    {"sleep", act_sleep, {&milliseconds}},
    {"cost", act_cost, {&microseconds}},
    {"reverse", act_reverse, {NULL}},
};

/* -- scripts -- */

struct line {
	const struct action *action;
	unsigned arg[ARGS_MAX];
	char when; /* 0, '!' or '@' */
};

struct script {
	struct line line[LINES_MAX];
	size_t count, next;
};

static struct script script;

static unsigned choice_read(const struct choice *choice, const char *word)
{
	for (unsigned i = 0; choice->words && word && i < choice->n; i++)
		if (strcmp(choice->words[i].word, word) == 0)
			return i;
	return word ? (unsigned)strtoul(word, NULL, 10) % choice->n : 0;
}

static bool line_read(struct line *line, char *text)
{
	char *rest, *word = strtok_r(text, " \t\r", &rest);

	*line = (struct line){0};
	if (word && (*word == '!' || *word == '@'))
		line->when = *word++;
	for (size_t i = 0; word && i < COUNT(actions); i++)
		if (strcmp(actions[i].name, word) == 0)
			line->action = &actions[i];
	for (int i = 0; line->action && i < ARGS_MAX && line->action->arg[i]; i++)
		line->arg[i] = choice_read(line->action->arg[i], strtok_r(NULL, " \t\r", &rest));
	return line->action != NULL;
}

static void script_read(struct script *to, const uint8_t *data, size_t size)
{
	char text[LINE_SIZE];

	to->count = to->next = 0;
	while (size > 0 && to->count < LINES_MAX) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t n = lf ? (size_t)(lf - data) : size;

		snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)data);
		to->count += line_read(&to->line[to->count], text);
		n += lf != NULL;
		data += n;
		size -= n;
	}
}

static int line_write(const struct line *line, char *text, size_t size)
{
	int n = snprintf(text, size, "%.1s%s", &line->when, line->action->name);

	for (int i = 0; i < ARGS_MAX && line->action->arg[i] && (size_t)n < size; i++) {
		const struct choice *choice = line->action->arg[i];

		if (choice->words)
			n += snprintf(text + n, size - (size_t)n, " %s",
				      choice->words[line->arg[i]].word);
		else
			n += snprintf(text + n, size - (size_t)n, " %u", line->arg[i]);
	}
	return n;
}

static size_t script_write(const struct script *from, uint8_t *data, size_t size)
{
	char text[LINE_SIZE];
	size_t at = 0;

	for (size_t i = 0; i < from->count; i++) {
		size_t n = (size_t)line_write(&from->line[i], text, sizeof(text) - 1);

		text[n++] = '\n';
		if (n > size - at)
			break;
		memcpy(data + at, text, n);
		at += n;
	}
	return at;
}

static void run(const struct line *line)
{
	char text[LINE_SIZE];

	if (world_trace) {
		line_write(line, text, sizeof(text));
		dprintf(STDERR_FILENO, "%8.3f > %s\n", kernel_seconds() - 1000, text);
	}
	world.actions++;
	kernel.changes++;
	line->action->run(line->arg);
}

/* The end of the world as it was: all is well again, and noded is to go. */
static void script_end(void)
{
	static const unsigned none[ARGS_MAX];

	world.script_over = true;
	act_heal(none);
	kernel.cost = 1000;
	for (unsigned i = 0; i < SESSIONS; i++)
		world.session[i].lazy = false;
	if (invariants_node()->how == END_NONE)
		kernel_signal(SIGTERM);
}

bool script_step(bool urgent)
{
	if (script.next == script.count || (urgent && script.line[script.next].when != '!')) {
		if (urgent || world.script_over)
			return false;
		script_end();
		return true;
	}
	run(&script.line[script.next++]);
	return true;
}

/* -- the target -- */

void fuzz_begin(void)
{
	world_trace = getenv("NODE_TRACE") != NULL;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("JOURNAL_STREAM");
}

static void run_node(const struct node_options *options)
{
	struct err err = {0};
	struct node *node = node_open(options, &err);

	if (!node && err.detail[0] == '\0')
		violated("noded does not start and does not say why");
	if (!node)
		return;
	node_run(node);
	node_close(node);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static const struct sandbox sandbox;
	struct node_options options = {
	    .sandbox = &sandbox,
	    .name = "fuzz",
	    .drain = 5,
	    .ready_fd = -1,
	    .admin_mode = 0600,
	    .owner = {(uid_t)-1, (gid_t)-1, (gid_t)-1},
	    .access = {.observers = (gid_t)-1, .operators = (gid_t)-1},
	};
	struct err err = {0};

	script_read(&script, data, size);
	world_boot();
	kernel_boot();
	invariants_begin();
	if (address_parse(&options.admin, "unix:/run/admin.sock", &err) < 0)
		abort();
	for (; script.next < script.count && script.line[script.next].when == '@'; script.next++)
		run(&script.line[script.next]);
	log_open(LOG_TEXT, LOG_LEVEL_INFO);
	run_node(&options);
	log_close();
	invariants_end();
	world_halt();
	kernel_halt();
}

/* -- mutation, by lines -- */

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* Of words any, the first ones more often; of numbers as many small as large ones. */
static unsigned random_choice(const struct choice *choice)
{
	uint32_t most = choice->n;

	if (choice->words)
		return random_below(most > 8 && random_below(3) > 0 ? 8 : most);
	while (most > 8 && random_below(4) > 0)
		most = (most + 1) / 4;
	return random_below(most);
}

static void random_line(struct line *line)
{
	*line = (struct line){.action = &actions[random_below(COUNT(actions))]};
	for (int i = 0; i < ARGS_MAX && line->action->arg[i]; i++)
		line->arg[i] = random_choice(line->action->arg[i]);
	if (random_below(6) == 0)
		line->when = '!';
}

static void insert(struct script *to, size_t at, const struct line *line)
{
	if (to->count == LINES_MAX)
		return;
	memmove(&to->line[at + 1], &to->line[at], (to->count - at) * sizeof(*line));
	to->line[at] = *line;
	to->count++;
}

static void delete (struct script *to, size_t at)
{
	to->count--;
	memmove(&to->line[at], &to->line[at + 1], (to->count - at) * sizeof(to->line[0]));
}

static void change_argument(struct line *line)
{
	unsigned n = 0;

	while (n < ARGS_MAX && line->action->arg[n])
		n++;
	if (n == 0)
		return;
	n = random_below(n);
	line->arg[n] = random_choice(line->action->arg[n]);
}

static void change_time(struct line *line)
{
	if (line->when != '@')
		line->when = line->when ? 0 : '!';
}

static void mutate(struct script *to)
{
	size_t at = to->count ? random_below((uint32_t)to->count) : 0;
	struct line line;

	switch (to->count ? random_below(8) : 0) {
	case 0:
	case 1:
	case 2:
		random_line(&line);
		if (to->count == 0 && random_below(8) == 0)
			line.when = '@';
		insert(to, at, &line);
		return;
	case 3:
		delete (to, at);
		return;
	case 4:
		line = to->line[at];
		insert(to, random_below((uint32_t)to->count), &line);
		return;
	case 5:
		change_time(&to->line[at]);
		return;
	case 6:
		line = to->line[at];
		delete (to, at);
		insert(to, random_below((uint32_t)to->count + 1), &line);
		return;
	default:
		change_argument(&to->line[at]);
		return;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	static struct script changed;

	random_state = seed | 1;
	script_read(&changed, data, size);
	for (uint32_t n = 1 + random_below(4); n > 0; n--)
		mutate(&changed);
	return script_write(&changed, data, most);
}

/* The beginning of one, the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t most, unsigned seed)
{
	static struct script first, second;
	size_t from;

	random_state = seed | 1;
	script_read(&first, a, a_size);
	script_read(&second, b, b_size);
	first.count = random_below((uint32_t)first.count + 1);
	from = random_below((uint32_t)second.count + 1);
	while (from < second.count && first.count < LINES_MAX)
		first.line[first.count++] = second.line[from++];
	return script_write(&first, out, most);
}
