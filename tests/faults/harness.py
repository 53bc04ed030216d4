"""What every fault is injected into and measured with: the subject (noded or a peer), one run of one
fault, and check C.

A subject serves something with a round trip on a TCP port and, where it can, on a Unix path. A fault
(see registry.py) is a function of a Run: it injects, and says by AssertionError what did not hold.
Everything after that is check C, the same for all: descriptors, children, files, memory, processor
time and log lines compared with what they were before.
"""
import contextlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))
sys.dont_write_bytecode = True

from admin_client import Admin, expect, until  # noqa: E402
import sharer  # noqa: E402

PATIENCE = 60  # seconds; generous, so that a busy machine fails no fault
IDLE_SECONDS = 5
IDLE_TICKS = 1  # of processor time in that; rounded, so that half a tick is none
LOG_SECONDS = 0.5  # of a peer, in which its log lines are counted: it may not stop by itself
TICK = 1 / os.sysconf("SC_CLK_TCK")
GROWTH_MOST = 32 * 1024  # bytes of resident memory from the 10th repeat to the last; see Noded.weighed


def load_leakcheck():
    """tests/leakcheck, which is a program without a suffix."""
    loader = importlib.machinery.SourceFileLoader("leakcheck", str(TESTS / "leakcheck"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("leakcheck", loader))
    loader.exec_module(module)
    return module


leakcheck = load_leakcheck()


# --- processes, as /proc shows them ------------------------------------------------------------

def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat_fields(pid):
    """Fields of proc(5)'s stat from the state on; empty if it has gone."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def has_ended(pid):
    fields = stat_fields(pid)
    return not fields or fields[0] in "ZX"


def ticks(pid):
    fields = stat_fields(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def pace(count, seconds, most, since=None, windows=4):
    """By how much count() grows in so many seconds: in the first window in which that is no more than
    `most`, or in the last. Who spins, or wakes up again and again, does so in every window; what was
    still to be done, or what a busy machine had put off, is in one or two. The first window began
    at `since`, a pair of time and count, or now."""
    began, before = since or (time.monotonic(), count())
    for _ in range(windows):
        time.sleep(max(0, began + seconds - time.monotonic()))
        now, after = time.monotonic(), count()
        grown = round((after - before) * seconds / (now - began))
        if grown <= most:
            break
        began, before = now, after
    return grown


def resident(pid):
    """Bytes of memory it has."""
    fields = read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * resource.getpagesize() if fields else 0


def descriptors(pid):
    """What each descriptor is of."""
    found = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def children(pid):
    """Pids of its children, zombies too."""
    found = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found |= set(map(int, read(f"/proc/{pid}/task/{task}/children").split()))
    return found


def descendants(pid):
    found = {pid}
    for child in children(pid):
        found |= descendants(child)
    return found


def kinds(targets):
    """How many descriptors of each kind; the number in socket:[N] is of no interest."""
    count = {}
    for target in targets:
        kind = re.sub(r":\[\d+\]$", "", target)
        count[kind] = count.get(kind, 0) + 1
    return count


def files_below(directory):
    """Every name below with what it is; the log of a subject is not in it."""
    found = {}
    for path in sorted(directory.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found[str(path.relative_to(directory))] = oct(path.lstat().st_mode >> 12)
    return found


# --- subjects ----------------------------------------------------------------------------------

class Subject:
    """A server program under test. A subclass names it, and says how it starts and how one round
    trip with it goes."""
    name = "?"
    program = None  # what must be installed
    listens = ("tcp", "unix")
    tcp = None      # address, tcp:HOST:PORT
    unix = None     # address, unix:/PATH
    settle = 2      # seconds until it is told that it did not come back

    def __init__(self):
        self.process = None
        self.directory = None  # of what it makes
        self.log = None        # a file; the directory above is not its place

    # To be defined by each kind.

    def what(self):
        """What it is and does here, in a few words."""
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def command(self):
        """argv; self.directory, self.log, self.port() and self.path() are at hand."""
        raise NotImplementedError

    def exchange(self, client):
        """One round trip on a connected socket; OSError or AssertionError if it fails. May be
        called again on the same one if `persistent`."""
        raise NotImplementedError

    persistent = True

    # Common to all.

    def missing(self):
        """Why it cannot be run here, or None."""
        if self.program and not shutil.which(self.program):
            return f"{self.program} is not installed"
        return None

    def port(self):
        """A TCP port nobody has now, for programs that cannot say which one 0 gave them."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            return probe.getsockname()[1]

    def start(self, directory, log):
        """Returns when it serves."""
        self.directory, self.log = directory, log
        self.spawn(self.command())
        until(self.serves, 30)

    def spawn(self, argv, **options):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, **options)

    def serves(self, address=None):
        """True if a new client is served now."""
        try:
            self.visit(address)
            return True
        except (OSError, AssertionError, EOFError):
            return False

    def visit(self, address=None):
        with contextlib.closing(quick_connect(address or self.tcp)) as client:
            self.exchange(client)

    def pid(self):
        return self.process.pid

    def pids(self):
        """All of its processes that serve; children of single connections may be among them."""
        return descendants(self.pid())

    def alive(self):
        return not has_ended(self.pid())

    def mark(self):
        """Where its log ends now."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def log_lines(self, since=0):
        """Lines above debug since a mark. Not read whole: a peer may have written gigabytes."""
        with open(self.log, "rb") as file:
            file.seek(since)
            return [line.decode(errors="replace").rstrip("\n") for line in file]

    def count_log_lines(self, since=0):
        """None where the log is no file that can be read."""
        if not os.path.isfile(self.log):
            return None
        count = 0
        with open(self.log, "rb") as file:
            file.seek(since)
            while chunk := file.read(1 << 20):
                count += chunk.count(b"\n")
        return count

    def ticks(self):
        return sum(map(ticks, self.pids()))

    def resident(self):
        return sum(map(resident, self.pids()))

    def snapshot(self):
        """What check C compares: the same structure before and after."""
        fds = [target for pid in self.pids() for target in descriptors(pid).values()]
        return {"descriptors": kinds(fds), "processes": len(self.pids()),
                "files": files_below(self.directory)}

    def leaks(self):
        """What is wrong by itself, whatever was before."""
        for pid in self.pids():
            if stat_fields(pid)[:1] == ["Z"]:
                yield f"zombie {pid}"
            for fd, target in descriptors(pid).items():
                if "(deleted)" in target:
                    yield f"descriptor {fd} is of a deleted file: {target}"

    def stop(self):
        """Ends it, and all it started; its exit status, None if it had to be killed."""
        mine = self.pids() - {self.pid()}
        self.process.terminate()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        for pid in mine:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return status


def quick_connect(address, patience=5):
    """A client that does not wait long: a peer may have died."""
    family, target = parse(address)
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(patience)
    try:
        client.connect(target)
        return client
    except BaseException:
        client.close()
        raise


def parse(address):
    if address.startswith(("unix:", "/")):
        return socket.AF_UNIX, address.removeprefix("unix:")
    host, _, port = address.removeprefix("tcp:").rpartition(":")
    return (socket.AF_INET6 if host.startswith("[") else socket.AF_INET), (host.strip("[]"),
                                                                           int(port))


class EchoSubject(Subject):
    """What sends back what it is sent."""
    turn = 0

    def exchange(self, client):
        self.turn += 1
        text = b"round trip %d of %d\n" % (self.turn, os.getpid())
        client.sendall(text)
        back = b""
        while len(back) < len(text):
            more = client.recv(len(text) - len(back))
            if not more:
                raise EOFError(f"closed after {len(back)} of {len(text)} bytes")
            back += more
        expect(back, text)


class Node(Admin):
    """An admin session that finds its way in `state`."""

    def start(self, address, **members):
        """Starts a server; its bound address."""
        return self.result("start", address=address, **members)["server"]["address"]

    def at(self, address, keys):
        return self.state(f"transport.servers[{address}].{keys}")

    def await_at(self, address, keys, timeout_ms=30000, **condition):
        return self.wait(f"transport.servers[{address}].{keys}", timeout_ms=timeout_ms, **condition)

    def stop(self, address, **members):
        return self.result("stop_server", address=address, **members)

    def servers(self):
        return self.result("list_servers", limit=1000)["servers"]


class Noded(EchoSubject):
    """noded with an echo server on a TCP port and one on a Unix path."""
    name = "noded"

    def __init__(self, program=None):
        super().__init__()
        self.program = program or os.environ.get("NODED", str(ROOT / "build/noded"))
        self.traced = False  # set before the start where a tracer will be attached
        # Set before the start where its memory will be watched. Malloc keeps up to seven freed chunks
        # of each small size, and it takes thousands of repeats until it has them all: some 50 to 80
        # KiB that are no leak, in which one could hide. So it keeps none then.
        self.weighed = False

    def what(self):
        return "two echo servers"

    def version(self):
        return subprocess.run([self.program, "--version"], capture_output=True, text=True,
                              check=True).stdout.split()[1]

    def is_sanitized(self):
        return "/san/" in str(self.program)

    def admin_path(self):
        return str(self.directory / "admin.sock")

    def start(self, directory, log, launch=(), arguments=(), serve=True,
              inherit=()):
        """launch is put in front of the program and must not fork."""
        self.directory, self.log = directory, log
        told, tell = os.pipe()
        try:
            self.spawn([*launch, self.program, "--socket", self.admin_path(), "--ready-fd",
                        str(tell), *arguments], pass_fds=(tell, *inherit), env=self.environment())
        finally:
            os.close(tell)
        with open(told, "rb", buffering=0) as ready:
            if ready.read(1) != b"\n":
                raise AssertionError(f"noded did not start: {self.log_lines()[-3:]}")
            ready.read()  # until it has closed its end too
        if serve:
            self.serve()

    def serve(self):
        self.tcp = self.node().start("tcp:127.0.0.1:0")
        self.unix = self.node().start(f"unix:{self.directory}/s.sock")

    def environment(self):
        common = f"log_path={self.log}.sanitizer:exitcode=99"
        more = {
            "ASAN_OPTIONS": f"{common}:detect_leaks={int(not self.traced)}:strict_string_checks=1",
            "UBSAN_OPTIONS": f"{common}:print_stacktrace=1:halt_on_error=1",
            "LSAN_OPTIONS": "exitcode=99",
        }
        if self.weighed:
            more["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0"
        dropped = ("XDG_RUNTIME_DIR", "NOTIFY_SOCKET", "JOURNAL_STREAM", "NODED_SOCKET")
        return {k: v for k, v in os.environ.items() if k not in dropped} | more

    operated = "nodectl version"

    @staticmethod
    def nodectl():
        return os.environ.get("NODECTL", str(ROOT / "build/nodectl"))

    def admin(self):
        return f"unix:{self.admin_path()}"

    def operate(self):
        """One fresh operator's question, answered."""
        subprocess.run([self.nodectl(), "--socket", self.admin_path(), "version"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def node(self):
        """A new admin session."""
        return Node(self.admin_path())

    def leaks(self):
        yield from super().leaks()
        yield from self.state_is_wrong()
        for report in self.log.parent.glob(self.log.name + ".sanitizer*"):
            yield f"sanitizer: {read(report)[:2000]}"

    def state_is_wrong(self):
        """tests/leakcheck: what `state` says against /proc."""
        admin = leakcheck.Admin(self.admin_path())
        try:
            deadline = time.monotonic() + PATIENCE / 2
            while (wrong := leakcheck.check(self.pid(), admin)[0]) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            admin.stream.close()
            admin.socket.close()
        return wrong

    def stop(self):
        """A second TERM cuts a drain short."""
        if self.process.poll() is None:
            for patience in (3, PATIENCE):
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self.process.wait(patience)
        return super().stop()


# --- one run of one fault -----------------------------------------------------------------------

class Run:
    """A subject that serves, tools to injure it, and check C."""

    def __init__(self, subject, fault, keep=False):
        self.subject, self.fault, self.keep = subject, fault, keep
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="nf.", dir="/tmp"))
        self.dir = self.top / "d"  # the subject's
        self.tmp = self.top / "t"  # ours: nothing in it is a leak
        self.processes, self.sockets = [], []
        self.notes = []            # for the report
        self.acts = 0              # log lines that are the operator's acts, not the fault's
        self.before = None
        self.figure = None         # for the report: what was measured, in a few words
        self.problems = []         # what did not hold, where the fault went on
        self.may_end = False       # the subject need not be alive after the fault
        self.lines_seen = None     # of a peer, see injure
        self.foreign = set()       # names that may be there when the subject has ended

    def begin(self):
        os.environ["T"] = str(self.tmp)  # tests/peers.py puts its sockets there
        (self.tmp / "foreign").mkdir(parents=True)
        self.dir.mkdir(mode=0o755)
        self.subject.traced = bool({"strace", "gdb"} & set(self.fault.needs))
        self.subject.weighed = self.fault.repeat
        if self.fault.starts:
            self.subject.directory, self.subject.log = self.dir, self.tmp / "log"
            return
        self.subject.start(self.dir, self.tmp / "log")
        self.subject.visit()
        self.note_before()

    def begin_with(self, **how):
        """Starts noded in another way than usual; what follows counts."""
        self.close_session()
        self.last_start = self.subject.mark()
        self.subject.start(self.dir, self.tmp / "log", **how)
        self.note_before()

    def close_session(self):
        if getattr(self, "session", None):
            self.session.close()
            self.session = None

    def kill_noded(self):
        os.kill(self.pid, signal.SIGKILL)
        self.forget_noded()

    def forget_noded(self):
        self.close_session()
        self.subject.process.wait()

    def restart_noded(self):
        """Ends it in order and starts it anew; what follows counts."""
        self.close_session()
        expect(self.subject.stop(), 0, "exit status")
        self.acts = 0
        self.begin_with()

    def note_before(self):
        """From here on what is left and what is logged counts. A fault that starts the subject
        itself calls it when it serves."""
        self.settle()
        self.before = self.subject.snapshot()
        self.since = self.subject.mark()

    def settle(self):
        """Waits until the clients of before have been forgotten."""
        pause = 0.02 if self.is_noded else 0.1
        until(lambda: self.quiet_snapshot() == self.quiet_snapshot(pause))

    def quiet_snapshot(self, pause=0):
        time.sleep(pause)
        return self.subject.snapshot()

    @property
    def is_noded(self):
        return isinstance(self.subject, Noded)

    @property
    def node(self):
        """A session of our own, made when first asked for and closed before check C."""
        if not getattr(self, "session", None):
            self.session = self.subject.node()
        return self.session

    @property
    def pid(self):
        return self.subject.pid()

    def note(self, text):
        self.notes.append(text)

    @contextlib.contextmanager
    def holds(self, otherwise):
        """What fails inside is a problem of that name, and the fault goes on to see the rest."""
        try:
            yield
        except (AssertionError, OSError, EOFError) as error:
            self.problems.append(f"{otherwise}: {error}" if self.is_noded else otherwise)

    def injure(self, how):
        """Injects. What a peer logs is counted from here on, for LOG_SECONDS; then its log is
        emptied, which may grow by a hundred thousand lines a second."""
        if self.is_noded:
            how()
            return
        since = self.subject.mark()
        how()
        time.sleep(LOG_SECONDS)
        self.lines_seen = self.subject.count_log_lines(since)
        if self.lines_seen is not None:
            os.truncate(self.subject.log, 0)

    # The operator; noded logs one line for each of these.

    def start(self, address, **members):
        bound = self.node.start(address, **members)
        self.acts += 1
        return bound

    def stop(self, address, **members):
        self.acts += 1
        return self.node.stop(address, **members)

    def refuse(self, name, address, words="", **members):
        """A start that must be refused with that error, its detail holding these words."""
        reply = self.node.error("start", address=address, **members)
        expect(reply["name"], name, f"{address}: {reply}")
        assert words in reply["detail"], reply
        return reply

    # Clients.

    def client(self, address=None, patience=None):
        """A peer may never answer, so nobody waits long for one."""
        patience = patience or (PATIENCE if self.is_noded else 3)
        client = quick_connect(address or self.subject.tcp, patience)
        self.sockets.append(client)
        return client

    def clients(self, count, address=None):
        """Connected, each after a round trip."""
        held = [self.client(address) for _ in range(count)]
        if self.subject.persistent:
            for client in held:
                self.subject.exchange(client)
        return held

    def live_on(self, held):
        """Every one of them is still served."""
        if self.subject.persistent:
            for client in held:
                self.subject.exchange(client)

    def leave(self, held):
        for client in held:
            client.close()

    # Tools.

    def spawn(self, argv, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                   "stderr": subprocess.DEVNULL} | options
        process = subprocess.Popen(list(map(str, argv)), **options)
        self.processes.append(process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextlib.contextmanager
    def strace(self, *injections, pid=None):
        """While it lasts system calls of the subject fail: "accept4:error=EMFILE:when=1..2"."""
        pid = pid or self.pid
        calls = ",".join(sorted({one.partition(":")[0] for one in injections}))
        argv = ["strace", "-f", "-q", "-o", self.tmp / "strace", "-p", pid, "-e", f"trace={calls}"]
        for one in injections:
            argv += ["-e", f"inject={one}"]
        tracer = self.spawn(argv)
        until(lambda: self.tracer_of(pid) == tracer.pid or tracer.poll() is not None)
        assert tracer.poll() is None, "strace cannot attach"
        try:
            yield tracer
        finally:
            # Left between the beginning and the end of a call that was to fail, which strace had made
            # one that does not exist, it would see ENOSYS: so it is stopped outside of any.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                until(lambda: "stopped by SIGSTOP" in read(self.tmp / "strace")
                      or tracer.poll() is not None or not self.tracer_of(pid))
            self.end(tracer)
            until(lambda: self.tracer_of(pid) == 0)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def count_traced(self, call):
        """How often strace has seen it."""
        return read(self.tmp / "strace").count(call + "(")

    @staticmethod
    def tracer_of(pid):
        match = re.search(r"^TracerPid:\s*(\d+)$", read(f"/proc/{pid}/status"), re.M)
        return int(match[1]) if match else 0

    def gdb(self, *expressions, pid=None):
        """Evaluates them inside the subject's process; their values as texts."""
        argv = ["gdb", "-p", str(pid or self.pid), "-batch", "-nx"]
        for one in expressions:
            argv += ["-ex", f"print {one}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE * 2,
                              check=False)
        values = re.findall(r"^\$\d+ = (.*)$", done.stdout, re.M)
        expect(len(values), len(expressions), done.stdout + done.stderr)
        return values

    @contextlib.contextmanager
    def frozen(self):
        """While it lasts every process of the subject is stopped."""
        pids = self.subject.pids()
        try:
            for pid in pids:
                send(pid, signal.SIGSTOP)
            # One that served a client may end just now.
            until(lambda: all(has_ended(pid) or stat_fields(pid)[0] in "Tt" for pid in pids))
            yield
        finally:
            for pid in pids:
                send(pid, signal.SIGCONT)

    @staticmethod
    def command(*argv):
        done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False,
                              timeout=PATIENCE)
        expect(done.returncode, 0, f"{argv}: {done.stderr}")
        return done.stdout

    def destroy(self, address):
        """ss -K: the kernel ends the listening socket."""
        done = subprocess.run(["ss", "-K", "-Hltn", "src = " + address.removeprefix("tcp:")],
                              capture_output=True, text=True, check=True)
        assert done.stdout.strip(), "ss -K found nothing to destroy"

    def shut_down(self, address, how=socket.SHUT_RDWR):
        """As one who shares the socket can."""
        found = self.listening_fds(address)
        assert found, f"nobody listens at {address}"
        with sharer.take(*found[0]) as shared:
            shared.shutdown(how)

    def listening_fds(self, address=None):
        """(pid, fd) of every descriptor of the subject whose socket listens at the address."""
        wanted = inodes_listening(address or self.subject.tcp)
        return [(pid, fd) for pid in sorted(self.subject.pids())
                for fd, target in descriptors(pid).items()
                if (m := re.fullmatch(r"socket:\[(\d+)\]", target)) and int(m[1]) in wanted]

    def restarts(self, address):
        return self.node.at(address, "restarts")

    def limit_descriptors(self, more):
        """Lets each process of the subject open so many descriptors more; the soft limit only."""
        for pid in self.subject.pids():
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            used = descriptors(pid)
            free = (fd for fd in itertools.count() if fd not in used)
            limit = next(itertools.islice(free, more, None))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))

    def restore_descriptors(self):
        for pid in self.subject.pids():
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))

    def count_lines(self):
        """Log lines the fault caused; None where the log cannot be read."""
        if self.lines_seen is not None:
            return self.lines_seen
        count = self.subject.count_log_lines(self.since)
        return None if count is None else count - self.acts

    def lines(self, pattern="."):
        """Lines of its log since the beginning of the fault that match."""
        return [line for line in self.subject.log_lines(self.since) if re.search(pattern, line)]

    def until_line(self, pattern, count=1, seconds=PATIENCE):
        until(lambda: len(self.lines(pattern)) >= count, seconds)

    def expect_lines(self, count, pattern):
        found = self.lines(pattern)
        expect(len(found), count, f"log lines {pattern}: {self.lines()}")

    def returns(self, address=None, seconds=None):
        """Waits until new clients are served again, by itself."""
        limit = seconds or (PATIENCE if self.is_noded else self.subject.settle)
        deadline = time.monotonic() + limit
        while not self.subject.serves(address):
            assert time.monotonic() < deadline, "new clients are not served any more"
            assert self.subject.alive(), "it ended"
            time.sleep(0.05)

    # The end.

    def let_go(self):
        """Everything the fault held, so that what is left then is the subject's."""
        for client in self.sockets:
            client.close()
        self.sockets.clear()
        self.close_session()
        for process in self.processes:
            self.end(process)
        self.processes.clear()

    def differences(self):
        """What check C finds once it had time to settle: a list of texts."""
        deadline = time.monotonic() + (15 if self.is_noded else 5)
        while True:
            after = self.subject.snapshot()
            found = [f"{key}: {text}" for key in after
                     if (text := compare(self.before[key], after[key], not self.is_noded))]
            if not found or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return found + list(self.subject.leaks())

    def left_behind(self):
        """Names in its directory after its end."""
        return files_below(self.dir)

    def remove(self):
        self.let_go()
        for path in self.top.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        if not self.keep:
            shutil.rmtree(self.top)


