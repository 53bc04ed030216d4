"""The process itself: its log, its standard descriptors, signals, durations, failing calls."""
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time

from admin_client import request
from fault_accept import slowest_answer
from fault_listener import answers
from harness import ROOT, connect_pipe, expect, has_ended, pace, stat_fields, until
from registry import fault


# --- log ---

def noisy(run, times):
    """As many lines as that: one for each start and stop."""
    for _ in range(times):
        run.stop(run.start(f"unix:{run.dir}/x.sock"))


@fault("log-target", starts=True)
def log_pipe_full(run):
    """a pipe nobody reads: never blocks, the loss is told once it is read"""
    with connect_pipe(run) as reader:
        noisy(run, 1000)
        slow = slowest_answer(run)
        run.note(f"a new operator was answered within {slow} ms")
        lost = run.node.state("log.lost")
        assert lost > 0, "a pipe cannot hold so much"
        text = reader.drain(lambda seen: b"lines lost" in seen)
        expect(text.count(b"lines lost"), 1)
        run.acts = run.count_lines() + run.acts


@fault("log-target", starts=True)
def log_pipe_gone(run):
    """the reader of the pipe has gone"""
    with connect_pipe(run) as reader:
        reader.close()
        noisy(run, 50)
        assert answers(run)
    run.acts = 0


@fault("log-target", starts=True)
def log_reader_stopped(run):
    """the reader is stopped and continued: nothing blocks meanwhile"""
    with connect_pipe(run, stopped=True) as reader:
        noisy(run, 1000)
        assert answers(run)
        reader.carry_on()
        until(lambda: b"lines lost" in reader.seen())
    run.acts = 0


@fault("log-target", starts=True)
def log_dev_full(run):
    """/dev/full: every write says ENOSPC"""
    begin_logging_to(run, "/dev/full")
    noisy(run, 50)
    assert run.node.state("log.lost") > 0
    assert answers(run)
    run.acts = 0


@fault("log-target", starts=True)
def log_closed_terminal(run):
    """a terminal that hangs up"""
    master, slave = os.openpty()
    try:
        begin_logging_to(run, os.ttyname(slave))
    finally:
        os.close(slave)
    noisy(run, 5)
    os.close(master)
    noisy(run, 50)
    assert answers(run)
    run.restart_noded()  # what it holds of the terminal is of a deleted file, which is no leak


def begin_logging_to(run, path):
    """Standard error is that; the log of the harness stays empty."""
    run.begin_with(launch=["sh", "-c", 'exec 2>"$0"; exec "$@"', path])


@fault("log-target", starts=True)
def log_socket_full(run):
    """a socket nobody reads, which blocks for others"""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        flags = fcntl.fcntl(theirs, fcntl.F_GETFL)
        run.begin_with(launch=["sh", "-c", f'exec 2>&{theirs.fileno()} {theirs.fileno()}>&-; exec "$@"', "-"],
                       inherit=[theirs.fileno()])
        noisy(run, 1500)
        assert answers(run)
        expect(fcntl.fcntl(theirs, fcntl.F_GETFL), flags, "flags of a shared description")
    noisy(run, 20)
    assert answers(run)
    run.acts = 0


@fault("closed-stdio", starts=True)
def closed_stdio(run):
    """started with descriptors 0, 1 and 2 closed"""
    for closing in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"):
        run.begin_with(launch=["sh", "-c", f'exec {closing}; exec "$@"', "-"])
        for fd in 0, 1, 2:
            target = os.readlink(f"/proc/{run.pid}/fd/{fd}")
            assert not target.startswith(("socket:", "anon_inode:")), f"{fd} is {target}"
        if "2>&-" in closing:
            expect(os.readlink(f"/proc/{run.pid}/fd/2"), "/dev/null")
        noisy(run, 2)
        run.acts = 0
        run.close_session()
        expect(run.subject.stop(), 0)
    run.begin_with()


# --- signals ---

@fault("signals", repeat=True)
def signals_ignored(run):
    """storms of USR1, USR2, PIPE, CHLD, WINCH, CONT and URG"""
    held = run.clients(2)
    for _ in range(300):
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD,
                       signal.SIGWINCH, signal.SIGCONT, signal.SIGURG):
            os.kill(run.pid, number)
    run.live_on(held)
    expect(run.node.state("phase"), "running")
    run.leave(held)


