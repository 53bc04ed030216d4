"""A client of the admin socket that knows nothing but lines: what tests of the protocol need beyond
nc, to send in pieces, to hold back, and to look at a connection while it is quiet."""
import contextlib
import json
import os
import select
import socket
import time

PATIENCE = 60  # seconds; generous, so that a busy machine fails no test


class Admin:
    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path or os.environ["NODED_SOCKET"])
        self.received = b""

    def send(self, *lines):
        """Each with an LF behind it; str or bytes."""
        self.push(b"".join(as_bytes(line) + b"\n" for line in lines))

    def push(self, data):
        self.socket.sendall(as_bytes(data))

    def push_what_fits(self, data):
        """Sends until the other side does not read any more; how many bytes."""
        self.socket.setblocking(False)
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent:sent + 65536])
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(PATIENCE)
        return sent

    def finish(self):
        """Half-closes: nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def line(self):
        """The next line without its LF; None when the other side has closed."""
        while b"\n" not in self.received:
            data = self.socket.recv(1 << 16)
            if not data:
                expect(self.received, b"")
                return None
            self.received += data
        line, _, self.received = self.received.partition(b"\n")
        return line

    def reply(self):
        line = self.line()
        return None if line is None else json.loads(line)

    def replies(self):
        """All there are until the end."""
        replies = []
        while (reply := self.reply()) is not None:
            replies.append(reply)
        return replies

    def quiet(self):
        """True if nothing can be read at this moment, not even the end."""
        return not self.received and not select.select([self.socket], [], [], 0)[0]

    def ended(self):
        """True if nothing but the end can be read; it does not wait."""
        if self.received or self.quiet():
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except ConnectionResetError:
            return True

    def call(self, method, id=1, /, **params):
        self.send(request(method, id, **params))
        while (reply := self.reply()) is not None:
            if reply.get("id") == id:
                return reply
        raise EOFError(f"no reply to {method}")

    def result(self, method, /, **params):
        reply = self.call(method, **params)
        if "result" not in reply:
            raise AssertionError(f"{method} {params}: {reply}")
        return reply["result"]

    def error(self, method, /, **params):
        """data of the error it must answer with."""
        reply = self.call(method, **params)
        if "error" not in reply:
            raise AssertionError(f"{method} {params}: {reply}")
        return reply["error"]["data"]

    def state(self, path=""):
        return self.result("state", path=path)["value"]

    def wait(self, path, **condition):
        return self.result("wait", path=path, **condition)["value"]


@contextlib.contextmanager
def as_user(uid, gid, groups=()):
    """Connections made in this are of that user; root alone can do so."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def request(method, id=1, /, **params):
    """One request as a line without its LF; id None makes a notification."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if id is not None:
        message["id"] = id
    return json.dumps(message)


def short(reply):
    """[id, "result"], or [id, name of the error]; of a batch the list of these."""
    if isinstance(reply, list):
        return [short(one) for one in reply]
    return [reply["id"], reply["error"]["data"]["name"] if "error" in reply else "result"]


def expect(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, expected {wanted!r}")


def until(condition, seconds=30):
    """Waits for it; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.01)
    return value
