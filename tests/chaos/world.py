"""What a run consists of: two nodes, their servers, the clients, and who may be cut off when."""
import os
import random
import socket
import subprocess
import time

import swarm
from node import Node, leakcheck, load

sharer = load("sharer.py")


# The servers: node, handler, family, and of a forwarder the number of its backend.
KINDS = (("A", "echo", "tcp", None), ("A", "echo", "unix", None),
         ("A", "discard", "tcp", None), ("A", "discard", "unix", None),
         ("A", "exec", "tcp", None), ("A", "exec", "unix", None),
         ("B", "echo", "tcp", None), ("B", "echo", "unix", None), ("B", "exec", "unix", None),
         ("A", "forward", "tcp", 6), ("A", "forward", "unix", 7), ("A", "fault", "unix", None))


class Window:
    """A time in which something may happen that otherwise must not."""

    def __init__(self):
        self.ended, self.is_open = 0.0, False

    def open(self):
        self.is_open = True

    def close(self):
        if self.is_open:
            self.is_open, self.ended = False, time.monotonic()

    def covers(self, since):
        """Whether any of it was after `since`."""
        return self.is_open or self.ended >= since


class Slot:
    """One server that is started and stopped again and again."""

    def __init__(self, node, kind, family, place, backend=None):
        self.node, self.kind, self.family, self.backend = node, kind, family, backend
        self.wanted = place      # the address asked for
        self.address = None      # the address it got
        self.pending = 0         # requests under way after which its clients are judged
        self.undecided = []      # those that are then
        self.down = Window()     # it may refuse clients
        self.lossy = Window()    # it may cut those that have got nothing yet
        self.settles = 0.0       # from then on noded must have noticed what was done
        self.foreign = None      # what was put at its path
        self.dependents = []
        if backend:
            backend.dependents.append(self)
        self.down.open()

    def __str__(self):
        return f"{self.node.name} {self.kind} {self.family}"

    @property
    def path(self):
        return self.wanted.removeprefix("unix:")

    def handler(self):
        if self.kind == "forward":
            return {"type": "forward", "backend": self.backend.wanted}
        if self.kind == "exec":
            return {"type": "exec", "argv": ["cat"]}
        if self.kind == "fault":
            return {"type": "exec", "argv": ["sh", "-c", 'read -r x; eval "$x"']}
        return {"type": self.kind}

    def target(self):
        if self.family == "unix":
            return socket.AF_UNIX, self.path
        host, _, port = self.address.removeprefix("tcp:").rpartition(":")
        return socket.AF_INET, (host, int(port))

    def trouble(self, lossy, seconds=1.2):
        """From now on it may refuse clients, and if lossy also cut those not served yet."""
        self.down.open()
        if lossy:
            self.lossy.open()
        self.settles = max(self.settles, time.monotonic() + seconds)

    def recovered(self, asked):
        """It listens, noded said when asked then; which counts if by then noded must have noticed
        the trouble."""
        if asked >= self.settles and not self.pending:
            self.down.close()
            self.lossy.close()