class PipeReader:
    """The other end of a noded's standard error."""

    def __init__(self, run, stopped):
        path = run.tmp / "pipe"
        os.mkfifo(path)
        self.fd, self.out, self.cat = None, run.tmp / "seen", None
        # Both ends open at first, so that neither open waits.
        hold = os.open(path, os.O_RDWR)
        if stopped:
            with open(self.out, "wb") as out:
                self.cat = run.spawn(["cat", path], stdout=out)
        else:
            self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        run.begin_with(launch=["sh", "-c", 'exec 2>"$0"; exec "$@"', path])
        if stopped:
            until(lambda: self.seen())
            os.kill(self.cat.pid, signal.SIGSTOP)
        os.close(hold)

    def seen(self):
        return self.out.read_bytes()

    def carry_on(self):
        os.kill(self.cat.pid, signal.SIGCONT)

    def drain(self, enough):
        """Reads until that is enough."""
        text = b""
        deadline = time.monotonic() + PATIENCE
        while not enough(text):
            assert time.monotonic() < deadline, text[-500:]
            with contextlib.suppress(BlockingIOError):
                text += os.read(self.fd, 1 << 16)
            time.sleep(0.01)
        return text

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        if self.cat:
            self.carry_on()


@contextlib.contextmanager
def connect_pipe(run, stopped=False):
    """Starts noded with a pipe for its standard error."""
    reader = PipeReader(run, stopped)
    try:
        yield reader
    finally:
        reader.close()


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def compare(before, after, only_more):
    """What differs, as a text. A peer may have lost its listener: of it, only what came counts."""
    if not isinstance(before, dict):
        before, after = {"": before}, {"": after}
    return ", ".join(f"{key} {before.get(key, 0)} before, {after.get(key, 0)} after".strip()
                     for key in sorted(before.keys() | after.keys())
                     if before.get(key) != after.get(key)
                     and not (only_more and is_less(after.get(key), before.get(key))))


def is_less(one, other):
    return one is None or isinstance(one, int) and isinstance(other, int) and one < other


def inodes_listening(address):
    """Inodes of the sockets that listen at an address."""
    family, target = parse(address)
    found = set()
    if family == socket.AF_UNIX:
        for line in read("/proc/net/unix").splitlines()[1:]:
            columns = line.split(None, 7)
            # haproxy binds a name of its own and renames it: PATH.PID.tmp stays the socket's.
            if len(columns) == 8 and int(columns[3], 16) & 0x10000 and \
                    re.fullmatch(re.escape(target) + r"(\.\d+\.tmp)?", columns[7]):
                found.add(int(columns[6]))
        return found
    table = "tcp6" if family == socket.AF_INET6 else "tcp"
    for line in read(f"/proc/net/{table}").splitlines()[1:]:
        columns = line.split()
        if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == target[1]:
            found.add(int(columns[9]))
    return found


def reset(client):
    """Closes with a reset (TCP)."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def request(method, id=1, /, **params):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}) + "\n"
