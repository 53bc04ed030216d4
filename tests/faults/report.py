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
- *growth*: bytes of resident memory from the 10th repeat to the last, and how many repeats.

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
    file.write("## Side by side\n\nThe same injections; in each cell: survived, log lines, ticks, "
               "leaks.\n\n")
    for name in names:
        subject = next(r.subject for r in shared if r.subject.name == name)
        file.write(f"- {name} {subject.version()}: {subject.what()}\n")
    for kind, why in absent.items():
        file.write(f"- {kind.name}: {why}\n")
    file.write(f"\n| fault | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n")
    for fault in dict.fromkeys(r.fault for r in shared):
        cells = []
        for name in names:
            found = [r for r in shared if r.fault is fault and r.subject.name == name]
            cells.append(summary(found[0]) if found else "")
        file.write(f"| {cell(fault.what)} | {' | '.join(cells)} |\n")
    file.write("\n")


def summary(result):
    if result.skipped:
        return "not run" if result.subject.name == "noded" else "-"
    return f"{verdict(result)}, {shown(result.lines)}, {shown(result.ticks)}, {len(result.leaks)}"


def verdict(result):
    if result.skipped:
        return f"not run: {cell(result.skipped)}"
    return "yes" if result.survived() else "**no**"


def shown(number):
    return "" if number is None else f"{number:,}"


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")[:300]
