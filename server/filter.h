/* Which system calls the process may make from some moment on: a program for the kernel
   (seccomp(2)), made without any memory but its own. libseccomp, which knows their numbers, could
   make it too; but where malloc fails in it, it loads what lacks a part. */
#ifndef SERVER_FILTER_H
#define SERVER_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX = 512 }; /* instructions; a call takes two */

struct filter {
	struct sock_filter code[FILTER_MAX];
	size_t len; /* more than FILTER_MAX: it did not fit */
};

void filter_begin(struct filter *filter);

/* Allows a call by its name; one that this machine does not have is left out. */
void filter_allow(struct filter *filter, const char *call);
/* Allows it if its argument (0: the first) has none of these bits. */
void filter_allow_without(struct filter *filter, const char *call, unsigned argument,
			  uint32_t bits);
/* Allows it if its argument is one of the values. */
void filter_allow_values(struct filter *filter, const char *call, unsigned argument,
			 const uint32_t *values, size_t n);

/* From now on every other call fails with ENOSYS, for good. 0, or an errno: nothing is denied. */
int filter_load(struct filter *filter) __attribute__((warn_unused_result));

#endif
