"""10,000 open connections: what they take, what it costs to end them, and who has to wait then."""
import copy
import json
import os
import resource
import threading
import time

from harness import Figure, group, metric, target, tree_of
from peers import NODED, Haproxy, Nginx, Noded, Subject

MANY = 10000
SPARE = 120  # descriptors that are no connection's

group("memory", "Memory of idle connections", """So many are opened that 10,000 are, or as many as
      the descriptor limit lets; each has had one byte echoed and is idle. What the server's
      resident memory grew by, kernel memory aside, and its descriptors.""")
group("stop", "Ending 10,000 connections", """noded stops a server by force, or lets it drain while
      its clients leave at once. The bare loop accepts as many and closes them one after the other:
      what that takes is the kernel's.""")
group("stall", "Who has to wait", """The longest that a client with one connection waited for an echo
      of 64 bytes while noded did something with 10,000 connections of another server, or for its
      operator. What it does it for runs on the other processors, where there are some.""")


def most(each):
    """Connections that can be open if each takes so many descriptors of a process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(MANY, (hard - SPARE) // each)


def elsewhere(stage, program):
    """Lets it run on the processors that are not measured on."""
    others = os.sched_getaffinity(0) - stage.bench.cpus
    os.sched_setaffinity(program.pid, others or stage.bench.cpus)
    return program


def crowd(stage, address, each=1, size=0):
    """Opens them; the load, and how many."""
    count = stage.amount(most(each), NODED, 10)
    return stage.load("idle", address, "--clients", count, "--size", size), count


# --- memory -------------------------------------------------------------------------------------

def resident(pids):
    """Bytes of the processes and those below them."""
    pages = 0
    for pid in tree_of(pids):
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages += int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def descriptors(pids):
    """Of the same."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in tree_of(pids))


class Unlimited(Noded):
    """noded with a server whose connections are not limited."""

    def forward(self, stage, front, back, launch=()):
        server = self.start(stage, launch)
        server.address = server.ask("start", "tcp:127.0.0.1:0", "forward", back,
                                    "--max-connections", "none")
        return server


class Echo(Unlimited):
    """The same, with echo."""
    label, kind = "noded echo", "reference"

    def forward(self, stage, front, back, launch=()):
        server = self.start(stage, launch)
        server.address = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
        return server


def roomy(peer):
    """The same peer, for as many connections."""
    peer = copy.copy(peer)
    peer.connections = MANY
    return peer


@metric("memory", "an idle connection",
        [Figure("resident", "resident memory", "bytes", chart=True),
         Figure("descriptors", "descriptors", "")],
        [Unlimited(), Echo(), roomy(Haproxy("HAProxy", "shipped")), roomy(Nginx("nginx", "shipped"))],
        rounds=1, warm=False)
def memory(stage, subject):
    """Of one server."""
    if hasattr(subject, "connections"):
        subject.connections = most(2) + SPARE // 4
    server = subject.forward(stage, "tcp", stage.backend("echo", "tcp"))

    def measure(share=1, check=False):
        del share, check
        before = resident(server.pids()), descriptors(server.pids())
        load, count = crowd(stage, server.address, each=2, size=1)
        after = resident(server.pids()), descriptors(server.pids())
        stage.end(load)
        server.check_alive()
        return {"resident": (after[0] - before[0]) / count,
                "descriptors": (after[1] - before[1]) / count}
    return measure


target("memory", "bytes of a forwarded connection, not a ratio", 512,
       lambda results: results.median("memory", "noded", "resident"))
target("memory", "bytes of an echoed connection, not a ratio", 400,
       lambda results: results.median("memory", "noded echo", "resident"))
target("memory", "descriptors of a forwarded connection, not a ratio", 2,
       lambda results: results.median("memory", "noded", "descriptors"))
target("memory", "descriptors of an echoed connection, not a ratio", 1,
       lambda results: results.median("memory", "noded echo", "descriptors"))


# --- stopping -----------------------------------------------------------------------------------

class Way(Subject):
    """One way to end them: end(stage) returns (seconds of processor time, seconds, count)."""
    kind, program = "reference", None

    def __init__(self, label, end, kind="reference"):
        self.label, self.end, self.kind = label, end, kind

    def missing(self):
        return None

    def version(self):
        return NODED.version()


def bare(stage):
    """The loop that does nothing else."""
    count = stage.amount(most(1), NODED, 10)
    closer = stage.spawn(stage.bench.programs / "closer", "tcp:127.0.0.1:0", count)
    load = stage.load("idle", closer.line(), "--clients", count, "--size", 0)
    closer.line()
    began = time.monotonic()
    closer.tell()
    cpu = float(closer.line()) / 1e6
    seconds = time.monotonic() - began
    stage.end(closer)
    stage.end(load)
    return cpu, seconds, count


