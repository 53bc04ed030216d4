"""A listener that dies under its server: destroyed, shut down, its descriptor closed, its path lost."""
import os
import socket
import threading
import time

from harness import descriptors, expect, until
from registry import fault


def comes_back(run, address, injure, clients=3):
    """Connections live on, new clients are served again; noded says how often it was lost."""
    held = run.clients(clients, address)
    before = run.restarts(address) if run.is_noded else 0
    run.injure(injure)
    if run.is_noded:
        run.node.await_at(address, "restarts", equals=before + 1)
        expect(run.node.at(address, "phase"), "running")
        expect(run.node.at(address, "error"), None)
    with run.holds("no service"):
        run.returns(address)
    with run.holds("connections lost"):
        run.live_on(held)
    run.leave(held)


# --- destroyed ---

@fault("tcp-destroyed", needs=["net-admin"], peers=True, lines=2, repeat=True)
def destroyed_tcp(run):
    """TCP listener destroyed by ss -K"""
    comes_back(run, run.subject.tcp, lambda: run.destroy(run.subject.tcp))


@fault("tcp-destroyed", needs=["net-admin", "ipv6"], lines=2)
def destroyed_tcp6(run):
    """IPv6 listener destroyed by ss -K"""
    address = run.start("tcp:[::1]:0")
    comes_back(run, address, lambda: run.destroy(address))
    run.stop(address)


@fault("tcp-destroyed", needs=["net-admin"], lines=2)
def destroyed_while_full(run):
    """destroyed while the server is full and the listener not watched"""
    address = run.start("tcp:127.0.0.1:0", max_connections=1)
    held = run.clients(1, address)
    run.node.await_at(address, "listener.why", equals="full")
    run.destroy(address)
    run.node.await_at(address, "restarts", equals=1)
    run.live_on(held)
    run.leave(held)
    run.returns(address)
    run.stop(address)


@fault("tcp-destroyed", needs=["net-admin"], lines=2)
def destroyed_under_load(run):
    """destroyed while clients connect all the time"""
    address = run.subject.tcp
    ending = threading.Event()
    served = []

    def visit():
        while not ending.is_set():
            served.append(run.subject.serves(address))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    try:
        until(lambda: served.count(True) > 50)
        run.destroy(address)
        run.node.await_at(address, "restarts", equals=1)
        more = served.count(True) + 50
        until(lambda: served.count(True) >= more)
    finally:
        ending.set()
        for visitor in visitors:
            visitor.join()


@fault("tcp-destroyed", needs=["net-admin"], lines=20)
def destroyed_again_and_again(run):
    """destroyed ten times, each time as soon as it is back"""
    for count in range(1, 11):
        run.destroy(run.subject.tcp)
        run.node.await_at(run.subject.tcp, "restarts", equals=count)
        run.node.await_at(run.subject.tcp, "phase", equals="running")
    run.returns()


@fault("tcp-destroyed", needs=["net-admin"], lines=1)
def destroyed_for_good(run):
    """destroyed with restart never: suspended until it is resumed"""
    address = run.start("tcp:127.0.0.1:0", restart="never")
    held = run.clients(2, address)
    run.destroy(address)
    run.node.await_at(address, "why", equals="listener_lost")
    expect(run.node.at(address, "listener"), None)
    run.live_on(held)
    run.node.result("resume_server", address=address)
    run.acts += 1
    run.returns(address)
    run.leave(held)
    run.stop(address)


@fault("tcp-destroyed", needs=["net-admin"], peers=True)
def destroyed_connections(run):
    """its connections destroyed by ss -K, the listener not"""
    held = run.clients(5)
    port = run.subject.tcp.rpartition(":")[2]
    run.command("ss", "-K", "-Htn", "state", "established", f"sport = :{port}")
    run.leave(held)
    run.returns()


# --- shut by one who shares it ---

@fault("shut-by-sharer", needs=["root"], peers=True, lines=2, repeat=True)
def shut_tcp(run):
    """TCP listener shut down by a sharer"""
    comes_back(run, run.subject.tcp, lambda: run.shut_down(run.subject.tcp))


@fault("shut-by-sharer", needs=["root"], peers=True, listens="unix", lines=2, repeat=True)
def shut_unix(run):
    """Unix listener shut down by a sharer"""
    comes_back(run, run.subject.unix, lambda: run.shut_down(run.subject.unix))


