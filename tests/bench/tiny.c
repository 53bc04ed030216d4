/* The smallest program worth being run for a connection: says one word. Linked statically, and
 * without the C library's own start, which on some virtual machines costs more than running a
 * program does (it asks the processor what it can, and each question is answered by the host). A
 * write that fails is the end of it, too: there is no errno to set. */
#include <sys/syscall.h>
#include <unistd.h>

void _start(void);

void _start(void)
{
	syscall(SYS_write, 1, "hello\n", 6);
	for (;;)
		syscall(SYS_exit_group, 0);
}
