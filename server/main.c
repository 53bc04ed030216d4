/* noded: reads its command line, sets the process up, runs the node. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../proto/method.h"
#include "../proto/params.h"
#include "../proto/socket_path.h"
#include "claim.h"
#include "log.h"
#include "net.h"
#include "node.h"
#include "privileges.h"
#include "sandbox.h"

enum { EXIT_USAGE = 2, DEFAULT_DRAIN_MS = 30000 };

struct options {
	struct node_options node;
	const char *socket;
	enum log_level level;
	enum log_format format;
	size_t max_fds;		  /* 0: the hard limit */
	const char *user, *group; /* whom to become; NULL: stay */
	const char *observe;	  /* another socket; NULL: none */
	const char *admin_group, *operators;
	bool low_ports; /* and keep CAP_NET_BIND_SERVICE */
	struct privileges becoming;
	struct sandbox sandbox;
};

static const char usage_text[] =
    "usage: noded [-s PATH] [--log-level error|warning|info|debug] [--log-format text|json]\n"
    "             [--max-fds N] [--drain DUR] [--name NAME] [--ready-fd N]\n"
    "             [--admin-group G] [--operators G] [--observe-socket PATH]\n"
    "             [--user U [--group G] [--low-ports]]\n"
    "             [--socket-dir DIR]... [--no-exec] [-V] [-h]\n"
    "\n"
    "Hosts servers that nodectl(1) starts, inspects, drains and stops. Runs in the foreground and\n"
    "logs to standard error.\n"
    "\n"
    "  -s, --socket PATH     the admin socket (default: $NODED_SOCKET, else /run/noded/admin.sock\n"
    "                        for root, else $XDG_RUNTIME_DIR/noded/admin.sock, else\n"
    "                        /tmp/noded-UID/admin.sock)\n"
    "      --log-level L     least important lines to keep (default: info)\n"
    "      --log-format F    text or json (default: text)\n"
    "      --max-fds N       descriptors it may open (default: the hard limit)\n"
    "      --drain DUR       how long a shutdown waits for connections (default: 30s);\n"
    "                        500ms, 10s, 2m, 1h or seconds\n"
    "      --name NAME       what it calls itself in `state` (default: the host's name)\n"
    "      --ready-fd N      write a newline there once the admin socket answers\n"
    "      --admin-group G   open the admin socket to a group that may look, not change\n"
    "      --operators G     open it to a group that may do everything\n"
    "      --observe-socket PATH\n"
    "                        another socket, where nobody may do more than look\n"
    "      --user U          become this user, for good, once the admin socket is bound\n"
    "      --group G         and this group (default: the user's)\n"
    "      --low-ports       but keep the right to listen on ports below 1024\n"
    "      --socket-dir DIR  servers may have sockets only in this directory and below it;\n"
    "                        up to 16 times\n"
    "      --no-exec         run no programs: the handler exec is refused\n"
    "  -V, --version         print the version\n"
    "  -h, --help            print this\n";

static int usage_error(const char *format, const char *what)
{
	fprintf(stderr, "noded: ");
	fprintf(stderr, format, what);
	fprintf(stderr, "; see noded --help\n");
	return EXIT_USAGE;
}

/* A whole decimal number of at least `least`; -1 if the text is none. */
static long whole_number(const char *text, long least)
{
	char *end;
	long number;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 9)
		return -1;
	number = strtol(text, &end, 10);
	return *end || number < least ? -1 : number;
}

static int set_level(struct options *options, const char *text)
{
	int level = log_level_find(text);

	if (level < 0)
		return usage_error("--log-level %s: not one of error, warning, info, debug", text);
	options->level = (enum log_level)level;
	return 0;
}

static int set_format(struct options *options, const char *text)
{
	if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
		return usage_error("--log-format %s: not text or json", text);
	options->format = strcmp(text, "json") == 0 ? LOG_JSON : LOG_TEXT;
	return 0;
}

static int set_max_fds(struct options *options, const char *text)
{
	/* Fewer than this leave nothing beside the reserve. */
	long number = whole_number(text, 2L * NET_RESERVE);

	if (number < 0)
		return usage_error("--max-fds %s: not a whole number of 64 or more", text);
	options->max_fds = (size_t)number;
	return 0;
}

