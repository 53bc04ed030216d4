"""Starting where it cannot be: ports, paths, file systems; and what a killed one left behind."""
import concurrent.futures
import contextlib
import hashlib
import os
import random
import re
import socket
import threading
import time

from admin_client import request
from harness import Noded, expect, files_below, has_ended, quick_connect, read, until
from registry import fault, namespaces


def nothing_left(run, files):
    expect(files_below(run.dir), files)
    expect(len(run.node.servers()), 2)


# --- ports ---

@fault("start-refused", repeat=True)
def port_in_use(run):
    """the port is in use: at bind"""
    with socket.create_server(("127.0.0.1", 0)) as other:
        run.refuse("address_in_use", "tcp:127.0.0.1:%d" % other.getsockname()[1],
                   "another process listens there")


@fault("start-refused")
def port_bound(run):
    """the port is bound by somebody who does not listen"""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        run.refuse("address_in_use", "tcp:127.0.0.1:%d" % other.getsockname()[1])


@fault("start-refused")
def port_of_all(run):
    """the port is in use on all addresses of the machine"""
    with socket.create_server(("0.0.0.0", 0)) as other:
        run.refuse("address_in_use", "tcp:127.0.0.1:%d" % other.getsockname()[1])


@fault("start-refused", needs=["strace"])
def port_in_use_at_listen(run):
    """somebody else listens between bind and listen, TCP and Unix"""
    files = files_below(run.dir)
    with run.strace("listen:error=EADDRINUSE"):
        run.refuse("address_in_use", "tcp:127.0.0.1:0", "another process listens there")
        run.refuse("address_in_use", f"{run.dir}/x.sock")
    nothing_left(run, files)


@fault("start-refused", needs=["root", "setpriv"], starts=True)
def port_privileged(run):
    """a privileged port, by a noded without privileges"""
    start = read("/proc/sys/net/ipv4/ip_unprivileged_port_start").strip()
    os.chown(run.dir, 65534, 65534)
    run.top.chmod(0o755)
    run.begin_with(launch=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", "--bounding-set=-all"])
    if int(start) > 80:
        detail = run.refuse("bind_denied", "tcp:127.0.0.1:80")
        expect(detail["errno"], "EACCES")
    else:
        run.note("no port is privileged here")


@fault("start-refused")
def foreign_address(run):
    """an address that is not of this machine, IPv4 and IPv6"""
    run.refuse("address_invalid", "tcp:192.0.2.1:4711")
    run.refuse("address_invalid", "tcp:[2001:db8::1]:4711")


@fault("start-refused", needs=["netns"], starts=True)
def no_ipv6(run):
    """IPv6 is switched off"""
    run.begin_with(launch=["unshare", *namespaces(), "--net", "sh", "-c",
                           "ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6;"
                           'echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; exec "$@"', "-"],
                   serve=False)
    run.refuse("address_invalid", "tcp:[::1]:0")
    expect(run.node.servers(), [])


@fault("start-refused", needs=["strace"], quick=False)
def no_ipv6_at_all(run):
    """the kernel knows no IPv6: socket says EAFNOSUPPORT"""
    with run.strace("socket:error=EAFNOSUPPORT"):
        detail = run.refuse("address_invalid", "tcp:[::1]:0")
        expect(detail["errno"], "EAFNOSUPPORT")


def one_call_fails(call, error, name):
    def injected(run):
        files = files_below(run.dir)
        for address in ("tcp:127.0.0.1:0", f"{run.dir}/x.sock"):
            with run.strace(f"{call}:error={error}"):
                reply = run.node.error("start", address=address)
                assert reply["name"] in (name, "io_error"), reply
            nothing_left(run, files)
            run.stop(run.start(address))
    injected.__name__ = f"start_{call}_{error}"
    injected.__doc__ = f"{call} says {error} to a start, TCP and Unix"
    fault("start-refused", needs=["strace"], quick=False)(injected)


for call, error, name in (("socket", "EMFILE", "limit_reached"),
                          ("socket", "ENFILE", "limit_reached"),
                          ("socket", "ENOBUFS", "limit_reached"),
                          ("bind", "EACCES", "bind_denied"), ("bind", "ENOMEM", "limit_reached"),
                          ("listen", "ENOBUFS", "limit_reached")):
    one_call_fails(call, error, name)


@fault("time-wait", repeat=True)
def time_wait(run):
    """stopped with clients, so that it closes first; started at once on the same port"""
    address = run.start("tcp:127.0.0.1:0")
    held = run.clients(5, address)
    run.stop(address, force=True)
    run.leave(held)
    expect(run.start(address), address)
    run.returns(address)
    run.stop(address)


@fault("time-wait", quick=False, starts=True)
def time_wait_restart(run):
    """noded itself ended and started again on the same port"""
    run.begin_with()
    address = run.start("tcp:127.0.0.1:0")
    held = run.clients(5, address)
    run.restart_noded()
    run.leave(held)
    expect(run.start(address), address)
    run.returns(address)
    run.stop(address)


# --- what is at a path ---

def untouched(run, path, words, name="path_exists"):
    """Refused, and the object is as it was: inode, times, contents."""
    before = identity(path)
    run.refuse(name, str(path), words)
    expect(identity(path), before)
    expect(len(run.node.servers()), 2)


def identity(path):
    found = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    link = os.readlink(path) if path.is_symlink() else ""
    return (found.st_ino, found.st_mode, found.st_uid, found.st_nlink, found.st_size,
            found.st_mtime_ns, found.st_ctime_ns, content, link, sorted(os.listdir(path.parent)))


def at_path(name, doc, words, make, needs=()):
    def put(run):
        path = run.dir / "x.sock"
        with contextlib.ExitStack() as stack:
            make(path, stack)
            untouched(run, path, words)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
        for other in run.dir.glob("target*"):
            other.unlink()
    put.__name__, put.__doc__ = name, doc
    fault("path-kinds", needs=needs)(put)


def live(path, stack, kind=socket.SOCK_STREAM, listens=True):
    other = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
    other.bind(str(path))
    if listens:
        other.listen()


def dead(path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))


