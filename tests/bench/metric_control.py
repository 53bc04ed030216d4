"""What it costs to ask: requests, whole programs, long lists."""
import json
import shutil

from harness import Failure, Figure, Server, group, metric, target
from peers import NODED, Haproxy, Subject

group("control", "Control plane", """One request at a time on one connection, each on a connection of
      its own, and 256 at a time; the program that asks is pinned to the same processor. noded is
      asked for a phase, HAProxy on its stats socket in interactive mode, redis for PONG.""")
group("process", "Whole programs", """From the start of a program to its end, its output thrown
      away. nodectl asks for the version, or stops a server that was just started; socat sends the
      same request.""")
group("list", "Long lists", """10,000 connections listed by nodectl, beside cat(1) of the same
      bytes from a file.""")

STATE = '{"jsonrpc":"2.0","id":1,"method":"state","params":{"path":"transport.phase"}}\n'
VERSION = '{"jsonrpc":"2.0","id":1,"method":"version"}\n'
ASKED = [Figure("p50", "median time", "us", chart=True), Figure("p99", "99 % take at most", "us"),
         Figure("cpu", "CPU per request", "us"), Figure("rate", "rate", "/s", less=False)]


class Asked(Subject):
    """One that answers: what it is asked, how an answer ends, and what is said first, and with a
    connection for each request."""
    first = None
    end_each = None

    def open(self, stage):
        """Starts it; the server."""
        raise NotImplementedError


class NodedAdmin(Asked):
    """Over its admin socket."""
    label, kind, program = "noded", "noded", None
    request, end = STATE, "\n"

    def missing(self):
        return None

    def version(self):
        return NODED.version()

    def open(self, stage):
        server = NODED.start(stage)
        server.address = f"unix:{server.socket}"
        return server


class HaproxyStats(Asked):
    """Over its stats socket."""
    kind, program, package = "shipped", "haproxy", "haproxy"
    end, first, end_each = "\n> ", "prompt\n", "\n\n"

    def __init__(self, command):
        self.label, self.request = f"HAProxy {command}", f"{command}\n"
        self.how = "nbthread 1, stats socket"

    def version(self):
        return Haproxy("", "").version()

    def open(self, stage):
        socket = stage.directory / "stats.sock"
        config = stage.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 100
    stats socket {socket} level admin
    stats timeout 10m
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
frontend front
    bind {stage.directory}/front.sock
