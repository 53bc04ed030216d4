/* The world around noded: clients, backends, admin clients, the reader of the log. */
#include "world.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../proto/error.h"
#include "invariants.h"

enum { LOG_KEPT = 40, CHUNK = 8192 };

struct world world;
bool world_trace;

static const char *const backend_names[BACKENDS] = {"tcp:127.0.0.1:9001", "unix:/srv/backend.sock"};

/* -- telling -- */

static char last_lines[LOG_KEPT][160];
static unsigned nlines;

void violated(const char *format, ...)
{
	va_list args;

	for (unsigned i = nlines > LOG_KEPT ? nlines - LOG_KEPT : 0; i < nlines; i++)
		dprintf(STDERR_FILENO, "log: %s", last_lines[i % LOG_KEPT]);
	dprintf(STDERR_FILENO, "broken after action %u, at %.3f s: ", world.actions,
		kernel_seconds() - 1000);
	va_start(args, format);
	vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "\n");
	abort();
}

/* "TIME info  KEY stopped: WHY, drained=1 stopped=0 killed=0 ms=3" */
static void hear_of_stop(const char *line)
{
	unsigned long long drained, stopped, killed;
	const char *counts = strstr(line, ", drained=");
	char key[128];

	if (counts &&
	    sscanf(counts, ", drained=%llu stopped=%llu killed=%llu", &drained, &stopped,
		   &killed) == 3 &&
	    sscanf(line, "%*s %*s %127s stopped:", key) == 1)
		invariants_stopped(key, drained + stopped + killed);
}

void world_log(const char *text, size_t n)
{
	char *line = last_lines[nlines++ % LOG_KEPT];

	if (n == 0 || text[n - 1] != '\n' || memchr(text, '\n', n) != text + n - 1)
		violated("a write to the log that is not one line: %.*s", (int)n, text);
	snprintf(line, sizeof(last_lines[0]), "%.*s", (int)n, text);
	if (n >= sizeof(last_lines[0]))
		line[sizeof(last_lines[0]) - 2] = '\n';
	if (world_trace)
		dprintf(STDERR_FILENO, "log: %.*s", (int)n, text);
	if (!strstr(line, " debug "))
		world.lines++;
	hear_of_stop(line);
}

/* -- text -- */

static void text_add(struct text *text, const char *bytes, size_t n)
{
	text->at = realloc(text->at, text->len + n + 1);
	if (!text->at)
		abort();
	memcpy(text->at + text->len, bytes, n);
	text->len += n;
}

static void text_drop(struct text *text, size_t n)
{
	text->len -= n;
	if (text->len > 0)
		memmove(text->at, text->at + n, text->len);
}

/* -- data -- */

