"""A noded under test: its process, an admin session that does not wait, its log, its numbers."""
import collections
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import re
import resource
import socket
import stat
import subprocess
import time

from loop import READ, WRITE

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE = 60  # seconds; generous, so that a busy machine fails no test


def load(name):
    """A program of tests/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name, f"{TESTS}/{name}")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


leakcheck = load("leakcheck")


class Session:
    """Requests with callbacks; all that are open are answered with None when noded goes away."""

    def __init__(self, loop, path):
        self.loop = loop
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.open, self.number, self.input, self.output = {}, 0, b"", b""
        self.update()

    def update(self):
        self.loop.watch(self.socket.fileno(), READ | (WRITE if self.output else 0), self.event)

    def send(self, callback, method, **params):
        """callback is given the reply."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.output += json.dumps(request).encode() + b"\n"
        self.open[self.number] = callback
        if self.socket.fileno() < 0:
            self.end()
        else:
            # At once: what is done next happens while noded works on it.
            self.event(WRITE)

    def event(self, events):
        try:
            if events & WRITE:
                self.output = self.output[self.socket.send(self.output):]
            if events & READ:
                data = self.socket.recv(1 << 18)
                if not data:
                    self.end()
                    return
                self.input += data
        except BlockingIOError:
            pass
        except OSError:
            self.end()
            return
        self.update()
        *lines, self.input = self.input.split(b"\n")
        for line in lines:
            reply = json.loads(line)
            self.open.pop(reply["id"])(reply)

    def end(self):
        if self.socket.fileno() >= 0:
            self.loop.watch(self.socket.fileno(), 0, None)
            self.socket.close()
        callbacks, self.open = self.open, {}
        for callback in callbacks.values():
            callback(None)


# Classes with one line in ten seconds for each server, and its like, whatever happens.
RATED = ("unserved", "more")