""")
        program = stage.spawn("haproxy", "-db", "-q", "-f", config, pipes=False)
        return stage.wait_for(Server([program], f"unix:{socket}"))


class Redis(Asked):
    """Without saving."""
    label, kind, program, package = "redis PING", "shipped", "redis-server", "redis-server"
    request, end = "PING\r\n", "\r\n"
    how = "no saving, a Unix socket"

    def open(self, stage):
        socket = stage.directory / "redis.sock"
        program = stage.spawn("redis-server", "--port", "0", "--unixsocket", socket, "--save", "",
                              "--dir", stage.directory, pipes=False)
        return stage.wait_for(Server([program], f"unix:{socket}"))


def asking(count, *options, each=False):
    """A setup function."""
    def setup(stage, subject):
        server = subject.open(stage)
        end = subject.end_each if each and subject.end_each else subject.end
        said = ["--request", subject.request, "--expect", end]
        if subject.first and not each:
            said += ["--first", subject.first]

        def measure(share=1, check=False):
            del check
            report = stage.measure(server, "ask", *said, *options, "--count",
                                   stage.amount(count * share, subject, 256))
            units = report["units"]
            figures = {"cpu": report["cpu"] / units * 1e6, "rate": units / report["seconds"]}
            if report["p50"]:
                figures.update(p50=report["p50"], p99=report["p99"])
            return figures
        return measure
    return setup


ADMIN, SHOW = NodedAdmin(), HaproxyStats("show version")
metric("control/one", "one at a time", ASKED, [ADMIN, SHOW, HaproxyStats("show info"), Redis()])(
    asking(20000))
metric("control/each", "a connection each", ASKED, [ADMIN, SHOW, Redis()])(
    asking(5000, "--each", each=True))
metric("control/ahead", "256 at a time", ASKED[2:], [ADMIN, Redis()])(
    asking(100000, "--clients", 256))


def rate_ahead(results):
    """With the one processor for both ends."""
    return results.median("control/ahead", "noded", "rate")


target("control", "requests a second on one connection, 256 at a time", 100000, rate_ahead,
       least=True)
target("control", "median time of one request to HAProxy's show version", 1,
       lambda results: results.to("control/one", "p50", "noded", SHOW.label))


# --- whole programs -----------------------------------------------------------------------------

class Whole(Subject):
    """A program that is run again and again; command(stage) returns its argv."""
    kind = "reference"

    def __init__(self, label, command, program=None, package=None, kind="reference"):
        self.label, self.command, self.kind = label, command, kind
        self.program, self.package = program, package

    def missing(self):
        if self.program is None or shutil.which(self.program):
            return None
        return f"{self.package} is not installed"

    def version(self):
        return super().version() if self.program else NODED.version()


def spawn(stage, count, *argv):
    """What the program that times programs reports."""
    program = stage.spawn(stage.bench.programs / "spawn", count, *argv)
    report = json.loads(program.line())
    stage.end(program)
    return report


def nodectl(stage, socket, *command):
    """Its argv."""
    return [stage.bench.nodectl, "--socket", socket, *command]


def version(stage):
    """nodectl version, of a noded of its own."""
    return nodectl(stage, NODED.start(stage).socket, "version")


def stop(stage):
    """nodectl stop-server, and before it what starts the server."""
    socket, unix = NODED.start(stage).socket, f"{stage.directory}/s.sock"
    return [*nodectl(stage, socket, "start", unix), "--",
            *nodectl(stage, socket, "stop-server", unix)]


def socat(stage):
    """The same request, sent by socat."""
    request = stage.write("request", VERSION)
    socket = NODED.start(stage).socket
    return ["socat", "-t", "5", f"OPEN:{request},rdonly!!STDOUT", f"UNIX-CONNECT:{socket}"]


def redis(stage):
    """redis-cli PING."""
    return ["redis-cli", "-s", Redis().open(stage).address[len("unix:"):], "PING"]


PROGRAMS = [
    Whole("/bin/true", lambda stage: ["/bin/true"]),
    Whole("nodectl version", version, kind="noded"),
    Whole("nodectl stop-server", stop, kind="noded"),
    Whole("socat", socat, "socat", "socat", "shipped"),
    Whole("redis-cli PING", redis, "redis-cli", "redis-tools", "shipped"),
]


@metric("process", "a run", [Figure("p50", "median time", "us", chart=True),
                             Figure("min", "shortest time", "us"), Figure("cpu", "CPU", "us")],
        PROGRAMS)
def process(stage, subject):
    """One program."""
    command = subject.command(stage)

    def measure(share=1, check=False):
        del check
        return spawn(stage, stage.amount(100 * share, subject, 5), *command)
    return measure


target("process", "nodectl version to /bin/true", 1.6,
       lambda results: results.to("process", "p50", "nodectl version", "/bin/true"))


# --- long lists ---------------------------------------------------------------------------------

LISTED = 10000
TABLE, JSON = ["list-connections"], ["--json", "list-connections"]


def crowd(stage):
    """A noded with that many connections."""
    server = NODED.start(stage)
    address = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
    stage.load("idle", address, "--clients", stage.amount(LISTED, NODED, 10))
    return server


def listing(command):
    """nodectl with that command."""
    return lambda stage: nodectl(stage, crowd(stage).socket, *command)


def copying(command):
    """cat of what nodectl with that command prints."""
    def argv(stage):
        text = crowd(stage).ask(*command)
        if len(text) < 1000:
            raise Failure("the list is short")
        return ["/bin/cat", stage.write("listed", text + "\n")]
    return argv


@metric("list", "10,000 connections", [Figure("p50", "median time", "us", chart=True),
                                       Figure("cpu", "CPU of the program", "us")],
        [Whole("nodectl table", listing(TABLE), kind="noded"),
         Whole("nodectl --json", listing(JSON), kind="noded"),
         Whole("cat of the table", copying(TABLE)), Whole("cat of the JSON", copying(JSON))])
def connections(stage, subject):
    """One program."""
    command = subject.command(stage)

    def measure(share=1, check=False):
        del check, share
        report = spawn(stage, 3, *command)
        return {"p50": report["p50"], "cpu": report["cpu"]}
    return measure


def beyond(results, ours, copied):
    """Microseconds that a listing takes above five times what cat does."""
    took = results.median("list", ours, "p50"), results.median("list", copied, "p50")
    return None if None in took else took[0] - 5 * took[1]


for shape, copied in (("nodectl table", "cat of the table"), ("nodectl --json", "cat of the JSON")):
    target("list", f"{shape}, us above 5 times cat of the same", 50000,
           lambda results, shape=shape, copied=copied: beyond(results, shape, copied))