@fault("shut-by-sharer", needs=["root"], lines=2)
def shut_one_way(run):
    """Unix listener shut down for reading only, with clients in its queue"""
    address = run.start(f"unix:{run.dir}/full.sock", max_connections=1)
    held = run.clients(1, address)
    waiting = [run.client(address) for _ in range(3)]
    run.shut_down(address, socket.SHUT_RD)
    run.leave(held)
    run.node.await_at(address, "restarts", equals=1)
    run.leave(waiting)
    run.returns(address)
    run.stop(address)


@fault("shut-by-sharer", needs=["root"], lines=1)
def shut_admin(run):
    """the admin socket's own listener shut down by a sharer"""
    address = "unix:" + run.subject.admin_path()
    held = run.subject.node()
    expect(held.result("version")["pid"], run.pid)
    run.shut_down(address)
    until(lambda: answers(run))
    expect(held.result("version")["pid"], run.pid)
    held.close()


def answers(run):
    """True if a new operator is answered."""
    try:
        admin = run.subject.node()
    except OSError:
        return False
    try:
        return admin.result("version")["pid"] == run.pid
    except (OSError, EOFError):
        return False
    finally:
        admin.close()


# --- lost, then ---

def lost(run, **members):
    """A server that is lost and stays so while a file of somebody else's is at its path."""
    path = run.dir / "lost.sock"
    address = run.start(f"unix:{path}", **members)
    held = run.clients(2, address)
    precious = run.tmp / "precious"
    precious.write_text("precious")
    os.rename(precious, path)
    run.node.await_at(address, "why", equals="path_removed")
    return address, path, held


def take_back(path):
    """The file of somebody else is as it was; takes it away."""
    expect(path.read_text(), "precious")
    path.unlink()


@fault("lost-then", lines=1)
def lost_stopped(run):
    """lost, then stopped"""
    address, path, held = lost(run)
    result = run.stop(address, force=True)
    expect((result["outcome"], result["stopped"]), ("stopped", 2))
    run.leave(held)
    take_back(path)
    expect(run.node.call("state", path=f"transport.servers[{address}]")["error"]["data"]["name"],
           "no_such_path")


@fault("lost-then", lines=1)
def lost_started(run):
    """lost, then started again"""
    address, path, held = lost(run)
    run.refuse("already_exists", address)
    run.leave(held)
    run.stop(address)
    take_back(path)
    run.start(address)
    run.returns(address)
    expect(run.restarts(address), 0)
    run.stop(address)


@fault("lost-then", quick=False, lines=1)
def lost_suspended(run):
    """lost, then suspended: the attempts end"""
    address, path, held = lost(run)
    run.acts += 1
    expect(run.node.result("suspend_server", address=address)["server"]["why"], "requested")
    take_back(path)
    expect(run.node.error("wait", path=f"transport.servers[{address}].phase", equals="running",
                          timeout_ms=2500)["name"], "timeout")
    assert not path.exists()
    run.live_on(held)
    run.acts += 1
    run.node.result("resume_server", address=address)
    run.returns(address)
    run.leave(held)
    run.stop(address)


@fault("lost-then", lines=2)
def lost_resumed(run):
    """lost, then resumed: the reason, then at once"""
    address, path, held = lost(run)
    expect(run.node.error("resume_server", address=address)["name"], "path_exists")
    take_back(path)
    run.node.result("resume_server", address=address)
    expect(run.node.at(address, "phase"), "running")
    run.returns(address)
    run.leave(held)
    run.stop(address)


@fault("lost-then", quick=False, lines=2)
def lost_twice(run):
    """a second injury while it is backing off"""
    address, path, held = lost(run)
    # Nothing listens: there is nothing more to lose, and nothing more is said.
    link = run.tmp / "link"
    link.symlink_to("nowhere")
    os.rename(link, path)
    until(lambda: "a symbolic link" in (run.node.at(address, "error.detail") or ""))
    path.unlink()
    run.node.await_at(address, "phase", equals="running")
    expect(run.restarts(address), 1)
    run.live_on(held)
    run.leave(held)
    run.stop(address)


@fault("lost-then")
def lost_and_stopping(run):
    """the path of a draining server is taken by somebody else"""
    address = run.start(f"unix:{run.dir}/drain.sock")
    held = run.clients(2, address)
    caller = run.subject.node()
    caller.send('{"jsonrpc":"2.0","id":1,"method":"stop_server","params":{"address":"%s"}}'
                % address)
    run.node.await_at(address, "phase", equals="draining")
    other = run.dir / "drain.sock"
    other.write_text("precious")
    run.live_on(held)
    run.leave(held)
    expect(caller.reply()["result"]["outcome"], "drained")
    run.acts += 1
    caller.close()
    take_back(other)


# --- descriptor closed ---

def close_in(run, fd, pid=None):
    run.gdb(f"((int (*)(int))close)({fd})", pid=pid)


