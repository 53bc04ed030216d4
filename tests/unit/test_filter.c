/* The filter of system calls: what it allows, and what it denies. Each question is asked in a
   child, under a filter that allows exit_group(2), close(2), mprotect(2) without PROT_EXEC, and
   socket(2) of two families. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "check.h"

static char page[4096] __attribute__((aligned(4096)));

static long unlisted(void)
{
	return syscall(SYS_getppid);
}

static long listed(void)
{
	return syscall(SYS_close, -1);
}

static long writable(void)
{
	return syscall(SYS_mprotect, page, sizeof(page), PROT_READ | PROT_WRITE);
}

static long executable(void)
{
	return syscall(SYS_mprotect, page, sizeof(page), PROT_READ | PROT_EXEC);
}

static long first_family(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static long last_family(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long other_family(void)
{
	return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}

static int enter(size_t more)
{
	static const uint32_t families[] = {AF_UNIX, AF_INET};
	struct filter filter;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	filter_begin(&filter);
	filter_allow(&filter, "exit_group");
	filter_allow(&filter, "no such call");
	filter_allow_without(&filter, "mprotect", 2, PROT_EXEC);
	filter_allow_values(&filter, "socket", 0, families, 2);
	for (size_t i = 0; i < 1 + more; i++)
		filter_allow(&filter, "close");
	return filter_load(&filter);
}

/* Not _exit(3), before which a sanitizer calls what is denied. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* The errno the call leaves under the filter, 0 if none; 255 if there is no filter. */
static unsigned ask(long (*call)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		leave(enter(0) ? 255 : call() < 0 ? errno : 0);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 256;
}

static unsigned ask_too_long(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		leave(enter(FILTER_MAX) == E2BIG && unlisted() > 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	return (unsigned)status;
}

int main(void)
{
	CHECK_UINT(ask(unlisted), ENOSYS, "what is not listed is denied");
	CHECK_UINT(ask(listed), EBADF, "what is listed reaches the kernel");
	CHECK_UINT(ask(writable), 0, "an argument without the bit is allowed");
	CHECK_UINT(ask(executable), ENOSYS, "one with the bit is denied");
	CHECK_UINT(ask(first_family), 0, "the first of several values is allowed");
	CHECK_UINT(ask(last_family), 0, "and the last");
	CHECK_UINT(ask(other_family), ENOSYS, "and no other");
	CHECK_UINT(ask_too_long(), 0, "what does not fit is not loaded, and denies nothing");
	return check_done();
}
