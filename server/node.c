/* The node: the root of the tree. */
#include "node.h"

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin.h"
#include "child.h"
#include "claim.h"
#include "log.h"
#include "methods.h"
#include "net.h"
#include "signals.h"
#include "transport.h"

#define HOUSEKEEPING 0.5 /* seconds */
/* An idle node has some three from one housekeeping to the next. */
enum { TURNS_TO_TRIM = 8 };

struct node {
	struct engine e;
	struct brood parts; /* admin, then transport: so admin can answer to the end */
	struct loop loop;
	struct domain domain;
	struct handler_env env;
	struct supervisor supervisor;
	struct admin *admin; /* large: it holds the scanner */
	struct transport transport;
	struct signals signals;
	ev_timer housekeeping;
	bool unannounced; /* the service manager is yet to be told that all is ready */
	int ready_fd;
	uint64_t turns_trimmed; /* loop's turns when memory was last given back */
	char name[256];
};

static const struct node *node_const(const void *owner)
{
	return container_of((const struct engine *)owner, const struct node, e);
}

/* -- signals -- */

/* The first one drains, the next one stops, the one after kills; SIGQUIT kills at once. */
static void end_by_signal(struct node *node, int number)
{
	enum end how = number == SIGQUIT ? END_KILL : (enum end)(node->e.how + 1);

	if (how == END_DRAIN)
		domain_end(&node->domain, -1, how, REASON_REQUESTED);
	else if (how == END_STOP)
		domain_end(&node->domain, -1, how, REASON_STOPPED);
	else
		domain_end(&node->domain, -1, END_KILL, REASON_KILLED);
}

static void on_signal(struct signals *signals, int number)
{
	struct node *node = container_of(signals, struct node, signals);

	if (number == SIGCHLD)
		supervisor_look(&node->supervisor);
	else
		end_by_signal(node, number);
}

static int watch_signals(struct node *node, struct err *err)
{
	static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD};
	/* A peer that left, a log file at its size limit, a terminal that is not ours to write to
	   (stty tostop): all reported by errno. The others could mean nothing here. */
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGTTOU, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	return signals_open(&node->signals, &node->loop, watched,
			    sizeof(watched) / sizeof(watched[0]), on_signal, err);
}

/* -- readiness -- */

/* sd_notify(3): a datagram to the Unix socket named by the variable; '@' stands for an abstract
   one. False: its queue is full. */
static bool notify_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	ssize_t sent = -1;
	int fd, error;

	if (len < 2 || len >= sizeof(un.sun_path))
		return true;
	memcpy(un.sun_path, path, len);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		sent = sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&un,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	error = sent < 0 ? errno : 0;
	if (error && error != EAGAIN)
		log_warning("node", "cannot tell NOTIFY_SOCKET: %s", strerror(error));
	if (fd >= 0)
		close(fd);
	return error != EAGAIN;
}

static void tell_ready(struct node *node)
{
	int fd = node->ready_fd;

	if (fd >= 0) {
		if (write(fd, "\n", 1) != 1)
			log_warning("node", "cannot write to the ready descriptor: %s",
				    strerror(errno));
		close(fd);
	}
	node->unannounced = !notify_manager();
}

/* What becomes possible again without anybody telling. */
static void on_housekeeping(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct node *node = container_of(timer, struct node, housekeeping);

	(void)ev;
	(void)revents;
	signals_check(&node->signals);
	supervisor_check(&node->supervisor);
	net_reserve_fill();
	(void)net_margin_has();
	/* A manager that has much to read holds nobody else up. */
	if (node->unannounced)
		node->unannounced = !notify_manager();
	refusals_tell(&node->domain.refusals, loop_now(&node->loop));
	log_flush();
	/* Memory that a burst left in pieces goes back to the kernel, which malloc does by itself
	   only from the end of the heap: without it the burst would be seen for ever. */
	if (node->loop.turns - node->turns_trimmed > TURNS_TO_TRIM) {
		malloc_trim(0);
		node->turns_trimmed = node->loop.turns;
	}
}

/* -- fields -- */

