"""What a whole run came to, in the report that is published: a section for each program."""
import os
import re
import subprocess

ORIGIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "origin")
HEAD = """# Random faults, and kills at random instants

Written by `make chaos SECONDS=600` and `make restarts`, each its own section, where a run takes at least
600 seconds or 1,000 kills. What is done, and what must hold, is said at the top of
[chaos](chaos) and of [restarts](restarts).
"""


def add_options(parser, unit, whole):
    parser.add_argument("--report", metavar="FILE", help="publish there what a whole run came to")
    parser.add_argument("--whole", metavar="N", type=int, default=whole,
                        help=f"{unit} that make a run whole, {whole} without")


def publish(path, name, seed, figures, failures):
    """Puts the section in the place of an earlier one; what others wrote stays."""
    commit, machine, date = subprocess.run(
        [ORIGIN], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout.splitlines()
    rows = [("date", date), ("commit", commit), ("machine", machine), ("seed", str(seed)), *figures,
            ("violations", "; ".join(map(one_line, failures[:20])) or "none")]
    sections = read(path)
    sections[name] = "\n".join([f"## {name}\n", "| | |", "|---|---|",
                                *(f"| {key} | {value} |" for key, value in rows), ""])
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write("\n".join([HEAD, *(text for _, text in sorted(sections.items()))]))
    os.replace(f"{path}.part", path)


def read(path):
    """The sections that are there, by name."""
    try:
        with open(path, encoding="utf-8") as file:
            parts = re.split(r"^(?=## )", file.read(), flags=re.MULTILINE)
    except FileNotFoundError:
        return {}
    return {part.split("\n", 1)[0][3:]: part.rstrip("\n") + "\n" for part in parts[1:]}


def one_line(text):
    return text.strip().split("\n", 1)[0].replace("|", "\\|")