static uint8_t pattern(uint8_t number, uint64_t at)
{
	return at == 0 ? number : (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

static void end_open(struct peer *end, struct file *file)
{
	*end = (struct peer){.file = file, .number = ++world.opened, .from = -1, .lazy = end->lazy};
	if (world.opened == UINT8_MAX)
		violated("more connections than one script can have");
}

static void end_drop(struct peer *end)
{
	if (end->file)
		file_unref(end->file);
	end->file = NULL;
}

void end_connect(unsigned n, const struct address *address)
{
	struct peer *end = &world.end[n];
	struct file *file;

	if (end->file)
		return;
	file = sock_new(address->sa.sa_family, SOCK_STREAM);
	file->nonblock = true;
	if (sock_connect(file, &address->sa, address->len, OUR_UID) < 0 && errno != EINPROGRESS)
		file_unref(file);
	else
		end_open(end, file);
}

void end_send(unsigned n, size_t bytes)
{
	struct peer *end = &world.end[n];
	uint8_t chunk[CHUNK];
	ssize_t sent = 0;

	if (!end->file)
		return;
	if (bytes > sizeof(chunk))
		bytes = sizeof(chunk);
	for (size_t i = 0; i < bytes; i++)
		chunk[i] = pattern(end->number, end->sent + i);
	sent = sock_send(end->file, chunk, bytes);
	end->sent += sent > 0 ? (uint64_t)sent : 0;
}

static void hear(struct peer *end, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++, end->heard++) {
		if (end->from < 0)
			end->from = bytes[i];
		if (bytes[i] != pattern((uint8_t)end->from, end->heard))
			violated("client %u: byte %llu of stream %d is wrong",
				 (unsigned)(end - world.end), (unsigned long long)end->heard,
				 end->from);
	}
	if (end->from == end->number && end->heard > end->sent)
		violated("client %u hears more than it said", (unsigned)(end - world.end));
}

static const struct peer *end_numbered(int number)
{
	for (unsigned i = 0; i < ENDS; i++)
		if (world.end[i].file && world.end[i].number == number)
			return &world.end[i];
	return NULL;
}

/* The end of what a backend said or of what was said to it, from a connection that goes on the
   other way, comes behind all of it. */
static void hear_end(const struct peer *end)
{
	const struct peer *from = end_numbered(end->from);
	bool is_client = end < &world.end[CLIENTS];

	if (!from || !from->fin || is_client == (from < &world.end[CLIENTS]))
		return;
	if (end->heard < from->sent && invariants_runs(is_client ? end->file : from->file))
		violated("client %u hears the end after %llu of %llu bytes",
			 (unsigned)(end - world.end), (unsigned long long)end->heard,
			 (unsigned long long)from->sent);
}

/* True: there was something. */
static bool end_take(struct peer *end, size_t most)
{
	uint8_t chunk[CHUNK];
	ssize_t n;

	if (!end->file || end->over || end->file->sock->state == SOCK_CONNECTING)
		return false;
	n = sock_recv(end->file, chunk, most < CHUNK ? most : CHUNK, false);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0)
		hear(end, chunk, (size_t)n);
	else
		end->over = true;
	if (n == 0)
		hear_end(end);
	return true;
}

void end_read(unsigned n, size_t bytes)
{
	end_take(&world.end[n], bytes);
}

void end_urge(unsigned n)
{
	if (world.end[n].file)
		sock_urge(world.end[n].file);
}

void end_fin(unsigned n)
{
	struct peer *end = &world.end[n];

	if (end->file && sock_shutdown(end->file, SHUT_WR) == 0)
		end->fin = true;
}

void end_close(unsigned n)
{
	end_drop(&world.end[n]);
}

void end_reset(unsigned n)
{
	if (!world.end[n].file)
		return;
	sock_reset(world.end[n].file);
	end_drop(&world.end[n]);
}

/* -- backends -- */

const char *backend_address(unsigned n)
{
	return backend_names[n];
}

static void backend_close(unsigned n)
{
	struct inode *inode;

	if (!world.backend[n])
		return;
	inode = world.backend[n]->sock->bound;
	file_unref(world.backend[n]);
	world.backend[n] = NULL;
	if (inode)
		inode_remove(inode);
}

void backend_set(unsigned n, enum backend_mode mode)
{
	struct address address;
	struct err err;

	backend_close(n);
	world.backend_deaf[n] = mode == BACKEND_DEAF;
	if (mode == BACKEND_CLOSED || address_parse(&address, backend_names[n], &err) < 0)
		return;
	world.backend[n] = sock_new(address.sa.sa_family, SOCK_STREAM);
	world.backend[n]->sock->reuse = true;
	if (sock_bind(world.backend[n], &address.sa, address.len, 0) < 0) {
		file_unref(world.backend[n]);
		world.backend[n] = NULL;
		return;
	}
	sock_listen(world.backend[n], mode == BACKEND_DEAF ? 1 : QUEUE_MAX);
	world.backend[n]->sock->filter = mode == BACKEND_SILENT;
}

static bool backend_accept(unsigned n)
{
	struct file *file;

	if (!world.backend[n] || world.backend_deaf[n])
		return false;
	file = sock_accept(world.backend[n]);
	if (!file)
		return false;
	for (unsigned i = CLIENTS; i < ENDS; i++)
		if (!world.end[i].file) {
			end_open(&world.end[i], file);
			return true;
		}
	file_unref(file);
	return true;
}