def ended_by(*numbers, name=None):
    """Signals one after the other with clients, until it has ended; what is left is looked at,
    and a new one is started."""
    def end(run):
        run.begin_with()
        held = run.clients(3) + run.clients(3, run.subject.unix)
        run.close_session()
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, number)
            if len(numbers) < 5:
                time.sleep(0.05)  # they are not queued: one each
        if numbers[-1] in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) and len(numbers) == 1:
            run.live_on(held)
            run.leave(held)
        expect(run.subject.process.wait(30), 0, "exit status")
        expect(run.subject.count_log_lines(run.since) <= 5, True, run.lines())
        expect(list(run.left_behind()), [])
        run.leave(held)
        run.begin_with()
    names = [signal.Signals(one).name.removeprefix("SIG") for one in numbers]
    end.__name__ = "signal_" + (name or "_".join(names))
    end.__doc__ = f"{name or ', '.join(names)} with clients: ends in order, nothing left"
    fault("signals", starts=True)(end)


ended_by(signal.SIGTERM)
ended_by(signal.SIGINT)
ended_by(signal.SIGHUP)
ended_by(signal.SIGQUIT)
ended_by(signal.SIGTERM, signal.SIGTERM)
ended_by(signal.SIGHUP, signal.SIGINT)
ended_by(signal.SIGTERM, signal.SIGQUIT)
ended_by(*[signal.SIGTERM, signal.SIGINT, signal.SIGHUP] * 50, name="storm")


def stopped_for(seconds, quick):
    def stop(run):
        address = run.start("tcp:127.0.0.1:0", idle_timeout_ms=3600000)
        held = run.clients(5, address)
        run.settle()
        with run.frozen():
            time.sleep(seconds)
        # What had come due is over after a window or two.
        turns = pace(lambda: run.node.state("process.loop.turns"), 2, 40)
        run.note(f"{turns} turns in 2 s after")
        assert turns <= 40, "timers come in a burst"
        run.live_on(held)
        run.leave(held)
        run.stop(address)
    stop.__name__ = f"stopped_{seconds}_s"
    stop.__doc__ = f"SIGSTOP, {seconds} s, SIGCONT: no burst of timers"
    fault("signals", quick=quick)(stop)


stopped_for(2, False)
stopped_for(30, False)


@fault("signals", starts=True)
def signal_stopped_terminated(run):
    """TERM while stopped: ends in order when continued"""
    run.begin_with()
    run.close_session()
    os.kill(run.pid, signal.SIGSTOP)
    until(lambda: stat_fields(run.pid)[0] == "T")
    os.kill(run.pid, signal.SIGTERM)
    os.kill(run.pid, signal.SIGCONT)
    expect(run.subject.process.wait(30), 0)
    expect(list(run.left_behind()), [])
    run.begin_with()


# --- durations ---

@fault("durations")
def durations_json(run):
    """negative, no number, infinite and too large durations, by JSON"""
    path = f"{run.dir}/x.sock"
    calls = [("stop_server", '"address":"%s","deadline_ms":' % run.subject.unix),
             ("shutdown", '"deadline_ms":'),
             ("wait", '"path":"nowhere","exists":true,"timeout_ms":'),
             ("start", f'"address":"{path}","drain_ms":'), ("start", f'"address":"{path}","kill_ms":'),
             ("start", f'"address":"{path}","idle_timeout_ms":'),
             ("update_server", f'"address":"{run.subject.unix}","idle_timeout_ms":')]
    for method, params in calls:
        for value in ("-1", "-0.5", "0.5", "1e300", "-1e300", "1e999", "9223372036854775808",
                      "31536000001", '"1"', "null", "true", "[]"):
            run.node.send('{"jsonrpc":"2.0","id":1,"method":"%s","params":{%s%s}}'
                          % (method, params, value))
            expect(run.node.reply()["error"]["data"]["name"], "invalid_params", (method, value))
        for value in ("NaN", "inf", "-Infinity", "nan"):
            run.node.send('{"jsonrpc":"2.0","id":1,"method":"%s","params":{%s%s}}'
                          % (method, params, value))
            expect(run.node.reply()["error"]["data"]["name"], "parse_error", (method, value))
    expect(run.node.error("start", address=path, handler={
        "type": "forward", "backend": "tcp:127.0.0.1:9", "connect_timeout_ms": 0})["name"],
           "invalid_params")
    expect(len(run.node.servers()), 2)


