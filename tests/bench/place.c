/* Addresses of the bench's programs, and sockets there. */
#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>

void fail(const char *text, const char *detail)
{
	size_t length = strlen(text);
	const char *why = length > 0 && text[length - 1] == ':' ? strerror(errno) : "";

	fprintf(stderr, "%s: %s %s\n", detail, text, why);
	exit(1);
}

void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("cannot read the limit of descriptors:", "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("cannot raise the limit of descriptors:", "setrlimit");
}

static struct place parse_unix(const char *path)
{
	struct place place = {.length = sizeof(struct sockaddr_un)};
	struct sockaddr_un *un = (struct sockaddr_un *)&place.address;

	if (strlen(path) >= sizeof(un->sun_path))
		fail("path too long", path);
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	return place;
}

static struct place parse_tcp(const char *text)
{
	struct place place = {.length = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&place.address;
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		fail("expected tcp:A.B.C.D:PORT", text);
	memcpy(host, text, colon - text);
	host[colon - text] = '\0';
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		fail("not an IPv4 address", text);
	return place;
}

struct place place_parse(const char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5);
	if (strncmp(text, "tcp:", 4) == 0)
		return parse_tcp(text + 4);
	fail("expected tcp:A.B.C.D:PORT or unix:/PATH", text);
}

/* On a listening socket it holds for what is accepted there. */
static void no_delay(int fd, const struct place *place)
{
	if (place->address.ss_family == AF_INET &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
		fail("cannot set TCP_NODELAY:", "setsockopt");
}

static int open_socket(const struct place *place, int flags)
{
	int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		fail("cannot open a socket:", "socket");
	no_delay(fd, place);
	return fd;
}

/* A Unix socket is connected at once or, its backlog being full, waits: only a blocking one can. */
int place_connect(const struct place *place)
{
	int is_unix = place->address.ss_family == AF_UNIX;
	int fd = open_socket(place, is_unix ? 0 : SOCK_NONBLOCK);

	if (connect(fd, (const struct sockaddr *)&place->address, place->length) < 0 &&
	    errno != EINPROGRESS)
		fail("cannot connect:", "connect");
	if (is_unix && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		fail("cannot make a socket non-blocking:", "fcntl");
	return fd;
}

static void print_address(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
	char host[INET_ADDRSTRLEN];

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("cannot tell the address:", "getsockname");
	if (address.ss_family == AF_UNIX)
		printf("unix:%s\n", ((const struct sockaddr_un *)&address)->sun_path);
	else
		printf("tcp:%s:%d\n", inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)),
		       ntohs(in->sin_port));
	fflush(stdout);
}

int place_listen(const struct place *place)
{
	int fd = open_socket(place, SOCK_NONBLOCK);

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
	    bind(fd, (const struct sockaddr *)&place->address, place->length) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		fail("cannot listen:", "listen");
	print_address(fd);
	return fd;
}
