#!/usr/bin/env python3
"""Connects to a TCP server with many clients at once, drops them, and again; until SIGTERM.

usage: flood.py HOST:PORT COUNT flood|hold

Says "begun" when the first COUNT are on their way; with hold these stay and no more come. At its end
it says how many got through.
"""
import resource
import select
import signal
import socket
import sys
import time

PATIENCE = 2  # seconds for a round: who waits in vain, a full backlog say, gives up


def connect_all(target, count):
    """They are on their way, or refused: {descriptor: socket}."""
    clients = {}
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(target)
        clients[client.fileno()] = client
    return clients


def count_connected(clients, ended):
    poll, connected = select.poll(), 0
    for fd in clients:
        poll.register(fd, select.POLLOUT)
    waiting, deadline = len(clients), time.monotonic() + PATIENCE
    while waiting and not ended and time.monotonic() < deadline:
        for fd, events in poll.poll(100):
            poll.unregister(fd)
            waiting -= 1
            connected += not events & (select.POLLERR | select.POLLHUP)
    return connected


def main():
    if len(sys.argv) != 4 or sys.argv[3] not in ("flood", "hold"):
        sys.exit(__doc__)
    host, _, port = sys.argv[1].rpartition(":")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(int(sys.argv[2]), limit - 100)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    rounds, connected = 0, 0
    while not ended:
        clients = connect_all((host, int(port)), count)
        if rounds == 0:
            print("begun", flush=True)
        rounds += 1
        connected += count_connected(clients, ended)
        while sys.argv[3] == "hold" and not ended:
            time.sleep(0.1)
        for client in clients.values():
            client.close()
    print(f"{connected:,} connections in {rounds} rounds", flush=True)


if __name__ == "__main__":
    main()
