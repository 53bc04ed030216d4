"""The admin socket: clients of the worst kinds, JSON of the worst kinds, other users, a removed file."""
import contextlib
import json
import os
import socket
import statistics
import sys
import time

from admin_client import request
from fault_accept import answered
from fault_listener import answers
from harness import expect, until
from registry import fault


def crowd(run, count):
    held = [run.subject.node() for _ in range(count)]
    run.sockets.extend(one.socket for one in held)
    return held


# --- clients ---

@fault("admin-clients", repeat=True)
def admin_half_requests(run):
    """half requests, then the end"""
    for text in ("{", '{"jsonrpc":"2.0"', request("version")[:-1], '{"id":1}{', "\n\n", "[" * 100):
        for admin in crowd(run, 5):
            with contextlib.suppress(OSError):
                admin.push(text)
            admin.close()
    expect(run.node.result("version")["pid"], run.pid)


@fault("admin-clients")
def admin_slow_bytes(run):
    """a byte at a time, slowly: the others do not wait"""
    slow = crowd(run, 20)
    text = request("version")
    for number, byte in enumerate(text):
        for admin in slow:
            admin.push(byte)
        if number % 20 == 19:
            answers(run)
    answered(run, "beside 20 clients with half a request")
    for admin in slow:
        admin.push("\n")
        expect(admin.reply()["id"], 1)


@fault("admin-clients", lines=(0, 1))
def admin_endless_line(run):
    """1 GiB without a newline: cut off at the limit"""
    admin = run.subject.node()
    run.sockets.append(admin.socket)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < 1 << 30:
            sent += admin.socket.send(b"x" * (1 << 20))
    run.note(f"cut off after {sent >> 10} KiB")
    assert sent < 64 << 20, "it read on"
    answered(run, "after an endless line")


@fault("admin-clients")
def admin_pipelined(run):
    """10,000 requests at once"""
    admin, *_ = crowd(run, 1)
    count = 10000
    sent = 0
    text = "".join(request("version", n) + "\n" for n in range(count)).encode()
    answers_seen, buffer = 0, b""
    admin.socket.setblocking(False)
    deadline = time.monotonic() + 60
    waited = []
    while answers_seen < count:
        assert time.monotonic() < deadline
        with contextlib.suppress(BlockingIOError):
            sent += admin.socket.send(text[sent:sent + 65536])
        with contextlib.suppress(BlockingIOError):
            buffer = admin.socket.recv(1 << 20)
            answers_seen += buffer.count(b"\n")
        if answers_seen % 50 == 0:
            began = time.monotonic()
            run.node.result("version")
            waited.append(time.monotonic() - began)
    run.note(f"meanwhile another was answered within {max(waited) * 1000:.1f} ms")
    assert statistics.median(waited) < 0.5, waited


@fault("admin-clients", lines=(0, 1))
def admin_deaf(run):
    """clients that ask for much and read nothing"""
    deaf = crowd(run, 20)
    for admin in deaf:
        admin.push_what_fits(b"".join((request("rpc.discover", n) + "\n").encode()
                                      for n in range(500)))
    answered(run, "beside 20 deaf clients")
    for admin in deaf:
        admin.close()


@fault("admin-clients", repeat=True)
def admin_dies_before_reply(run):
    """callers that die before the reply"""
    for _ in range(20):
        for method, more in (("wait", {"path": "phase", "equals": "stopped", "timeout_ms": 600000}),
                             ("state", {}), ("rpc.discover", {})):
            with contextlib.closing(run.subject.node()) as admin:
                admin.send(request(method, 1, **more))
    until(lambda: run.node.state("admin.sessions") == 1)


@fault("admin-clients")
def admin_64_idle(run):
    """64 idle clients: the 65th and the next hundred are answered at once"""
    crowd(run, 64)
    answered(run, "with 64 idle clients")
    for _ in range(100):
        assert answers(run)


