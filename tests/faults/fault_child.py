"""Programs: those that cannot be run, what they inherit, and what they write."""
import re
import sys

from harness import children, expect, until
from registry import fault

# One line, and one that counts those like it when its server ends.
COUNTED = (1, 2)


def exec_server(run, argv, **members):
    return run.start(f"unix:{run.dir}/x.sock", handler={"type": "exec", "argv": argv}, **members)


def turned_away(run, address):
    """A client whose program cannot be run is closed, and nothing stays."""
    client = run.client(address)
    expect(client.recv(1), b"")
    client.close()
    run.node.await_at(address, "connection_pool.open", equals=0)
    until(lambda: not children(run.pid))


@fault("no-program")
def program_missing(run):
    """a program that is missing, a directory, or not executable: refused at start"""
    plain = run.tmp / "plain"
    plain.write_text("#!/bin/sh\n")
    for argv in (["no-such-program-anywhere"], [f"{run.tmp}/none"], [str(run.tmp)], [str(plain)],
                 ["x/y"], [""], ["."]):
        reply = run.node.error("start", address=f"{run.dir}/x.sock",
                               handler={"type": "exec", "argv": argv})
        assert reply["name"] in ("program_not_found", "invalid_params"), (argv, reply)
    for argv in ([], [1], "cat", None, [None]):
        expect(run.node.error("start", address=f"{run.dir}/x.sock",
                              handler={"type": "exec", "argv": argv})["name"], "invalid_params")


def unusable(name, doc, spoil, words):
    def run_it(run):
        program = run.tmp / "program"
        program.write_text("#!/bin/sh\necho hello\n")
        program.chmod(0o755)
        address = exec_server(run, [str(program)])
        spoil(program)
        for _ in range(5):
            turned_away(run, address)
        run.expect_lines(1, words)
        run.stop(address)
    run_it.__name__, run_it.__doc__ = name, doc
    fault("no-program", lines=COUNTED)(run_it)


unusable("program_interpreter", "an interpreter that does not exist",
         lambda p: p.write_text("#!/no/such/interpreter\n"), "No such file")
unusable("program_garbage", "a file that is no program",
         lambda p: p.write_bytes(b"\x7fELF garbage"), "Exec format")
unusable("program_removed", "removed after the start", lambda p: p.unlink(), "No such file")
unusable("program_forbidden", "made not executable after the start", lambda p: p.chmod(0o644),
         "Permission denied")


@fault("no-program", needs=["prlimit"], lines=1, starts=True)
def program_arguments(run):
    """more arguments and environment than execve takes"""
    run.begin_with(launch=["env", "LC_LONG=" + "x" * 100000])
    # A quarter of the stack is what execve lets them have.
    run.command("prlimit", "--pid", run.pid, "--stack=524288:")
    address = exec_server(run, ["cat", "y" * 50000])
    turned_away(run, address)
    run.expect_lines(1, "Argument list too long")
    run.stop(address)


def spawn_fails(call, error, quick=False):
    def injected(run):
        address = exec_server(run, ["cat"])
        with run.strace(f"{call}:error={error}"):
            for _ in range(5):
                turned_away(run, address)
        client = run.client(address)
        run.subject.exchange(client)
        client.close()
        run.node.await_at(address, "connection_pool.open", equals=0)
        run.stop(address)
    injected.__name__ = f"spawn_{call}_{error}"
    injected.__doc__ = f"{call} says {error} when a program is to be started"
    fault("spawn-fails", needs=["strace"], quick=quick, lines=COUNTED)(injected)


spawn_fails("clone", "EAGAIN", True)
spawn_fails("clone", "ENOMEM")
spawn_fails("pipe2", "EMFILE", True)
spawn_fails("pipe2", "ENFILE")


