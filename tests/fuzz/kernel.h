/* The kernel that the node target runs noded on: descriptors, sockets, paths, processes, signals
   and a clock, all in memory and driven by the world outside (world.h). A function model_NAME
   stands in for the libc function NAME wherever the server and libev call it: their objects are
   linked with these names changed (objcopy --redefine-syms), so they run as they were built. */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

/* Declares and defines what stands in for a function of libc. */
#define CALL(type, name, ...)                                                                      \
	type model_##name(__VA_ARGS__);                                                            \
	type model_##name(__VA_ARGS__)

enum {
	FD_MAX = 160,	      /* descriptors a process may have at most */
	SOCKET_BUFFER = 4096, /* bytes a receiver holds; small, so that writes often are short */
	PIPE_BUFFER = 4096,
	QUEUE_MAX = 16, /* connections a listener holds at most, whatever its backlog */
	OUR_UID = 1000,
	OUR_PID = 100,
	TEXT_MAX = 1024,
};

/* -- what can fail: `fail NAME ERRNO COUNT SKIP` -- */

#define FAULTS(X)                                                                                  \
	X(accept4)                                                                                 \
	X(bind)                                                                                    \
	X(calloc)                                                                                  \
	X(clone)                                                                                   \
	X(close_range)                                                                             \
	X(connect)                                                                                 \
	X(dup3)                                                                                    \
	X(epoll_ctl)                                                                               \
	X(execve)                                                                                  \
	X(fopen)                                                                                   \
	X(getpeername)                                                                             \
	X(getsockname)                                                                             \
	X(getsockopt)                                                                              \
	X(listen)                                                                                  \
	X(lstat)                                                                                   \
	X(malloc)                                                                                  \
	X(open)                                                                                    \
	X(pipe2)                                                                                   \
	X(poll)                                                                                    \
	X(read)                                                                                    \
	X(realloc)                                                                                 \
	X(recv)                                                                                    \
	X(renameat2)                                                                               \
	X(send)                                                                                    \
	X(setsockopt)                                                                              \
	X(shutdown)                                                                                \
	X(socket)                                                                                  \
	X(splice)                                                                                  \
	X(stat)                                                                                    \
	X(strdup)                                                                                  \
	X(unlink)                                                                                  \
	X(write)

enum fault {
#define X(name) FAULT_##name,
	FAULTS(X)
#undef X
	    FAULT_COUNT
};

/* The next calls of this kind, after `skip` of them, fail so often. count 0: takes the rule back.
 */
void kernel_fail(enum fault fault, int error, unsigned count, unsigned skip);
/* Nothing fails any more. */
void kernel_heal(void);
/* True, and errno is set: the call that asks fails. */
bool fault(enum fault fault);
/* How many calls of this kind have failed for that. */
unsigned kernel_failed(enum fault fault);

/* -- files -- */

enum file_kind {
	KIND_NULL,   /* /dev/null */
	KIND_STDERR, /* the log */
	KIND_INODE,  /* a directory, or anything by O_PATH */
	KIND_TEXT,   /* of /proc */
	KIND_SOCKET,
	KIND_PIPE_READ,
	KIND_PIPE_WRITE,
	KIND_EVENT,  /* eventfd(2) */
	KIND_SIGNAL, /* signalfd(2) */
	KIND_EPOLL,
};

enum sock_state {
	SOCK_FRESH, /* maybe bound */
	SOCK_LISTENING,
	SOCK_CONNECTING, /* TCP, no answer yet */
	SOCK_CONNECTED,
	SOCK_DEAD, /* a listener destroyed or shut down, a connect that failed */
};

