"""Stopping: in a burst, twice, past the deadline; and children that do not want to go."""
import json
import os
import resource
import signal
import sys
import time

from admin_client import request
from harness import TESTS, children, expect, has_ended, quick_connect, stat_fields, until
from registry import fault


def churn_and_stop(run, address, count, **how):
    """Stops a server while clients connect again and again; what became of them."""
    out = run.tmp / "churn"
    with open(out, "wb") as file:
        churn = run.spawn([sys.executable, TESTS / "churn.py", count, address], stdout=file)
    until(lambda: run.node.at(address, "connection_pool.total") > 2 * count)
    result = run.stop(address, **how)
    churn.terminate()
    churn.wait()
    return result, json.loads(out.read_text())


def burst(name, doc, address, count, quick):
    def stop(run):
        result, seen = churn_and_stop(run, address(run), count)
        expect(seen["cut"], [], f"clients cut off by the stop: {result}")
        run.note(f"{seen['served']} served, {seen['refused']} refused, 0 cut off")
        assert seen["served"] > count
    stop.__name__, stop.__doc__ = name, doc
    fault("stop-burst", quick=quick)(stop)


burst("stop_burst", "stop with 32 clients that connect again and again, TCP",
      lambda run: run.start("tcp:127.0.0.1:0"), 32, True)
burst("stop_burst_unix", "the same, Unix", lambda run: run.start(f"unix:{run.dir}/x.sock"), 32, True)
burst("stop_burst_1000", "stop during an accept burst of 1,000 clients, TCP",
      lambda run: run.start("tcp:127.0.0.1:0", backlog=4096, max_connections=None), 1000, False)
burst("stop_burst_1000_unix", "the same, Unix",
      lambda run: run.start(f"unix:{run.dir}/x.sock", backlog=4096, max_connections=None), 1000,
      False)


# --- twice ---

def ask_stop(run, address, **members):
    """A caller of its own who waits for the stop."""
    caller = run.subject.node()
    run.sockets.append(caller.socket)
    caller.send(request("stop_server", address=address, **members))
    return caller


def draining(run, clients=3):
    address = run.start(f"unix:{run.dir}/x.sock")
    held = run.clients(clients, address)
    first = ask_stop(run, address)
    run.acts += 1
    run.node.await_at(address, "phase", equals="draining")
    return address, held, first


def outcome(caller):
    result = caller.reply()["result"]
    return result["outcome"], result["drained"], result["stopped"], result["killed"]


@fault("stop-twice")
def stop_twice(run):
    """a second stop attaches and hears the same"""
    address, held, first = draining(run)
    second = ask_stop(run, address)
    run.live_on(held)
    run.leave(held)
    expect(outcome(first), ("drained", 3, 0, 0))
    expect(outcome(second), ("drained", 3, 0, 0))


@fault("stop-twice")
def stop_shortened(run):
    """a second stop shortens the deadline, a third cannot lengthen it"""
    address, held, first = draining(run)
    second = ask_stop(run, address, deadline_ms=300)
    third = ask_stop(run, address, deadline_ms=3600000)
    for caller in (first, second, third):
        expect(outcome(caller), ("stopped", 0, 3, 0))


@fault("stop-twice")
def stop_now_during_drain(run):
    """--now during a drain"""
    address, held, first = draining(run)
    second = ask_stop(run, address, force=True)
    for caller in (first, second):
        expect(outcome(caller), ("stopped", 0, 3, 0))


@fault("stop-twice")
def stop_caller_killed(run):
    """the caller is killed in the middle: the drain goes on"""
    address = run.start(f"unix:{run.dir}/x.sock")
    held = run.clients(3, address)
    nodectl = os.environ.get("NODECTL", str(TESTS.parent / "build/nodectl"))
    caller = run.spawn([nodectl, "-s", run.subject.admin_path(), "stop-server", address])
    run.node.await_at(address, "phase", equals="draining")
    caller.kill()
    caller.wait()
    run.live_on(held)
    run.leave(held)
    until(lambda: len(run.node.servers()) == 2)
    run.acts += 1


@fault("stop-twice", lines=(0, 1))
def stop_suspended(run):
    """a suspended server is stopped while its clients stay"""
    address = run.start("tcp:127.0.0.1:0")
    held = run.clients(2, address)
    run.node.result("suspend_server", address=address)
    run.acts += 1
    expect(run.stop(address, force=True)["stopped"], 2)
    run.leave(held)


# --- deadline ---

def deadline(count, quick):
    def passes(run):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500
        clients = min(count, most)
        address = run.start(f"unix:{run.dir}/x.sock", max_connections=None, backlog=4096)
        for _ in range(clients):
            until(lambda: connected(run, address))
        run.node.await_at(address, "connection_pool.open", equals=clients)
        began = time.monotonic()
        result = run.stop(address, deadline_ms=500)
        expect((result["stopped"] + result["killed"], result["drained"]), (clients, 0))
        run.note(f"{clients} connections, deadline 500 ms: ended after {result['elapsed_ms']} ms")
        assert result["elapsed_ms"] >= 500
        assert time.monotonic() - began < 60
    passes.__name__ = f"deadline_{count}"
    passes.__doc__ = f"the deadline passes with {count:,} idle connections"
    fault("deadline", quick=quick)(passes)


def connected(run, address):
    try:
        run.sockets.append(quick_connect(address, 60))
        return True
    except BlockingIOError:
        return False


