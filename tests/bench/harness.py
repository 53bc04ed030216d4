"""What every metric measures with: programs started in the foreground and ended by their pid, the
processor time that a server and its children take, loads and backends, and the list of metrics."""
import contextlib
import errno
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 60   # seconds without a word from a program are taken for its failure
SETTLE = 0.005  # a server that takes no processor time for so long has finished
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """A program did not do what was asked of it: that figure is missing, the bench goes on."""


# --- metrics ------------------------------------------------------------------------------------

class Figure:
    """What a metric yields: `less` says that a smaller one is better, `chart` that it is drawn."""

    def __init__(self, key, title, unit, less=True, chart=False):
        self.key, self.title, self.unit, self.less, self.chart = key, title, unit, less, chart

    def heading(self):
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


class Metric:
    """`setup(stage, subject)` prepares one subject and returns measure(share, check), which does
    `share` of the usual work and returns {figure's key: value}, None for what cannot be told;
    `check` asks it to look at every byte. Every subject has `label`, `kind`: "noded", "shipped",
    "tuned" or "reference", and missing(), why it cannot take part or None."""

    def __init__(self, setup, name, title, figures, subjects, rounds, warm):
        self.setup, self.name, self.title, self.figures = setup, name, title, figures
        self.subjects, self.rounds, self.warm = subjects, rounds, warm
        self.group = name.partition("/")[0]


METRICS = []


def metric(name, title, figures, subjects, rounds=None, warm=True):
    """Registers a setup function. A name is GROUP or GROUP/VARIANT; a group is one table. `rounds`:
    of what is exact, so that it need not be repeated; warm=False: no round before those that
    count."""
    def register(setup):
        METRICS.append(Metric(setup, name, title, figures, subjects, rounds, warm))
        return setup
    return register


# Headings and texts of the groups, and what must hold between their figures.
GROUPS = {}
TARGETS = []


def group(name, title, text):
    """The heading of a group's table, and what its figures mean."""
    GROUPS[name] = (title, " ".join(text.split()))


def target(name, text, limit, value, least=False):
    """What the group is to reach: value(results) returns a number, or a number and which of several
    it was, and None if it was not measured; it must be at most, or at least, the limit."""
    TARGETS.append(Target(name, text, limit, value, least))


class Target:
    """See target()."""

    def __init__(self, name, text, limit, value, least):
        self.group, self.text, self.limit, self.value, self.least = name, text, limit, value, least

    def met(self, value):
        """Whether this is good enough."""
        return value >= self.limit if self.least else value <= self.limit


def per(amount, units, scale):
    """An amount for each unit; None if there is none."""
    return None if amount is None else amount * scale / units


# --- processes ----------------------------------------------------------------------------------

def stat_of(pid):
    """Fields of /proc/PID/stat from the state on; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree_of(pids):
    """Those processes and all below them: {pid: fields of stat}."""
    stats = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    tree, grown = {pid: stats[pid] for pid in pids if stats.get(pid)}, True
    while grown:
        below = {pid: stat for pid, stat in stats.items()
                 if stat and pid not in tree and int(stat[1]) in tree}
        tree.update(below)
        grown = bool(below)
    return tree


def process_clock(pid):
    """Seconds of processor time that all threads of a process took, exact; 0 if it is gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return 0


def cpu_of(pid):
    """Of a process and all children it has waited for, these in ticks; 0 if it is gone."""
    stat = stat_of(pid)
    return process_clock(pid) + (int(stat[13]) + int(stat[14])) * TICK if stat else 0