@fault("admin-clients")
def admin_64_begun(run):
    """64 clients with a line begun: the 65th and the next hundred are answered at once"""
    for admin in crowd(run, 64):
        admin.push('{"jsonrpc"')
    time.sleep(0.2)  # it might have come in two pieces
    answered(run, "with 64 half requests")
    for _ in range(100):
        assert answers(run)


@fault("admin-clients")
def admin_64_deaf(run):
    """64 clients that ask for much and read nothing: the next hundred are answered at once"""
    for admin in crowd(run, 64):
        admin.push_what_fits(b"".join((request("rpc.discover", n) + "\n").encode()
                                      for n in range(60)))
    until(lambda: answers(run))
    answered(run, "with 64 deaf clients")
    for _ in range(100):
        assert answers(run)


@fault("admin-clients")
def admin_64_busy(run):
    """64 clients with a call in flight: the next is told in words"""
    for admin in crowd(run, 64):
        admin.send(request("wait", 1, path="phase", equals="stopped", timeout_ms=600000))
    late = run.subject.node()
    run.sockets.append(late.socket)
    late.finish()
    expect(late.reply()["error"]["data"]["name"], "too_many_clients")


@fault("admin-clients", quick=False)
def admin_flooded(run):
    """1,000 admin connections at once, and again"""
    for _ in range(3):
        clients = []
        for _ in range(1000):
            client = socket.socket(socket.AF_UNIX)
            run.sockets.append(client)
            client.setblocking(False)
            client.connect_ex(run.subject.admin_path())
            clients.append(client)
        run.leave(clients)
    until(lambda: answers(run))


@fault("admin-clients", needs=["strace"], quick=False)
def admin_interrupted(run):
    """EINTR and EAGAIN from reads and writes of the session"""
    for error in ("EINTR", "EAGAIN"):
        for calls in ("read,recvfrom,recvmsg", "write,writev,sendto,sendmsg"):
            with run.strace(f"{calls}:error={error}:when=1+2"):
                for _ in range(5):
                    expect(run.node.result("version")["pid"], run.pid)


# --- JSON ---

VALUES = ("1e400", "-1e400", "-1", "9007199254740993", "-9007199254740993", "0.5", "1e-400", "NaN",
          "Infinity", "-Infinity", "0x10", "01", "1.", ".5", "+1", "1e", "--1", "nul", "True",
          "'a'", '"', '"\\x"', '"\\u12"', '"\\ud800"', '"\\u0000"', '"a\tb"', "[", "[1,]", "[,1]",
          "{", "{1:2}", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1 "b":2}', "]", "}", "//", "/**/1",
          "\ufeff1", "[1 2]", '"a', "\\", "1 1", "", "[" * 100000, '{"a":' * 10000,
          '{"a":1,"a":2}')
RAW = (b"\xff", b"\xc0\xaf", b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe9"', b"\x00", b'"\x00"',
       b'"\x1f"', b"\xef\xbb\xbf")


@fault("admin-json", repeat=True)
def json_malformed(run):
    """malformed JSON of every kind in every place: one error each, the next request answered"""
    node = run.node
    texts = [value.encode() for value in VALUES] + list(RAW)
    for text in texts:
        for line in (text, b'{"jsonrpc":"2.0","id":1,"method":"version","params":' + text + b"}",
                     b'{"jsonrpc":"2.0","id":' + text + b',"method":"version"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"state","params":{"path":' + text + b"}}"):
            if not line.strip() or b"\n" in line:
                continue
            node.send(line, request("version", "next"))
            replies = []
            while not replies or replies[-1].get("id") != "next":
                replies.append(node.reply())
            assert len(replies) <= 2, (line[:200], replies)
            if len(replies) == 2 and "result" in replies[0]:
                # A value that RFC 8259 allows where any id may stand.
                assert text in (b"-1", b"0.5", b"1e-400", b"9007199254740993",
                                b"-9007199254740993", b"1e400", b"-1e400"), (line[:200], replies)


