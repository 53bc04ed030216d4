/* One direction of bytes: whatever the chunks, pauses and buffer sizes, what comes out is what went
   in, then its end; nothing is read that cannot be kept; failures are told. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "net.h"
#include "relay.h"

static struct loop loop;

/* -- a random source that is the same everywhere -- */

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

/* Byte number `at` of the stream: no short period, so that a lost or doubled chunk shows. */
static char stream_byte(size_t at)
{
	return (char)(((at * 2654435761U) >> 13) ^ at);
}

/* -- sockets -- */

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void make_tcp_pair(int pair[2])
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&in, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&in, &len) < 0 ||
	    connect(pair[0], (struct sockaddr *)&in, len) < 0)
		abort();
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
}

/* bytes: of each send buffer, 0: as it is. */
static void make_pair(int pair[2], int family, int bytes)
{
	if (family == AF_INET)
		make_tcp_pair(pair);
	else if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		set_nonblocking(pair[i]);
		if (bytes)
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	}
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static short events_of(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

	poll(&pollfd, 1, 0);
	return pollfd.revents;
}

static bool is_readable(int fd)
{
	return (events_of(fd) & (POLLIN | POLLHUP | POLLERR)) != 0;
}

/* TCP takes a moment, also on one machine. */
static void await_input(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	if (poll(&pollfd, 1, 10000) <= 0)
		abort();
}

/* -- one stream from end to end -- */

/* source[0] -> source[1] ~relay~> sink[0] -> sink[1] */
struct run {
	struct relay relay;
	int source[2], sink[2];
	size_t total, written, read; /* bytes of the stream; written and read by the two ends */
	size_t in, out;		     /* as the relay counts */
	bool broken;
	bool ended; /* end of file seen at the far end */
};

static void run_write(struct run *run, uint32_t chunk)
{
	char bytes[65536];
	size_t n = 1 + random_below(chunk);
	ssize_t sent;

	if (n > run->total - run->written)
		n = run->total - run->written;
	for (size_t i = 0; i < n; i++)
		bytes[i] = stream_byte(run->written + i);
	sent = n ? send(run->source[0], bytes, n, MSG_NOSIGNAL) : 0;
	if (sent > 0)
		run->written += (size_t)sent;
	if (n && run->written == run->total)
		shutdown(run->source[0], SHUT_WR);
}

static void run_read(struct run *run, uint32_t chunk)
{
	char bytes[65536];
	ssize_t got = recv(run->sink[1], bytes, 1 + random_below(chunk), 0);

	if (got == 0)
		run->ended = true;
	for (ssize_t i = 0; i < got; i++)
		if (bytes[i] != stream_byte(run->read + (size_t)i))
			run->broken = true;
	if (got > 0)
		run->read += (size_t)got;
}

static void run_relay(struct run *run)
{
	struct relay *relay = &run->relay;
	bool readable = relay_wants_read(relay) && is_readable(run->source[1]);
	struct relay_moved moved;

	if (!readable && !relay_wants_write(relay))
		return;
	moved = relay_move(relay, &loop, run->source[1], run->sink[0], readable);
	relay_pass_end(relay, run->sink[0]);
	run->in += moved.in;
	run->out += moved.out;
	if (moved.status != RELAY_OK || moved.in > PIPE_SIZE)
		run->broken = true;
	/* Waiting for both would mean to read what cannot be kept. */
	if (relay_wants_read(relay) && relay_wants_write(relay))
		run->broken = true;
	if (run->in - run->out > PIPE_SIZE)
		run->broken = true;
}

enum means { COPIED, SPLICED };