@fault("durations")
def durations_cli(run):
    """the same by the command line of both programs"""
    nodectl = os.environ.get("NODECTL", str(ROOT / "build/nodectl"))
    for value in ("-1", "nan", "inf", "1e300", "9223372036854775808", "366d", "1x", "", " 1", "0x10",
                  "1.5.5"):
        for argv in ([nodectl, "-s", run.subject.admin_path(), "stop-server",
                      f"--deadline={value}", run.subject.unix],
                     [nodectl, "-s", run.subject.admin_path(), f"--timeout={value}", "version"],
                     [run.subject.program, "-s", f"{run.dir}/other.sock", f"--drain={value}"]):
            done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
            expect(done.returncode, 2, (argv, done.stderr))
    expect(len(run.node.servers()), 2)


@fault("durations", repeat=True)
def durations_zero(run):
    """0: no idle limit, drain and kill at once, look once"""
    address = run.start(f"unix:{run.dir}/x.sock", idle_timeout_ms=0, drain_ms=0, kill_ms=0)
    held = run.clients(3, address)
    expect(run.node.error("wait", path="phase", equals="stopped", timeout_ms=0)["name"], "timeout")
    result = run.stop(address)
    expect(result["drained"], 0)
    run.leave(held)


# --- the Nth call fails ---

def session_of(run):
    """A little of everything; answers may be errors, the daemon may close a connection."""
    for method, more in (("start", {"address": f"unix:{run.dir}/x.sock"}), ("state", {}),
                         ("start", {"address": "tcp:127.0.0.1:0"}),
                         ("start", {"address": f"unix:{run.dir}/e.sock",
                                    "handler": {"type": "exec", "argv": ["cat"]}}),
                         ("list_servers", {})):
        ask(run, method, **more)
    for path in (f"{run.dir}/x.sock", f"{run.dir}/e.sock"):
        with contextlib.suppress(OSError):
            client = run.client(f"unix:{path}", 1)
            client.sendall(b"hello")
            client.recv(5)
            client.close()
    for path in (f"{run.dir}/x.sock", f"{run.dir}/e.sock"):
        ask(run, "stop_server", address=f"unix:{path}", force=True)


def ask(run, method, **more):
    with contextlib.suppress(OSError, EOFError), contextlib.closing(run.subject.node()) as admin:
        admin.socket.settimeout(2)
        admin.send(request(method, 1, **more))
        return admin.reply()
    return None


def clean_up(run):
    """Stops what the session left, without any more failures."""
    keep = (run.subject.tcp, run.subject.unix)
    # An idle client makes room where descriptors cannot be had: this one, perhaps.
    try:
        run.node.servers()
    except (OSError, EOFError):
        run.session.close()
        run.session = None
    for one in run.node.servers():
        if one["address"] not in keep:
            run.node.stop(one["address"], force=True)
    # A file that could not be removed is a dead socket now, which the next start replaces.
    for name in ("x.sock", "e.sock"):
        if (run.dir / name).exists():
            run.node.stop(run.node.start(f"unix:{run.dir}/{name}"))


def nth_call(call, error, most, quick=False):
    def injected(run):
        for n in range(1, most + 1):
            with run.strace(f"{call}:error={error}:when={n}"):
                session_of(run)
                reached = "(INJECTED)" in (run.tmp / "strace").read_text(errors="replace")
            expect(has_ended(run.pid), False, f"{call} number {n}")
            clean_up(run)
            if not reached:
                break
        run.note(f"{call}: {n - (not reached)} points")
        assert n > 1, "the session never gets there"
        with run.strace(f"{call}:error={error}"):
            session_of(run)
        clean_up(run)
        run.returns()
    injected.__name__ = f"nth_{call}"
    injected.__doc__ = f"the Nth {call} says {error}, once and for ever"
    fault("nth-failure", needs=["strace"], quick=quick, lines=(0, 10000))(injected)


for call, error, most in (("socket", "ENFILE", 12), ("bind", "EACCES", 6), ("listen", "ENOBUFS", 6),
                          ("accept4", "ENFILE", 20), ("pipe2", "EMFILE", 4), ("clone", "EAGAIN", 4),
                          ("epoll_ctl", "ENOMEM", 0), ("openat", "EMFILE", 10),
                          ("fcntl", "EINVAL", 10), ("setsockopt", "ENOBUFS", 20),
                          ("fchmod", "EPERM", 6), ("unlink", "EPERM", 6),
                          ("shutdown", "ENOTCONN", 8)):
    if most:
        nth_call(call, error, most, call == "clone")
