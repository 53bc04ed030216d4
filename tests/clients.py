#!/usr/bin/env python3
"""Holds many plain connections to a server and does what it is told over a control socket.

usage: clients.py hold CONTROL N ADDRESS     clients.py probe ADDRESS
ADDRESS is tcp:HOST:PORT, unix:/PATH or /PATH. The commands are listed in tests/lib.bash.
"""
import os
import resource
import select
import socket
import struct
import sys
import time

PATIENCE = 60  # seconds; generous, so that a busy machine fails no test


def connect(address):
    if address.startswith(("unix:", "/")):
        family, target = socket.AF_UNIX, address.removeprefix("unix:")
    else:
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        target = (host.strip("[]"), int(port))
    deadline = time.monotonic() + PATIENCE
    while True:
        client = socket.socket(family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        try:
            client.connect(target)
            return client
        except BlockingIOError:  # a Unix socket with a full backlog
            client.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        except BaseException:
            client.close()
            raise


class Clients:
    def __init__(self, address):
        self.address = address
        self.clients = []
        self.received = 0

    def connect(self, count):
        self.clients += [connect(self.address) for _ in range(int(count))]
        return len(self.clients)

    def drop_closed(self):
        """Forgets connections the server has closed, once what it sent before is read."""
        poll = select.poll()
        by_fd = {client.fileno(): client for client in self.clients}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(0):
            client = by_fd[fd]
            client.setblocking(False)
            try:
                while data := client.recv(1 << 16):
                    self.received += len(data)
                self.drop(client)
            except BlockingIOError:
                client.settimeout(PATIENCE)
            except OSError:
                self.drop(client)

    def drop(self, client):
        client.close()
        self.clients.remove(client)

    def open(self):
        self.drop_closed()
        return len(self.clients)

    def get_received(self):
        self.drop_closed()
        return self.received

    def first(self, count):
        return self.clients[: int(count)]

    def echo(self, text):
        self.drop_closed()
        data, good = text.encode(), 0
        for client in self.clients:
            try:
                client.sendall(data)
                back = b""
                while len(back) < len(data) and (more := client.recv(len(data) - len(back))):
                    back += more
                good += back == data
            except OSError:
                pass
        return good

    def send(self, count, size):
        for client in self.first(count):
            client.sendall(b"x" * int(size))
        return "sent"

    def close(self, count):
        for client in self.first(count):
            self.drop(client)
        return len(self.clients)

    def reset(self, count):
        for client in self.first(count):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.close(count)

    def finish(self, count):
        for client in self.first(count):
            client.shutdown(socket.SHUT_WR)
        return "finished"

    def answer(self, line):
        command, *words = line.split(" ", 1)
        arguments = words if command == "echo" else [w for part in words for w in part.split()]
        if command == "received":
            return self.get_received()
        if command in ("open", "echo", "send", "close", "reset", "finish", "connect"):
            return getattr(self, command)(*arguments)
        return f"no such command: {command}"


def hold(control, count, address):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = Clients(address)
    clients.connect(count)
    listener = socket.socket(socket.AF_UNIX)
    # The file appears only once a connect to it succeeds.
    listener.bind(control + ".new")
    listener.listen(16)
    os.rename(control + ".new", control)
    while True:
        session, _ = listener.accept()
        with session, session.makefile("rw") as stream:
            line = stream.readline().rstrip("\n")
            if line == "quit":
                os.unlink(control)
                for client in clients.clients:
                    client.close()
                stream.write("bye\n")
                return
            try:
                stream.write(f"{clients.answer(line)}\n")
            except OSError as error:
                stream.write(f"error: {error}\n")


def main():
    if len(sys.argv) == 5 and sys.argv[1] == "hold":
        hold(*sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] == "probe":
        try:
            connect(sys.argv[2]).close()
        except OSError as error:
            sys.exit(str(error))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