static void check_stream(int family, enum means means, int buffer, uint32_t chunk, size_t total,
			 uint64_t seed)
{
	struct run run = {.total = total, .relay = {.spliceable = means == SPLICED}};
	size_t steps = 0;
	/* Which end is slow changes now and then. */
	uint32_t slow = 0;

	state = seed * 0x9e3779b97f4a7c15U + 1;
	make_pair(run.source, family, buffer);
	make_pair(run.sink, family, buffer);
	while (!run.ended && !run.broken && steps++ < 20 * 1000 * 1000) {
		if (random_below(256) == 0)
			slow = random_below(4);
		if (slow != 1 || random_below(64) == 0)
			run_write(&run, chunk);
		if (slow != 2 || random_below(64) == 0)
			run_relay(&run);
		if (slow != 3 || random_below(64) == 0)
			run_read(&run, chunk);
	}
	CHECK(run.ended && !run.broken && run.read == total && run.in == total &&
		  run.out == total && relay_finished(&run.relay) && run.relay.fin &&
		  run.relay.ended,
	      "%s%s, buffers of %d, chunks up to %u, %zu bytes: byte for byte, then the end",
	      family == AF_INET ? "TCP" : "Unix", means == SPLICED ? " spliced" : "", buffer, chunk,
	      total);
	relay_free(&run.relay, &loop);
	close_pair(run.source);
	close_pair(run.sink);
}

static void test_streams(void)
{
	static const uint32_t chunks[] = {1, 7, 4096, 65536};
	static const int buffers[] = {1, 16384, 0};
	uint64_t seed = 1;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		for (size_t j = 0; j < sizeof(buffers) / sizeof(buffers[0]); j++) {
			size_t total = chunks[i] < 100 ? 20000 : 1000000;

			check_stream(AF_UNIX, COPIED, buffers[j], chunks[i], total, seed++);
			check_stream(AF_INET, COPIED, buffers[j], chunks[i], total, seed++);
			check_stream(AF_INET, SPLICED, buffers[j], chunks[i], total, seed++);
		}
	check_stream(AF_UNIX, COPIED, 1, 65536, 1, seed++);
}

/* splice(2) does not pass over an urgent byte: it was taken for the end of what a client had said
   that then half-closed, and otherwise the loop turned for nothing. */
static void test_urgent(bool half_closed)
{
	struct relay relay = {.spliceable = true, .bulk = true};
	struct relay_moved moved = {.status = RELAY_OK};
	int source[2], sink[2];
	size_t out = 0;

	make_pair(source, AF_INET, 0);
	make_pair(sink, AF_INET, 0);
	if (send(source[0], "abc", 3, 0) != 3 || send(source[0], "!", 1, MSG_OOB) != 1 ||
	    send(source[0], "def", 3, 0) != 3)
		abort();
	if (half_closed)
		shutdown(source[0], SHUT_WR);
	for (int i = 0; i < 1000 && out < 6 && !relay.ended && moved.status == RELAY_OK; i++) {
		await_input(source[1]);
		moved = relay_move(&relay, &loop, source[1], sink[0], true);
		out += moved.out;
	}
	CHECK_UINT(out, 6, "what comes after an urgent byte is relayed too%s",
		   half_closed ? ", before the end" : "");
	relay_free(&relay, &loop);
	close_pair(source);
	close_pair(sink);
}

/* -- pipes -- */

static size_t fill(int fd);
static size_t drain(int fd, bool *end);

/* A bulk whose receiver takes no more, so that its pipe holds bytes. */
static void make_stuck(struct relay *relay, const int source[2], const int sink[2])
{
	struct relay_moved moved;
	bool end;

	*relay = (struct relay){.spliceable = true};
	for (int i = 0; i < 1000 && (i < 100 || !relay_wants_write(relay)); i++) {
		if (!relay->bulk || relay->held)
			drain(sink[1], &end);
		fill(source[0]);
		if (relay_wants_read(relay))
			await_input(source[1]);
		moved = relay_move(relay, &loop, source[1], sink[0], true);
		if (moved.status != RELAY_OK)
			abort();
	}
}

