"""Bytes on their way: backends that fail, peers that leave, and what is read and written slowly."""
import contextlib
import hashlib
import os
import socket
import sys
import threading

from harness import expect, parse, quick_connect, reset, resident, until
from peers import Listener, ended, exchange, fill, read_all
from registry import fault, namespaces

# One line, and one that counts those like it when its server ends.
COUNTED = (1, 2)
MOST_KEPT = 4 << 20  # bytes of memory one connection that is not read from may cost


def forward(run, backend, timeout=None, kind="tcp:127.0.0.1:0", **members):
    handler = {"type": "forward", "backend": backend}
    if timeout:
        handler["connect_timeout_ms"] = timeout
    return run.start(kind, handler=handler, **members)


def nowhere_to_go(run, backend, reason, times=10, timeout=None):
    address = forward(run, backend, timeout)
    clients = [run.client(address) for _ in range(times)]
    for client in clients:
        expect(read_all(client), b"")
        client.close()
    run.node.await_at(address, f"connection_pool.closed[{reason}]", equals=times)
    expect(run.node.state("transport.client_connection_pool.open"), 0)
    run.stop(address)


# --- the backend ---

@fault("backend", lines=COUNTED)
def backend_refuses(run):
    """refused, TCP: ten clients closed, one line"""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
        backend = "tcp:%s:%d" % other.getsockname()
    nowhere_to_go(run, backend, "error:ECONNREFUSED")


@fault("backend", lines=(2, 4))
def backend_dead_socket(run):
    """refused and missing, Unix"""
    dead = f"{run.tmp}/dead"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(dead)
    nowhere_to_go(run, f"unix:{dead}", "error:ECONNREFUSED")
    nowhere_to_go(run, f"unix:{run.tmp}/missing", "error:ENOENT")


@fault("backend", needs=["strace"], quick=False, lines=COUNTED)
def backend_unreachable(run):
    """unreachable: connect says EHOSTUNREACH"""
    with run.strace("connect:error=EHOSTUNREACH"):
        nowhere_to_go(run, "tcp:127.0.0.1:9", "error:EHOSTUNREACH")


@fault("backend", lines=COUNTED)
def backend_black_hole(run):
    """a black hole: nobody answers, the time runs out"""
    silent = Listener("tcp:", backlog=0)
    taken = quick_connect(silent.address)
    nowhere_to_go(run, silent.address, "error:ETIMEDOUT", timeout=300)
    taken.close()
    silent.close()


@fault("backend", lines=COUNTED)
def backend_full(run):
    """its backlog is full, Unix, until the time runs out"""
    path = f"unix:{run.tmp}/full"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(parse(path)[1])
        other.listen(0)
        taken = quick_connect(path)
        nowhere_to_go(run, path, "error:ETIMEDOUT", timeout=300)
        taken.close()


@fault("backend")
def backend_full_then_not(run):
    """its backlog is full for a moment, Unix: the client waits and is served"""
    path = f"unix:{run.tmp}/full"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(parse(path)[1])
        other.listen(0)
        taken = quick_connect(path)
        address = forward(run, path, 30000)
        client = run.client(address)
        run.node.wait("transport.client_connection_pool.connecting", equals=1, timeout_ms=10000)
        other.accept()[0].close()
        taken.close()
        behind, _ = other.accept()
        client.sendall(b"hello")
        expect(behind.recv(10), b"hello")
        behind.close()
        expect(read_all(client), b"")
        client.close()
    run.stop(address)


@fault("backend")
def backend_dies(run):
    """dies in the middle of a stream: the client is reset, or closed, in time"""
    backend = Listener("tcp:")
    address = forward(run, backend.address)
    for leave, how in ((reset, "reset"), (socket.socket.close, "closed")):
        client = run.client(address)
        behind = backend.accept()
        client.sendall(b"x" * 1000)
        expect(len(behind.recv(1000)) > 0, True)
        behind.sendall(b"y" * 1000)
        leave(behind)
        assert ended(client) in (how, "closed", "reset")
        client.close()
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)
    backend.close()


@fault("backend", lines=COUNTED)
def backend_is_killed(run):
    """a backend process is killed with 20 streams under way"""
    port = run.subject.port()
    backend = run.spawn([sys.executable, "-c", "import socket, sys\n"
                         f"s = socket.create_server(('127.0.0.1', {port}))\n"
                         "held = []\nwhile True: held.append(s.accept()[0])"])
    until(lambda: connects(f"tcp:127.0.0.1:{port}"))
    address = forward(run, f"tcp:127.0.0.1:{port}")
    held = [run.client(address) for _ in range(20)]
    for client in held:
        client.sendall(b"x" * 100000)
    run.node.wait("transport.client_connection_pool.open", equals=20, timeout_ms=10000)
    backend.kill()
    for client in held:
        assert ended(client) in ("closed", "reset")
    backend.wait()  # the kernel closes its listener last: until then it still takes one, to reset it
    late = run.client(address)
    expect(read_all(late), b"")
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)


def connects(address):
    try:
        quick_connect(address).close()
        return True
    except OSError:
        return False


# --- streams ---

def both_ends(run, kind):
    backend = Listener(kind)
    where = "tcp:127.0.0.1:0" if kind == "tcp:" else f"unix:{run.dir}/x.sock"
    address = forward(run, backend.address, kind=where)
    return backend, address


