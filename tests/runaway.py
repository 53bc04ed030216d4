#!/usr/bin/env python3
"""A program that leaves processes behind, as a test of noded's wants them: in sessions of their own,
away from its process group, without its descriptors.

usage: runaway daemons N    N daemons, forked twice
       runaway line N       N processes, each the child of the one before, each in its own session
       runaway tree N       2^N processes of all ages
       runaway hop N        N that fork and exit over and over, for 20 seconds at most
       runaway stroll N     as hop, slowly, for a minute at most
       runaway stay N       N daemons, then reads until the end of its input
       runaway session N    N that lost their parent, but not their session; then reads as above

They are found by the path this program was run by, and as long as any of them lives that file is
locked. Those that do nothing do so for ten minutes.
"""
import fcntl
import os
import sys
import time


def leave():
    """Nobody's end of file waits for us."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def idle(there=None):
    if there is not None:
        os.write(there, b"x")
        os.close(there)
    time.sleep(600)
    os._exit(0)


def orphan(run, session=True):
    """A process that runs `run`; its parent has ended when this returns."""
    pid = os.fork()
    if pid == 0:
        if session:
            os.setsid()
        if os.fork() == 0:
            leave()
            if session:
                os.setsid()
            run()
            os._exit(0)
        os._exit(0)
    os.waitpid(pid, 0)


def line(count, there):
    for _ in range(count - 1):
        if os.fork():
            idle(there)
        os.setsid()
    idle(there)


def tree(depth, there):
    for _ in range(depth):
        if os.fork() == 0:
            os.setsid()
    idle(there)


def grow(kind, count):
    """Returns when all of them are there."""
    reader, writer = os.pipe()
    if kind == "line":
        orphan(lambda: line(count, writer))
    else:
        orphan(lambda: tree(count, writer))
    missing = count if kind == "line" else 2 ** count
    while missing:
        missing -= len(os.read(reader, missing))


def hop(seconds=20, pause=0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
        os.setsid()
        time.sleep(pause)


def stroll():
    hop(60, 0.02)


def main():
    kind, count = sys.argv[1], int(sys.argv[2])
    fcntl.flock(os.open(sys.argv[0], os.O_RDONLY), fcntl.LOCK_SH)
    if kind in ("line", "tree"):
        grow(kind, count)
    else:
        for _ in range(count):
            orphan({"hop": hop, "stroll": stroll}.get(kind, idle), session=kind != "session")
    print("left", flush=True)
    if kind in ("stay", "session"):
        while os.read(0, 4096):
            pass


main()