class World:
    """The jury of the swarm, too."""

    def __init__(self, loop, seed, directory, program):
        self.loop, self.directory = loop, directory
        self.began = time.monotonic()
        self.failures = []
        self.excused = 0
        self.nodes = {name: Node(loop, name, directory, program) for name in "AB"}
        os.mkdir(f"{directory}/clients")
        self.network = f"127.{random.randint(64, 250)}.{random.randint(0, 255)}"
        self.slots = []
        for name, kind, family, backend in KINDS:
            self.slots.append(Slot(self.nodes[name], kind, family,
                                   self.place(name, family), backend and self.slots[backend]))
        for node in self.nodes.values():
            node.log.servers = len(self.of(node))
        self.served = [slot for slot in self.slots if slot.kind != "fault"]
        self.fault = self.slots[-1]
        self.clients = swarm.Swarm(loop, seed, f"{directory}/clients", self)

    def place(self, name, family):
        number = len(self.slots)
        if family == "unix":
            os.mkdir(f"{self.directory}/{name}/{number}")
            return f"unix:{self.directory}/{name}/{number}/s.sock"
        host = f"{self.network}.{1 + number}"
        if number == 0:
            return f"tcp:{host}:0"
        # Nobody else has an address of this host, so what is free stays free.
        with socket.socket() as probe:
            probe.bind((host, 0))
            return "tcp:{}:{}".format(*probe.getsockname())

    def of(self, node):
        return [slot for slot in self.slots if slot.node is node]

    def fail(self, text):
        self.failures.append(f"{time.monotonic() - self.began:8.3f} {text}")

    # -- jury --

    def excuse(self, slot, why, unserved=False, peer=None):
        """The clients of now may be cut: all, those who have got nothing, or the one noded knows
        by that name."""
        for client in [*self.clients.of(slot), *slot.undecided]:
            if peer is not None and peer != (client.name or "unix:"):
                continue
            if not (unserved and client.received):
                client.excuse = client.excuse or why
        for dependent in slot.dependents:
            self.excuse(dependent, f"backend: {why}", unserved)

    def comes(self, client):
        # cat says so if it cannot write.
        if client.slot.kind == "exec":
            client.slot.node.log.cause(program=1)

    def is_excused(self, client):
        slot, since = client.slot, client.began
        if client.excuse:
            return True
        if client.received:
            return False
        backend = slot.backend
        return slot.lossy.covers(since) or backend is not None and (
            backend.down.covers(since) or backend.lossy.covers(since))

    def is_pending(self, slot):
        return slot.pending > 0 or slot.backend is not None and slot.backend.pending > 0

    def cut(self, client):
        if self.is_excused(client):
            self.excused += 1
        elif self.is_pending(client.slot):
            client.slot.undecided.append(client)
        else:
            self.fail(f"{client}: cut ({client.how}), and nothing explains it")
            self.tell(client.slot)

    def tell(self, slot):
        """What noded says of those it closed last, for whoever looks for the cause."""
        for one in filter(None, (slot, slot.backend)):
            try:
                admin = leakcheck.Admin(one.node.path)
                pool = admin.state(f"transport.servers[{one.address}].connection_pool")
                self.fail(f"{one}: closed {pool['closed']}, the last {pool['last_closed'][:8]}")
            except (OSError, RuntimeError) as error:
                self.fail(f"{one}: {error}")

    def decide(self, slot):
        """Nothing more is under way there: judges those who waited for that."""
        for one in [slot, *slot.dependents]:
            if not self.is_pending(one):
                undecided, one.undecided = one.undecided, []
                for client in undecided:
                    self.cut(client)

    def refused(self, client, error):
        if not client.slot.down.covers(client.began):
            self.fail(f"{client}: refused ({os.strerror(error)}), though its server runs")

    def wrong(self, client, what):
        self.fail(f"{client}: {what}")

    # -- looking --

    def look_at(self, node):
        """What is wrong in a node now, while nothing of ours moves."""
        others = {slot.path for slot in self.of(node) if slot.foreign}
        for _ in range(5):
            wrong = node.look(others)
            if not wrong:
                break
            time.sleep(0.02)
        return wrong

    @staticmethod
    def left_in(node):
        """What it still has open, where no client of ours is left."""
        transport, left = node.request("state", path="transport")["result"]["value"], []
        for pool in ("connection_pool", "client_connection_pool"):
            if transport[pool]["open"]:
                left.append(f"{pool}.open is {transport[pool]['open']}")
        return left

    def learn(self, node):
        """Which servers listen."""
        asked = time.monotonic()
        reply = node.request("state", path="transport.servers")
        if not reply:
            return {}
        servers = reply["result"]["value"]
        for slot in self.of(node):
            server = servers.get(slot.address)
            if server and server["phase"] == "running" and server["listener"] \
                    and server["listener"]["phase"] == "running":
                slot.recovered(asked)
        return servers


def kill_sockets(*expression):
    """ss -K of what matches."""
    subprocess.run(["ss", "-K", "-Hnt", *expression], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)


def can_kill_sockets():
    """Whether kernel and rights let ss destroy a socket here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kill_sockets("-l", "src = {}:{}".format(*listener.getsockname()))
        with socket.socket() as client:
            return client.connect_ex(listener.getsockname()) != 0
