/* Pipes that bulk streams pass through. */
#include "pipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "net.h"

#define TICK 1.0 /* seconds a pipe stays spare, at least; and until one is tried for again */

enum { DESCRIPTORS_A_PIPE = 32 }; /* allowed for each pipe: most are for connections */

/* `state` shows them, and the descriptors. */
static void count(struct loop *loop, int more)
{
	loop->pipes.open += (uint32_t)more;
	loop_mark(loop);
}

static void pipe_close(struct pipes *pipes, struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
	count(container_of(pipes, struct loop, pipes), -1);
}

static void take(struct pipes *pipes, struct pipe *pipe)
{
	TAILQ_REMOVE(&pipes->spare, pipe, link);
	pipes->nspare--;
	if (pipes->unneeded > pipes->nspare)
		pipes->unneeded = pipes->nspare;
}

/* The one used last, whose memory is in the processor's cache. */
static struct pipe *take_spare(struct pipes *pipes)
{
	struct pipe *pipe = TAILQ_FIRST(&pipes->spare);

	if (pipe)
		take(pipes, pipe);
	return pipe;
}

/* n of them, those unused for longest. */
static void close_spare(struct pipes *pipes, uint32_t n)
{
	struct pipe *pipe, *before;

	TAILQ_FOREACH_REVERSE_SAFE (pipe, &pipes->spare, pipe_list, link, before) {
		if (n-- == 0)
			return;
		take(pipes, pipe);
		pipe_close(pipes, pipe);
	}
}

/* The memory of all pipes of a user is limited (pipe(7), pipe-user-pages-soft), as is that of one.
 */
static bool pipe_widen(int fd)
{
	for (int size = PIPE_SIZE; size >= PIPE_SIZE_MIN; size /= 2)
		if (fcntl(fd, F_SETPIPE_SZ, size) >= size)
			return true;
	return false;
}

static struct pipe *pipe_open(struct loop *loop)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int ends[2];

	if (!pipe)
		return NULL;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	loop_opened(loop, ends[0]);
	loop_opened(loop, ends[1]);
	pipe->out = ends[0];
	pipe->in = ends[1];
	count(loop, 1);
	if (pipe_widen(pipe->in))
		return pipe;
	pipe_close(&loop->pipes, pipe);
	return NULL;
}

struct pipe *pipe_take(struct loop *loop)
{
	struct pipes *pipes = &loop->pipes;
	struct pipe *pipe;

	pipe = take_spare(pipes);
	if (pipe || loop_now(loop) < pipes->not_before)
		return pipe;
	if (pipes->open < PIPES_MOST && pipes->open < net_nofile() / DESCRIPTORS_A_PIPE)
		pipe = pipe_open(loop);
	if (!pipe)
		pipes->not_before = loop_now(loop) + TICK;
	return pipe;
}

/* Those that nobody needed for a whole tick are closed. */
static void on_tick(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct pipes *pipes = container_of(timer, struct pipes, tick);

	(void)revents;
	close_spare(pipes, pipes->unneeded);
	pipes->unneeded = pipes->nspare;
	if (pipes->nspare == 0)
		ev_timer_stop(ev, timer);
}

void pipe_give(struct loop *loop, struct pipe *pipe)
{
	struct pipes *pipes = &loop->pipes;

	if (pipe->held > 0) {
		pipe_close(pipes, pipe);
		return;
	}
	TAILQ_INSERT_HEAD(&pipes->spare, pipe, link);
	pipes->nspare++;
	if (ev_is_active(&pipes->tick))
		return;
	ev_timer_init(&pipes->tick, on_tick, TICK, TICK);
	ev_timer_start(loop->ev, &pipes->tick);
}

static bool shed(void *keeper)
{
	struct pipes *pipes = keeper;
	bool any = pipes->nspare > 0;

	close_spare(pipes, pipes->nspare);
	return any;
}

void pipes_open(struct pipes *pipes)
{
	*pipes = (struct pipes){.large = LOOP_LARGE};
	TAILQ_INIT(&pipes->spare);
	net_shed_from(shed, pipes);
}

void pipes_close(struct pipes *pipes)
{
	close_spare(pipes, pipes->nspare);
	net_shed_from(NULL, NULL);
}
