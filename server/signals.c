/* Signals as events, read from a descriptor (signalfd(2)).

   Not by ev_signal: that wakes the loop through a descriptor of libev's own, and where the kernel
   has no memory to watch it (epoll_ctl(2)) libev is deaf to signals for ever, or aborts. This one
   is watched again. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "net.h"

/* One that cannot be read now waits for signals_check. */
static void read_all(struct signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->io.fd, &info, sizeof(info)) == sizeof(info))
		signals->came(signals, (int)info.ssi_signo);
	if (errno != EAGAIN)
		ev_io_stop(signals->loop->ev, &signals->io);
}

static void on_readable(struct ev_loop *ev, ev_io *io, int revents)
{
	(void)ev;
	if (!loop_dropped(revents))
		read_all(container_of(io, struct signals, io));
}

int signals_open(struct signals *signals, struct loop *loop, const int *numbers, size_t n,
		 void (*came)(struct signals *signals, int number), struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++) {
		sigaddset(&set, numbers[i]);
		/* Whoever started us may have them ignored; with SIGCHLD children would be gone
		   before they are waited for. */
		signal(numbers[i], SIG_DFL);
	}
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, net_is_shortage(errno) ? ERR_LIMIT_REACHED : ERR_IO_ERROR,
			       errno, "signals cannot be watched");
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals->loop = loop;
	signals->came = came;
	ev_io_init(&signals->io, on_readable, fd, EV_READ);
	ev_io_start(loop->ev, &signals->io);
	return 0;
}

void signals_check(struct signals *signals)
{
	ev_io_start(signals->loop->ev, &signals->io); /* nothing, unless it was stopped */
	read_all(signals);
}

void signals_close(struct signals *signals)
{
	ev_io_stop(signals->loop->ev, &signals->io);
	close(signals->io.fd);
}
