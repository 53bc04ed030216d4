#!/usr/bin/env python3
"""Does to a descriptor of another process what one who shares its socket can do.

usage: sharer.py PID FD shutdown     shuts the socket down in both directions
       sharer.py PID FD option NAME  prints an integer socket option, SO_NAME or TCP_NAME
"""
import ctypes
import os
import socket
import sys

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # the same number on every architecture (pidfd_open(2))


def system_call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def take(pid, fd):
    pidfd = system_call(PIDFD_OPEN, pid, 0)
    try:
        return socket.socket(fileno=system_call(PIDFD_GETFD, pidfd, fd, 0))
    finally:
        os.close(pidfd)


def main():
    words = sys.argv[1:]
    if len(words) < 3 or words[2:] != ["shutdown"] and words[2] != "option":
        sys.exit(__doc__)
    with take(int(words[0]), int(words[1])) as shared:
        if words[2] == "shutdown":
            shared.shutdown(socket.SHUT_RDWR)
            return
        name = words[3]
        level = socket.IPPROTO_TCP if name.startswith("TCP_") else socket.SOL_SOCKET
        print(shared.getsockopt(level, getattr(socket, name)))


if __name__ == "__main__":
    main()