class Program:
    """A program with pipes to and from it, its standard error in a file."""

    def __init__(self, stage, argv, pass_fds=(), pipes=True):
        self.name = pathlib.Path(argv[0]).name
        self.log = stage.directory / f"{self.name}.{len(stage.programs)}.log"
        cpus = stage.bench.cpus
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(arg) for arg in argv], cwd=stage.directory, stderr=log, pass_fds=pass_fds,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else log,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus), bufsize=0)
        self.pid = self.process.pid
        self.forks = False  # has children that must be looked for, to measure and to end them
        stage.programs.append(self)

    def says(self):
        """The last of what it said on standard error."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "without a word"

    def line(self, patience=PATIENCE):
        """The next line of its output."""
        line, end = b"", time.monotonic() + patience
        while not line.endswith(b"\n"):
            ready = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                raise Failure(f"{self.name} was silent for {patience} s")
            more = os.read(self.process.stdout.fileno(), 4096)
            if not more:
                self.process.wait()
                raise Failure(f"{self.name} ended: {self.says()}")
            line += more
        return line.decode().strip()

    def tell(self, line="go"):
        """A line on its standard input."""
        with contextlib.suppress(BrokenPipeError):  # then line() tells why
            self.process.stdin.write(line.encode() + b"\n")

    def alive(self):
        """Whether it has not ended."""
        return self.process.poll() is None

    def stop(self):
        """SIGTERM, five seconds, SIGKILL; and what it left below it."""
        below = [pid for pid in tree_of([self.pid]) if pid != self.pid] if self.forks else []
        if self.alive():
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        for pid in [self.pid, *below] if self.alive() else below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Server:
    """One that is measured: its processes, and where it serves. Processes are looked for once, when
    it serves, and again only of one that forks as it goes: a busy machine has thousands."""

    def __init__(self, programs, address, processes=1, forks=False):
        self.programs, self.address = programs, address
        self.processes = processes  # each program becomes so many
        self.forks = forks          # for a connection
        self.tree = None
        for program in programs:
            program.forks = forks or processes > 1

    def pids(self):
        """Of all its processes."""
        if self.forks or not self.tree:
            self.tree = list(tree_of([program.pid for program in self.programs]))
        return self.tree

    def is_complete(self):
        """Whether it has become as many processes as it will be."""
        if self.processes == 1:
            return True
        self.tree = None
        return len(self.pids()) >= self.processes * len(self.programs)

    def cpu(self):
        """Seconds of processor time until now."""
        return sum(map(cpu_of, self.pids()))

    def settled_cpu(self, most=2):
        """The same as soon as it has nothing left to do."""
        pids = self.pids()
        end, last = time.monotonic() + most, -1
        while (now := sum(map(cpu_of, pids))) != last and time.monotonic() < end:
            last = now
            time.sleep(SETTLE)
        return self.cpu()

    def check_alive(self):
        """Failure if one has ended."""
        for program in self.programs:
            if not program.alive():
                raise Failure(f"{program.name} ended: {program.says()}")


def free_port():
    """Below those that connections get: where servers are, and no load takes it meanwhile."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
                return probe.getsockname()[1]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise


class Stage:
    """What is set up for one subject of one metric, and taken away as a whole."""

    def __init__(self, bench):
        self.bench = bench
        self.programs = []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=bench.directory))

    def close(self):
        """Ends every program, the last started first."""
        for program in reversed(self.programs):
            program.stop()
        shutil.rmtree(self.directory)

    def amount(self, count, subject, least=1):
        """How many units are a round's work: slow subjects do fewer."""
        return max(least, round(count * self.bench.scale * getattr(subject, "share", 1)))

    def write(self, name, text):
        """A file in its directory; returns the path."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def spawn(self, *argv, **options):
        """Starts a program."""
        return Program(self, argv, **options)

    def place(self, family, name="front"):
        """A free address: "tcp" or "unix"."""
        if family == "unix":
            return f"unix:{self.directory}/{name}.sock"
        return f"tcp:127.0.0.1:{free_port()}"

    def backend(self, kind, family):
        """Starts a backend, "echo" or "bulk"; its address."""
        address = self.place(family, f"{kind}-back")
        return self.spawn(self.bench.programs / "backend", kind, address).line()

    def load(self, kind, address, *options):
        """Starts a load; it is ready when this returns, and works at tell()."""
        program = self.spawn(self.bench.programs / "load", kind, address, *options)
        line = program.line()
        if line != "ready":
            raise Failure(f"load said {line}")
        return program

    def run(self, load):
        """Lets a load that is ready do its work; what it reports."""
        load.tell()
        return json.loads(load.line())

    def end(self, program):
        """Ends one program before the others."""
        program.stop()
        self.programs.remove(program)

    def measure(self, server, kind, *options):
        """Puts a load on a server. What the load reports, with "cpu", the seconds of processor time
        that the server took, None if there is none, and "all", what load and backend took, too.
        What the load opens before it is ready does not count."""
        load = self.load(kind, server.address, *options)
        others = [program.pid for program in self.programs if program not in server.programs]
        cpu, beside = server.settled_cpu(), sum(map(process_clock, others))
        report = self.run(load)
        cpu = server.settled_cpu() - cpu
        report["cpu"] = cpu if server.programs else None
        report["all"] = cpu + sum(map(process_clock, others)) - beside
        self.end(load)
        server.check_alive()
        return report

    def wait_for(self, server, patience=10):
        """Until the server accepts a connection and has started its processes."""
        family, _, rest = server.address.partition(":")
        host, _, port = rest.rpartition(":")
        end = time.monotonic() + patience
        while True:
            server.check_alive()
            with socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET) as client:
                to = rest if family == "unix" else (host, int(port))
                if client.connect_ex(to) == 0 and server.is_complete():
                    return server
            if time.monotonic() > end:
                raise Failure(f"{server.programs[0].name} did not listen within {patience} s")
            time.sleep(0.01)


class Bench:
    """What all stages share."""

    def __init__(self, programs, cpus, scale):
        self.noded = pathlib.Path(os.environ.get("NODED", "build/noded")).resolve()
        self.nodectl = pathlib.Path(os.environ.get("NODECTL", "build/nodectl")).resolve()
        self.programs = pathlib.Path(programs).resolve()
        self.cpus, self.scale = cpus, scale
        self.directory = tempfile.mkdtemp(prefix="noded-bench.", dir="/tmp")
        os.chmod(self.directory, 0o755)

    def close(self):
        """Removes everything."""
        shutil.rmtree(self.directory, ignore_errors=True)