deadline(1, True)
deadline(1000, True)
deadline(20000, False)


# --- children ---

STUBBORN = ["sh", "-c", 'trap "" TERM INT HUP; echo ready; while :; do sleep 1000; done']


def programs(run, count, argv, **members):
    """An exec server with so many clients whose programs say that they are ready."""
    address = run.start(f"unix:{run.dir}/x.sock", handler={"type": "exec", "argv": argv}, **members)
    held = [run.client(address) for _ in range(count)]
    for client in held:
        expect(client.recv(6), b"ready\n")
    return address, held


def pids_of(run, address):
    listed = run.node.result("list_connections", server=address, limit=1000)["connections"]
    return [one["pid"] for one in listed]


@fault("stubborn-children")
def children_ignore_term(run):
    """20 that ignore TERM: killed with their groups, one deadline in all"""
    address, _ = programs(run, 20, STUBBORN, kill_ms=500, max_connections=None)
    pids = pids_of(run, address)
    result = run.stop(address, deadline_ms=0)
    expect((result["outcome"], result["killed"]), ("killed", 20))
    run.note(f"kill_ms 500: ended after {result['elapsed_ms']} ms")
    assert result["elapsed_ms"] < 10000, "the deadlines were added up"
    expect([pid for pid in pids if not has_ended(pid)], [])


@fault("stubborn-children")
def children_stopped(run):
    """stopped children: continued, so that they can leave"""
    address, _ = programs(run, 5, ["sh", "-c", "echo ready; exec cat"], kill_ms=20000)
    pids = pids_of(run, address)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    until(lambda: all(stat_fields(pid)[0] == "T" for pid in pids))
    result = run.stop(address, deadline_ms=0)
    expect((result["outcome"], result["killed"]), ("stopped", 0))


@fault("stubborn-children")
def children_stopped_stubborn(run):
    """stopped children that ignore TERM"""
    address, _ = programs(run, 5, STUBBORN, kill_ms=300)
    for pid in pids_of(run, address):
        os.kill(pid, signal.SIGSTOP)
    expect(run.stop(address, deadline_ms=0)["killed"], 5)


@fault("stubborn-children")
def children_fork_away(run):
    """children with children in their group: all of them go"""
    argv = ["sh", "-c", "sleep 1000 & sleep 1000 & echo ready; echo $!; wait"]
    address, held = programs(run, 5, argv, kill_ms=300)
    grandchildren = [int(client.recv(20)) for client in held]
    run.stop(address, deadline_ms=0)
    until(lambda: all(map(has_ended, grandchildren)))


LEAVER = """
import os, sys
told, tell = os.pipe()
pid = os.fork()
if pid == 0:
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for fd in 0, 1, 2:
        os.dup2(null, fd)
    os.write(tell, b"%d." % os.getpid())
    os.execvp("sleep", ["sleep", "600"])
os.waitpid(pid, 0)
text = b""
while not text.endswith(b"."):
    text += os.read(told, 20)
print("ready", flush=True)
print(text.decode(), flush=True)
sys.stdin.read()
"""


@fault("stubborn-children", lines=(0, 3))
def children_leave_session(run):
    """children that fork twice and leave the session: found, killed, named, counted"""
    address, held = programs(run, 3, [sys.executable, "-c", LEAVER])
    leavers = [int(client.recv(20).strip(b".\n")) for client in held]
    adopted = run.node.state("process.adopted")
    run.leave(held)
    run.stop(address, deadline_ms=0)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in leavers))
    until(lambda: run.node.state("process.adopted") >= adopted + 3)


@fault("child-ends", repeat=True)
def child_statuses(run):
    """children that end by 0, 1, 127 and signals: the status is in `state`"""
    address = run.start(f"unix:{run.dir}/x.sock", handler={"type": "exec", "argv": [
        "sh", "-c", "read what; eval \"$what\""]})
    for what, reason in (("exit 0", "exit:0"), ("exit 1", "exit:1"), ("exit 127", "exit:127"),
                         ("kill -KILL $$", "signal:9"), ("kill -SEGV $$", "signal:11"),
                         ("kill -TERM $$", "signal:15"), ("exec 0<&- 1>&-; exit 3", "exit:3")):
        client = run.client(address)
        client.sendall(what.encode() + b"\n")
        expect(client.recv(1), b"")
        client.close()
        run.node.await_at(address, f"connection_pool.closed[{reason}]", equals=1)
        expect(run.node.at(address, "connection_pool.last_closed")[0]["reason"], reason)
    run.stop(address)


@fault("child-ends")
def children_end_at_once(run):
    """500 that end at once"""
    most = min(500, spare_processes())
    if most < 500:
        run.note(f"only {most}: this machine has no room for more processes")
    address, held = programs(run, most, ["sh", "-c", "echo ready; read x; exit 7"],
                             max_connections=None, backlog=1024)
    for client in held:
        client.sendall(b"\n")
    run.node.await_at(address, "connection_pool.open", equals=0)
    expect(run.node.at(address, "connection_pool.closed[exit:7]"), most)
    expect(children(run.pid), set())
    run.stop(address)


def spare_processes():
    """How many more this container may have, less some for others."""
    try:
        with open("/sys/fs/cgroup/pids.max", encoding="ascii") as file:
            most = int(file.read())
        with open("/sys/fs/cgroup/pids.current", encoding="ascii") as file:
            return max(50, most - int(file.read()) - 200)
    except (OSError, ValueError):
        return 500