class Log:
    """Reads what noded says from a small pipe, and holds it against what may be said: every line
    above debug is of a class, and a class has as many lines as it has causes."""

    # The first that matches is the class of a line.
    CLASSES = [(name, re.compile(pattern)) for name, pattern in (
        ("node", r"info +node (running|draining|stopping|stopped)"),
        ("lost", r"warning \S+ suspended: (listener_lost|path_removed)"),
        ("back", r"info +\S+ running, listening again"),
        ("suspended", r"info +\S+ suspended: requested"),
        ("started", r"info +\S+ running, (echo|discard|forward|exec)"),
        ("stopped", r"info +\S+ stopped: "),
        ("replaced", r"info +\S+ replaced a dead socket file"),
        ("short", r"warning \S+ accepting pauses"),
        ("plenty", r"info +\S+ accepting again"),
        ("unserved", r"warning \S+ (connection not served|backend \S+ cannot be reached)"),
        ("more", r"(warning|info) +\S+ \d+ more like this"),
        ("program", r"info +(\S+ (\[pid |programs wrote over)|exec killed)"),
        ("admin", r"(warning|info) +admin "),
        ("losing", r"warning log \d+ lines lost"),
    )]

    def __init__(self, loop, name):
        self.loop, self.name = loop, name
        self.causes, self.seen, self.unknown = {}, {}, []
        self.tail, self.part, self.fd, self.stops = [], b"", -1, 0
        self.began, self.servers = time.monotonic(), 0

    def pipe(self):
        """The end for noded to write to."""
        self.fd, writer = os.pipe()
        os.set_blocking(self.fd, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        self.stops = 0
        self.loop.watch(self.fd, READ, self.read)
        return writer

    def cause(self, lines=1, **more):
        """Allows lines: cause(lost=1)."""
        for name, count in more.items():
            self.causes[name] = self.causes.get(name, 0) + count * lines

    def stop(self):
        self.stops += 1
        self.loop.watch(self.fd, 0, None)

    def go_on(self, fd):
        if self.fd == fd:
            self.stops -= 1
            if not self.stops:
                self.loop.watch(self.fd, READ, self.read)

    def read(self, _=None):
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        *lines, self.part = (self.part + data).split(b"\n")
        for line in lines:
            self.line(line.decode(errors="replace"))

    def drain(self):
        """All there is, when noded has ended."""
        while self.fd >= 0:
            self.read()

    def close(self):
        if self.fd >= 0:
            self.loop.watch(self.fd, 0, None)
            os.close(self.fd)
        self.fd, self.part = -1, b""

    def line(self, line):
        level, _, _ = line[25:].partition(" ")
        if level == "debug":
            return
        self.tail = [*self.tail[-199:], line]
        for name, pattern in self.CLASSES:
            if pattern.match(line, 25):
                self.seen[name] = self.seen.get(name, 0) + 1
                return
        self.unknown.append(line)

    def allowed(self, name):
        if name in RATED:
            return self.servers * (2 + (time.monotonic() - self.began) / 10)
        return self.causes.get(name, 0)

    def wrong(self):
        for line in self.unknown:
            yield f"{self.name}: a line nothing explains: {line}"
        self.unknown = []
        for name, seen in self.seen.items():
            if seen > self.allowed(name):
                yield f"{self.name}: {seen} lines of class {name}, {self.allowed(name)} allowed"


class Node:
    def __init__(self, loop, name, directory, program):
        self.loop, self.name, self.program = loop, name, program
        self.directory = f"{directory}/{name}"
        self.path = f"{self.directory}/admin.sock"
        self.log = Log(loop, name)
        self.process = self.session = None
        self.lives = 0
        os.mkdir(self.directory)

    @property
    def pid(self):
        return self.process.pid

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def spawn(self, *before):
        """Starts the program; the end to read readiness from."""
        ready, writer = os.pipe()
        log = self.log.pipe()
        self.log.cause(node=1, replaced=1)
        self.lives += 1
        # Kept in the environment of its children: tells whose they are.
        environment = {**os.environ, "TMPDIR": self.directory}
        self.process = subprocess.Popen(
            [*before, self.program, "--socket", self.path, "--ready-fd", str(writer),
             "--drain", "2s"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writer],
            env=environment)
        os.close(writer)
        os.close(log)
        return ready

    def start(self):
        ready = self.spawn()
        deadline = time.monotonic() + PATIENCE
        os.set_blocking(ready, False)
        answer = None
        while answer is None and time.monotonic() < deadline:
            self.loop.step(0.01)
            try:
                answer = os.read(ready, 1)
            except BlockingIOError:
                pass
        os.close(ready)
        if answer != b"\n":
            raise RuntimeError(f"{self.name} did not become ready:\n" + "\n".join(self.log.tail))
        self.session = Session(self.loop, self.path)

    def kill(self):
        """As a crash would be."""
        self.process.kill()
        self.process.wait()
        self.log.drain()
        if self.session:
            self.session.end()

    def request(self, method, **params):
        """One that waits for the answer while the loop turns."""
        answer = []
        self.session.send(answer.append, method, **params)
        if not self.loop.until(lambda: answer, PATIENCE):
            raise RuntimeError(f"{self.name}: no answer to {method} {params}")
        return answer[0]

    def processes(self):
        """What it has started and what those have, wherever they are now."""
        mark = f"TMPDIR={self.directory}".encode()
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read().split(b"\0") and int(entry) != self.pid:
                        found.append(int(entry))
            except OSError:
                pass
        return found

    def limit(self, soft=None):
        """Its soft limit of descriptors; the hard limit without one."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (soft or hard, hard))

    def descriptors(self):
        """By what they are of."""
        found = leakcheck.Kernel(self.pid).fds.values()
        return collections.Counter(target.partition(":[")[0] for target in found)

    def resident(self):
        """KiB."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() // 1024

    def ticks(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            return sum(map(int, file.read().rpartition(")")[2].split()[11:13]))

    def is_sanitized(self):
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as file:
            return "libasan" in file.read()

    def sockets(self):
        """Socket files below its directory, and temporary ones of any kind."""
        found = set()
        for top, _, files in os.walk(self.directory):
            for name in files:
                path = f"{top}/{name}"
                try:
                    if stat.S_ISSOCK(os.lstat(path).st_mode) or ".noded-" in name:
                        found.add(path)
                except FileNotFoundError:
                    pass
        return found

    def look(self, others):
        """What is wrong at this moment; `others` are socket files that are not its own."""
        try:
            admin = leakcheck.Admin(self.path)
        except OSError as error:
            return [f"the admin socket: {error}"]
        try:
            wrong, _ = leakcheck.check(self.pid, admin)
            servers = admin.servers()
        finally:
            admin.stream.close()
            admin.socket.close()
        expected = {self.path}
        for address, server in servers.items():
            wrong += check_server(address, server)
            if server["listener"] and address.startswith("unix:"):
                expected.add(address.removeprefix("unix:"))
        stray = self.sockets() - others - expected
        wrong += [f"stray file: {path}" for path in sorted(stray)]
        return wrong


def check_server(address, server):
    """Whether the parts of a server's state agree."""
    phase, why, listener = server["phase"], server["why"], server["listener"]
    if phase == "running" and (listener is None or server["error"]):
        yield f"{address} is running, its listener {listener}, its error {server['error']}"
    if phase == "suspended" and (listener or
                                 why not in ("requested", "listener_lost", "path_removed")):
        yield f"{address} is suspended ({why}), its listener {listener}"
    if phase not in ("running", "suspended", "draining", "stopping"):
        yield f"{address} is {phase}"
    pool = server["connection_pool"]
    if pool["total"] != pool["open"] + sum(pool["closed"].values()):
        yield (f"{address}: of {pool['total']} connections {pool['open']} are open, "
               f"{pool['closed']} closed")