def stopping(leave, *how):
    """noded; `leave`: the clients do, once it is told."""
    def end(stage):
        server = NODED.start(stage)
        address = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
        load, count = crowd(stage, address)
        cpu, began = server.settled_cpu(), time.monotonic()
        asked = threading.Thread(target=server.ask, args=("stop-server", address, *how))
        asked.start()
        if leave:
            stage.end(load)
        asked.join()
        seconds = time.monotonic() - began
        cpu = server.settled_cpu() - cpu
        if not leave:
            stage.end(load)
        stage.end(server.programs[0])
        return cpu, seconds, count
    return end


BARE, FORCE = Way("bare loop", bare), Way("noded, by force", stopping(False, "--now"), "noded")
DRAIN = Way("noded, drained", stopping(True, "--deadline", "60s"), "noded")


@metric("stop", "10,000 connections", [Figure("cpu", "CPU per connection", "us", chart=True),
                                       Figure("seconds", "time", "ms")], [BARE, FORCE, DRAIN],
        warm=False)
def stop(stage, subject):
    """One way."""
    def measure(share=1, check=False):
        del share, check
        cpu, seconds, count = subject.end(stage)
        return {"cpu": cpu / count * 1e6, "seconds": seconds * 1e3}
    return measure


target("stop", "CPU to stop by force to that of a bare loop", 1.3,
       lambda results: results.to("stop", "cpu", FORCE.label, BARE.label))


# --- stalls -------------------------------------------------------------------------------------

class Deed(Way):
    """What noded does meanwhile: end(stage, server, address), the crowd's being there or not."""

    def __init__(self, label, end, crowded=True, kind="noded"):
        super().__init__(label, end, kind)
        self.crowded = crowded


def listed(stage, server, address):
    """Twice, both ways."""
    del stage, address
    for _ in range(2):
        server.ask("list-connections")
        server.ask("--json", "list-connections")


def read(stage, server, address):
    """The whole state, one request after the other."""
    del address
    asking = elsewhere(stage, stage.load(
        "ask", f"unix:{server.socket}", "--expect", "\n", "--count", 2000, "--request",
        '{"jsonrpc":"2.0","id":1,"method":"state"}\n'))
    stage.run(asking)
    stage.end(asking)


def flood(stage, server, address):
    """They come as fast as they can."""
    del server
    load = crowd_elsewhere(stage, address)
    stage.end(load)


def crowd_elsewhere(stage, address):
    """Opens them, from other processors."""
    count = stage.amount(most(1), NODED, 10)
    load = elsewhere(stage, stage.spawn(stage.bench.programs / "load", "idle", address, "--clients",
                                        count, "--size", 0))
    load.line()
    return load


DEEDS = [
    Deed("nothing", lambda stage, server, address: time.sleep(0.5), kind="reference"),
    Deed("listed", listed),
    Deed("state", read),
    Deed("accepted", flood, crowded=False),
    Deed("stopped by force",
         lambda stage, server, address: server.ask("stop-server", address, "--now")),
    Deed("clients leave", None),
]


def leave(stage, server, address, load):
    """All at once, while the server drains."""
    asked = threading.Thread(target=server.ask, args=("stop-server", address, "--deadline", "60s"))
    asked.start()
    stage.end(load)
    asked.join()


@metric("stall", "one client of another server",
        [Figure("max", "longest wait", "us", chart=True), Figure("p99", "99 % take at most", "us")],
        DEEDS, warm=False)
def stall(stage, subject):
    """While one thing is done."""
    server = NODED.start(stage)
    quiet = server.ask("start", "tcp:127.0.0.1:0")

    def measure(share=1, check=False):
        del share, check
        address = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
        load = crowd_elsewhere(stage, address) if subject.crowded else None
        client = stage.load("pingpong", quiet, "--count", 0)
        client.tell()
        time.sleep(0.1)
        if subject.end:
            subject.end(stage, server, address)
        else:
            leave(stage, server, address, load)
        client.tell()
        report = json.loads(client.line())
        stage.end(client)
        if load in stage.programs:
            stage.end(load)
        server.ask("stop-server", address, "--now", "--if-exists")
        return {"max": report["max"], "p99": report["p99"]}
    return measure


def longer(results):
    """The worst of them, above nothing."""
    nothing = results.median("stall", "nothing", "max")
    found = [(results.median("stall", deed.label, "max") - nothing, deed.label) for deed in DEEDS
             if nothing is not None and results.median("stall", deed.label, "max") is not None]
    return max(found, default=None)


target("stall", "longest wait of a client, not a ratio but us above that while nothing is done", 3000, longer)