static void test_pipes(void)
{
	struct relay relay[2];
	int source[2], sink[2];
	uint32_t spare;

	CHECK_UINT(loop.pipes.open, loop.pipes.nspare, "streams that have ended gave theirs back");
	net_shed(EMFILE);
	CHECK_UINT(loop.pipes.open, 0, "those that are spare are closed for who needs descriptors");
	make_pair(source, AF_INET, 16384);
	make_pair(sink, AF_INET, 16384);
	make_stuck(&relay[0], source, sink);
	CHECK(relay[0].pipe && relay[0].pipe->held > 0, "a bulk that is stuck is held in its pipe");
	CHECK_UINT(loop.pipes.open, 1, "which counts");
	relay_free(&relay[0], &loop);
	CHECK(loop.pipes.open == 0 && loop.pipes.nspare == 0, "and is never used again");
	spare = loop.pipes.nspare;
	loop.pipes.not_before = loop_now(&loop) + 1000;
	make_stuck(&relay[1], source, sink);
	CHECK(relay[1].held && !relay[1].pipe && loop.pipes.open == spare,
	      "where no pipe is to be had it is copied");
	relay_free(&relay[1], &loop);
	loop.pipes.not_before = 0;
	close_pair(source);
	close_pair(sink);
}

static void test_pipe_bound(void)
{
	struct pipe *pipe[PIPES_MOST + 1], *more;
	int n = 0;

	while (n <= PIPES_MOST && (pipe[n] = pipe_take(&loop)))
		n++;
	CHECK(n > 0 && n <= PIPES_MOST && loop.pipes.open == (uint32_t)n, "%d pipes at most", n);
	if (n <= 0)
		return;
	pipe_give(&loop, pipe[--n]);
	more = pipe_take(&loop);
	CHECK(more == pipe[n], "one that was given back is lent again");
	for (pipe_give(&loop, more); n > 0; n--)
		pipe_give(&loop, pipe[n - 1]);
	for (int i = 0; i < 1000 && loop.pipes.open > 0; i++)
		ev_run(loop.ev, EVRUN_ONCE);
	CHECK(loop.pipes.open == 0 && !ev_is_active(&loop.pipes.tick),
	      "all are closed when nobody has needed them for a while");
}

static void test_pipe_order(void)
{
	struct pipe *cold = pipe_take(&loop), *warm = pipe_take(&loop);

	if (!CHECK(cold && warm, "two pipes"))
		return;
	pipe_give(&loop, cold);
	pipe_give(&loop, warm);
	ev_invoke(loop.ev, &loop.pipes.tick, EV_TIMER);
	CHECK(pipe_take(&loop) == warm, "the one used last is lent first");
	pipe_give(&loop, warm);
	ev_invoke(loop.ev, &loop.pipes.tick, EV_TIMER);
	CHECK_UINT(loop.pipes.open, 1, "the other one was not needed for a while, and is closed");
	CHECK(pipe_take(&loop) == warm, "not the one that was");
	pipe_give(&loop, warm);
}

/* Makes a pipe spare, and then everything that is opened too much. Gives the limit before. */
static struct rlimit run_short(void)
{
	struct rlimit before, low;
	struct pipe *pipe = pipe_take(&loop);
	int next;

	if (!pipe || getrlimit(RLIMIT_NOFILE, &before) < 0)
		abort();
	pipe_give(&loop, pipe);
	next = dup(STDOUT_FILENO); /* the lowest that is free */
	close(next);
	low = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	if (setrlimit(RLIMIT_NOFILE, &low) < 0)
		abort();
	return before;
}

static void test_shortage(void)
{
	struct address address = {.in = {.sin_family = AF_INET}};
	struct rlimit before = run_short();
	int ends[2], fd = net_socket(&address, net_margin_give);

	CHECK(fd >= 0 && loop.pipes.open == 0, "a socket gets the place of a spare pipe");
	CHECK(net_pipe(ends, net_margin_give) < 0 && errno == EMFILE,
	      "where none is spare there is a shortage");
	close(fd);
	CHECK(net_pipe(ends, net_margin_give) == 0, "and then there is none");
	close_pair(ends);
	setrlimit(RLIMIT_NOFILE, &before);

	before = run_short();
	CHECK(net_pipe(ends, net_margin_give) == 0 && loop.pipes.open == 0,
	      "a program's pipe gets it too");
	close_pair(ends);
	setrlimit(RLIMIT_NOFILE, &before);

	before = run_short();
	CHECK(net_reserve_has(2) && loop.pipes.open == 0, "and so does the reserve");
	setrlimit(RLIMIT_NOFILE, &before);

	before = run_short();
	CHECK(net_reserve_give() && loop.pipes.open == 0, "which is kept while a pipe is spare");
	fd = open("/dev/null", O_RDONLY);
	CHECK(net_reserve_has(2), "all of it");
	close(fd);
	setrlimit(RLIMIT_NOFILE, &before);
	net_kept_close();
	CHECK(!net_shed(EMFILE) && errno == EMFILE, "no pipe is left to be closed");
}

