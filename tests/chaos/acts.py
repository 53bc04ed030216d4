"""What is done to noded and its servers, and what each act allows to happen.

An act is a method act_NAME of Acts: it is given a slot and a generator of its own, says which of
the things that must not happen may now (World.excuse, Slot.trouble, Log.cause), and returns a word
for the record. Nothing it draws depends on time or on answers, so a seed is a sequence of acts."""
import array
import json
import os
import random
import shutil
import signal
import socket
import time

from loop import READ
from node import PATIENCE
from world import KINDS, kill_sockets, sharer

# Which act how often, in parts.
WEIGHTS = {
    "start": 16, "stop_drain": 5, "stop_now": 3, "stop_force": 2, "suspend": 5, "resume": 14,
    "update": 6, "close_connection": 4, "kill_connection": 4, "kill_listener": 4,
    "shut_listener": 4, "remove_path": 3, "replace_by_file": 2, "replace_by_socket": 2,
    "move_directory": 1, "kill_child": 4, "pause_child": 3, "child_fault": 6, "shortage": 2,
    "stop_log_reader": 2, "misuse_admin": 5, "remove_admin_path": 1, "kill_node": 0.7,
    "shut_down_node": 0.7, "terminate_node": 0.3, "pause_node": 1, "signal_node": 2,
}

# Where an act makes sense; the others do everywhere. Of a slot: kind and family.
SUITS = {
    "kill_connection": lambda kind, family: family == "tcp",
    "kill_listener": lambda kind, family: family == "tcp",
    "remove_path": lambda kind, family: family == "unix",
    "replace_by_file": lambda kind, family: family == "unix",
    "replace_by_socket": lambda kind, family: family == "unix",
    "move_directory": lambda kind, family: family == "unix",
    "kill_child": lambda kind, family: kind == "exec",
    "pause_child": lambda kind, family: kind == "exec",
    "child_fault": lambda kind, family: kind == "fault",
}

FAULTS = (
    "exit 0", "exit 1", "exit 127", "kill -KILL $$", "kill -SEGV $$", "kill -TERM $$",
    "trap '' TERM; while :; do sleep 0.1; done", "kill -STOP $$",
    "sleep 1000 & sleep 1000 & exec sleep 1000", "setsid sleep 1000 & exit 3",
    "(setsid sleep 1000 </dev/null >/dev/null 2>&1 &); exit 4",
    "printf 'a\\033[31m b\\n' >&2; exit 5", "exec 1>&- 0<&-; sleep 1000",
    "i=0; while [ $i -lt 300 ]; do echo flood $i >&2; i=$((i+1)); done",
)

# What the admin socket is made to read.
MISUSES = (
    b'{"jsonrpc":"2.0","id":1,"met', b"\xff\xfe\x00garbage\n" * 20, b"x" * 1200000,
    b'{"jsonrpc":"2.0","id":1,"method":"version"}\n' * 500,
    b'{"jsonrpc":"2.0","id":1,"method":"state"}\n' * 300,
    b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"version"}'] * 65) + b"]\n",
    b'{"jsonrpc":"2.0","id":1,"method":"start","params":{"address":7,"backlog":1e400}}\n',
    b"[" * 5000 + b"\n", b"", b'{"jsonrpc":"2.0","id":{},"method":"shutdown"}\n',
)


class Faulty:
    """A client of a program that does as it is told, and ends badly."""

    def __init__(self, acts, command):
        self.loop, self.ended = acts.world.loop, False
        self.pid, self.input, self.acts = None, b"", acts
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.setblocking(False)
        self.socket.connect(acts.world.fault.path)
        self.socket.send(f"echo $$; {command}\n".encode())
        self.loop.watch(self.socket.fileno(), READ, self.event)

    def event(self, _):
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.input += data
        line, lf, _ = self.input.partition(b"\n")
        if lf:
            self.pid = int(line)
        if not data:
            self.loop.watch(self.socket.fileno(), 0, None)
            self.socket.close()
            self.ended = True
            self.acts.faulty.discard(self)