def exact(name, doc, quick=True, needs=(), injection=None, size=2 << 20, small=False):
    """Two megabytes each way at once, byte for byte, over TCP and Unix."""
    def stream(run):
        with run.strace(*injection) if injection else contextlib.nullcontext():
            for kind in ("tcp:", "unix:"):
                backend, address = both_ends(run, kind)
                client = connect_small(address) if small else quick_connect(address, 60)
                behind = backend.accept()
                if small:
                    behind.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                with open(os.devnull, "w", encoding="ascii") as null, \
                        contextlib.redirect_stderr(null):
                    exchange(client, behind, size, size)
                client.close()
                behind.close()
                run.node.await_at(address, "connection_pool.open", equals=0)
                run.stop(address)
                backend.close()
    stream.__name__, stream.__doc__ = name, doc
    fault("streams", needs=needs, quick=quick)(stream)


def connect_small(address):
    """A peer with the smallest buffers the kernel gives."""
    family, target = parse(address)
    client = socket.socket(family)
    client.settimeout(60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    client.connect(target)
    return client


exact("stream_both_ways", "both ways at once, then half-close in both directions")
exact("stream_small_buffers", "peers with the smallest buffers: short writes", small=True,
      size=60000)
for call in ("read,readv,recvfrom,recvmsg", "write,writev,sendto,sendmsg", "splice"):
    for error in ("EINTR", "EAGAIN"):
        exact(f"stream_{call.partition(',')[0]}_{error}",
              f"{error} from every third {call.replace(',', ', ')}", quick=False,
              needs=["strace"], size=300000, injection=[f"{call}:error={error}:when=3+3"])


@fault("streams")
def half_closed(run):
    """clients that half-close and read on, 100 times, TCP and Unix"""
    for address in (run.subject.tcp, run.subject.unix) * 50:
        client = run.client(address)
        client.sendall(b"hello" * 100)
        client.shutdown(socket.SHUT_WR)
        expect(read_all(client), b"hello" * 100)
        client.close()


@fault("streams", peers=True, repeat=True)
def reset_in_the_middle(run):
    """clients that reset in the middle of a stream"""
    for _ in range(50):
        client = run.client()
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client.send(b"x" * 200000)
        reset(client)
    run.returns()


@fault("streams", repeat=True)
def slow_reader(run):
    """20 clients that write and never read: bounded memory, others served"""
    before = resident(run.pid)
    held = [run.client(run.subject.unix) for _ in range(20)]
    writers = [threading.Thread(target=fill, args=(client, 0.3, 1 << 26)) for client in held]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    run.subject.visit()
    grown = resident(run.pid) - before
    assert grown < 20 * MOST_KEPT
    run.leave(held)
    run.node.await_at(run.subject.unix, "connection_pool.open", equals=0)


@fault("streams")
def slow_writer(run):
    """a client that writes a byte at a time, and one that leaves between"""
    digest = hashlib.sha256()
    client, other = run.client(), run.client(run.subject.unix)
    for number in range(500):
        byte = bytes([number % 256])
        client.sendall(byte)
        digest.update(client.recv(1))
        if number == 250:
            other.close()
    expect(digest.hexdigest(), hashlib.sha256(bytes(n % 256 for n in range(500))).hexdigest())
    client.close()


@fault("streams")
def idle_peers(run):
    """vanished peers: the idle time-out ends them, with no line"""
    address = run.start("tcp:127.0.0.1:0", idle_timeout_ms=300)
    held = run.clients(20, address)
    for client in held:
        expect(read_all(client), b"")
    run.node.await_at(address, "connection_pool.closed.idle", equals=20)
    run.leave(held)
    run.stop(address)


@fault("streams", needs=["netns"], quick=False, starts=True)
def vanished_peer(run):
    """the network goes away under connections, which then are stopped"""
    script = 'ip link set lo up; exec "$@"'
    run.begin_with(launch=["unshare", *namespaces(), "--net", "sh", "-c", script, "-"],
                   serve=False)
    address = run.start("tcp:127.0.0.1:0")
    inside = ["nsenter", "-t", run.pid, "-n"]
    port = address.rpartition(":")[2]
    run.spawn([*inside, sys.executable, "-c", "import socket, time\n"
               f"s = [socket.create_connection(('127.0.0.1', {port})) for _ in range(5)]\n"
               "time.sleep(600)"])
    run.node.await_at(address, "connection_pool.open", equals=5)
    run.command(*inside, "ip", "link", "set", "lo", "down")
    expect(run.stop(address, deadline_ms=300)["drained"], 0)


# --- the peer closes while it is written to ---

@fault("peer-closes", repeat=True)
def peer_closes(run):
    """peers that close with much unread, echo and forward, TCP and Unix"""
    for address in (run.subject.tcp, run.subject.unix):
        for _ in range(10):
            client = run.client(address)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(50):
                    client.send(b"x" * 65536)
            client.close()
        run.node.await_at(address, "connection_pool.open", equals=0)


@fault("peer-closes", repeat=True)
def backend_closes(run):
    """a backend that closes while it is written to"""
    backend, address = both_ends(run, "tcp:")
    for _ in range(10):
        client = run.client(address)
        behind = backend.accept()
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            for _ in range(50):
                client.send(b"x" * 65536)
        behind.close()
        client.settimeout(60)
        assert ended(client) in ("closed", "reset")
        client.close()
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)
    backend.close()


@fault("peer-closes", needs=["strace"], quick=False)
def writes_fail(run):
    """every write says EPIPE, ECONNRESET, ENOBUFS or ETIMEDOUT"""
    for error in ("EPIPE", "ECONNRESET", "ENOBUFS", "ETIMEDOUT"):
        with run.strace(f"write,writev,sendto,sendmsg:error={error}:when=1..20"):
            for _ in range(5):
                client = run.client()
                client.settimeout(0.3)
                with contextlib.suppress(OSError):
                    client.sendall(b"hello")
                    client.recv(5)
                client.close()
        run.returns()
