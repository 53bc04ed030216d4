"""Writes the table of what was measured."""
import os
import platform

from catalogue import ROWS
from harness import IDLE_SECONDS

HEAD = """# Faults: what was injected, and what was left of it

Written by `make faults`; see [harness.py](harness.py) for how each column is measured.

- *survived*: what the fault's own test expects holds, and nothing is leaked.
- *lines*: log lines above debug that the fault caused, its recovery included.
- *ticks*: processor time in {idle} s once it is over and idle, in ticks of 1/{hertz} s.
- *leaks*: descriptors, children, zombies, files, and where `state` differs from /proc.
- *growth*: bytes of resident memory from the 10th repeat to the last, and how many repeats; without
  the freed chunks that malloc keeps in hand for the next of their size.

"""

SIDE_BY_SIDE = """## Side by side

The same injections. In each cell: what did not hold, or *survived*; log lines (of a peer, often those
of the first half second: some never stop), ticks and leaks where there are any. *DESTROYED*: a file,
directory, link or socket that was somebody else's. A program started for a client inherits a lowered
limit of descriptors.

"""

OPERATORS = """## How long a fresh operator waits

A hundred operators, one every 30 ms, each on a connection of his own; they and the subject at
real-time priority where that is permitted, so that it is not this machine's other work that is
measured. Asked is

"""


def write(path, results, absent):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD.format(idle=IDLE_SECONDS, hertz=os.sysconf("SC_CLK_TCK")))
        file.write(f"Machine: {machine()}.\n\n")
        write_summary(file, results)
        write_own(file, [r for r in results if r.subject.name == "noded"])
        write_peers(file, results, absent)


def machine():
    uname = platform.uname()
    return f"{uname.machine}, {os.cpu_count()} processors, {uname.system} {uname.release}, " \
           f"{distribution()}"


def distribution():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown distribution"


def write_summary(file, results):
    ours = [r for r in results if r.subject.name == "noded"]
    ran = [r for r in ours if not r.skipped]
    if ran:
        file.write(f"noded {ran[0].subject.version()}: {sum(r.survived() for r in ran)} of "
                   f"{len(ran)} survived, {sum(len(r.leaks) for r in ran)} leaks"
                   + (f", {len(ours) - len(ran)} not run here" if len(ours) > len(ran) else "")
                   + ".\n\n")


def write_own(file, results):
    for row, (title, _) in ROWS.items():
        mine = [r for r in results if r.fault.row == row]
        if not mine:
            continue
        file.write(f"## {title}\n\n| fault | survived | lines | ticks | leaks | growth |\n"
                   "|---|---|---|---|---|---|\n")
        for result in mine:
            growth = f"{result.growth[1]} in {result.growth[0]}" if result.growth else ""
            file.write(f"| {cell(result.fault.what)} | {verdict(result)} | {shown(result.lines)} | "
                       f"{shown(result.ticks)} | {'' if result.skipped else len(result.leaks)} | "
                       f"{growth} |\n")
        file.write("\n")
        for result in mine:
            for text in result.problems + result.leaks + result.notes:
                file.write(f"- {result.fault.what}: {cell(text)}\n")
        if any(r.problems or r.leaks or r.notes for r in mine):
            file.write("\n")


def write_peers(file, results, absent):
    """The faults that apply to any server, all subjects side by side."""
    shared = [r for r in results if r.fault.peers]
    names = list(dict.fromkeys(r.subject.name for r in shared))
    if len(names) < 2:
        return
    file.write(SIDE_BY_SIDE)
    for name in names:
        subject = next(r.subject for r in shared if r.subject.name == name)
        file.write(f"- {name} {subject.version()}: {subject.what()}\n")
    for kind, why in absent.items():
        file.write(f"- {kind.name}: {why}\n")
    file.write("\n")
    write_matrix(file, names, shared, summary)
    measured = [r for r in shared if r.figure]
    if measured:
        file.write(OPERATORS)
        for subject in dict.fromkeys(r.subject.name for r in measured):
            asked = next(r.subject.operated for r in measured if r.subject.name == subject)
            file.write(f"- {subject}: {asked}\n")
        file.write("\n")
        write_matrix(file, [n for n in names if any(r.subject.name == n for r in measured)],
                     [r for r in shared if r.fault.listens == "admin"], figure)


def write_matrix(file, names, results, text):
    """A row for each fault, a column for each subject."""
    file.write(f"| fault | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n")
    for fault in dict.fromkeys(r.fault for r in results):
        cells = []
        for name in names:
            found = [r for r in results if r.fault is fault and r.subject.name == name]
            cells.append(text(found[0]) if found else "")
        file.write(f"| {cell(fault.what)} | {' | '.join(cells)} |\n")
    file.write("\n")


def summary(result):
    if result.skipped:
        return "not run"
    parts = [cell("; ".join(dict.fromkeys(result.problems)))[:120] or "survived"]
    if result.problems:
        parts[0] = f"**{parts[0]}**"
    for number, what in (result.lines, "lines"), (result.ticks, "ticks"), \
            (len(result.leaks), "leaks"):
        if number:
            parts.append(f"{number:,} {what if number > 1 else what[:-1]}")
    return ", ".join(parts)


def figure(result):
    return result.figure or cell("; ".join(result.problems))


def verdict(result):
    if result.skipped:
        return f"not run: {cell(result.skipped)}"
    return "yes" if result.survived() else "**no**"


def shown(number):
    return "" if number is None else f"{number:,}"


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")[:300]