static void write_pid(struct json *json, const void *owner)
{
	(void)owner;
	json_u64(json, (uint64_t)getpid());
}

static void write_version(struct json *json, const void *owner)
{
	(void)owner;
	json_string(json, NODED_VERSION);
}

static void write_name(struct json *json, const void *owner)
{
	json_string(json, node_const(owner)->name);
}

/* Linux 6.2 and later tell the number of open descriptors as the directory's size; before that
   they are counted, less the one that reads the directory. */
static uint64_t count_fds(void)
{
	struct stat st;
	uint64_t count = 0;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	do
		dir = opendir("/proc/self/fd");
	while (!dir && net_is_out_of_fds(errno) && net_reserve_give());
	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and the directory itself */
}

static void write_fds(struct json *json, const void *owner)
{
	(void)owner;
	json_u64(json, count_fds());
}

static void write_fd_limit(struct json *json, const void *owner)
{
	(void)owner;
	json_u64(json, net_nofile());
}

static void write_children(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->supervisor.children);
}

static void write_adopted(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->supervisor.adopted);
}

static void write_user(struct json *json, const void *owner)
{
	(void)owner;
	json_u64(json, geteuid());
}

/* null: anywhere. */
static void write_socket_dirs(struct json *json, const void *owner)
{
	const struct sandbox *sandbox = node_const(owner)->domain.sandbox;

	if (sandbox->ndirectories == 0) {
		json_null(json);
		return;
	}
	json_array(json);
	for (size_t i = 0; i < sandbox->ndirectories; i++)
		json_string(json, sandbox->directory[i]);
	json_array_end(json);
}

/* The fences that hold, by name. */
static void write_sandbox(struct json *json, const void *owner)
{
	const struct sandbox *sandbox = node_const(owner)->domain.sandbox;

	json_array(json);
	if (sandbox->no_new_privs)
		json_string(json, "no_new_privs");
	if (sandbox->landlock)
		json_string(json, "landlock");
	if (sandbox->seccomp)
		json_string(json, "seccomp");
	json_array_end(json);
}

/* Resident memory in bytes: the second number of /proc/PID/statm is pages (proc(5)). */
static void write_rss(struct json *json, const void *owner)
{
	FILE *file = net_fopen("/proc/self/statm");
	unsigned long size, resident = 0;

	(void)owner;
	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	json_u64(json, (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void write_turns(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->loop.turns);
}

static void write_ended_max(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->loop.ending.record);
}

static void write_requests_max(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->loop.requests.record);
}

static void write_rows_max(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->loop.rows.record);
}

static void write_pipes(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->loop.pipes.open);
}

static void write_level(struct json *json, const void *owner)
{
	(void)owner;
	json_string(json, log_level_name(log_level()));
}

static void write_lost(struct json *json, const void *owner)
{
	(void)owner;
	json_u64(json, log_lost());
}

static void write_killed(struct json *json, const void *owner)
{
	json_u64(json, node_const(owner)->supervisor.killed);
}

static const void *get_self(const void *owner)
{
	return owner;
}

static const struct field loop_rows[] = {
    FIELD_GET_TIMED("turns", write_turns, "turns of the event loop"),
    FIELD_GET("ended_in_a_turn", write_ended_max,
	      "most connections one turn told to end or refused"),
    FIELD_GET("requests_in_a_turn", write_requests_max, "most requests one turn began"),
    FIELD_GET("rows_in_a_turn", write_rows_max, "most rows of long answers one turn wrote"),
};
static const struct field_table loop_fields = FIELD_TABLE(loop_rows);

static const struct field process_rows[] = {
    FIELD_GET("fds", write_fds, "open descriptors, those kept in reserve included"),
    FIELD_GET("fd_limit", write_fd_limit, "most descriptors it may open"),
    FIELD_GET("pipes", write_pipes, "that bulk streams pass through, or passed a moment ago"),
    FIELD_GET("children", write_children, "programs running"),
    FIELD_GET("adopted", write_adopted, "orphans of programs reaped so far"),
    FIELD_GET("killed", write_killed, "of them, those that had to be killed"),
    FIELD_GET_TIMED("rss", write_rss, "resident memory in bytes"),
    FIELD_GET("user", write_user, "whom it runs as, by number"),
    FIELD_GET("socket_dirs", write_socket_dirs,
	      "where sockets may be (--socket-dir); null: anywhere"),
    FIELD_GET("sandbox", write_sandbox, "what it denies itself: no_new_privs, landlock, seccomp"),
    FIELD_PART("loop", get_self, &loop_fields, "work in one turn of the event loop"),
};
static const struct field_table process_fields = FIELD_TABLE(process_rows);

