/* Where to connect to or listen: tcp:A.B.C.D:PORT or unix:/PATH, and sockets there. Whatever fails
 * ends the program with a line on standard error: a figure of half a run is none. */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <sys/socket.h>

struct place {
	struct sockaddr_storage address;
	socklen_t length;
};

/* Ends the program with status 1. With a colon at its end, text is followed by what errno says. */
void fail(const char *text, const char *detail) __attribute__((noreturn));

/* Lets this program have as many descriptors as it may. */
void raise_descriptor_limit(void);

struct place place_parse(const char *text);

/* A socket on its way there, non-blocking, without Nagle's delay: TCP may not be connected yet. */
int place_connect(const struct place *place);

/* A listening socket, non-blocking, without Nagle's delay; its address is printed to standard
 * output, so that whoever gave port 0 learns the port. */
int place_listen(const struct place *place);

#endif