/* -- admin clients -- */

static struct asked *asked_find(struct admin_client *client, unsigned id)
{
	for (size_t i = 0; i < client->nasked; i++)
		if (client->asked[i].id == id)
			return &client->asked[i];
	return NULL;
}

/* noded keeps the last descriptors for those who are in. */
static bool is_turned_away(const cJSON *error)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "name"));

	return world.short_of_fds && name && strcmp(name, "too_many_clients") == 0;
}

static void answered(struct admin_client *client, const cJSON *id, const cJSON *error)
{
	struct asked *asked;

	if (cJSON_IsNull(id)) {
		if (!client->excused && !invariants_excused() && !is_turned_away(error))
			violated("an answer to nothing");
		return;
	}
	asked = cJSON_IsNumber(id) ? asked_find(client, (unsigned)id->valuedouble) : NULL;
	if (!asked)
		violated("admin client %u is answered what it did not ask, or twice",
			 (unsigned)(client - world.session));
	*asked = client->asked[--client->nasked];
}

static double number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsNumber(item))
		violated("no number %s where one belongs", key);
	return item->valuedouble;
}

static void check_progress(struct admin_client *client, const cJSON *params)
{
	if (!asked_find(client, (unsigned)number(params, "id")))
		violated("progress of what was not asked or is answered");
	if (number(params, "done") > number(params, "total"))
		violated("more is done than there is");
}

static void check_message(struct admin_client *client, const cJSON *message)
{
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");

	if (!cJSON_IsObject(message))
		violated("a message that is no object");
	if (!id) {
		check_progress(client, cJSON_GetObjectItemCaseSensitive(message, "params"));
		return;
	}
	if (!cJSON_IsObject(result) == !cJSON_IsObject(error))
		violated("an answer with both a result and an error, or neither");
	answered(client, id, error);
}

static void check_line(struct admin_client *client, const char *line, size_t n)
{
	cJSON *tree = cJSON_ParseWithLength(line, n);
	const cJSON *message;

	if (world_trace)
		dprintf(STDERR_FILENO, "admin %u hears: %.*s\n", (unsigned)(client - world.session),
			n < 300 ? (int)n : 300, line);
	if (!tree)
		violated("an answer that is no JSON: %.*s", (int)n, line);
	if (cJSON_IsArray(tree))
		cJSON_ArrayForEach (message, tree)
			check_message(client, message);
	else
		check_message(client, tree);
	cJSON_Delete(tree);
}

static void take_lines(struct admin_client *client)
{
	char *lf;

	while (client->in.len && (lf = memchr(client->in.at, '\n', client->in.len))) {
		size_t n = (size_t)(lf - client->in.at);

		check_line(client, client->in.at, n);
		text_drop(&client->in, n + 1);
	}
}

static void session_drop(struct admin_client *client)
{
	if (client->file)
		file_unref(client->file);
	free(client->out.at);
	free(client->in.at);
	free(client->batch.at);
	*client = (struct admin_client){0};
}

/* It has read the end: whatever noded had taken on must be answered by now. */
static void session_over(struct admin_client *client, bool reset)
{
	for (size_t i = 0; i < client->nasked && !reset; i++)
		if (client->asked[i].owed && !client->excused && !invariants_excused())
			violated("request %u was never answered", client->asked[i].id);
	session_drop(client);
}

static bool session_read(struct admin_client *client)
{
	char chunk[CHUNK];
	ssize_t n;

	if (!client->file || client->lazy)
		return false;
	n = sock_recv(client->file, chunk, sizeof(chunk), false);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		session_over(client, n < 0);
		return true;
	}
	text_add(&client->in, chunk, (size_t)n);
	take_lines(client);
	return true;
}