@fault("fd-closed", needs=["gdb"], peers=True, lines=2)
def closed_tcp(run):
    """descriptor of the TCP listener closed in the process"""
    *_, (pid, fd) = run.listening_fds()  # of a worker, not of its master
    comes_back(run, run.subject.tcp, lambda: close_in(run, fd, pid))


@fault("fd-closed", needs=["gdb"], quick=False, peers=True, listens="unix", lines=2)
def closed_unix(run):
    """descriptor of the Unix listener closed in the process"""
    *_, (pid, fd) = run.listening_fds(run.subject.unix)
    comes_back(run, run.subject.unix, lambda: close_in(run, fd, pid))


@fault("fd-closed", needs=["gdb"], quick=False, lines=2)
def closed_under_load(run):
    """descriptor closed while clients connect, who are given its number"""
    address = run.subject.tcp
    (pid, fd), *_ = run.listening_fds()
    ending = threading.Event()
    served = []

    def visit():
        while not ending.is_set():
            served.append(run.subject.serves(run.subject.unix))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    try:
        close_in(run, fd, pid)
        run.node.await_at(address, "restarts", equals=1)
        until(lambda: len(served) > 100)
    finally:
        ending.set()
        for visitor in visitors:
            visitor.join()
    assert all(served), f"{served.count(False)} clients of the other server were hurt"
    run.returns()


@fault("fd-closed", needs=["gdb"], quick=False, lines=1)
def closed_number_taken(run):
    """the number belongs to another file by then: it is not closed"""
    address = run.start("tcp:127.0.0.1:0", restart="never")
    (pid, fd), *_ = run.listening_fds(address)
    run.gdb(f"((int (*)(int, int))dup2)(0, {fd})", pid=pid)
    run.node.await_at(address, "listener", equals=None)
    expect(descriptors(pid)[fd], "/dev/null")
    run.stop(address)
    expect(descriptors(pid)[fd], "/dev/null")
    close_in(run, fd)


@fault("fd-closed", needs=["gdb"], quick=False, lines=2)
def closed_number_listens(run):
    """another server is started in the very moment, and may get the number"""
    first = run.start("tcp:127.0.0.1:0")
    (pid, fd), *_ = run.listening_fds(first)
    second = f"tcp:127.0.0.1:{run.subject.port()}"
    # Sent while it is halted, so that nothing else can take the number first.
    armed, go = run.tmp / "armed", run.tmp / "go"
    gdb = run.spawn(["gdb", "-p", pid, "-batch", "-nx", "-ex", f"print ((int (*)(int))close)({fd})",
                     "-ex", f"shell touch {armed}; until [ -e {go} ]; do sleep 0.02; done"])
    until(armed.exists)
    run.node.send('{"jsonrpc":"2.0","id":1,"method":"start","params":{"address":"%s"}}' % second)
    go.touch()
    gdb.wait()
    armed.unlink()
    go.unlink()
    expect(run.node.reply()["result"]["server"]["address"], second)
    run.acts += 1
    if run.listening_fds(second) == [(pid, fd)]:
        run.note("the other server got the number")
    for _ in range(20):
        run.subject.visit(second)
    run.node.await_at(first, "restarts", equals=1)
    run.returns(first)
    expect(run.node.at(first, "connection_pool.total"), 1)
    expect(run.node.at(second, "connection_pool.total"), 20)
    run.stop(first)
    run.stop(second)


@fault("fd-closed", needs=["gdb"], quick=False, lines=1)
def closed_admin(run):
    """descriptor of the admin socket's own listener closed"""
    (pid, fd), *_ = run.listening_fds("unix:" + run.subject.admin_path())
    close_in(run, fd, pid)
    until(lambda: answers(run))


@fault("fd-closed", needs=["gdb"], quick=False)
def closed_kept(run):
    """descriptor that a suspended TCP server keeps for its port closed"""
    address = run.start("tcp:127.0.0.1:0")
    (pid, fd), *_ = run.listening_fds(address)
    run.node.result("suspend_server", address=address)
    run.acts += 1
    close_in(run, fd, pid)
    run.node.result("resume_server", address=address)
    run.acts += 1
    run.returns(address)
    run.stop(address)


# --- the path of a Unix listener ---

@fault("path-lost", peers=True, listens="unix", lines=2, repeat=True)
def path_removed(run):
    """socket file removed"""
    path = run.subject.unix.removeprefix("unix:")
    comes_back(run, run.subject.unix, lambda: os.unlink(path))


