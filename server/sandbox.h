/* What the process denies itself for good once it is set up, so that a defect of it, or a program
   it runs, can do less than its user may. */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include "../proto/address.h"
#include "../proto/error.h"

enum { SANDBOX_DIRECTORIES_MAX = 16 };

struct sandbox {
	char directory[SANDBOX_DIRECTORIES_MAX][PATH_MAX]; /* real paths; sockets only below them */
	size_t ndirectories;				   /* 0: anywhere */
	bool no_exec;					   /* no program is ever run */
	bool no_new_privs, landlock, seccomp;		   /* what holds, since sandbox_enter */
};

/* One more directory below which servers may have sockets. -1: it is none, or there are too
   many. */
int sandbox_add_directory(struct sandbox *sandbox, const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* -1 unless a server may have its socket there: bind_denied. What the path leads to may change
   afterwards; then the kernel refuses, where it has Landlock. */
int sandbox_check(const struct sandbox *sandbox, const struct address *address, struct err *err)
    __attribute__((warn_unused_result));

/* Denies from now on, to this process and to what it runs: to gain privileges (PR_SET_NO_NEW_PRIVS,
   prctl(2)), and sockets outside of the directories and those of `own`, the admin sockets
   (landlock(7)). If no program is run also every change to files but sockets, and all system calls
   but those noded makes (seccomp(2); others fail with ENOSYS, for which libc has other ways).
   What the kernel does not have is gone without, and logged at debug. */
void sandbox_enter(struct sandbox *sandbox, const struct address *own, size_t nown);

#endif
