"""Data clients that know every byte they have to get back.

What a client sends is a function of its number and the offset alone, so a byte that is lost,
doubled, out of order or somebody else's shows at once, and at which offset."""
import errno
import os
import random
import socket
import struct
import time

from loop import READ, WRITE

# A prime, so that no loss of a round number of bytes goes unnoticed.
PERIOD = 1048573
CONTENT = memoryview(random.Random(0).randbytes(PERIOD) * 2)
CHUNK = 65536
# What a connect may say where nobody listens, or too many do.
REFUSALS = {errno.ECONNREFUSED, errno.ENOENT, errno.EAGAIN}


def content(number, offset, length):
    start = (number * 7919 + offset) % PERIOD
    return CONTENT[start:start + length]


class Plan:
    """How a client behaves; drawn from a generator of the seed."""

    def __init__(self, rng):
        self.kind = rng.choices(("whole", "chat", "slow", "reset", "leave", "touch"),
                                (30, 30, 10, 10, 10, 10))[0]
        most = 21 if self.kind == "slow" else 19
        self.size = 0 if self.kind == "touch" else int(2 ** rng.uniform(0, most))
        self.piece = max(1, self.size // rng.randint(2, 8)) if self.kind == "chat" else CHUNK
        self.pause = rng.uniform(0, 0.3)
        self.named = rng.random() < 0.5  # of a Unix client: bound to a path of its own
        self.where = rng.random()        # which server


class Client:
    """Ends by being judged: done, left (by its own will), refused, or cut."""

    def __init__(self, swarm, slot, number, plan):
        self.swarm, self.slot, self.number, self.plan = swarm, slot, number, plan
        self.sent = self.received = 0
        self.connected = self.finished = self.paused = False
        self.excuse = None  # why it may be cut
        self.path = None    # what a Unix client is bound to
        self.name = None    # as noded shows its peer, if it can tell it from others

    def __str__(self):
        name = self.name or "unnamed"
        return (f"client {self.number} ({self.plan.kind}, {name}) of {self.slot}: "
                f"{time.monotonic() - self.began:.3f} s old, sent {self.sent} of {self.plan.size}, "
                f"received {self.received}")

    @property
    def echoes(self):
        return self.slot.kind != "discard"

    def prepare(self):
        family, self.target = self.slot.target()
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        if self.plan.kind == "slow":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if family == socket.AF_UNIX and self.plan.named:
            self.path = f"{self.swarm.directory}/{self.number}"
            self.socket.bind(self.path)
            self.name = "unix:" + self.path

    def connect(self):
        self.began = time.monotonic()
        error = self.socket.connect_ex(self.target)
        if error == 0:
            self.begin()
        elif error == errno.EINPROGRESS:
            self.update()
        else:
            self.refused(error)

    def begin(self):
        self.connected = True
        if self.socket.family == socket.AF_INET:
            self.name = "tcp:{}:{}".format(*self.socket.getsockname())
        if self.plan.kind == "slow":
            self.hold(self.plan.pause)
        self.advance()

    # -- what it waits for --

    def may_send(self):
        if self.sent == self.plan.size or self.paused:
            return False
        # A chat waits for each piece to come back.
        return self.plan.kind != "chat" or not self.echoes or self.sent == self.received

    def update(self):
        if self.socket.fileno() < 0:
            return
        events = 0
        if not self.connected:
            events = WRITE
        else:
            if not (self.paused and self.plan.kind == "slow"):
                events |= READ
            if self.plan.kind == "slow" and self.sent < self.plan.size or self.may_send():
                events |= WRITE
        self.swarm.loop.watch(self.socket.fileno(), events, self.event)

    def hold(self, seconds):
        self.paused = True
        self.swarm.loop.after(seconds, self.go_on)

    def go_on(self):
        self.paused = False
        if self.socket.fileno() >= 0:
            self.advance()

    # -- what happens --

    def event(self, events):
        try:
            if not self.connected:
                error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error in (errno.ECONNRESET, errno.EPIPE):
                    # It was connected, and that did not last until we looked.
                    self.cut(os.strerror(error))
                elif error:
                    self.refused(error)
                else:
                    self.begin()
                return
            if events & READ and not self.read():
                return
            if events & WRITE:
                self.write()
        except BlockingIOError:
            pass
        except OSError as error:
            self.cut(error.strerror)
            return
        self.advance()

    def read(self):
        """False if that was the end."""
        data = self.socket.recv(CHUNK)
        if not data:
            if self.finished and self.received == (self.plan.size if self.echoes else 0):
                self.close("done")
            else:
                self.cut("end of file")
            return False
        if not self.echoes or data != content(self.number, self.received, len(data)):
            self.swarm.wrong(self, f"wrong bytes at offset {self.received}: {data[:32]!r}")
            self.close("wrong")
            return False
        self.received += len(data)
        if self.received > self.sent:
            self.swarm.wrong(self, "more came back than was sent")
            self.close("wrong")
            return False
        self.swarm.verified += len(data)
        return True

    def write(self):
        end = min(self.plan.size, self.sent + self.plan.piece)
        if self.plan.kind == "chat":
            end = min(self.plan.size, (self.sent // self.plan.piece + 1) * self.plan.piece)
        sent = self.socket.send(content(self.number, self.sent, end - self.sent))
        self.sent += sent
        if self.plan.kind == "chat" and self.sent == end:
            self.hold(self.plan.pause)

    def advance(self):
        """Does what follows from how far it has come."""
        if self.sent < self.plan.size or self.paused:
            self.update()
        elif self.plan.kind in ("reset", "leave", "touch"):
            if self.plan.kind == "reset":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.close("left")
        else:
            if not self.finished:
                self.finished = True
                try:
                    self.socket.shutdown(socket.SHUT_WR)
                except OSError as error:
                    self.cut(error.strerror)
                    return
            self.update()

    # -- the end --

    def refused(self, error):
        if error in REFUSALS:
            self.swarm.refused(self, error)
            self.close("refused")
        else:
            self.swarm.wrong(self, f"connect: {os.strerror(error)}")
            self.close("wrong")

    def cut(self, how):
        self.how = how
        self.close("cut")

    def close(self, verdict):
        self.swarm.loop.watch(self.socket.fileno(), 0, None)
        self.socket.close()
        if self.path:
            os.unlink(self.path)
        self.swarm.ended(self, verdict)


class Swarm:
    """All clients of a run. `jury` has the methods comes, cut, refused and wrong."""

    def __init__(self, loop, seed, directory, jury, most=80):
        self.loop, self.directory, self.jury, self.most = loop, directory, jury, most
        self.rng = random.Random(f"clients {seed}")
        self.clients = set()
        self.counts = {}
        self.numbers = self.verified = 0

    def prepare(self, slots, most=None):
        """One more, of one of these servers, that only has to connect; None if there is no server
        or are too many clients."""
        plan = Plan(self.rng)
        self.numbers += 1
        slot = slots[int(plan.where * len(slots))]
        if len(self.clients) >= (most or self.most) or slot.address is None:
            return None
        client = Client(self, slot, self.numbers, plan)
        self.clients.add(client)
        self.jury.comes(client)
        client.prepare()
        return client

    def launch(self, slots):
        client = self.prepare(slots)
        if client:
            client.connect()

    def of(self, slot):
        return [client for client in self.clients if client.slot is slot]

    def refused(self, client, error):
        self.jury.refused(client, error)

    def wrong(self, client, what):
        self.jury.wrong(client, what)

    def ended(self, client, verdict):
        self.clients.discard(client)
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        if verdict == "cut":
            self.jury.cut(client)