static bool session_flush(struct admin_client *client)
{
	ssize_t n;

	if (!client->file || client->out.len == 0 || client->half)
		return false;
	n = sock_send(client->file, client->out.at, client->out.len);
	if (n <= 0)
		return false;
	text_drop(&client->out, (size_t)n);
	return true;
}

void session_connect(unsigned n, uid_t uid)
{
	static const struct sockaddr_un name = {AF_UNIX, "/run/admin.sock"};
	struct admin_client *client = &world.session[n];

	if (client->file)
		return;
	client->file = sock_new(AF_UNIX, SOCK_STREAM);
	client->file->nonblock = true;
	if (sock_connect(client->file, (const struct sockaddr *)&name, sizeof(name), uid) < 0)
		session_drop(client);
	else
		client->excused |= uid != OUR_UID && uid != 0;
}

void session_close(unsigned n)
{
	session_drop(&world.session[n]);
}

void session_half_close(unsigned n)
{
	struct admin_client *client = &world.session[n];

	if (!client->file || client->half)
		return;
	/* What it has not got rid of it will not say any more. */
	sock_shutdown(client->file, SHUT_WR);
	client->half = true;
}

void session_raw(unsigned n, const char *bytes, size_t len)
{
	struct admin_client *client = &world.session[n];

	if (!client->file || client->half)
		return;
	client->excused = true;
	text_add(&client->out, bytes, len);
}

static void session_say(struct admin_client *client, const char *line)
{
	text_add(&client->out, line, strlen(line));
	text_add(&client->out, "\n", 1);
}

static void batch_add(struct admin_client *client, const char *request)
{
	text_add(&client->batch, client->batch.len ? "," : "[", 1);
	text_add(&client->batch, request, strlen(request));
	if (--client->collect > 0)
		return;
	text_add(&client->out, client->batch.at, client->batch.len);
	text_add(&client->out, "]\n", 2);
	text_drop(&client->batch, client->batch.len);
}

void session_ask(unsigned n, const char *method, const char *params, uint64_t ms)
{
	struct admin_client *client = &world.session[n];
	char request[1024], id[32] = "";

	/* The first to speak opens its session. */
	session_connect(n, OUR_UID);
	if (!client->file || client->half || client->nasked == ASKED_MAX)
		return;
	if (!client->mute) {
		client->asked[client->nasked++] = (struct asked){
		    .id = ++world.next_id,
		    .ms = client->collect ? LONG : ms,
		};
		snprintf(id, sizeof(id), ",\"id\":%u", world.next_id);
	}
	client->mute = false;
	snprintf(request, sizeof(request),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{%s}%s}", method, params, id);
	if (world_trace)
		dprintf(STDERR_FILENO, "admin %u asks: %s\n", n, request);
	if (client->collect > 0)
		batch_add(client, request);
	else
		session_say(client, request);
}

/* -- turns -- */

void world_turn(void)
{
	while (script_step(true))
		;
	invariants_turn();
}

static bool act(void)
{
	bool any = socks_retry();

	for (unsigned i = 0; i < SESSIONS; i++) {
		any |= session_flush(&world.session[i]);
		any |= session_read(&world.session[i]);
	}
	for (unsigned i = 0; i < BACKENDS; i++)
		any |= backend_accept(i);
	for (unsigned i = 0; i < ENDS; i++)
		any |= !world.end[i].lazy && end_take(&world.end[i], CHUNK);
	return any;
}

bool world_idle(void)
{
	if (act())
		return true;
	invariants_settled();
	if (kernel.now < world.wake)
		return false;
	return script_step(false);
}

uint64_t world_wakes(void)
{
	return kernel.now < world.wake ? world.wake : UINT64_MAX;
}

void world_boot(void)
{
	world = (struct world){0};
	nlines = 0;
}

void world_halt(void)
{
	for (unsigned i = 0; i < ENDS; i++)
		end_drop(&world.end[i]);
	for (unsigned i = 0; i < SESSIONS; i++)
		session_drop(&world.session[i]);
	for (unsigned i = 0; i < BACKENDS; i++)
		backend_close(i);
}
