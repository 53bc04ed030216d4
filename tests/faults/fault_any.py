"""What any server meets: injected into noded and its peers in the same way, nothing being known of
them but their addresses, processes and logs."""
import contextlib
import os
import pathlib
import socket
import stat

from fault_accept import PASSING
from harness import descriptors, expect, quick_connect
from registry import fault


def acceptor(run):
    """The process that accepts: a master that only holds the socket was there before its workers."""
    return max(pid for pid, _ in run.listening_fds())


def check_service(run, waiting, held):
    """Who waited during the fault is served, new clients are, and who was there before still is."""
    with run.holds("who waited is not served"):
        run.live_on(waiting)
    with run.holds("no service"):
        run.returns()
    with run.holds("connections lost"):
        run.live_on(held)
    run.leave(waiting + held)


# --- accepting ---

@fault("accept-passing", needs=["strace"], quick=False, peers=True)
def passing_errors(run):
    """each of 12 passing errors from one accept, a client waiting"""
    held = run.clients(1)

    def one_by_one():
        for error in PASSING:
            with run.strace(f"accept,accept4:error={error}:when=1", pid=acceptor(run)):
                client = run.client()
                with run.holds(f"a client is not served after {error}"):
                    run.subject.exchange(client)
                client.close()
            if not run.subject.alive():
                run.problems.append(f"ended by {error}")
                return

    run.injure(one_by_one)
    check_service(run, [], held)


def short(error):
    def injected(run):
        held, waiting = run.clients(1), []
        with run.strace(f"accept,accept4:error={error}", pid=acceptor(run)):
            run.injure(lambda: waiting.append(run.client()))
            if run.is_noded:
                run.until_line("accepting pauses")
        check_service(run, waiting, held)
        if run.is_noded:
            run.until_line("accepting again")
    injected.__name__ = f"any_{error}"
    injected.__doc__ = f"{error} from every accept, a client waiting"
    fault("accept-short", needs=["strace"], quick=False, peers=True, lines=2)(injected)


for name in ("ENFILE", "ENOBUFS", "ENOMEM"):
    short(name)


@fault("accept-short", quick=False, peers=True, lines=(0, 2))
def last_descriptor(run):
    """the last descriptor goes to a client, nobody else waits"""
    held = run.clients(1)
    pid = acceptor(run)
    before = len(descriptors(pid))
    another = run.clients(1)
    cost = max(1, len(descriptors(pid)) - before)
    run.leave(another)
    run.settle()

    def fill():
        run.limit_descriptors(cost)
        with run.holds("the last one is not served"):
            held.extend(run.clients(1))

    run.injure(fill)
    run.restore_descriptors()
    check_service(run, [], held)


# --- the path of a Unix listener ---

@fault("path-lost", quick=False, peers=True, listens="unix", starts=True, lines=(1, 2))
def path_replaced_then_stopped(run):
    """replaced by somebody's file; then the server is stopped"""
    run.subject.start(run.dir, run.tmp / "log")
    run.note_before()
    path = run.dir / "s.sock"
    held = run.clients(1, run.subject.unix)

    def replace():
        path.unlink()
        path.write_text("precious\n", encoding="utf-8")

    run.injure(replace)
    before = fingerprint(path)
    if run.is_noded:
        run.node.await_at(run.subject.unix, "why", equals="path_removed")
    with run.holds("connections lost"):
        run.live_on(held)
    run.leave(held)
    if run.is_noded:
        run.stop(run.subject.unix)
    else:
        run.subject.stop()
        run.may_end = True
    check_untouched(run, path, before)
    if run.is_noded:
        path.unlink()
        run.start(run.subject.unix)