@fault("spawn-fails", lines=(2, 2))
def spawn_without_descriptors(run):
    """one descriptor left, and two clients: there is none for the pipe of a program"""
    address = exec_server(run, ["cat"])
    run.limit_descriptors(1)
    first, second = run.client(address), run.client(address)
    run.subject.exchange(first)
    run.node.await_at(address, "listener.why", equals="fd_limit")
    run.restore_descriptors()
    run.subject.exchange(second)
    first.close()
    second.close()
    run.node.await_at(address, "listener.phase", equals="running")
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)


# --- what a child has ---

LOOK = """ls /proc/self/fd | tr "\\n" " "; echo
grep -E "^Sig(Blk|Ign):" /proc/self/status | tr -d "\\n\\t"; echo
env -0 | tr "\\n\\0" "x\\n" | sed "s/=.*//"
"""


@fault("child-inherits", starts=True)
def child_inherits(run):
    """noded started with open descriptors, blocked signals and a rich environment"""
    launch = [sys.executable, "-c", "import os, signal, sys\n"
              "for fd in 40, 41, 99:\n os.dup2(0, fd)\n"
              "signal.pthread_sigmask(signal.SIG_BLOCK, {10, 15, 17, 40})\n"
              "for n in 1, 14, 20: signal.signal(n, signal.SIG_IGN)\n"
              "os.environ.update(SECRET='x', LD_LIBRARY_PATH='/nowhere', BASH_ENV='/x', IFS='x')\n"
              "os.execvp(sys.argv[1], sys.argv[1:])"]
    run.begin_with(launch=launch)
    address = exec_server(run, ["sh", "-c", LOOK])
    client = run.client(address)
    text = b""
    while more := client.recv(4096):
        text += more
    client.close()
    numbers, signals, *environment = text.decode().splitlines()
    expect(numbers, "0 1 2 3 ", "3 is the directory that is read")
    expect(signals, "SigBlk:" + "0" * 16 + "SigIgn:" + "0" * 16)
    allowed = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "PROTO",
               "PWD", "_"}  # the last two are the shell's own
    expect([name for name in environment if name not in allowed
            and not name.startswith(("LC_", "IPC", "TCP"))], [])
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)


# --- what it writes ---

@fault("child-floods", lines=(5, 300))
def child_floods(run):
    """yes >&2 with control bytes: limited, escaped, others answered"""
    address = exec_server(run, ["sh", "-c", 'yes "$(printf "\\033[31mred\\007\\r")" >&2'])
    client = run.client(address)
    until(lambda: len(run.lines("red")) > 3)
    for _ in range(200):
        expect(run.node.result("version")["pid"], run.pid)
        run.subject.visit()
    client.close()
    run.stop(address, force=True)
    raw = run.subject.log.read_bytes()
    expect(re.findall(rb"[\x00-\x08\x0b-\x1f\x7f]", raw), [])
    run.note(f"{run.count_lines()} lines of it in the log")


@fault("child-floods", lines=(1, 100))
def child_long_line(run):
    """a line of 1 MiB without an end, and bytes that are no text"""
    address = exec_server(run, [sys.executable, "-c", "import os\n"
                                "os.write(2, b'x' * 1048576 + b'\\n' + bytes(range(256)) + b'\\n')"])
    client = run.client(address)
    expect(client.recv(1), b"")
    client.close()
    run.node.await_at(address, "connection_pool.open", equals=0)
    run.stop(address)
    raw = run.subject.log.read_bytes()
    expect(re.findall(rb"[\x00-\x08\x0b-\x1f\x7f]", raw), [])
    assert max(map(len, raw.splitlines())) <= 2048


@fault("child-floods")
def child_closes_stderr(run):
    """a child that closes its standard error, and one that leaves it to another"""
    for script in ("exec 2>&-; cat", "sleep 600 2>&2 >/dev/null </dev/null & cat"):
        address = exec_server(run, ["sh", "-c", script])
        run.subject.visit(address)
        run.node.await_at(address, "connection_pool.open", equals=0)
        run.stop(address)
    until(lambda: not children(run.pid))
