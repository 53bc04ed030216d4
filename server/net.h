/* Sockets as this project wants them (close-on-exec and non-blocking from birth), the descriptor
   limit, and the descriptors kept back. */
#ifndef SERVER_NET_H
#define SERVER_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "../proto/address.h"
#include "../proto/error.h"

/* A stream socket of the address's family: SOCK_CLOEXEC | SOCK_NONBLOCK; IPV6_V6ONLY for IPv6.
   Where descriptors have run out it has one of those kept back: give is net_reserve_give or
   net_margin_give. -1: errno is set. */
int net_socket(const struct address *address, bool (*give)(void));
/* A pipe to read from ends[0] what is written to ends[1]: O_CLOEXEC. Otherwise as net_socket. */
int net_pipe(int ends[2], bool (*give)(void));
/* True if fd is open and the very socket of that inode; 0, for one that was never learnt, is any.
 */
bool net_is_socket(int fd, ino_t ino);
/* True if it is a socket that listens: one that was destroyed or shut down does not (TCP). */
bool net_listens(int fd);
/* TCP_NODELAY and SO_KEEPALIVE; fd is a TCP socket. */
void net_tune(int fd);
/* fd is to be connected to that address, or to listen on it: what goes to a loopback address is not
   paced. Inherited by what is accepted. Not for Unix sockets, which never are. */
void net_unpace(int fd, const struct address *address);
/* The error pending on a socket (SO_ERROR), 0 if none. */
int net_error(int fd);
/* Closes so that the peer reads a FIN, not an RST: what it sent and nobody read is thrown away
   first (tcp(7): closing with unread data resets). Bounded: at most 1 MiB is read. local: it is a
   Unix socket. */
void net_close_gently(int fd, bool local);
/* Closes both, by one system call where their numbers are neighbours. */
void net_close_both(int a, int b);
/* Closes so that the peer sees a reset (SO_LINGER 0). */
void net_close_reset(int fd);
/* True for errors of accept(2) that concern one connection or the network for a moment, not the
   listener: ECONNABORTED, EPROTO, ENETDOWN, ..., EINTR. */
bool net_accept_is_transient(int error);
/* True for EMFILE, ENFILE, ENOBUFS, ENOMEM. */
bool net_is_shortage(int error);
/* True for the first two: closing a descriptor helps. */
bool net_is_out_of_fds(int error);
/* An error code of the wire for a failed bind or listen: EADDRINUSE address_in_use, EACCES/EPERM
   bind_denied, EADDRNOTAVAIL/EAFNOSUPPORT address_invalid, shortage limit_reached, else io_error.
 */
enum error_code net_bind_error(int error);

/* A classic-BPF filter that drops new connections (SYN without ACK) and lets everything else
   through; both families. bpf(2), socket(7) SO_ATTACH_FILTER; offset 13 is the TCP flags byte,
   because a filter on a TCP socket sees the segment from its TCP header on. Where that takes a
   privilege we lack, a minimal TTL (ip(7) IP_MINTTL) stands in. 0 or -1 with errno. */
int net_refuse_syn(int fd);
/* Undoes either, also on accepted sockets, which inherit it. */
void net_accept_syn(int fd);

/* Raises the soft descriptor limit to the hard one, or to max (0: no wish). Returns what is then
   in force. The limit before is what children get back: net_child_nofile. */
size_t net_raise_nofile(size_t max);
size_t net_child_nofile(void);
size_t net_nofile(void);

/* Descriptors 0, 1, 2 are open afterwards (on /dev/null if they were not). */
void net_sanitize_stdio(void);

/* keeper has descriptors only to be faster: shed closes them, and is false if there were none.
   NULL: nobody has any more. */
void net_shed_from(bool (*shed)(void *keeper), void *keeper);
/* A call failed with this error. True if that is EMFILE or ENFILE and such descriptors were closed:
   the caller repeats it. errno is the error again. */
bool net_shed(int error);

/* Descriptors kept for administration: opened first, given up one at a time when admin work meets
   EMFILE, taken back when there is room. */
enum { NET_RESERVE = 32 };
void net_reserve_fill(void);
/* Frees one, of those that net_shed closes or else of these; false if none is left. The caller
   repeats the call that failed. */
bool net_reserve_give(void);
/* Fills it. False if fewer than n are left of it because descriptors have run out (errno); where
   none could be had for another reason there is nothing to save. */
bool net_reserve_has(size_t n);
/* Descriptors for what serves a client beside its own, as many as that can be: the socket to a
   backend; or a pipe for a program's standard error, and another to start it as somebody else. A
   client is accepted only when they are there, so that nobody is accepted who cannot be served. */
enum { NET_MARGIN = 4 };
/* Fills it. False if it is not full because descriptors have run out (errno). */
bool net_margin_has(void);
/* As net_reserve_give. */
bool net_margin_give(void);
/* Closes all that are kept back. */
void net_kept_close(void);
/* A file to read, for administration: with a descriptor of the reserve if there is no other. NULL:
   errno is set. */
FILE *net_fopen(const char *path);
/* The number that a file of /proc/sys begins with; `otherwise` if it cannot be read. */
unsigned net_setting(const char *path, unsigned otherwise);

#endif
