/* Fuzz target: nodectl against a server that says anything at all. The first byte chooses the
   command, the second how its output is wanted; the rest is what the server sends. The command
   ends with a status of the contract; what it prints is safe for a terminal where it goes to one,
   and with --json exactly one JSON document. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../ctl/args.h"
#include "../../ctl/interrupt.h"
#include "fuzz.h"

/* How the output is wanted. */
enum { JSON = 1, TERMINAL = 2, COLOR = 4, QUIET = 8, VERBOSE = 16 };

enum { CONNECTIONS_MAX = 4, WORDS_MAX = 16 };

static const char *const commands[][WORDS_MAX] = {
    {"version"},
    {"schema"},
    {"start", "tcp:127.0.0.1:0"},
    {"stop-server", "/a", "/b"},
    {"stop-server", "--all"},
    {"suspend-server", "/a"},
    {"resume-server", "/a", "/b", "/c"},
    {"update-server", "/a", "--max-connections", "3"},
    {"list-servers"},
    {"list-servers", "--columns", "address,since,handler"},
    {"list-connections"},
    {"list-connections", "--server", "/a", "--limit", "3"},
    {"close-connection", "1", "2"},
    {"state"},
    {"state", "--keys"},
    {"state", "/a", "listener"},
    {"wait", "phase", "--is", "running"},
    {"shutdown"},
    {"call", "version"},
    {"set-log-level", "debug"},
};

static struct {
	const uint8_t *bytes; /* what it sends to each who connects */
	size_t n;
	int fd[CONNECTIONS_MAX];
	size_t connections;
	unsigned wanted;
} server;

/* In place of the socket there is one end of a pair, in which everything the server will ever say
   waits already. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int ends[2];

	(void)address;
	(void)len;
	if (server.connections == CONNECTIONS_MAX) {
		errno = ENOENT;
		return -1;
	}
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	REQUIRE(dup2(ends[0], fd) == fd);
	close(ends[0]);
	REQUIRE(send(ends[1], server.bytes, server.n, MSG_NOSIGNAL) == (ssize_t)server.n);
	REQUIRE(shutdown(ends[1], SHUT_WR) == 0);
	server.fd[server.connections++] = ends[1];
	return 0;
}

int isatty(int fd)
{
	(void)fd;
	errno = ENOTTY;
	return (server.wanted & TERMINAL) != 0;
}

/* The first `interrupt_catch` holds signals back for good: let it be while none can be lost. */
void fuzz_begin(void)
{
	sigset_t none;

	interrupt_catch();
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
}

/* How long the sequence is that nodectl moves the cursor or sets a colour with; 0: none. */
static size_t own_sequence(const char *at, size_t n)
{
	size_t len = 2;

	if (n > 0 && at[0] == '\r')
		return 1;
	if (n < 3 || at[0] != '\033' || at[1] != '[')
		return 0;
	while (len < n && at[len] >= '0' && at[len] <= '9')
		len++;
	return len < n && (at[len] == 'm' || at[len] == 'K') ? len + 1 : 0;
}

/* Lines that can be shown, with sequences of nodectl's own if it may use them. */
static void check_shown(const char *text, size_t n, bool sequences)
{
	size_t start = 0;

	for (size_t i = 0; i < n;) {
		size_t own = sequences ? own_sequence(text + i, n - i) : 0;

		if (own == 0 && text[i] != '\n') {
			i++;
			continue;
		}
		REQUIRE(is_shown(text + start, i - start));
		i += own > 0 ? own : 1;
		start = i;
	}
	REQUIRE(is_shown(text + start, n - start));
}

static void check_document(const char *text, size_t n, int status)
{
	static struct scan scan;
	struct err err;

	REQUIRE(n > 0 && memchr(text, '\n', n) == text + n - 1);
	REQUIRE(scan_line(&scan, text, n - 1, SCAN_REPLY, &err) == 0);
	REQUIRE(!scan.batch && scan.count == 1 && scan.entry[0].object);
	if (status != 0)
		REQUIRE(memmem(text, n, "\"error\"", 7) != NULL);
}

static void check_output(const char *text, size_t n, int status)
{
	REQUIRE(status >= 0 && status <= 8);
	REQUIRE(n == 0 || text[n - 1] == '\n');
	if (server.wanted & JSON)
		check_document(text, n, status);
	/* Elsewhere a document is given as it came. */
	if (server.wanted & TERMINAL)
		check_shown(text, n, true);
	else
		REQUIRE(utf8_valid(text, n));
}

static int run(int argc, char **argv)
{
	struct failure failure = {0};
	struct args args;
	int status;

	REQUIRE(args_parse(&args, argc, argv, &failure) == 0);
	status = args.command->run(&args);
	args_free(&args);
	return status;
}

static int fill_argv(char **argv, const char *const *words)
{
	static char fixed[][24] = {"nodectl",	     "--socket", "/fuzz",    "--json",
				   "--color=always", "--quiet",	 "--verbose"};
	int argc = 0;

	for (int i = 0; i < 3; i++)
		argv[argc++] = fixed[i];
	if (server.wanted & JSON)
		argv[argc++] = fixed[3];
	if (server.wanted & COLOR)
		argv[argc++] = fixed[4];
	if (server.wanted & QUIET)
		argv[argc++] = fixed[5];
	if (server.wanted & VERBOSE)
		argv[argc++] = fixed[6];
	for (; *words != NULL; words++)
		argv[argc++] = strdup(*words);
	argv[argc] = NULL;
	return argc;
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct input input = input_of(data, size);
	const char *const *words =
	    commands[input_below(&input, sizeof commands / sizeof *commands)];
	FILE *real_out = stdout, *real_err = stderr;
	char *argv[2 * WORDS_MAX], *out = NULL, *err = NULL;
	size_t out_len = 0, err_len = 0;
	int argc, status;

	server.connections = 0;
	server.wanted = input_byte(&input);
	server.bytes = input.at;
	server.n = input_left(&input);
	argc = fill_argv(argv, words);
	stdout = open_memstream(&out, &out_len);
	stderr = open_memstream(&err, &err_len);
	status = run(argc, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = real_out;
	stderr = real_err;
	while (server.connections > 0)
		close(server.fd[--server.connections]);
	check_output(out, out_len, status);
	check_shown(err, err_len, (server.wanted & TERMINAL) != 0);
	if (status != 0)
		REQUIRE(memmem(err, err_len, "nodectl: ", 9) != NULL);
	free(out);
	free(err);
	while (*words++ != NULL)
		free(argv[--argc]);
}