struct name {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct sock {
	int type;
	enum sock_state state;
	struct name local, remote; /* len 0: unbound; AF_UNIX without a name: just the family */
	struct file *peer;	   /* NULL once it is closed */
	unsigned char in[SOCKET_BUFFER];
	size_t len;
	bool urgent;	       /* TCP: a byte that is none of the stream is waiting, */
	size_t ahead;	       /* behind so many of those in `in` */
	bool eof;	       /* the peer has ended its side */
	bool shut_rd, shut_wr; /* this side did */
	bool reset;
	int error; /* SO_ERROR */
	bool reuse, linger_reset, filter;
	bool called_connect; /* noded's, to a backend (or a probe) */
	uid_t peer_uid;
	mode_t mode; /* fchmod(2) before bind */
	struct inode *bound;
	struct file *queue[QUEUE_MAX];
	size_t nqueue, backlog;
};

struct fifo {
	unsigned char bytes[PIPE_BUFFER];
	size_t len;
	unsigned readers, writers;
};

struct file {
	TAILQ_ENTRY(file) link;
	enum file_kind kind;
	unsigned refs; /* descriptors, queues, the world's own */
	bool nonblock;
	bool foreign; /* none of noded's: a library opened it behind its back */
	ino_t ino;
	struct inode *inode;
	struct sock *sock;
	struct fifo *pipe;
	uint64_t count; /* of an eventfd; of a signalfd the signals it reads, a bit each */
	char text[TEXT_MAX];
	size_t at;
};

struct slot {
	struct file *file;
	bool cloexec;
};

struct inode {
	TAILQ_ENTRY(inode) link;
	char path[128]; /* "": unlinked, but open */
	mode_t mode;	/* with its type */
	uid_t uid;
	ino_t ino;
	unsigned opens;
	struct file *socket; /* bound to it and open; NULL: dead */
	bool by_noded;	     /* noded made it */
	bool touched;	     /* the world renamed or removed it, or its directory */
	bool read_only;	     /* a directory on a file system that is */
};

struct process {
	TAILQ_ENTRY(process) link;
	pid_t pid, group, session, parent;
	bool zombie, stubborn, signalled;
	int status;
	unsigned died;	/* order of death */
	uint64_t ended; /* time of it, or of becoming a zombie of ours */
	struct file *fd[3];
};

TAILQ_HEAD(process_list, process);
TAILQ_HEAD(inode_list, inode);
TAILQ_HEAD(file_list, file);

struct kernel {
	uint64_t now;	 /* nanoseconds of CLOCK_MONOTONIC */
	int64_t wall;	 /* CLOCK_REALTIME less that */
	uint64_t cost;	 /* nanoseconds of one call */
	struct slot *fd; /* of noded, or of its child between clone and execve */
	bool shared;	 /* its child has the same, and must not change them */
	size_t fd_limit;
	mode_t mask;
	uint64_t changes; /* grows with everything that changes anything but time */
	bool reverse;	  /* order in which events are told */
	unsigned fs_faults;
	struct file_list files;
	struct inode_list inodes;
	struct process_list processes;
};

extern struct kernel kernel;

/* Everything as it is before noded starts; prepares the file system. */
void kernel_boot(void);
/* Frees the model. Descriptors, processes and paths must have been looked at before. */
void kernel_halt(void);

/* A promise is broken: says which and dies. */
void violated(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

double kernel_seconds(void);
void kernel_signal(int number);

/* NULL, and EBADF: not open. */
struct file *fd_file(int fd);
/* The lowest free number, -1 and EMFILE. Takes over one reference, also on failure. */
int fd_install(struct file *file, bool cloexec);
int fd_free(void);
size_t fd_count(void);
int fd_close(int fd);

struct file *file_new(enum file_kind kind);
void file_ref(struct file *file);
void file_unref(struct file *file);
/* EPOLLIN and the like. */
uint32_t file_ready(const struct file *file);

/* -- sockets, for both sides: -1 and errno as the system calls -- */

void sock_boot(void);
struct file *sock_new(int family, int type);
uint32_t sock_ready(const struct sock *sock);
void sock_closed(struct file *file); /* the last reference is gone */
int sock_bind(struct file *file, const struct sockaddr *sa, socklen_t len, uid_t uid);
int sock_listen(struct file *file, int backlog);
int sock_connect(struct file *file, const struct sockaddr *sa, socklen_t len, uid_t uid);
struct file *sock_accept(struct file *file);
ssize_t sock_recv(struct file *file, void *to, size_t n, bool peek);
ssize_t sock_send(struct file *file, const void *from, size_t n);
/* TCP: one urgent byte, MSG_OOB. Of several only the last counts. */
void sock_urge(struct file *file);
int sock_shutdown(struct file *file, int how);
/* The peer reads an error: RST. */
void sock_reset(struct file *file);
/* `ss -K`: a TCP listener is destroyed; a Unix one is shut down by somebody who shares it. */
void sock_destroy(struct file *file);
/* Connects that were not answered are tried again. True: something came of it. */
bool socks_retry(void);

/* -- paths -- */

struct inode *inode_new(const char *path, mode_t mode, uid_t uid);
struct inode *inode_find(const char *path);
/* The one behind /proc/self/fd/N too. */
struct inode *inode_at(const char *path);
void inode_remove(struct inode *inode);
void inode_close(struct inode *inode);
/* Whether a name can be made in the directory of path: 0, or an errno. */
int directory_check(const char *path);
void fs_boot(void);
void fs_halt(void);

/* -- processes -- */

/* The nth of those that live, counted round; NULL: none does. */
struct process *process_get(unsigned n);
void process_end(struct process *process, bool signalled, int status);
struct process *process_fork(struct process *parent, bool own_group);
/* The child between clone and execve goes on with a copy of noded's descriptors. */
void process_unshare(void);
void process_boot(void);
void process_halt(void);

/* -- what the model asks of the world -- */

/* noded is about to look for events: everything is at rest. */
void world_turn(void);
/* It would sleep: the world may act. True: it did. */
bool world_idle(void);
/* The world wants to be asked again by then, at the latest. */
uint64_t world_wakes(void);
/* noded wrote to standard error. */
void world_log(const char *text, size_t n);

#endif
