/* Connections that are open and do nothing. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

/* One byte, echoed: it is open from end to end. */
static void prove(int fd)
{
	char bytes[64] = {0};

	if (send(fd, bytes, 1, MSG_NOSIGNAL) != 1)
		fail("cannot send:", "idle");
	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
	if (read(fd, bytes, sizeof(bytes)) != 1)
		fail("no answer:", "idle");
}

/* With --size 0 nothing is sent. They are closed by the end of the program. */
int load_idle(const struct load *load)
{
	for (unsigned int i = 0; i < load->clients; i++) {
		int fd = place_connect(&load->place);

		poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		if (load->size > 0)
			prove(fd);
	}
	wait_for_start();
	report(load->clients, now_ns());
	wait_for_end();
	return 0;
}