static int set_drain(struct options *options, const char *text)
{
	struct err err = {0};
	uint64_t ms;

	if (duration_parse(text, &ms, &err) < 0)
		return usage_error("--drain: %s", err.detail);
	options->node.drain = (double)ms / 1000;
	return 0;
}

static int add_socket_dir(struct options *options, const char *text)
{
	struct err err = {0};

	if (sandbox_add_directory(&options->sandbox, text, &err) < 0)
		return usage_error("--socket-dir: %s", err.detail);
	return 0;
}

static int set_ready_fd(struct options *options, const char *text)
{
	long number = whole_number(text, 3);

	/* Looked at before anything of ours is opened, which might get that number. */
	if (number < 0 || fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return usage_error("--ready-fd %s: not an open descriptor of 3 or more", text);
	options->node.ready_fd = (int)number;
	return 0;
}

/* Who may do what, and as whom, is no matter of which came last. */
static int set_once(const char **value, const char *text, const char *option)
{
	if (*value)
		return usage_error("%s is given twice", option);
	*value = text;
	return 0;
}

enum {
	OPTION_LEVEL = 256,
	OPTION_FORMAT,
	OPTION_FDS,
	OPTION_DRAIN,
	OPTION_NAME,
	OPTION_READY,
	OPTION_ADMIN_GROUP,
	OPTION_OPERATORS,
	OPTION_OBSERVE,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_LOW_PORTS,
	OPTION_SOCKET_DIR,
	OPTION_NO_EXEC
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"log-level", required_argument, NULL, OPTION_LEVEL},
    {"log-format", required_argument, NULL, OPTION_FORMAT},
    {"max-fds", required_argument, NULL, OPTION_FDS},
    {"drain", required_argument, NULL, OPTION_DRAIN},
    {"name", required_argument, NULL, OPTION_NAME},
    {"ready-fd", required_argument, NULL, OPTION_READY},
    {"admin-group", required_argument, NULL, OPTION_ADMIN_GROUP},
    {"operators", required_argument, NULL, OPTION_OPERATORS},
    {"observe-socket", required_argument, NULL, OPTION_OBSERVE},
    {"user", required_argument, NULL, OPTION_USER},
    {"group", required_argument, NULL, OPTION_GROUP},
    {"low-ports", no_argument, NULL, OPTION_LOW_PORTS},
    {"socket-dir", required_argument, NULL, OPTION_SOCKET_DIR},
    {"no-exec", no_argument, NULL, OPTION_NO_EXEC},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Exits for --help and --version. 0, or the exit status of a usage error. */
static int set_option(struct options *options, int option, const char *text)
{
	switch (option) {
	case 's':
		options->socket = text;
		return 0;
	case OPTION_LEVEL:
		return set_level(options, text);
	case OPTION_FORMAT:
		return set_format(options, text);
	case OPTION_FDS:
		return set_max_fds(options, text);
	case OPTION_DRAIN:
		return set_drain(options, text);
	case OPTION_NAME:
		options->node.name = text;
		return 0;
	case OPTION_READY:
		return set_ready_fd(options, text);
	case OPTION_ADMIN_GROUP:
		return set_once(&options->admin_group, text, "--admin-group");
	case OPTION_OPERATORS:
		return set_once(&options->operators, text, "--operators");
	case OPTION_OBSERVE:
		return set_once(&options->observe, text, "--observe-socket");
	case OPTION_USER:
		return set_once(&options->user, text, "--user");
	case OPTION_GROUP:
		return set_once(&options->group, text, "--group");
	case OPTION_LOW_PORTS:
		options->low_ports = true;
		return 0;
	case OPTION_SOCKET_DIR:
		return add_socket_dir(options, text);
	case OPTION_NO_EXEC:
		options->sandbox.no_exec = true;
		return 0;
	case 'V':
		printf("noded %s\n", NODED_VERSION);
		exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
	case 'h':
		fputs(usage_text, stdout);
		exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
	default:
		fprintf(stderr, "see noded --help\n"); /* getopt_long has said what is wrong */
		return EXIT_USAGE;
	}
}

static int parse_options(struct options *options, int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, "s:Vh", long_options, NULL)) != -1) {
		status = set_option(options, option, optarg);
		if (status)
			return status;
	}
	if (optind < argc)
		return usage_error("unexpected argument \"%s\": noded takes options only, commands "
				   "are nodectl's",
				   argv[optind]);
	return 0;
}

