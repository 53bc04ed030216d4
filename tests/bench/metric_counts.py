"""What can be counted, and so is the same on a busy machine: system calls, and instructions."""
import re
import shutil
import signal
import time

from harness import Failure, Figure, group, metric, target
from peers import FORWARD

MIB = 1 << 20

group("calls", "System calls", """Of the server and its children, as strace counts them while a fixed
      amount of work is done; TCP to TCP.""")
group("instructions", "Instructions", """Of the server's own program and libraries, as callgrind counts
      them: of two runs of different length the difference, so that starting does not count. What the
      kernel does for it is not in this.""")


def connections(count):
    """Options of a load; what it is, and how many units that makes."""
    return ["churn", "--clients", 64, "--count", count], count


def trips(clients):
    """The same for round trips."""
    return lambda count: (["pingpong", "--clients", clients, "--count", count], count)


def upload(count):
    """The same for MiB of one stream."""
    return ["bulk", "--up", count * MIB], count


WORK = {
    "churn": ("64 clients", "connection", "echo", connections),
    "pingpong-1": ("1 client", "round trip", "echo", trips(1)),
    "pingpong-64": ("64 clients", "round trip", "echo", trips(64)),
    "bulk": ("1 stream, up", "MiB", "bulk", upload),
}
# Units for system calls; then of the shorter and the longer run for instructions.
AMOUNTS = {"churn": (640, 128, 640), "pingpong-1": (1000, 200, 1200),
           "pingpong-64": (3200, 640, 3200), "bulk": (64, 16, 80)}


class Tracer:
    """strace -c on a server and all below it."""

    def __init__(self, stage, server):
        self.stage, self.summary = stage, stage.directory / "strace"
        pids = [option for pid in server.pids() for option in ("-p", pid)]
        self.program = stage.spawn("strace", "-f", "-c", "-o", self.summary, *pids, pipes=False)
        end = time.monotonic() + 10
        while self.program.log.read_text().count(" attached") < len(pids) // 2:
            if not self.program.alive() or time.monotonic() > end:
                raise Failure(f"strace: {self.program.says()}")
            time.sleep(0.01)

    def total(self):
        """Lets go of the server; how many calls there were."""
        self.program.process.send_signal(signal.SIGINT)
        self.program.process.wait(30)
        self.stage.end(self.program)
        found = re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total$",
                          self.summary.read_text(), re.M)
        if not found:
            raise Failure("strace counted nothing")
        return int(found.group(1))


def calls(work):
    """A setup function."""
    _, _, backend, load_of = WORK[work]

    def setup(stage, subject):
        server = subject.forward(stage, "tcp", stage.backend(backend, "tcp"))

        def measure(share=1, check=False):
            del share, check
            (kind, *options), units = load_of(stage.amount(AMOUNTS[work][0], subject, 64))
            load = stage.load(kind, server.address, *options)
            server.settled_cpu()
            tracer = Tracer(stage, server)
            stage.run(load)
            server.settled_cpu()
            counted = tracer.total()
            stage.end(load)
            return {"calls": counted / units}
        return measure
    return setup


def instructions_of(stage, subject, work, units):
    """In one life of a server under callgrind."""
    _, _, backend, load_of = WORK[work]
    out = stage.directory / "callgrind"
    server = subject.forward(stage, "tcp", stage.backend(backend, "tcp"), launch=(
        "valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}.%p"))
    (kind, *options), _ = load_of(units)
    load = stage.load(kind, server.address, *options)
    stage.run(load)
    stage.end(load)
    for program in reversed(server.programs):
        stage.end(program)
    totals = [re.findall(r"^(?:summary|totals): (\d+)", file.read_text(), re.M)
              for file in stage.directory.glob("callgrind.*")]
    for file in stage.directory.glob("callgrind.*"):
        file.unlink()
    if not any(totals):
        raise Failure(f"callgrind counted nothing: {server.programs[0].says()}")
    return sum(int(total[-1]) for total in totals if total)


def instructions(work):
    """A setup function."""
    def setup(stage, subject):
        if not shutil.which("valgrind"):
            raise Failure("valgrind is not installed")

        def measure(share=1, check=False):
            del share, check
            short, long = (stage.amount(amount, subject, least)
                           for amount, least in zip(AMOUNTS[work][1:], (64, 128)))
            return {"instructions": (instructions_of(stage, subject, work, long)
                                     - instructions_of(stage, subject, work, short))
                                    / (long - short)}
        return measure
    return setup


# A process for each connection is no matter of counting calls of a loop.
LOOPS = [subject for subject in FORWARD if subject.kind != "reference" and subject.program != "socat"]
# Starting under callgrind takes long: of each peer the variant that is better at it.
COUNTED = {"churn": ("shipped",), "pingpong-1": ("shipped",), "bulk": ("tuned",)}
for name, (who, unit, _, _) in WORK.items():
    metric(f"calls/{name}", who, [Figure("calls", f"system calls per {unit}", "", chart=True)], LOOPS,
           rounds=1, warm=False)(calls(name))
for name, kinds in COUNTED.items():
    who, unit, _, _ = WORK[name]
    subjects = [subject for subject in LOOPS if subject.kind in ("noded", *kinds)]
    metric(f"instructions/{name}", who,
           [Figure("instructions", f"instructions per {unit}", "", chart=True)], subjects,
           rounds=1, warm=False)(instructions(name))


def counted(name):
    """To a tenth: a timer of the server's may have gone off while the calls were counted."""
    def value(results):
        calls_of = results.median(name, "noded", "calls")
        return None if calls_of is None else round(calls_of, 1)
    return value


target("calls", "System calls per forwarded round trip, 1 client, not a ratio", 6,
       counted("calls/pingpong-1"))
target("calls", "System calls per forwarded connection, not a ratio", 13, counted("calls/churn"))