def link_to(make):
    def linked(path, stack):
        target = path.with_name("target")
        make(target, stack)
        path.symlink_to("target")
    return linked


def foreign_dead(path, stack):
    dead(path)
    os.chown(path, 65534, 65534)


at_path("path_file", "a regular file", "a regular file", lambda p, s: p.write_text("precious"))
at_path("path_empty_file", "an empty file", "a regular file", lambda p, s: p.touch())
at_path("path_directory", "a directory", "a directory", lambda p, s: p.mkdir())
at_path("path_fifo", "a FIFO", "a FIFO", lambda p, s: os.mkfifo(p))
at_path("path_link", "a symbolic link to a file", "a symbolic link",
        link_to(lambda p, s: p.write_text("precious")))
at_path("path_dangling", "a dangling link", "a symbolic link", link_to(lambda p, s: None))
at_path("path_link_to_live", "a link to a live socket", "a symbolic link", link_to(live))
at_path("path_link_to_dead", "a link to a dead socket of ours", "a symbolic link",
        link_to(lambda p, s: dead(p)))
at_path("path_hard_link", "a hard link to a file", "a regular file",
        lambda p, s: (p.with_name("target").write_text("x"), os.link(p.with_name("target"), p)))
at_path("path_live", "a live socket", "a live socket", live)
at_path("path_bound", "a socket bound, not yet listening", "a live socket",
        lambda p, s: live(p, s, listens=False))
at_path("path_datagram", "a live datagram socket", "a live socket",
        lambda p, s: live(p, s, socket.SOCK_DGRAM, False))
at_path("path_packet", "a live packet socket", "a live socket",
        lambda p, s: live(p, s, socket.SOCK_SEQPACKET))
at_path("path_foreign", "a dead socket of another user", "another user", foreign_dead, ["root"])


@fault("path-kinds")
def path_live_undisturbed(run):
    """a live socket at the path: nobody is queued at it by the probe"""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(run.dir / "x.sock"))
        other.listen()
        other.setblocking(False)
        untouched(run, run.dir / "x.sock", "a live socket")
        try:
            other.accept()
            raise AssertionError("the probe connected")
        except BlockingIOError:
            pass
    (run.dir / "x.sock").unlink()