static const struct field log_rows[] = {
    FIELD_GET("level", write_level, "least important lines kept"),
    FIELD_GET("lost", write_lost, "lines that could not be written"),
};
static const struct field_table log_fields = FIELD_TABLE(log_rows);

static const struct field node_rows[] = {
    FIELD_GET("name", write_name, "of this noded: --name, else the host's"),
    FIELD_GET("version", write_version, "of the program"),
    FIELD_GET("pid", write_pid, "its process id"),
    ENGINE_FIELDS,
    FIELD_PART("process", get_self, &process_fields, "what the kernel knows of it"),
    FIELD_CHILD("transport", struct node, domain.transport, "the servers and their connections"),
    FIELD_CHILD("admin", struct node, admin, "the admin socket"),
    FIELD_PART("log", get_self, &log_fields, "the log"),
};
static const struct field_table node_fields = FIELD_TABLE(node_rows);

/* -- engine -- */

static void release_node(struct engine *engine)
{
	loop_break(engine->loop);
}

static const char *node_subject(const struct engine *engine, char *text, size_t size)
{
	(void)engine;
	strlcpy(text, "node", size);
	return text;
}

/* Two lines for a whole life that ends well: one when the end begins, one when it is over. */
static int node_log_level(const struct engine *engine)
{
	const struct engine *transport = &container_of(engine, const struct node, e)->transport.e;

	if (engine->why == REASON_ERROR) /* it never ran, and whoever opened it says why not */
		return LOG_LEVEL_DEBUG;
	switch ((enum phase)engine->phase) {
	case PHASE_RUNNING:
	case PHASE_DRAINING:
	case PHASE_STOPPED:
		return LOG_LEVEL_INFO;
	case PHASE_STOPPING:
		/* After draining the end has been announced already, and is over soon. */
		return transport->phase == PHASE_RUNNING ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	case PHASE_STARTING:
	case PHASE_SUSPENDED:
	case PHASE_COUNT:
		break;
	}
	return LOG_LEVEL_DEBUG;
}

static void node_log_detail(const struct engine *engine, struct buf *text)
{
	const struct node *node = container_of(engine, const struct node, e);
	uint64_t open = transport_connections(node->domain.transport);
	char address[ADDRESS_TEXT_SIZE];

	if (engine->phase == PHASE_RUNNING)
		buf_printf(text, ", admin socket %s, version " NODED_VERSION,
			   address_text(&node->admin->options.address, address));
	if (engine->phase == PHASE_DRAINING)
		buf_printf(text, ", draining %llu connection%s, %.3g s; again to stop now",
			   (unsigned long long)open, open == 1 ? "" : "s",
			   engine_deadline_left(engine));
}

static const struct engine_kind node_kind = {
    .name = "node",
    .fields = &node_fields,
    .release = release_node,
    .subject = node_subject,
    .log_level = node_log_level,
    .log_detail = node_log_detail,
};

/* -- life -- */

static void set_up_domain(struct node *node, const struct node_options *options)
{
	if (options->name)
		strlcpy(node->name, options->name, sizeof(node->name));
	else if (gethostname(node->name, sizeof(node->name) - 1) < 0)
		strlcpy(node->name, "noded", sizeof(node->name));
	node->domain = (struct domain){
	    .root = &node->e,
	    .transport = &node->transport,
	    .env = &node->env,
	    .name = node->name,
	    .access = &options->access,
	    .sandbox = options->sandbox,
	    .started = loop_wall(&node->loop),
	    .drain = options->drain,
	};
	node->env.loop = &node->loop;
	node->env.supervisor = &node->supervisor;
	node->env.admin[0] = &options->admin;
	node->env.admin[1] = options->observe.len > 0 ? &options->observe : NULL;
	node->env.ephemeral = net_setting("/proc/sys/net/ipv4/ip_local_port_range", 32768);
	node->env.no_exec = options->sandbox->no_exec;
	waits_open(&node->domain);
}

