"""Strangers: other users who try the admin socket again and again, and clients whose own names are
written to do harm where they are shown."""
import os
import re
import socket
import subprocess
import sys

from fault_operator import alone, operators
from harness import expect
from registry import fault

# As uid 65534: connects, asks for what would change something, reads what it is told, again and again.
STRANGER = """
import os, signal, socket, sys
ended, told = [], set()
signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print("begun", flush=True)
turn = 0
while not ended:
    turn += 1
    client = socket.socket(socket.AF_UNIX)
    client.bind(b"\\0stranger-%d-%d\\n\\x1b[31m\\0" % (os.getpid(), turn))
    client.settimeout(60)
    client.connect(sys.argv[1])
    try:
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"shutdown"}\\n')
    except BrokenPipeError:
        pass
    heard = b""
    try:
        while more := client.recv(65536):
            heard += more
    except ConnectionResetError:
        pass
    told.add("refused" if b'"permission_denied"' in heard and b'"result"' not in heard else
             "heard nothing" if not heard else repr(heard))
    client.close()
print(turn, *sorted(told), sep="\\n")
"""


def plain(data):
    """Every byte may be shown on a terminal."""
    return not re.search(rb"[^\x20-\x7e\n]", data)


@fault("admin-others", needs=["root"], quick=False, lines=1)
def strangers_and_operator(run):
    """two other users ask all the time to shut down, while fresh operators are answered"""
    run.top.chmod(0o755)
    alone(run)
    run.node.result("version")
    os.chmod(run.subject.admin_path(), 0o666)
    strangers = [run.spawn([sys.executable, "-c", STRANGER, run.subject.admin_path()],
                           stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for stranger in strangers:
        expect(stranger.stdout.readline(), "begun\n")
    operators(run)
    turns = 0
    for stranger in strangers:
        stranger.terminate()
        count, *told = stranger.communicate(timeout=60)[0].split("\n")[:-1]
        turns += int(count)
        expect(told, ["refused"], "what strangers were told")
    os.chmod(run.subject.admin_path(), 0o600)
    run.note(f"strangers refused {turns:,} times")
    run.expect_lines(1, "uid 65534")
    expect(run.node.state("phase"), "running")


@fault("admin-others", quick=False)
def hostile_names_shown(run):
    """peers with hostile names, in what nodectl shows and in the log at debug"""
    run.node.result("set_log_level", level="debug")
    names = [b"\0\x1b]0;owned\x07\n" + os.fsencode(run.top.name) + b"\0\0",
             b"\0" + os.fsencode(run.top.name) + bytes(range(256 - 64, 256)),
             b"\0" + os.fsencode(run.top.name) + b'","reason":"x"}\r\n{"a":1',
             os.fsencode(run.tmp) + b"/\x1b[2J\x9b31m\n2026-01-01T00:00:00.000Z error forged"]
    for name in names:
        client = socket.socket(socket.AF_UNIX)
        run.sockets.append(client)
        client.bind(name)
        client.connect(run.subject.unix.removeprefix("unix:"))
        run.subject.exchange(client)
    connections = ["state", run.subject.unix, "connection_pool", "connections"]
    for words in ["list-connections"], ["-j", "list-connections"], connections, ["-j", *connections]:
        shown = run.command(run.subject.nodectl(), "--socket", run.subject.admin_path(), *words)
        assert plain(shown.encode(errors="surrogateescape")), f"{words}: {shown!r}"
        assert shown.count("x1b") >= 2, f"{words}: the names are not shown: {shown!r}"
    run.leave(run.sockets)
    run.node.await_at(run.subject.unix, "connection_pool.open", equals=0)
    run.node.result("set_log_level", level="info")
    log = run.subject.log.read_bytes()
    assert plain(log), "control bytes in the log"
    expect(len(re.findall(rb"^\S+ error", log, re.M)), 0, "a forged line")
    assert log.count(rb"\x1b[2J\x9b31m\x0a2026") >= 1, "the name is not in the log"
    run.lines_seen = len(run.lines(r"^\S+ (error|warning|info) "))