class Acts:
    def __init__(self, world, seed, can_kill_sockets):
        self.world, self.seed, self.can_kill_sockets = world, seed, can_kill_sockets
        self.rng = random.Random(f"acts {seed}")
        self.number = 0
        self.record, self.counts = [], {}
        self.follow_ups = 0
        self.faulty = set()
        self.short, self.away, self.paused = set(), set(), set()  # nodes

    # -- choosing --

    def choose(self):
        """The next act: how long to wait before it, its name, its slot, its own generator."""
        self.number += 1
        name, = self.rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))
        suits = SUITS.get(name, lambda *_: True)
        places = [number for number, (_, kind, family, _) in enumerate(KINDS)
                  if suits(kind, family)]
        return (self.rng.expovariate(40), name, self.rng.choice(places),
                random.Random(f"{self.seed} {self.number}"))

    def perform(self, name, number, pick):
        slot = self.world.slots[number]
        entry = [time.monotonic() - self.world.began, self.number, name, str(slot), "..."]
        self.record.append(entry)
        if slot.node in self.away:
            entry[4] = "node away"
            return
        entry[4] = getattr(self, "act_" + name)(slot, pick) or "done"
        key = name + " (nothing there)" if entry[4].startswith("nothing there") else name
        self.counts[key] = self.counts.get(key, 0) + 1

    def later(self, seconds, follow_up, *arguments):
        """Part of an act that comes after a while, also when no new ones begin."""
        self.follow_ups += 1

        def run():
            self.follow_ups -= 1
            follow_up(*arguments)
        self.world.loop.after(seconds, run)

    # -- asking --

    def ask(self, slot, callback, method, *errors, **params):
        """An error whose name is not among these is a failure, and so is no answer unless the node
        was taken away."""
        node, life = slot.node, slot.node.lives

        def answered(reply):
            if reply is None:
                if node.lives == life and node not in self.away:
                    self.world.fail(f"{node.name}: no reply to {method}")
            elif "error" in reply and reply["error"]["data"]["name"] not in (
                    *errors, *(("shutting_down", "cancelled") if node in self.away else ())):
                self.world.fail(f"{node.name}: {method} {params}: {reply['error']}")
            callback(reply["result"] if reply and "result" in reply else None)
        node.session.send(answered, method, **params)

    def connections(self, slot):
        """Nested turns of the loop; [] if there are none."""
        node = slot.node
        if slot.address is None:
            return []
        reply = node.request("list_connections", server=slot.address)
        if node in self.away or not reply or "error" in reply:
            return []
        return reply["result"]["connections"]

    def one_connection(self, slot, pick):
        place, found = pick.random(), self.connections(slot)
        return found[int(place * len(found))] if found else None

    # -- start, stop, suspend, resume, update --

    def ask_in_crowd(self, slot, pick, callback, method, *errors, **params):
        """The same, while clients come before, with and after the request."""
        size = pick.choice((0, 0, 8, 40))
        if slot is self.world.fault:
            size = 0  # it would take their bytes for commands
        crowd = [self.world.clients.prepare([slot], most=200) for _ in range(size)]
        half = len(crowd) // 2
        for client in filter(None, crowd[:half]):
            client.connect()
        self.ask(slot, callback, method, *errors, **params)
        for client in filter(None, crowd[half:]):
            client.connect()

    def start(self, slot, **more):
        asked = time.monotonic()
        slot.node.log.cause(started=1, replaced=1)

        def started(result):
            if result:
                slot.address = result["server"]["address"]
                slot.recovered(asked)
        self.ask(slot, started, "start", "already_exists", "wrong_state", "path_exists",
                 "limit_reached", "io_error", address=slot.wanted, handler=slot.handler(),
                 drain_ms=2000, kill_ms=500, **more)

    def act_start(self, slot, pick):
        if slot.wanted.endswith(":0") and slot.address:
            # Each would be another server.
            return "nothing there"
        self.start(slot, restart=pick.choice(("always", "always", "never")))

    def stop(self, slot, pick, all_of_them, **params):
        if slot.address is None:
            return "nothing there"
        world, address = self.world, slot.address
        slot.trouble(lossy=False)
        slot.pending += 1
        slot.node.log.cause(stopped=1)
        if all_of_them:
            world.excuse(slot, "stopped")

        def stopped(result):
            slot.pending -= 1
            if all_of_them or not result or result["outcome"] not in ("drained", "absent") \
                    or result.get("refused_at_stop"):
                world.excuse(slot, "stopped")
            if result and slot.wanted.endswith(":0") and slot.address == address:
                slot.address = None
            world.decide(slot)
        self.ask_in_crowd(slot, pick, stopped, "stop_server", "no_such_server", address=address,
                          **params)

    def act_stop_drain(self, slot, pick):
        return self.stop(slot, pick, False, deadline_ms=pick.choice((300, 2000, 5000)))

    def act_stop_now(self, slot, pick):
        return self.stop(slot, pick, True, deadline_ms=0)

    def act_stop_force(self, slot, pick):
        return self.stop(slot, pick, True, force=True)

    def act_suspend(self, slot, pick):
        if slot.address is None:
            return "nothing there"
        asked = time.monotonic()
        slot.trouble(lossy=False)
        slot.pending += 1
        slot.node.log.cause(suspended=1)

        def suspended(result):
            slot.pending -= 1
            # The queue of a full server is not waited for without end.
            if not result or time.monotonic() - asked > 4.5:
                self.world.excuse(slot, "suspended", unserved=True)
            self.world.decide(slot)
        self.ask_in_crowd(slot, pick, suspended, "suspend_server", "no_such_server",
                          "wrong_state", address=slot.address)

    def resume(self, slot):
        asked = time.monotonic()
        slot.node.log.cause(back=1, replaced=1)

        def resumed(result):
            if result and result["server"]["phase"] == "running":
                slot.recovered(asked)
        self.ask(slot, resumed, "resume_server", "no_such_server", "wrong_state", "path_exists",
                 "limit_reached", "io_error", address=slot.address)

    def act_resume(self, slot, _):
        if slot.address is None:
            return "nothing there"
        self.resume(slot)

    def act_update(self, slot, pick):
        if slot.address is None:
            return "nothing there"
        change = pick.choice((
            {"max_connections": pick.randint(1, 8)}, {"max_connections": pick.randint(20, 200)},
            {"restart": pick.choice(("always", "never"))}, {"kill_ms": 400},
            {"idle_timeout_ms": 60000 if slot.kind in ("echo", "discard", "forward") else None},
            {"drain_ms": pick.choice((500, 2500))}))
        if None in change.values():
            change = {"max_connections": 10}
        slot.node.log.cause(back=1, replaced=1)
        self.ask(slot, lambda _: None, "update_server", "no_such_server", "wrong_state",
                 address=slot.address, **change)

    # -- connections and listeners --

    def act_close_connection(self, slot, pick):
        force, one = pick.random() < 0.5, self.one_connection(slot, pick)
        if not one:
            return "nothing there"
        self.world.excuse(slot, "closed", peer=None if slot.dependents else one["peer"])
        self.ask(slot, lambda _: None, "close_connection", "no_such_connection", id=one["id"],
                 force=force)

    def act_kill_connection(self, slot, pick):
        one = self.one_connection(slot, pick)
        if not one or not self.can_kill_sockets:
            return "nothing there"
        # A backend's client is a connection of the other node.
        self.world.excuse(slot, "destroyed", peer=None if slot.dependents else one["peer"])
        kill_sockets(f"src = {slot.address[4:]} and dst = {one['peer'][4:]}")

    def lose_listener(self, slot):
        slot.trouble(lossy=True)
        self.world.excuse(slot, "listener lost", unserved=True)
        slot.node.log.cause(lost=1, back=1, replaced=1)

    def act_kill_listener(self, slot, _):
        if slot.address is None or not self.can_kill_sockets:
            return "nothing there"
        self.lose_listener(slot)
        kill_sockets("-l", f"src = {slot.address[4:]}")

    def act_shut_listener(self, slot, _):
        if slot.address is None:
            return "nothing there"
        node = slot.node
        reply = node.request("state", path=f"transport.servers[{slot.address}].listener.fd")
        if not reply or "error" in reply or node in self.away or not node.alive:
            return "nothing there"
        try:
            with sharer.take(node.pid, reply["result"]["value"]) as shared:
                # By now the number may be of another socket.
                name = shared.getsockname()
                if name != slot.target()[1] or not shared.getsockopt(socket.SOL_SOCKET,
                                                                     socket.SO_ACCEPTCONN):
                    return "nothing there"
                self.lose_listener(slot)
                shared.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            return f"nothing there ({error})"

    # -- paths --

    def act_remove_path(self, slot, _):
        if slot.foreign or not os.path.lexists(slot.path):
            return "nothing there"
        self.lose_listener(slot)
        os.unlink(slot.path)

    def replace(self, slot, pick, new):
        """Puts something of ours in the place of the socket, and removes it after a while."""
        if slot.foreign:
            return "nothing there"
        self.lose_listener(slot)
        slot.foreign = new
        os.rename(f"{slot.path}.new", slot.path)
        inode = os.lstat(slot.path).st_ino
        self.later(pick.uniform(0.1, 2), self.put_away, slot, inode)

    def put_away(self, slot, inode):
        new, slot.foreign = slot.foreign, None
        try:
            same = os.lstat(slot.path).st_ino == inode
        except FileNotFoundError:
            same = False
        if not same:
            self.world.fail(f"{slot}: what was put at its path is gone")
        elif new == "file":
            with open(slot.path, encoding="ascii") as file:
                if file.read() != "precious":
                    self.world.fail(f"{slot}: the file at its path was written to")
        if new != "file":
            new.close()
        # While it was away somebody may have removed it: then it was lost a second time.
        self.lose_listener(slot)
        os.unlink(slot.path)

    def act_replace_by_file(self, slot, pick):
        if not slot.foreign:
            with open(f"{slot.path}.new", "w", encoding="ascii") as file:
                file.write("precious")
        return self.replace(slot, pick, "file")

    def act_replace_by_socket(self, slot, pick):
        other = None
        if not slot.foreign:
            other = socket.socket(socket.AF_UNIX)
            other.bind(f"{slot.path}.new")
            # It does not listen: our clients are refused, and do not wait for us.
        return self.replace(slot, pick, other)

    def act_move_directory(self, slot, _):
        if slot.foreign:
            return "nothing there"
        self.lose_listener(slot)
        here = os.path.dirname(slot.path)
        os.rename(here, here + ".moved")
        os.mkdir(here)
        shutil.rmtree(here + ".moved")

    # -- programs --

    def child_of(self, slot, pick):
        one = self.one_connection(slot, pick)
        return one if one and is_child(slot.node, one["pid"]) else None

    def act_kill_child(self, slot, pick):
        number = pick.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGHUP))
        one = self.child_of(slot, pick)
        if not one:
            return "nothing there"
        self.world.excuse(slot, "program killed", peer=one["peer"])
        os.kill(one["pid"], number)

    def act_pause_child(self, slot, pick):
        seconds, one = pick.uniform(0.05, 1), self.child_of(slot, pick)
        if not one:
            return "nothing there"
        os.kill(one["pid"], signal.SIGSTOP)

        def go_on():
            if slot.node.alive and is_child(slot.node, one["pid"]):
                os.kill(one["pid"], signal.SIGCONT)
        self.later(seconds, go_on)

    def act_child_fault(self, slot, pick):
        command, force = pick.choice(FAULTS), pick.random() < 0.3
        seconds = pick.uniform(0.1, 1)
        if slot.foreign or slot.node in self.short:
            return "nothing there"
        try:
            faulty = Faulty(self, command)
        except OSError:
            return "nothing there"
        self.faulty.add(faulty)
        slot.node.log.cause(program=25)
        self.later(seconds, self.end_fault, faulty, force)
        return command

    def end_fault(self, faulty, force):
        """Until it is gone: a program may live on without its connection."""
        slot = self.world.fault
        found = [one for one in self.connections(slot) if one["pid"] == faulty.pid]
        for one in found:
            self.ask(slot, lambda _: None, "close_connection", "no_such_connection",
                     id=one["id"], force=force)
        if found or not faulty.ended:
            self.later(0.3, self.end_fault, faulty, force)

    # -- the node --

    def act_shortage(self, slot, pick):
        node, spare, seconds = slot.node, pick.randint(0, 8), pick.uniform(0.2, 1.5)
        if node in self.short:
            return "nothing there"
        self.short.add(node)
        slots = self.world.of(node)
        node.log.cause(len(slots) + 1, short=1, plenty=1)
        for one in slots:
            # Programs and backends need more descriptors; echo and discard lose nobody.
            one.trouble(lossy=one.kind in ("exec", "forward", "fault"), seconds=PATIENCE)
        life = node.lives
        node.limit(sum(node.descriptors().values()) + spare)

        def enough():
            self.short.discard(node)
            for one in slots:
                one.settles = time.monotonic() + 2.5
            if node.lives == life and node.alive:
                node.limit()
        self.later(seconds, enough)

    def act_stop_log_reader(self, slot, pick):
        node = slot.node
        log, fd = node.log, node.log.fd
        log.stop()
        log.cause(losing=3)
        self.ask(slot, lambda _: None, "set_log_level", level="debug")

        def go_on():
            if node.alive and node not in self.away and log.fd == fd:
                self.ask(slot, lambda _: None, "set_log_level", level="info")
            log.go_on(fd)
        self.later(pick.uniform(0.2, 1.5), go_on)

    def act_misuse_admin(self, slot, pick):
        data, seconds = pick.choice(MISUSES), pick.uniform(0, 1)
        reads, passes = pick.random() < 0.5, pick.random() < 0.3
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(slot.node.path)
            if passes:
                client.sendmsg([b" "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array("i", [0, 0]))])
            client.send(data)
            if reads:
                client.recv(65536)
        except OSError:
            pass
        self.later(seconds, client.close)

    def act_remove_admin_path(self, slot, _):
        if not os.path.lexists(slot.node.path):
            return "nothing there"
        slot.node.log.cause(admin=2, replaced=1)
        os.unlink(slot.node.path)

    def act_pause_node(self, slot, pick):
        """As a debugger or a suspended machine would."""
        node, seconds = slot.node, pick.uniform(0.05, 1)
        if node in self.paused:
            return "nothing there"
        process = node.process
        self.paused.add(node)
        process.send_signal(signal.SIGSTOP)

        def go_on():
            self.paused.discard(node)
            for one in self.world.of(node):
                one.settles = max(one.settles, time.monotonic() + 1.2)
            process.send_signal(signal.SIGCONT)
        self.later(seconds, go_on)

    def act_signal_node(self, slot, pick):
        """Those that mean nothing to it."""
        for number in pick.choices((signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD,
                                    signal.SIGCONT), k=pick.randint(1, 20)):
            if slot.node in self.paused and number == signal.SIGCONT:
                continue
            slot.node.process.send_signal(number)

    # -- ending and starting it: node B, so that the numbers of A are of one life --

    def leave(self, why):
        """Node B goes away: everybody there may be cut."""
        node = self.world.nodes["B"]
        self.away.add(node)
        for slot in self.world.of(node):
            slot.trouble(lossy=True)
            self.world.excuse(slot, why)
        return node

    def come_back(self, node, why):
        for slot in self.world.of(node):
            # Also those who connected while it was ending.
            self.world.excuse(slot, why)
        left = [pid for pid in node.processes() if is_running(pid)]
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = [pid for pid in left if is_running(pid)]
        if left:
            self.world.fail(f"{node.name}: programs outlive it: {left}")
        node.start()
        self.away.discard(node)
        for slot in self.world.of(node):
            slot.address = None
            slot.settles = 0
            self.start(slot)

    def act_kill_node(self, *_):
        node = self.world.nodes["B"]
        if node in self.away:
            return "nothing there"
        self.leave("node killed")
        node.kill()
        self.come_back(node, "node killed")

    def end_node(self, end):
        node = self.world.nodes["B"]
        if node in self.away:
            return "nothing there"
        self.leave("node ended")
        slots = self.world.of(node)
        node.log.cause(node=2, stopped=len(slots))
        for slot in slots:
            slot.pending += 1
        deadline = time.monotonic() + PATIENCE
        end(node)

        def look():
            if node.alive and time.monotonic() < deadline:
                self.later(0.02, look)
                return
            for slot in slots:
                slot.pending -= 1
            self.ended(node)
            self.come_back(node, "node ended")
            for slot in slots:
                self.world.decide(slot)
        look()

    def ended(self, node):
        if node.alive:
            self.world.fail(f"{node.name} does not end")
            node.kill()
            return
        node.log.drain()
        if node.process.returncode != 0:
            self.world.fail(f"{node.name} ended with status {node.process.returncode}")
        others = {slot.path for slot in self.world.of(node) if slot.foreign}
        for path in node.sockets() - others:
            self.world.fail(f"{node.name} left {path}")

    def act_shut_down_node(self, _, pick):
        deadline = pick.choice((0, 300, 1500))
        return self.end_node(lambda node: node.session.send(lambda _: None, "shutdown",
                                                            deadline_ms=deadline))

    def act_terminate_node(self, *_):
        return self.end_node(lambda node: node.process.terminate())


def stat_of(pid):
    """State and parent; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    except (OSError, IndexError):
        return None


def is_child(node, pid):
    found = stat_of(pid)
    return found is not None and found[1] == node.pid and found[0] != "Z"


def is_running(pid):
    found = stat_of(pid)
    return found is not None and found[0] != "Z"


def line_of(entry):
    when, number, name, slot, result = entry
    return json.dumps([round(when, 3), number, name, slot, result])