def replaced(run, put, take):
    """Something is put over the socket file; it is not touched, and when it is taken away the server
    comes back."""
    address = run.subject.unix
    path = run.dir / "s.sock"
    held = run.clients(2, address)
    put(path)
    before = look(path)
    run.node.await_at(address, "why", equals="path_removed")
    until(lambda: run.node.at(address, "error.errno") is not None
          or " is at " in (run.node.at(address, "error.detail") or ""))
    expect(look(path), before)
    run.live_on(held)
    take(path)
    run.node.await_at(address, "phase", equals="running")
    run.returns(address)
    run.leave(held)


def look(path):
    found = path.lstat()
    return (found.st_ino, found.st_mode, found.st_uid, found.st_size, found.st_mtime_ns)


@fault("path-lost", lines=2)
def replaced_by_file(run):
    """replaced by a regular file"""
    def put(path):
        (run.tmp / "file").write_text("precious")
        os.rename(run.tmp / "file", path)

    replaced(run, put, take_back)


@fault("path-lost", quick=False, lines=2)
def replaced_by_live_socket(run):
    """replaced by somebody else's live socket"""
    other = socket.socket(socket.AF_UNIX)

    def put(path):
        other.bind(str(run.tmp / "other"))
        other.listen()
        os.rename(run.tmp / "other", path)

    replaced(run, put, lambda path: path.unlink())
    other.close()


@fault("path-lost", quick=False, lines=2)
def replaced_by_link(run):
    """replaced by a symbolic link to another live socket"""
    def put(path):
        (run.tmp / "link").symlink_to(run.subject.admin_path())
        os.rename(run.tmp / "link", path)

    replaced(run, put, lambda path: path.unlink())


@fault("path-lost", quick=False, lines=2)
def replaced_by_directory(run):
    """removed, and a directory made there"""
    def put(path):
        path.unlink()
        path.mkdir()

    replaced(run, put, lambda path: path.rmdir())


@fault("path-lost", lines=(2, 3))
def replaced_by_dead_socket(run):
    """replaced by a dead socket of ours: that may be replaced in turn"""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(run.tmp / "dead"))
    comes_back(run, run.subject.unix, lambda: os.rename(run.tmp / "dead", run.dir / "s.sock"))


@fault("path-lost", lines=2)
def directory_moved(run):
    """its directory moved away, and made again"""
    home = run.dir / "home"
    home.mkdir()
    address = run.start(f"unix:{home}/s.sock")
    held = run.clients(2, address)
    home.rename(run.dir / "elsewhere")
    run.node.await_at(address, "why", equals="path_removed", timeout_ms=10000)
    home.mkdir()
    run.node.await_at(address, "phase", equals="running")
    run.returns(address)
    run.live_on(held)
    run.leave(held)
    run.stop(address)
    # What was moved is left alone; it is the mover's now.
    expect(sorted(os.listdir(run.dir / "elsewhere")), ["s.sock"])
    (run.dir / "elsewhere/s.sock").unlink()
    (run.dir / "elsewhere").rmdir()
    home.rmdir()


@fault("path-lost", lines=2)
def directory_replaced(run):
    """its directory replaced by another one in the same moment, through a symbolic link"""
    for name in ("one", "two"):
        (run.dir / name).mkdir()
    link = run.dir / "link"
    link.symlink_to("one")
    address = run.start(f"unix:{link}/s.sock")
    held = run.clients(1, address)
    (run.dir / "new").symlink_to("two")
    os.rename(run.dir / "new", link)
    run.node.await_at(address, "restarts", equals=1)
    run.returns(address)
    assert (run.dir / "two/s.sock").exists()
    run.live_on(held)
    run.leave(held)
    run.stop(address)
    (run.dir / "one/s.sock").unlink()
    for path in (run.dir / "one", run.dir / "two"):
        path.rmdir()
    link.unlink()


@fault("path-lost", lines=(0, 5))
def moved_and_back(run):
    """socket file moved away and back"""
    path = run.dir / "s.sock"
    os.rename(path, run.tmp / "aside")
    time.sleep(0.7)  # noded may or may not have looked: both must end well
    os.rename(run.tmp / "aside", path)
    run.node.await_at(run.subject.unix, "phase", equals="running")
    until(lambda: run.subject.serves(run.subject.unix))


@fault("path-lost", needs=["root"], lines=2)
def path_and_descriptor(run):
    """file removed and listener shut down at once: one line, not two"""
    run.node.state("phase")
    with run.frozen():
        run.shut_down(run.subject.unix)
        os.unlink(run.dir / "s.sock")
    run.node.await_at(run.subject.unix, "restarts", equals=1)
    run.returns(run.subject.unix)