/* The one that operators use ends last: a restart that waits for its end finds both paths free. */
static int start_admins(struct node *node, const struct node_options *options, struct err *err)
{
	struct admin_options admin = {
	    .address = options->admin,
	    .mode = options->admin_mode,
	    .owner = &options->owner,
	};

	if (options->admin_is_default && claim_directory(&options->admin, &options->owner, err) < 0)
		return -1;
	if (admin_open(node->admin, &node->e, &node->domain, &admin, err) < 0)
		return -1;
	if (!node->admin->observe)
		return 0;
	admin.address = options->observe;
	admin.observe = true;
	if (admin_open(node->admin->observe, &node->e, &node->domain, &admin, err) == 0)
		return 0;
	engine_end(&node->admin->e, END_KILL, REASON_ERROR, 0);
	return -1;
}

static int start_parts(struct node *node, const struct node_options *options, struct err *err)
{
	supervisor_open(&node->supervisor, &node->loop);
	engine_init(&node->e, &node_kind, &node->loop, NULL, &node->parts);
	set_up_domain(node, options);
	if (start_admins(node, options, err) < 0) {
		supervisor_close(&node->supervisor);
		return -1;
	}
	transport_open(&node->transport, &node->e, &node->env);
	return 0;
}

/* What is left when the loop is open. */
static int open_on_loop(struct node *node, const struct node_options *options, struct err *err)
{
	if (watch_signals(node, err) == 0) {
		if (start_parts(node, options, err) == 0)
			return 0;
		signals_close(&node->signals);
	}
	loop_close(&node->loop);
	return -1;
}

static void node_free(struct node *node)
{
	net_kept_close();
	if (node->admin)
		free(node->admin->observe);
	free(node->admin);
	free(node);
}

static struct node *node_new(bool observe, struct err *err)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		goto fail;
	node->admin = calloc(1, sizeof(*node->admin));
	if (node->admin && observe)
		node->admin->observe = calloc(1, sizeof(*node->admin->observe));
	if (node->admin && (node->admin->observe || !observe))
		return node;
	node_free(node);
fail:
	err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	return NULL;
}

struct node *node_open(const struct node_options *options, struct err *err)
{
	struct node *node = node_new(options->observe.len > 0, err);
	int status;

	if (!node)
		return NULL;
	net_reserve_fill();
	(void)net_margin_has();
	node->ready_fd = options->ready_fd;
	if (loop_open(&node->loop) < 0)
		status = err_sys(err, ERR_IO_ERROR, errno, "cannot set up the event loop");
	else
		status = open_on_loop(node, options, err);
	if (status == 0)
		return node;
	node_free(node);
	return NULL;
}

void node_run(struct node *node)
{
	engine_set_phase(&node->e, PHASE_RUNNING, REASON_NONE, 0);
	tell_ready(node);
	/* The reserve takes the number that is free now: the lower its numbers, the more of it is
	   of use when somebody lowers the limit. */
	if (net_reserve_give())
		net_reserve_fill();
	ev_timer_init(&node->housekeeping, on_housekeeping, HOUSEKEEPING, HOUSEKEEPING);
	ev_timer_start(node->loop.ev, &node->housekeeping);
	loop_run(&node->loop);
	ev_timer_stop(node->loop.ev, &node->housekeeping);
}

void node_close(struct node *node)
{
	/* Opened and never run. */
	engine_end(&node->e, END_KILL, REASON_ERROR, 0);
	if (node->e.phase != PHASE_STOPPED)
		loop_run(&node->loop);
	refusals_end(&node->domain.refusals);
	signals_close(&node->signals);
	supervisor_close(&node->supervisor);
	loop_close(&node->loop);
	node_free(node);
}
