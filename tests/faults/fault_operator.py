"""How long a fresh operator waits for an answer while others are in the way: administrators that sit
idle, data clients by the thousand, descriptors that have run out. noded, and the peers that have an
admin socket too."""
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import time

from harness import PATIENCE, quick_connect
from registry import fault

FLOOD = pathlib.Path(__file__).resolve().parent / "flood.py"
CROWD = 5000
AIM = 50     # ms
EVERY = 0.03  # seconds, at most, from one operator to the next: floods have their ups and downs
MANY = 100
LONG = 20     # seconds: no more are sent after that, where one waits for ten


def ask(run, times):
    """How many ms each of them waited who asked once, one after the other."""
    waited, end = [], time.monotonic() + LONG
    while len(waited) < times and time.monotonic() < end:
        began = time.perf_counter()
        try:
            run.subject.operate()
        except (OSError, AssertionError, subprocess.SubprocessError) as error:
            run.problems.append("an operator is not answered")
            run.note(f"an operator is not answered: {error}")
            break
        passed = time.perf_counter() - began
        waited.append(passed * 1000)
        time.sleep(max(0, EVERY - passed))
    return waited


@contextlib.contextmanager
def before_all_others(run):
    """The subject and its operators have the processors first, so that what they do is measured, not
    what else this machine is busy with. False where that is not permitted."""
    pids = [0, *run.subject.pids()]
    try:
        schedule(pids, os.SCHED_FIFO, 1)
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        schedule(pids, os.SCHED_OTHER, 0)


def schedule(pids, policy, priority):
    for pid in pids:
        for task in os.listdir(f"/proc/{pid or 'self'}/task"):
            os.sched_setscheduler(int(task), policy, os.sched_param(priority))


def operators(run):
    """Each must be answered, nearly all within what is aimed at, none after a second. Where other
    programs may come first: half of them within that, or within ten times of what they wait with
    nobody in the way."""
    with before_all_others(run) as first:
        waited = ask(run, MANY)
    if not waited:
        return
    median, worst = statistics.median(waited), max(waited)
    run.figure = f"median {median:,.1f}, worst {worst:,.1f} ms"
    run.note(f"{run.subject.operated}, {len(waited)} times: {run.figure}; alone: median "
             f"{run.alone:,.1f} ms{'' if first else '; other programs came first'}")
    late = sum(one > AIM for one in waited)
    if first and (late > len(waited) / 20 or worst > 1000) or \
            not first and median > max(AIM, 10 * run.alone):
        run.problems.append(f"an operator waits {worst:,.0f} ms")


def alone(run):
    run.alone = statistics.median(ask(run, 10))


@contextlib.contextmanager
def idle_admins(run, count):
    """So many who connect and say nothing, or as many as are let in."""
    admins = []
    try:
        for _ in range(count):
            admins.append(quick_connect(run.subject.admin(), PATIENCE if run.is_noded else 1))
    except OSError as error:
        run.note(f"only {len(admins)} of {count} idle administrators can connect: {error}")
    try:
        yield
    finally:
        for admin in admins:
            admin.close()


@contextlib.contextmanager
def flood(run, address, count, how):
    process = run.spawn([sys.executable, FLOOD, address.removeprefix("tcp:"), count, how],
                        stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "begun\n"
        yield
    finally:
        process.terminate()
        run.note(f"{how}: {process.communicate()[0].strip()}")


@contextlib.contextmanager
def roomy(run):
    """A server that takes them all; a peer has been configured to."""
    if not run.is_noded:
        yield run.subject.tcp
        return
    address = run.start("tcp:127.0.0.1:0", max_connections=None, backlog=4096)
    yield address
    # The session may have given way to idle ones.
    run.session = run.subject.node()
    run.node.await_at(address, "connection_pool.open", equals=0, timeout_ms=60000)
    run.stop(address)


def idle(count):
    def injected(run):
        alone(run)
        with idle_admins(run, count):
            operators(run)
    injected.__name__ = f"operator_and_{count}_idle"
    injected.__doc__ = f"a fresh operator among {count} idle administrators"
    fault("admin-clients", quick=False, peers=True, listens="admin")(injected)


idle(10)
idle(64)


@fault("flood", quick=False, peers=True, listens="admin")
def operator_and_flood(run):
    """a fresh operator during floods of 5,000 connections, one after the other"""
    alone(run)
    with roomy(run) as address, flood(run, address, CROWD, "flood"):
        operators(run)


@fault("flood", quick=False, peers=True, listens="admin")
def operator_and_both(run):
    """a fresh operator among 64 idle administrators during such floods"""
    alone(run)
    with roomy(run) as address, idle_admins(run, 64), flood(run, address, CROWD, "flood"):
        operators(run)


@fault("flood", quick=False, peers=True, listens="admin", lines=2)
def operator_without_descriptors(run):
    """a fresh operator when 400 clients want the last 100 descriptors, among 64 idle ones"""
    alone(run)
    with roomy(run) as address, idle_admins(run, 64):
        run.limit_descriptors(100)
        with flood(run, address, 400, "hold"):
            run.subject.patience = 2  # redis has 100,000 lines a second to say about it
            if run.is_noded:
                run.until_line("accepting pauses")
            operators(run)
        run.restore_descriptors()
    if run.is_noded:
        run.until_line("accepting again")
