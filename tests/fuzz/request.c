/* Fuzz target: whatever a client of the admin socket sends, all the way through a whole node: the
   socket, session, batches, methods, servers started and stopped, answers, log. No client is told
   anything but valid replies, one for each request at the most, and each request is answered when
   the connection has ended by itself; another client is answered still; the end of the node leaves
   no descriptor and no file. On the socket for observers the same changes nothing.
   The input is what is sent; '~' stands for the one directory in which sockets may be bound. */
/* The node from inside, beside the one that is linked. */
#define node_open  node_open_linked
#define node_run   node_run_linked
#define node_close node_close_linked
#include "../../server/node.c"

#include <fcntl.h>
#include <sys/syscall.h>
#include "fuzz.h"
#include "logged.h"

enum {
	DESCRIPTORS = 128,     /* looked at for leaks */
	PORTS_MAX = 64,	       /* given by the kernel in one input */
	TURNS_MAX = 20000,     /* for all that one client asks; work makes them many, not waiting */
	TURNS_QUIET = 6,       /* without news: what is left waits for time to pass */
	END_TURNS_MAX = 20000, /* for the end of the node */
	SENT_MAX = 96 * 1024,  /* what the socket takes at once */
	PARSE_ERRORS_MAX = 16, /* in a row: the session ends */
	ANSWER_MAX = 64 << 20,
};

static char directory[] = "/tmp/noded-fuzz-XXXXXX";
static char open_before[DESCRIPTORS];
static struct scan scan, reply_scan; /* big */

/* -- what the node may do to the machine -- */

static struct {
	in_port_t port[PORTS_MAX];
	size_t n;
} given;

static in_port_t *port_of(struct address *address)
{
	return address->sa.sa_family == AF_INET ? &address->in.sin_port : &address->in6.sin6_port;
}

static bool port_was_given(in_port_t port)
{
	for (size_t i = 0; i < given.n; i++)
		if (given.port[i] == port)
			return true;
	return false;
}

static bool may_bind(struct address *address)
{
	size_t n = strlen(directory);

	if (address_is_unix(address))
		return strncmp(address->un.sun_path, directory, n) == 0 &&
		       strchr(address->un.sun_path + n + 1, '/') == NULL;
	if (!address_is_loopback(address) || given.n == PORTS_MAX)
		return false;
	return *port_of(address) == 0 || port_was_given(*port_of(address));
}

/* In place of libc's: paths in our directory and ports that the kernel chooses, nothing that
   another process could miss or meet. */
int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_storage name;
	socklen_t name_len = sizeof name;
	struct address address;
	int result;

	address_from_sockaddr(&address, sa, len);
	if (!may_bind(&address)) {
		errno = EACCES;
		return -1;
	}
	result = (int)syscall(SYS_bind, fd, sa, len);
	if (result == 0 && !address_is_unix(&address) &&
	    getsockname(fd, (struct sockaddr *)&name, &name_len) == 0) {
		address_from_sockaddr(&address, (struct sockaddr *)&name, name_len);
		given.port[given.n++] = *port_of(&address);
	}
	return result;
}

static void remove_directory(void)
{
	rmdir(directory);
}

static void look_at_descriptors(char open[static DESCRIPTORS])
{
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		open[fd] = fcntl(fd, F_GETFD) != -1;
}

void fuzz_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	REQUIRE(mkdtemp(directory) != NULL);
	atexit(remove_directory);
	net_reserve_fill();
	logged_open(LOG_JSON, LOG_LEVEL_DEBUG);
}

/* -- the node -- */

static struct address address_in_directory(const char *name)
{
	char path[sizeof directory + 16];
	struct address address;
	struct err err = {0};

	snprintf(path, sizeof path, "%s/%s", directory, name);
	REQUIRE(address_parse(&address, path, &err) == 0);
	return address;
}

