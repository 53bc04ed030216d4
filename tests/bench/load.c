/* The load generator of the bench: one process, one epoll. It prepares what is not measured, says
 * "ready", does its work when a line comes on standard input, prints one line of JSON, and lets go
 * of what it holds at the next line or the end of the input. */
#include "load.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { REMEMBERED = 1 << 20 };

static const char usage[] =
    "usage: load churn|pingpong|bulk|idle|ask ADDRESS [--clients N] [--count N] [--size BYTES]\n"
    "            [--expect TEXT] [--to-end] [--up BYTES] [--down BYTES] [--check]\n"
    "            [--request TEXT] [--first TEXT] [--each]\n";

static uint64_t times[REMEMBERED];
static size_t remembered;
static uint64_t longest;

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* read, not stdio: told_to_stop polls the descriptor. */
static bool read_line(void)
{
	char c;

	while (read(0, &c, 1) == 1)
		if (c == '\n')
			return true;
	return false;
}

void wait_for_start(void)
{
	puts("ready");
	fflush(stdout);
	if (!read_line())
		exit(1);
}

void wait_for_end(void)
{
	read_line();
}

bool told_to_stop(void)
{
	return poll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, 0) > 0;
}

void watch_socket(int epoll_fd, int operation, int fd, unsigned int events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};

	if (epoll_ctl(epoll_fd, operation, fd, &event) < 0)
		fail("cannot watch a socket:", "epoll_ctl");
}

void took(uint64_t ns)
{
	if (remembered < REMEMBERED)
		times[remembered++] = ns;
	if (ns > longest)
		longest = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* In microseconds; 0 if nothing was remembered. */
static double percentile(unsigned int percent)
{
	return remembered ? (double)times[(remembered - 1) * percent / 100] / 1000 : 0;
}

void report(uint64_t units, uint64_t began)
{
	uint64_t elapsed = now_ns() - began;

	qsort(times, remembered, sizeof(*times), compare);
	printf(
	    "{\"units\": %llu, \"seconds\": %.9f, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n",
	    (unsigned long long)units, (double)elapsed / 1e9, percentile(50), percentile(99),
	    (double)longest / 1000);
	fflush(stdout);
}

static void parse_option(struct load *load, int option)
{
	switch (option) {
	case 'c':
		load->clients = strtoul(optarg, NULL, 10);
		break;
	case 'n':
		load->count = strtoull(optarg, NULL, 10);
		break;
	case 's':
		load->size = strtoul(optarg, NULL, 10);
		break;
	case 'e':
		load->expect = optarg;
		break;
	case 't':
		load->to_end = true;
		break;
	case 'u':
		load->up = strtoull(optarg, NULL, 10);
		break;
	case 'd':
		load->down = strtoull(optarg, NULL, 10);
		break;
	case 'k':
		load->check = true;
		break;
	case 'r':
		load->request = optarg;
		break;
	case 'f':
		load->first = optarg;
		break;
	case 'o':
		load->each = true;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static struct load parse(int argc, char **argv)
{
	static const struct option options[] = {
	    {"clients", required_argument, NULL, 'c'}, {"count", required_argument, NULL, 'n'},
	    {"size", required_argument, NULL, 's'},    {"expect", required_argument, NULL, 'e'},
	    {"to-end", no_argument, NULL, 't'},	       {"up", required_argument, NULL, 'u'},
	    {"down", required_argument, NULL, 'd'},    {"check", no_argument, NULL, 'k'},
	    {"request", required_argument, NULL, 'r'}, {"first", required_argument, NULL, 'f'},
	    {"each", no_argument, NULL, 'o'},	       {0},
	};
	struct load load = {.clients = 1, .size = 64};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&load, option);
	if (argc - optind != 2 || load.clients == 0) {
		fputs(usage, stderr);
		exit(2);
	}
	load.place = place_parse(argv[optind + 1]);
	return load;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct load *load);
	} kinds[] = {
	    {"churn", load_churn}, {"pingpong", load_pingpong}, {"bulk", load_bulk},
	    {"idle", load_idle},   {"ask", load_ask},
	};
	struct load load = parse(argc, argv);

	raise_descriptor_limit();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, argv[optind]) == 0)
			return kinds[i].run(&load);
	fputs(usage, stderr);
	return 2;
}
