/* Lets one allocation fail: LD_PRELOAD this, with COUNTDOWN naming a file of a 32-bit integer N.
   The Nth call of malloc, calloc or realloc from then on fails, and 0 is left there; N may be
   written at any time. Calls of libev are passed over: it aborts without memory, by design. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, which those below replace. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static volatile int32_t *countdown;

__attribute__((constructor)) static void open_countdown(void)
{
	const char *path = getenv("COUNTDOWN");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*countdown), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		countdown = page;
}

static bool fails(void *caller)
{
	Dl_info info;

	if (!countdown || *countdown <= 0)
		return false;
	if (dladdr(caller, &info) && strstr(info.dli_fname, "libev"))
		return false;
	if (--*countdown > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* glibc's would call its own realloc. */
void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || fails(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(old, bytes);
}