/* As node_open does, but that signals stay the fuzzer's. */
static struct node *begin_node(void)
{
	static const struct sandbox sandbox;
	static struct node_options options = {
	    .admin_mode = 0600,
	    .owner = {(uid_t)-1, (gid_t)-1, (gid_t)-1},
	    .access = {.observers = (gid_t)-1, .operators = (gid_t)-1},
	    .sandbox = &sandbox,
	    .name = "fuzz",
	    .drain = 1,
	};
	struct err err = {0};
	struct node *node;

	options.admin = address_in_directory(".admin");
	options.observe = address_in_directory(".observe");
	log_set_level(LOG_LEVEL_DEBUG);
	look_at_descriptors(open_before);
	node = node_new(true, &err);
	REQUIRE(node != NULL && loop_open(&node->loop) == 0);
	REQUIRE(start_parts(node, &options, &err) == 0);
	engine_set_phase(&node->e, PHASE_RUNNING, REASON_NONE, 0);
	return node;
}

static bool is_running(const struct node *node)
{
	return node->e.phase != PHASE_STOPPED;
}

static void turn(struct node *node)
{
	unsigned lines;

	ev_run(node->loop.ev, EVRUN_NOWAIT);
	logged_take(&lines);
}

static void end_node(struct node *node)
{
	char open[DESCRIPTORS];

	domain_end(&node->domain, 0, END_KILL, REASON_KILLED);
	for (int turns = 0; is_running(node); turns++) {
		REQUIRE(turns < END_TURNS_MAX);
		turn(node);
	}
	turn(node); /* burials */
	refusals_end(&node->domain.refusals);
	supervisor_close(&node->supervisor);
	loop_close(&node->loop);
	node_free(node);
	net_reserve_fill();
	look_at_descriptors(open);
	REQUIRE(memcmp(open, open_before, sizeof open) == 0);
	REQUIRE(rmdir(directory) == 0 && mkdir(directory, 0700) == 0);
}

/* -- a client -- */

struct talk {
	struct wire_reader answers;
	size_t asked, answered; /* requests that want an answer, and answers */
	bool doubtful;		/* not every request has to be answered */
	bool eof;
};

static int connect_client(const struct address *address, const char *bytes, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	REQUIRE(fd != -1 && connect(fd, &address->sa, address->len) == 0);
	REQUIRE(n == 0 || send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n);
	REQUIRE(shutdown(fd, SHUT_WR) == 0);
	return fd;
}

/* One line: a reply, a progress notification, or an array of replies. */
static void take_answer(struct talk *talk, struct span line)
{
	struct wire_reply reply;
	struct err err = {0};

	REQUIRE(is_shown(line.at, line.len));
	REQUIRE(scan_line(&reply_scan, line.at, line.len, SCAN_REPLY, &err) == 0);
	if (!reply_scan.batch) {
		REQUIRE(wire_reply_parse(&reply, &reply_scan, line.at, line.len, &err) == 0);
		talk->answered += reply.kind != WIRE_PROGRESS;
		return;
	}
	REQUIRE(reply_scan.count > 0 && !reply_scan.batch_too_long);
	for (size_t i = 0; i < reply_scan.count; i++) {
		const struct scan_entry *entry = &reply_scan.entry[i];

		REQUIRE(entry->object && scan_string_is(entry->jsonrpc, "2.0"));
		REQUIRE((entry->result.at != NULL) != (entry->error.at != NULL));
		REQUIRE(entry->id.at != NULL && entry->id_valid);
	}
	talk->answered += reply_scan.count;
}

/* Takes what has come; true if there was anything. */
static bool listen_client(struct talk *talk, int fd)
{
	enum { CHUNK = 65536 };
	char *space = wire_read_space(&talk->answers, CHUNK);
	struct span line;
	ssize_t n;

	REQUIRE(space != NULL);
	n = recv(fd, space, CHUNK, MSG_DONTWAIT);
	if (n <= 0) {
		talk->eof = n == 0 || errno == ECONNRESET;
		return false;
	}
	talk->answers.in.len += (size_t)n;
	while (wire_next(&talk->answers, false, &line) == WIRE_LINE)
		take_answer(talk, line);
	REQUIRE(!talk->answers.skipping);
	return true;
}