@fault("admin-json")
def json_wrong_types(run):
    """wrong types and numbers out of range for every kind of parameter"""
    path = f"{run.dir}/x.sock"
    for member in ("max_connections", "backlog", "idle_timeout_ms", "drain_ms", "kill_ms"):
        for value in ("-1", "1e400", "-1e400", "9007199254740993", "0.5", '"1"', "true", "[]", "{}",
                      "18446744073709551616", "1e300"):
            run.node.send('{"jsonrpc":"2.0","id":1,"method":"start","params":{"address":"%s",'
                          '"%s":%s}}' % (path, member, value))
            expect(run.node.reply()["error"]["data"]["name"], "invalid_params", (member, value))
    for member in ("handler", "mode", "restart", "address"):
        for value in ("1", "true", "[]", '{"type":1}', "null", '"\\u00e9"', '["echo"]'):
            run.node.send('{"jsonrpc":"2.0","id":1,"method":"start","params":{"address":"%s",'
                          '"%s":%s}}' % (path, member, value))
            assert "error" in run.node.reply(), (member, value)
    expect(len(run.node.servers()), 2)


# --- others ---

@fault("admin-others", needs=["root", "setpriv"], lines=(0, 2))
def admin_other_user(run):
    """another user on the admin socket: refused, 100 times, also where the file lets him in"""
    run.top.chmod(0o755)
    script = ("import socket, sys\nn = 0\nfor _ in range(100):\n s = socket.socket(socket.AF_UNIX)\n"
              " try:\n  s.connect(sys.argv[1])\n  s.sendall(b'{\"jsonrpc\":\"2.0\",\"id\":1,"
              "\"method\":\"version\"}\\n')\n  n += b'result' in s.recv(65536)\n"
              " except OSError:\n  pass\n s.close()\nprint(n)")
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c",
            script, run.subject.admin_path()]
    expect(run.command(*argv).strip(), "0")
    os.chmod(run.subject.admin_path(), 0o666)
    expect(run.command(*argv).strip(), "0")
    os.chmod(run.subject.admin_path(), 0o600)
    expect(run.node.result("version")["pid"], run.pid)


@fault("admin-others")
def peer_names(run):
    """peers bound to names with escapes, newlines, NUL and bytes that are no text"""
    names = [b"\0\x1b[31mred\n\0x", b"\0" + bytes(range(1, 100)), b"\0\xff\xfe",
             os.fsencode(run.tmp) + b"/a\nb\x1b]0;t\x07", os.fsencode(run.tmp) + b"/\xff\xc0"]
    held = []
    for name in names:
        client = socket.socket(socket.AF_UNIX)
        run.sockets.append(client)
        client.bind(name)
        client.connect(run.subject.unix.removeprefix("unix:"))
        held.append(client)
    run.live_on(held)
    listed = run.node.result("list_connections", server=run.subject.unix)["connections"]
    text = json.dumps(listed, ensure_ascii=False)
    expect([c for c in text if ord(c) < 32], [])
    expect(len(listed), len(names))
    run.leave(held)


# --- its file ---

@fault("admin-removed", lines=1, repeat=True)
def admin_removed(run):
    """the file is removed: made again, open sessions go on"""
    session = run.node
    os.unlink(run.subject.admin_path())
    until(lambda: answers(run))
    expect(session.result("version")["pid"], run.pid)


@fault("admin-removed", lines=(1, 2))
def admin_replaced(run):
    """somebody else's file is put there: not touched, and the path taken when it is free"""
    path = run.dir / "admin.sock"
    session = run.node
    (run.tmp / "file").write_text("precious")
    os.rename(run.tmp / "file", path)
    session.wait("admin.phase", equals="suspended", timeout_ms=10000)
    expect(path.read_text(), "precious")
    path.unlink()
    session.wait("admin.phase", equals="running", timeout_ms=30000)
    until(lambda: answers(run))


@fault("admin-removed", lines=1)
def admin_linked_away(run):
    """moved to another name: made again, the other name left alone"""
    path = run.dir / "admin.sock"
    session = run.node
    os.rename(path, run.tmp / "moved")
    until(lambda: answers(run))
    expect(session.result("version")["pid"], run.pid)
    expect((run.tmp / "moved").exists(), True)