def fingerprint(path):
    """What is there, with what is in it; None if nothing is."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else \
        os.readlink(path) if stat.S_ISLNK(found.st_mode) else None
    return found.st_dev, found.st_ino, found.st_mode, found.st_uid, content


def check_untouched(run, path, before):
    if fingerprint(path) != before:
        run.problems.append("DESTROYED")


def make_file(path):
    path.write_text("precious\n", encoding="utf-8")


def make_link(path):
    make_file(path.with_name("target"))
    path.symlink_to("target")


def make_dangling_link(path):
    path.symlink_to("nowhere")


def make_directory(path):
    path.mkdir()


def make_live_socket(path):
    """Somebody else's server."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


def check_reachable(path, server):
    with quick_connect(f"unix:{path}") as client:
        server.settimeout(5)
        with server.accept()[0] as accepted:
            accepted.sendall(b"mine")
        expect(client.recv(4), b"mine")


def is_refused(run, path):
    """Tries to start a server on the path."""
    if run.is_noded:
        run.subject.start(run.dir, run.tmp / "log", serve=False)
        run.note_before()
        return run.node.error("start", address=f"unix:{path}")["name"] == "path_exists"
    run.note_before()
    try:
        run.subject.start(run.dir, run.tmp / "log")
        return False
    except AssertionError:
        return True
    finally:
        run.subject.stop()


def in_the_way(name, what, make):
    def injected(run):
        path = run.dir / "s.sock"
        run.may_end = not run.is_noded
        run.foreign |= {"s.sock", "target"}
        server = make(path)
        before = fingerprint(path)
        if not is_refused(run, path):
            run.problems.append("it starts")
        check_untouched(run, path, before)
        if server:
            with run.holds("its clients reach it no more"), server:
                check_reachable(path, server)
    injected.__name__ = f"start_at_{name}"
    injected.__doc__ = f"started where {what} is"
    fault("path-kinds", quick=False, peers=True, listens="unix", starts=True)(injected)


in_the_way("file", "a regular file", make_file)
in_the_way("directory", "a directory", make_directory)
in_the_way("fifo", "a FIFO", os.mkfifo)
in_the_way("link", "a symbolic link to a file", make_link)
in_the_way("dangling_link", "a dangling symbolic link", make_dangling_link)
in_the_way("live_socket", "the socket of another server, live", make_live_socket)


def revive(run):
    """kill -9, and started again as before."""
    subject = run.subject
    if not run.is_noded:
        subject.crash()
        subject.launch()
        return
    subject.process.kill()
    subject.process.wait()
    subject.start(run.dir, subject.log, serve=False)
    for address in (subject.tcp, subject.unix):
        subject.node().start(address)


@fault("stale-socket", quick=False, peers=True, lines=(0, 12))
def killed_and_started(run):
    """kill -9 with connections open, then started again on the same addresses"""
    addresses = [one for one in (run.subject.tcp, run.subject.unix) if one]
    for address in addresses:
        run.clients(3, address)
    with run.holds("does not start again"):
        run.injure(lambda: revive(run))
        for address in addresses:
            run.returns(address)


# --- the log ---

def starve(run, log, meanwhile=lambda: None):
    """Out of descriptors with clients waiting: any server has something to say about that."""
    run.subject.start(run.dir, log)
    run.note_before()
    held, waiting = run.clients(1), []
    meanwhile()

    def inject():
        run.limit_descriptors(0)
        waiting.extend(run.client() for _ in range(3))

    run.injure(inject)
    if run.is_noded:
        run.node.await_at(run.subject.tcp, "listener.why", equals="fd_limit")
    run.restore_descriptors()
    check_service(run, waiting, held)


@fault("log-target", quick=False, peers=True, starts=True)
def any_full_device(run):
    """its log on a full device, then EMFILE"""
    starve(run, pathlib.Path("/dev/full"))


@fault("log-target", quick=False, peers=True, starts=True)
def any_deaf_reader(run):
    """its log into a full pipe that nobody reads, then EMFILE"""
    fifo = run.tmp / "fifo"
    os.mkfifo(fifo)
    run.reader = open(fifo, "r+b", buffering=0)
    starve(run, fifo, lambda: fill(run.reader.fileno()))


def fill(fd):
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x")