static void have_talk(struct node *node, const struct admin *admin, struct talk *talk,
		      const char *bytes, size_t n)
{
	int fd = connect_client(&admin->options.address, bytes, n), quiet = 0;

	talk->answers.max = ANSWER_MAX;
	for (int turns = 0; turns < TURNS_MAX && quiet < TURNS_QUIET; turns++) {
		if (is_running(node))
			turn(node);
		if (listen_client(talk, fd) || !TAILQ_EMPTY(&node->loop.jobs))
			quiet = 0;
		else
			quiet++;
		if (talk->eof)
			break;
	}
	REQUIRE(talk->answered <= talk->asked);
	if (talk->eof && !talk->doubtful) {
		REQUIRE(!wire_partial(&talk->answers));
		REQUIRE(talk->answered == talk->asked);
	}
	wire_reader_free(&talk->answers);
	close(fd);
}

/* -- what is to be expected -- */

static void expect_entry(struct talk *talk, const struct scan_entry *entry)
{
	struct wire_request request;
	struct err err = {0};
	bool notification;
	bool valid = wire_request_parse(&request, entry, &notification, &err) == 0 &&
		     wire_request_params(&request, entry, &err) == 0;

	talk->asked += !notification;
	/* The end of the node ends the session too. */
	if (valid && method_id(request.method) == METHOD_SHUTDOWN)
		talk->doubtful = true;
	cJSON_Delete(request.params);
}

static void expect_line(struct talk *talk, struct span line, unsigned *parse_errors)
{
	struct err err = {0};

	if (scan_line(&scan, line.at, line.len, SCAN_REQUEST, &err) < 0) {
		talk->asked++;
		*parse_errors = err.code == ERR_PARSE_ERROR ? *parse_errors + 1 : 0;
		talk->doubtful |= *parse_errors >= PARSE_ERRORS_MAX;
		return;
	}
	*parse_errors = 0;
	if (scan.batch && (scan.count == 0 || scan.batch_too_long)) {
		talk->asked++;
		return;
	}
	for (size_t i = 0; i < scan.count; i++)
		expect_entry(talk, &scan.entry[i]);
}

static void expect(struct talk *talk, const char *bytes, size_t n)
{
	struct wire_reader reader = {.max = SCAN_LINE_MAX};
	unsigned parse_errors = 0;
	enum wire_line found;
	struct span line;

	buf_append(&reader.in, bytes, n);
	REQUIRE(!reader.in.failed);
	while ((found = wire_next(&reader, true, &line)) != WIRE_MORE) {
		if (found == WIRE_LINE)
			expect_line(talk, line, &parse_errors);
		else
			talk->asked++;
	}
	wire_reader_free(&reader);
}

/* The input with the directory in the place of each '~'. */
static void expand(struct buf *sent, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && sent->len < SENT_MAX; i++)
		if (data[i] == '~')
			buf_append(sent, directory, strlen(directory));
		else
			buf_append(sent, &data[i], 1);
	REQUIRE(!sent->failed);
}

/* On the socket for observers: whatever is asked, nothing changes. */
static void observe(struct node *node, struct talk talk, const struct buf *sent)
{
	have_talk(node, node->admin->observe, &talk, sent->data, sent->len);
	REQUIRE(node->e.phase == PHASE_RUNNING && node->transport.e.phase == PHASE_RUNNING);
	REQUIRE(node->transport.servers.count == 0 && log_level() == LOG_LEVEL_DEBUG);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static const char question[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"state\"}\n";
	struct talk talk = {0}, other = {.asked = 1};
	struct node *node = begin_node();
	struct buf sent = {0};

	given.n = 0;
	expand(&sent, data, size);
	expect(&talk, sent.data, sent.len);
	observe(node, talk, &sent);
	have_talk(node, node->admin, &talk, sent.data, sent.len);
	if (node->e.phase == PHASE_RUNNING) {
		have_talk(node, node->admin, &other, question, sizeof question - 1);
		REQUIRE(other.answered == 1);
	}
	end_node(node);
	buf_free(&sent);
}