/* Whom --user and --group mean: asked of the system's files once, now. */
static int find_privileges(struct options *options)
{
	struct err err = {0};

	if (!options->user && (options->group || options->low_ports))
		return usage_error("%s is for use with --user",
				   options->group ? "--group" : "--low-ports");
	if (!options->user)
		return 0;
	if (privileges_find(&options->becoming, options->user, options->group, &err) < 0)
		return usage_error("%s", err.detail);
	return 0;
}

/* Whoever started us may have blocked what we live by: SIGCHLD, SIGTERM. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Who may use the admin sockets, and whose files they are for that. */
static int find_access(struct options *options)
{
	const gid_t none = (gid_t)-1;
	struct access access = {
	    .observers = none,
	    .operators = none,
	    .observers_name = options->admin_group,
	    .operators_name = options->operators,
	};
	struct owner owner = {.uid = (uid_t)-1, .also = none};
	struct err err = {0};

	if ((options->admin_group &&
	     group_find(options->admin_group, &access.observers, &err) < 0) ||
	    (options->operators && group_find(options->operators, &access.operators, &err) < 0))
		return usage_error("%s", err.detail);
	/* The file has one group; where both are given the other gets in by an ACL. */
	owner.gid = access.observers != none ? access.observers : access.operators;
	if (access.observers != none && access.operators != access.observers)
		owner.also = access.operators;
	if (options->user) {
		owner.uid = options->becoming.uid;
		/* A user may give its files to its own groups alone, when it makes them again. */
		if (owner.gid != none &&
		    privileges_add_group(&options->becoming, owner.gid, &err) < 0)
			return usage_error("%s", err.detail);
	}
	options->node.admin_mode = owner.gid != none ? 0660 : 0600;
	options->node.access = access;
	options->node.owner = owner;
	return 0;
}

static int find_sockets(struct options *options)
{
	struct node_options *node = &options->node;
	struct err err = {0};

	if (socket_path_resolve(options->socket, &node->admin, &node->admin_is_default, &err) < 0 ||
	    (options->observe &&
	     socket_path_given("--observe-socket", options->observe, &node->observe, &err) < 0))
		return usage_error("%s", err.detail);
	if (options->observe && address_equal(&node->observe, &node->admin))
		return usage_error("--observe-socket %s: that is the admin socket (--socket), and "
				   "each has a path of its own",
				   options->observe);
	return 0;
}

/* Whoever we are now: told once, since it shows only when the file is missing, or in the way. */
static void check_place(const struct address *socket)
{
	char text[ADDRESS_TEXT_SIZE];

	if (socket->len > 0 && !claim_is_free(socket))
		log_warning("admin",
			    "%s: --user may not write in its directory, so the file will stay at "
			    "the end, and is not made again if it is removed",
			    address_text(socket, text));
}

static int become(const struct options *options, struct err *err)
{
	if (privileges_drop(&options->becoming, options->low_ports, err) < 0)
		return -1;
	check_place(&options->node.admin);
	check_place(&options->node.observe);
	return 0;
}

/* What takes privileges comes first, what gives them up next, and clients only after that. */
static int serve(struct options *options, struct err *err)
{
	const struct address own[] = {options->node.admin, options->node.observe};
	struct node *node = node_open(&options->node, err);
	int status = 0;

	if (!node)
		return -1;
	if (options->user)
		status = become(options, err);
	if (status == 0) {
		sandbox_enter(&options->sandbox, own, options->node.observe.len > 0 ? 2 : 1);
		node_run(node);
	}
	node_close(node);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {
	    .level = LOG_LEVEL_INFO,
	    .node = {.drain = DEFAULT_DRAIN_MS / 1000., .ready_fd = -1},
	};
	struct err err = {0};
	int status;

	options.node.sandbox = &options.sandbox;
	unblock_signals();
	net_sanitize_stdio();
	status = parse_options(&options, argc, argv);
	if (!status)
		status = find_privileges(&options);
	if (!status)
		status = find_access(&options);
	if (!status)
		status = find_sockets(&options);
	if (status)
		return status;
	net_raise_nofile(options.max_fds);
	log_open(options.format, options.level);
	status = serve(&options, &err) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (status)
		log_error("node", "cannot start: %s", err.detail);
	log_close();
	return status;
}