@fault("path-kinds")
def path_impossible(run):
    """too long, empty, relative, with a newline, a NUL, a slash at its end"""
    files = files_below(run.dir)
    for address in ("", "unix:", "/" + "x" * 120, "/" + "d/" * 60 + "s", "x.sock", "./x.sock",
                    "unix:x.sock", f"unix:{run.dir}/", "unix:/", "/", "/.", "/..", "\0x", "@x",
                    "unix:\0abstract", f"unix:{run.dir}/a\0b"):
        run.node.send(request("start", address=address))
        reply = run.node.reply()
        assert reply["error"]["data"]["name"] in ("address_invalid", "invalid_params",
                                                  "path_exists", "invalid_request"), (address, reply)
        nothing_left(run, files)


@fault("path-kinds")
def path_odd(run):
    """control bytes in the path: refused in words; blanks, quotes and letters of all kinds: served"""
    for name in ("a\nb", "\x1b[31mred", "a\tb", "del\x7f"):
        run.refuse("address_invalid", f"{run.dir}/{name}", "control characters")
    for name in ("a b", 'q"u\'o\\te', "ä€😀", "-s", "x" * 40):
        address = run.start(f"{run.dir}/{name}")
        until(lambda: run.subject.serves(f"unix:{run.dir}/{name}"))
        run.stop(address)
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", "".join(run.lines())), "raw control bytes logged"


@fault("path-kinds")
def path_not_utf8(run):
    """bytes that are not UTF-8: a parse error, nothing made"""
    files = files_below(run.dir)
    run.node.send(b'{"jsonrpc":"2.0","id":1,"method":"start","params":{"address":"%s/\xff\xfe.sock"}}'
                  % os.fsencode(run.dir))
    assert "error" in run.node.reply()
    nothing_left(run, files)


# --- stale sockets ---

@fault("stale-socket", starts=True, lines=2)
def stale_sockets(run):
    """killed, started again: each socket file replaced with one line"""
    run.begin_with()
    held = run.clients(3, run.subject.unix)
    run.kill_noded()
    run.leave(held)
    run.begin_with()
    run.since = run.last_start
    run.expect_lines(2, "replaced a dead socket file")
    run.acts = 3  # noded, and two servers
    run.returns(run.subject.unix)
    expect([name for name in files_below(run.dir) if "noded" in name], [])


@fault("stale-socket")
def stale_leftover(run):
    """one that was moved aside when its noded was killed is swept away"""
    dead(run.dir / ".x.sock.noded-0")
    run.stop(run.start(f"{run.dir}/x.sock"))


@fault("stale-socket")
def aside_taken(run):
    """names to move aside to are taken by precious files: nothing is lost"""
    for number in range(8):
        (run.dir / f".x.sock.noded-{number}").write_text("precious")
    dead(run.dir / "x.sock")
    before = files_below(run.dir)
    reply = run.node.call("start", address=f"{run.dir}/x.sock")
    assert "error" in reply, reply
    expect(files_below(run.dir), before)
    for path in run.dir.glob(".x.sock.noded-*"):
        expect(path.read_text(), "precious")
        path.unlink()
    (run.dir / "x.sock").unlink()


@fault("two-at-once", starts=True)
def two_at_once(run):
    """two noded started together on one path, 20 times"""
    race(run, 20)


@fault("two-at-once", quick=False, starts=True)
def two_at_once_200(run):
    """two noded started together on one path, 200 times, half of them on a stale socket"""
    race(run, 200)


def race(run, times):
    path = run.dir / "admin.sock"
    for turn in range(times):
        if turn % 2:
            dead(path)
        both = [run.spawn([run.subject.program, "--socket", path]) for _ in range(2)]
        until(lambda: any(one.poll() is not None for one in both))
        winners = [one for one in both if one.poll() is None]
        expect(len(winners), 1, f"winners in turn {turn}")
        expect([one.returncode for one in both if one not in winners], [1])
        until(lambda: admin_answers(path) == winners[0].pid)
        run.end(winners[0])
        expect(files_below(run.dir), {})
    run.begin_with()


