/* One end of a stream of bytes that can be checked at any place. */
#include "flow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"

/* A period that no buffer's size is a multiple of: what is lost, doubled or swapped shows. */
enum { WORDS = 8191, PERIOD = WORDS * sizeof(uint64_t), SAMPLE = 16 };

static uint64_t words[(PERIOD + FLOW_CHUNK) / sizeof(uint64_t) + 1];

/* The finalizer of splitmix64: neighbours have nothing in common. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static void __attribute__((constructor)) fill(void)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		words[i] = mix(i % WORDS + 1);
}

const void *flow_bytes(uint64_t position)
{
	return (const char *)words + position % PERIOD;
}

void flow_send(struct flow *flow, int fd)
{
	uint64_t left = flow->to_send - flow->sent;
	size_t size = left < FLOW_CHUNK ? left : FLOW_CHUNK;
	ssize_t n = send(fd, flow_bytes(flow->sent), size, MSG_NOSIGNAL);

	if (n > 0)
		flow->sent += n;
	else if (n < 0 && errno != EAGAIN)
		fail("cannot send:", "bulk");
}

static bool is_right(const struct flow *flow, const char *bytes, size_t size)
{
	const char *expected = flow_bytes(flow->received);
	size_t sample = size < SAMPLE ? size : SAMPLE;

	if (flow->check)
		return memcmp(bytes, expected, size) == 0;
	return memcmp(bytes, expected, sample) == 0 &&
	       memcmp(bytes + size - sample, expected + size - sample, sample) == 0;
}

void flow_receive(struct flow *flow, int fd)
{
	static char bytes[FLOW_CHUNK];
	uint64_t left = flow->to_receive - flow->received;
	ssize_t n = read(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

	if (n == 0)
		fail("a stream ended too early", "bulk");
	if (n < 0 && errno != EAGAIN)
		fail("cannot receive:", "bulk");
	if (n <= 0)
		return;
	if (!is_right(flow, bytes, n))
		fail("a stream holds other bytes than were sent", "bulk");
	flow->received += n;
}