/* -- what it waits for -- */

/* Sends until nothing more is taken; gives how much it was. */
static size_t fill(int fd)
{
	char bytes[4096];
	size_t total = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	while ((n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
		total += (size_t)n;
	return total;
}

static size_t drain(int fd, bool *end)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		total += (size_t)n;
	*end = n == 0;
	return total;
}

static void test_interest(void)
{
	struct relay relay = {0};
	int source[2], sink[2];
	struct relay_moved moved;
	size_t sent;
	bool end;

	make_pair(source, AF_UNIX, 0);
	make_pair(sink, AF_UNIX, 1);
	CHECK(relay_wants_read(&relay) && !relay_wants_write(&relay), "a new one waits for input");
	sent = fill(source[0]);
	moved = relay_move(&relay, &loop, source[1], sink[0], false);
	CHECK(moved.in == 0 && moved.out == 0, "it does not read unless told that there is input");
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.in > 0 && moved.out < moved.in && moved.status == RELAY_OK,
	      "it keeps what the receiver does not take");
	CHECK(!relay_wants_read(&relay) && relay_wants_write(&relay),
	      "and then waits for room only");
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.in == 0 && moved.out == 0, "and reads nothing meanwhile");
	shutdown(source[0], SHUT_WR);
	for (size_t got = 0; !relay_finished(&relay); got += drain(sink[1], &end)) {
		moved = relay_move(&relay, &loop, source[1], sink[0], is_readable(source[1]));
		if (moved.status != RELAY_OK || got > sent)
			break;
	}
	CHECK(relay_finished(&relay), "the end comes after all that was kept");
	relay_pass_end(&relay, sink[0]);
	drain(sink[1], &end);
	CHECK(end, "and is passed on");
	CHECK(relay_wants_read(&relay), "it would be told of it once more");
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.in == 0 && !relay_wants_read(&relay) && !relay_wants_write(&relay),
	      "then it waits for nothing");
	close_pair(source);
	close_pair(sink);
}

static void test_half_close(void)
{
	struct relay up = {0}, down = {0};
	int client[2], backend[2];
	struct relay_moved moved;
	char byte = 'x';
	bool end;

	make_pair(client, AF_INET, 0);
	make_pair(backend, AF_UNIX, 0);
	shutdown(client[0], SHUT_WR);
	await_input(client[1]);
	moved = relay_move(&up, &loop, client[1], backend[0], true);
	CHECK(moved.status == RELAY_OK && relay_finished(&up), "an end without a byte before it");
	relay_pass_end(&up, backend[0]);
	drain(backend[1], &end);
	CHECK(end, "reaches the other side");
	CHECK(send(backend[1], &byte, 1, MSG_NOSIGNAL) == 1, "which can still answer");
	moved = relay_move(&down, &loop, backend[0], client[1], true);
	CHECK(moved.in == 1 && moved.out == 1 && !relay_finished(&down), "the other way goes on");
	await_input(client[0]);
	CHECK(recv(client[0], &byte, 1, 0) == 1 && byte == 'x', "and arrives");
	moved = relay_move(&up, &loop, client[1], backend[0], true);
	CHECK(moved.status == RELAY_OK && moved.in == 0, "nothing is read after the end");
	close_pair(client);
	close_pair(backend);
}