def admin_answers(path):
    try:
        with quick_connect(f"unix:{path}") as admin:
            admin.sendall(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n')
            match = re.search(rb'"pid":(\d+)', admin.recv(1 << 16))
            return int(match[1])
    except OSError:
        return None


@fault("two-at-once")
def two_servers_one_path(run):
    """two noded told to serve one Unix path at once, 50 times: exactly one does"""
    other = Noded()
    home = run.tmp / "other"
    home.mkdir()
    other.start(home, run.tmp / "other.log", serve=False)
    path = f"{run.dir}/x.sock"
    with contextlib.closing(other.node()) as there, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        for turn in range(50):
            if turn % 2:
                dead(path)
            barrier = threading.Barrier(2)

            def start(node):
                barrier.wait()
                return node.call("start", address=path)

            replies = list(pool.map(start, (run.node, there)))
            won = [node for node, reply in zip((run.node, there), replies) if "result" in reply]
            expect(len(won), 1, replies)
            run.acts += won[0] is run.node
            won[0].stop(path)
            run.acts += won[0] is run.node
    run.acts += len(run.lines("replaced a dead"))
    other.stop()


# --- file systems ---

def mounted(name, doc, options, prepare, errno, quick=True):
    def start(run):
        place = run.tmp / "mount"
        place.mkdir()
        run.begin_with(launch=["unshare", *namespaces(), "--mount", "sh", "-c",
                               f'mount -t tmpfs -o {options} none "$1" && {prepare} && shift && '
                               'exec "$@"', "-", place])
        reply = run.node.error("start", address=f"{place}/x.sock")
        expect(reply["errno"], errno, reply)
    start.__name__, start.__doc__ = name, doc
    fault("bad-filesystem", needs=["mounts"], quick=quick, starts=True)(start)


mounted("filesystem_full", "a full file system", "size=4k,nr_inodes=2", ': >"$1/takes the last"',
        "ENOSPC")
mounted("filesystem_readonly", "a read-only file system", "ro", "true", "EROFS")


@fault("bad-filesystem", needs=["mounts"], starts=True, lines=1)
def filesystem_readonly_later(run):
    """made read-only under a server whose file is then asked to go"""
    place = run.tmp / "mount"
    place.mkdir()
    run.begin_with(launch=["unshare", *namespaces(), "--mount", "sh", "-c",
                           'mount -t tmpfs none "$1" && shift && exec "$@"', "-", place])
    address = run.start(f"unix:{place}/x.sock")
    run.command("nsenter", "-t", run.pid, "-m", "mount", "-o", "remount,ro", place)
    run.stop(address)
    expect(len(run.node.servers()), 2)


@fault("bad-filesystem")
def directory_missing(run):
    """the directory is missing, or is a file"""
    (run.dir / "file").touch()
    files = files_below(run.dir)
    run.refuse("io_error", f"{run.dir}/missing/x.sock", "no such directory")
    run.refuse("io_error", f"{run.dir}/file/x.sock")
    nothing_left(run, files)
    (run.dir / "file").unlink()


@fault("bad-filesystem")
def directory_unsafe(run):
    """a directory everybody may write to without the sticky bit"""
    home = run.dir / "open"
    home.mkdir()
    home.chmod(0o777)
    run.refuse("unsafe_directory", f"{home}/x.sock")
    home.chmod(0o1777)
    run.stop(run.start(f"{home}/x.sock"))
    home.rmdir()


@fault("bad-filesystem", needs=["root", "setpriv"], starts=True)
def directory_forbidden(run):
    """a directory it may not write to, or not search"""
    os.chown(run.dir, 65534, 65534)
    run.top.chmod(0o755)
    run.begin_with(launch=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", "--bounding-set=-all"])
    home = run.tmp / "closed"
    home.mkdir(mode=0o755)
    expect(run.node.error("start", address=f"{home}/x.sock")["errno"], "EACCES")
    home.chmod(0o700)
    expect(run.node.error("start", address=f"{home}/x.sock")["errno"], "EACCES")


# --- kill -9 ---

def killed_at(call, when, doc, stale=False, stop=False):
    """Dies at the entry of a system call of a start or a stop; then everything starts again."""
    def kill(run):
        run.begin_with()
        path = run.dir / "x.sock"
        if stale:
            dead(path)
        if stop:
            run.start(str(path))
        tracer = run.spawn(["strace", "-q", "-o", run.tmp / "strace", "-p", run.pid, "-e",
                            f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"])
        until(lambda: run.tracer_of(run.pid) == tracer.pid)
        with contextlib.suppress(EOFError, OSError):
            run.node.call("stop_server" if stop else "start", address=str(path))
        until(lambda: has_ended(run.pid))
        run.forget_noded()
        run.end(tracer)
        run.begin_with()
        run.since, run.acts = run.last_start, 3
        run.stop(run.start(str(path)))
        run.acts += len(run.lines("replaced a dead socket file"))
        nothing_stale(run)
    kill.__name__ = f"killed_at_{call}_{when}" + ("_stale" if stale else "_stop" if stop else "")
    kill.__doc__ = doc
    fault("kill-9", needs=["strace"], starts=True, quick=when == 1)(kill)


killed_at("bind", 1, "killed at bind")
killed_at("listen", 1, "killed between bind and listen")
killed_at("renameat2", 1, "killed when about to move a stale path aside", stale=True)
killed_at("unlink", 1, "killed while a stale path is moved aside", stale=True)
killed_at("bind", 2, "killed at the bind after a stale path was removed", stale=True)
killed_at("listen", 1, "killed between bind and listen on a replaced path", stale=True)
killed_at("unlink", 1, "killed when about to remove the path in a stop", stop=True)
killed_at("shutdown", 1, "killed after the path was removed in a stop", stop=True)


@fault("kill-9", starts=True)
def killed_under_load(run):
    """killed at 20 random instants under load, with a program's child alive"""
    kill_loop(run, 20)


@fault("kill-9", quick=False, starts=True)
def killed_1000(run):
    """killed at 1,000 random instants under load, with a program's child alive"""
    kill_loop(run, 1000)


def nothing_stale(run):
    """What a killed one left has been replaced and removed since."""
    left = files_below(run.dir)
    expect(sorted(left), ["admin.sock", "s.sock"])
    run.before["files"] = left


def kill_loop(run, times):
    chance = random.Random(4711)
    ending = threading.Event()
    run.begin_with()
    tcp = run.subject.tcp

    def churn():
        """Starts, stops and clients, all the time, whoever is there."""
        while not ending.is_set():
            with contextlib.suppress(OSError, EOFError, AssertionError, KeyError, ValueError):
                with contextlib.closing(run.subject.node()) as node:
                    while not ending.is_set():
                        node.call("start", address=f"{run.dir}/churn.sock")
                        run.subject.visit(f"unix:{run.dir}/churn.sock")
                        node.call("stop_server", address=f"{run.dir}/churn.sock", force=True)
            time.sleep(0.002)

    churners = [threading.Thread(target=churn) for _ in range(2)]
    for churner in churners:
        churner.start()
    try:
        for _ in range(times):
            node = run.subject.node()
            address = node.start(f"{run.dir}/exec.sock", handler={"type": "exec", "argv": ["cat"]})
            client = run.client(address)
            until(lambda: node.at(address, "connection_pool.open") == 1)
            (child,) = (one["pid"] for one in node.result("list_connections",
                                                          server=address)["connections"])
            node.close()
            time.sleep(chance.random() * 0.02)
            run.kill_noded()
            client.close()
            until(lambda: has_ended(child))
            run.subject.start(run.dir, run.subject.log, serve=False)
            with contextlib.closing(run.subject.node()) as node:
                expect(node.start(tcp), tcp)
                run.subject.unix = node.start(f"unix:{run.dir}/s.sock")
    finally:
        ending.set()
        for churner in churners:
            churner.join()
    run.restart_noded()
    for name in ("churn.sock", "exec.sock"):
        run.stop(run.start(f"{run.dir}/{name}"))
    run.acts += len(run.lines("replaced a dead socket file"))
    nothing_stale(run)
