/* Which processes are children of this one. */
#include "offspring.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

static int open_proc(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	while (fd < 0 && net_is_out_of_fds(errno) && net_reserve_give());
	return fd;
}

static void close_quietly(int fd)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
}

/* The first bytes of a file, terminated; "" and false if it cannot be read (errno). */
static bool read_start(const char *path, char *text, size_t size)
{
	int fd = open_proc(path, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	close_quietly(fd);
	return n >= 0;
}

/* proc(5) calls this list unreliable unless the children stand still. It is not for us: an entry
   goes away when we reap it, not before, and new ones are added at the end. There is one thread, so
   one list. The kernel gives a page of whole entries at a time. False: errno. */
static bool visit_list(void (*visit)(pid_t pid, void *context), void *context)
{
	char path[64], text[4096 + 1], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open_proc(path, 0);
	if (fd < 0)
		return false;
	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		long pid;

		text[n] = '\0';
		for (end = text; (pid = strtol(end, &end, 10)) > 0;)
			visit((pid_t)pid, context);
	}
	close_quietly(fd);
	return n == 0;
}

/* The parent of a process; 0: there is no such process, -1: that cannot be known (errno). proc(5):
   the name, in parentheses, may hold any character. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	const char *after;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	if (!read_start(path, text, sizeof(text)))
		return errno == ENOENT || errno == ESRCH ? 0 : -1;
	after = strrchr(text, ')');
	if (!after || sscanf(after, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* The next entry that is a process; NULL at the end, errno is 0 then. */
static const char *next_process(DIR *proc)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(proc);
	} while (entry && !isdigit((unsigned char)entry->d_name[0]));
	return entry ? entry->d_name : NULL;
}

/* 0, or the errno of what could not be looked at. */
static int visit_all(void (*visit)(pid_t pid, void *context), void *context)
{
	int fd = open_proc("/proc", O_DIRECTORY), error = 0;
	DIR *proc = fd < 0 ? NULL : fdopendir(fd);
	pid_t parent, self = getpid();
	const char *name;

	if (!proc) {
		close_quietly(fd);
		return errno;
	}
	while ((name = next_process(proc))) {
		parent = parent_of(name);
		if (parent == self)
			visit((pid_t)strtol(name, NULL, 10), context);
		else if (parent < 0)
			error = errno;
	}
	error = errno ? errno : error;
	closedir(proc);
	return error;
}

enum offspring_look offspring_each(void (*visit)(pid_t pid, void *context), void *context)
{
	if (visit_list(visit, context))
		return OFFSPRING_LISTED;
	/* A kernel without CONFIG_PROC_CHILDREN, or short of something. */
	errno = visit_all(visit, context);
	return errno ? OFFSPRING_UNSEEN : OFFSPRING_SEARCHED;
}

const char *offspring_name(pid_t pid, char name[static OFFSPRING_NAME_SIZE])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	read_start(path, name, OFFSPRING_NAME_SIZE);
	name[strcspn(name, "\n")] = '\0';
	if (!name[0])
		snprintf(name, OFFSPRING_NAME_SIZE, "?");
	return name;
}