static void test_no_more(void)
{
	struct relay relay = {0};
	int source[2], sink[2];
	struct relay_moved moved;
	size_t in, out;
	bool end;

	make_pair(source, AF_UNIX, 0);
	make_pair(sink, AF_UNIX, 1);
	fill(source[0]);
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	in = moved.in;
	relay_no_more(&relay);
	CHECK(!relay_finished(&relay) && relay_wants_write(&relay),
	      "told to read no more, it still delivers what it has");
	for (out = drain(sink[1], &end); !relay_finished(&relay); out += drain(sink[1], &end)) {
		moved = relay_move(&relay, &loop, source[1], sink[0], true);
		relay_pass_end(&relay, sink[0]);
		if (moved.status != RELAY_OK || moved.in)
			break;
	}
	CHECK_UINT(out, in, "all of it, and not a byte more");
	drain(sink[1], &end);
	CHECK(end && relay_finished(&relay), "then the end is passed on");
	close_pair(source);
	close_pair(sink);
}

static void test_discard(void)
{
	struct relay relay = {.discard = true};
	struct relay_moved moved = {0};
	int source[2];
	size_t sent, in = 0;

	make_pair(source, AF_UNIX, 0);
	sent = fill(source[0]);
	shutdown(source[0], SHUT_WR);
	while (!relay_finished(&relay) && moved.status == RELAY_OK) {
		moved = relay_move(&relay, &loop, source[1], -1, true);
		in += moved.in;
		if (moved.out || relay_wants_write(&relay))
			break;
	}
	CHECK(relay_finished(&relay), "discarding needs no receiver");
	CHECK_UINT(in, sent, "and counts what it threw away");
	close_pair(source);
}

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void test_failures(void)
{
	struct relay relay = {0};
	int source[2], sink[2];
	struct relay_moved moved;

	make_pair(source, AF_INET, 0);
	make_pair(sink, AF_UNIX, 0);
	reset(source[0]);
	await_input(source[1]);
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.status == RELAY_READ_FAILED && moved.error == ECONNRESET,
	      "a reset is told as a failed read");
	CHECK(!relay.fin, "and not passed on as an ordinary end");
	close(source[1]);

	make_pair(source, AF_UNIX, 0);
	fill(source[0]);
	close(sink[1]);
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.status == RELAY_WRITE_FAILED && moved.error == EPIPE && moved.in > 0,
	      "a receiver that is gone is told as a failed write, without SIGPIPE");
	close(sink[0]);
	close_pair(source);
	relay_free(&relay, &loop);
}

static void test_failure_while_holding(void)
{
	struct relay relay = {0};
	int source[2], sink[2];
	struct relay_moved moved;

	make_pair(source, AF_UNIX, 0);
	make_pair(sink, AF_UNIX, 1);
	fill(source[0]);
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	close(sink[1]);
	moved = relay_move(&relay, &loop, source[1], sink[0], true);
	CHECK(moved.status == RELAY_WRITE_FAILED && moved.in == 0,
	      "a receiver that leaves while bytes are kept for it is told, and no more is read");
	relay_free(&relay, &loop);
	CHECK(!relay_wants_write(&relay), "what is kept can be given back undelivered");
	close(sink[0]);
	close_pair(source);
}

/* -- watchers -- */

static int seen; /* by any of them, EV_READ and the like */
static int order[8], norder;

/* A watcher of one end of a pair, which has a number. */
struct ear {
	ev_io io;
	int number, pair[2];
};

static void hear(ev_io *io, int revents)
{
	struct ear *ear = container_of(io, struct ear, io);

	seen |= revents;
	if (norder < 8)
		order[norder++] = ear->number;
}

static void on_event(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(&loop, io, revents, hear);
}

static void ear_open(struct ear *ear, int number)
{
	*ear = (struct ear){.number = number};
	make_pair(ear->pair, AF_UNIX, 0);
	ev_io_init(&ear->io, on_event, ear->pair[0], 0);
}

