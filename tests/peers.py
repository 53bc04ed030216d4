"""Both sides of a server under test: clients and backends that do exactly what a test tells them.

Addresses are those of noded. Sockets time out after PATIENCE, so that nothing waits for ever."""
import hashlib
import json
import os
import random
import resource
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from socket import SHUT_WR, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET

from admin_client import PATIENCE, Admin, expect, until
from clients import connect

__all__ = ["Admin", "Listener", "Node", "PATIENCE", "SHUT_WR", "SOL_SOCKET", "SO_RCVBUF",
           "SO_SNDBUF", "connect", "ended", "exchange", "expect", "fill", "hashlib", "os",
           "read_all", "receive", "reset", "resident", "send_all", "socket", "sys", "until"]

_, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))


class Node(Admin):
    """The noded of the test, with servers by address."""

    def serve(self, address, handler=None, **members):
        """Starts a server; tcp: and unix: stand for a new address of that kind. Its bound one."""
        if handler:
            members["handler"] = handler
        return self.result("start", address=new_address(address), **members)["server"]["address"]

    def forward(self, address, backend, connect_timeout_ms=None, **members):
        handler = {"type": "forward", "backend": backend}
        if connect_timeout_ms:
            handler["connect_timeout_ms"] = connect_timeout_ms
        return self.serve(address, handler, **members)

    def exec(self, address, *argv, **members):
        return self.serve(address, {"type": "exec", "argv": argv}, **members)

    def at(self, address, keys):
        return self.state(f"transport.servers[{address}].{keys}")

    def pool(self, address):
        return self.at(address, "connection_pool")

    def until_at(self, address, keys, **condition):
        return self.wait(f"transport.servers[{address}].{keys}", timeout_ms=30000, **condition)

    def connections(self, address):
        return self.result("list_connections", server=address)["connections"]

    def close_connection(self, number, **more):
        """Ends one connection; the reason it ended for."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "close_connection",
                   "params": {"id": number, **more}}
        self.send(json.dumps(message))
        return self.reply()["result"]["reason"]

    def until_open(self, address, count):
        self.until_at(address, "connection_pool.open", equals=count)

    def until_ended(self, address, reason, count=1):
        """Waits until so many have ended for that reason; the newest of last_closed."""
        path = f"transport.servers[{address}].connection_pool.closed[{reason}]"
        reply = self.call("wait", path=path, equals=count, timeout_ms=30000)
        if "error" in reply:
            raise AssertionError(f"not ended by {reason}: {self.pool(address)}")
        return self.pool(address)["last_closed"][0]


def new_address(address):
    if address == "tcp:":
        return "tcp:127.0.0.1:0"
    if address == "unix:":
        return f"unix:{os.environ['T']}/s{random.getrandbits(32):x}.sock"
    return address


class Listener:
    """A backend: kind is "tcp:" or "unix:", address where it listens."""

    def __init__(self, kind, backlog=128):
        if kind == "tcp:":
            self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
            self.address = "tcp:%s:%d" % self.socket.getsockname()
        else:
            path = f"{os.environ['T']}/foreign/b{random.getrandbits(32):x}.sock"
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
            self.socket.listen(backlog)
            self.address = f"unix:{path}"
        self.socket.settimeout(PATIENCE)

    def accept(self):
        peer, _ = self.socket.accept()
        peer.settimeout(PATIENCE)
        return peer

    def close(self):
        """A Unix path stays, with nobody behind it."""
        self.socket.close()


def send_all(peer, size, seed):
    """Bytes nobody can guess, in pieces of any length, then the end; their hash."""
    chance, digest = random.Random(seed), hashlib.sha256()
    while size:
        data = chance.randbytes(min(size, chance.choice((1, 100, 5000, 70000, 300000))))
        peer.sendall(data)
        digest.update(data)
        size -= len(data)
    peer.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def receive(peer, seed=0):
    """Everything until the end, in pieces of any length: how many bytes, and their hash."""
    chance, digest, size = random.Random(seed), hashlib.sha256(), 0
    while data := peer.recv(chance.choice((1, 1000, 65536, 400000))):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


def exchange(one, other, up, down):
    """Sends `up` bytes from one to the other and `down` back, at once, each with the end behind
    it; checks that just these arrive."""
    seed = random.getrandbits(32)
    print(f"exchange: {up} up, {down} down, seed {seed}", file=sys.stderr)
    with ThreadPoolExecutor(4) as pool:
        sent = pool.submit(send_all, one, up, seed), pool.submit(send_all, other, down, seed + 1)
        got = pool.submit(receive, other, seed + 2), pool.submit(receive, one, seed + 3)
        expect(got[0].result(), (up, sent[0].result()), "up")
        expect(got[1].result(), (down, sent[1].result()), "down")


def read_all(peer):
    data = b""
    while more := peer.recv(65536):
        data += more
    return data


def reset(peer):
    """Closes with a reset (TCP)."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def ended(peer):
    """How it ended for this side, once it has: "closed" or "reset"; what came before is read."""
    try:
        while peer.recv(1 << 20):
            pass
        return "closed"
    except ConnectionResetError:
        return "reset"


def fill(peer, still=0.5, most=1 << 28):
    """Sends until nothing has been taken for `still` seconds; how many bytes."""
    sent, data = 0, b"x" * 65536
    peer.settimeout(still)
    try:
        while sent < most:
            sent += peer.send(data)
    except TimeoutError:
        pass
    finally:
        peer.settimeout(PATIENCE)
    return sent


def resident():
    """Bytes of memory noded has."""
    with open(f"/proc/{os.environ['NODED_PID']}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