static void test_watch(void)
{
	struct ear ear;

	ear_open(&ear, 1);
	relay_watch(&loop, &ear.io, 0);
	CHECK(!ev_is_active(&ear.io), "a watcher for nothing is not active");
	relay_watch(&loop, &ear.io, EV_READ);
	CHECK(ev_is_active(&ear.io) && ear.io.events == EV_READ, "one for input is");
	relay_watch(&loop, &ear.io, EV_WRITE);
	ev_run(loop.ev, EVRUN_NOWAIT);
	CHECK(seen == EV_WRITE, "it can change what it waits for");
	relay_watch(&loop, &ear.io, EV_READ | EV_WRITE);
	relay_watch(&loop, &ear.io, 0);
	seen = 0;
	ev_run(loop.ev, EVRUN_NOWAIT);
	CHECK(!ev_is_active(&ear.io) && seen == 0, "and waits no more when told so");
	close_pair(ear.pair);
}

/* libev alone would call the last of them first. */
static void test_order(void)
{
	struct ear ear[5];

	for (int i = 0; i < 5; i++) {
		ear_open(&ear[i], i);
		relay_watch(&loop, &ear[i].io, EV_READ);
	}
	ev_run(loop.ev, EVRUN_NOWAIT);
	norder = 0;
	/* In this order the kernel tells of them. */
	for (int i = 0; i < 5; i++)
		CHECK(write(ear[i * 3 % 5].pair[1], "x", 1) == 1, "a byte for one of five");
	ev_run(loop.ev, EVRUN_NOWAIT);
	CHECK_UINT(norder, 5, "each hears of its byte");
	for (int i = 0; i < norder; i++)
		CHECK_UINT(order[i], i * 3 % 5, "in the order the bytes came");
	for (int i = 0; i < 5; i++) {
		relay_watch(&loop, &ear[i].io, 0);
		close_pair(ear[i].pair);
	}
}

static struct ear deaf, first;

static void hear_and_stop(ev_io *io, int revents)
{
	(void)io;
	(void)revents;
	CHECK(loop_has_news(&deaf.io), "what came with it is still to be heard");
	relay_watch(&loop, &deaf.io, 0);
}

static void on_first(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	loop_tell(&loop, io, revents, hear_and_stop);
}

static void test_stop_unheard(void)
{
	ear_open(&first, 1);
	first.io.cb = on_first;
	ear_open(&deaf, 2);
	relay_watch(&loop, &first.io, EV_READ);
	relay_watch(&loop, &deaf.io, EV_READ);
	norder = 0;
	CHECK(write(first.pair[1], "x", 1) == 1 && write(deaf.pair[1], "x", 1) == 1, "two bytes");
	ev_run(loop.ev, EVRUN_NOWAIT);
	CHECK(norder == 0 && !loop_has_news(&deaf.io), "a watcher that is stopped hears nothing");
	relay_watch(&loop, &first.io, 0);
	close_pair(first.pair);
	close_pair(deaf.pair);
}

/* Jobs run just before the loop sleeps, when the news of the turn have been given out. */

static bool tell_in_job(struct job *job)
{
	(void)job;
	CHECK(loop_tell_later(&loop, &first.io, EV_READ, hear), "a job has news for somebody");
	return false;
}

static void on_alarm(struct ev_loop *ev, ev_timer *timer, int revents)
{
	(void)ev;
	(void)timer;
	(void)revents;
}

static void test_news_of_jobs(void)
{
	struct job job = {.run = tell_in_job};
	ev_timer alarm;

	ear_open(&first, 1);
	ev_timer_init(&alarm, on_alarm, 30., 0.);
	ev_timer_start(loop.ev, &alarm);
	norder = 0;
	loop_post(&loop, &job);
	ev_run(loop.ev, EVRUN_ONCE);
	CHECK(norder == 1 && ev_is_active(&alarm), "who hears of it before the loop sleeps");
	ev_timer_stop(loop.ev, &alarm);
	close_pair(first.pair);
}

int main(void)
{
	if (loop_open(&loop) < 0)
		return 1;
	loop.pipes.large = 4096; /* or few would be a bulk */
	test_streams();
	test_urgent(false);
	test_urgent(true);
	test_pipes();
	test_pipe_order();
	test_pipe_bound();
	test_shortage();
	test_interest();
	test_half_close();
	test_no_more();
	test_discard();
	test_failures();
	test_failure_while_holding();
	test_watch();
	test_order();
	test_stop_unheard();
	test_news_of_jobs();
	loop_close(&loop);
	return check_done();
}
