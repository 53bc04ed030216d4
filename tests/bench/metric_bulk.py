"""Streams that carry much, in every direction and between all kinds of sockets."""
from harness import Figure, group, metric, per, target
from peers import FORWARD

MIB = 1 << 20
AMOUNT = 128 * MIB  # of all streams, and of both directions together
CHECKED = 16 * MIB  # before the rounds that count, every byte is compared
NAMES = {"tcp": "TCP", "unix": "Unix"}

group("bulk", "Bulk", """1 or 8 streams that send as fast as they are read: up, from client to
      backend, down, or both at once. GB/s is what client, server and backend reach together on what
      they are pinned to, CPU is what the server itself took for a GB (10^9 bytes), "of all" what client
      and backend took, too: a server may leave work to them. Both ends check
      each piece they read against what was sent, and its amount; in a run before those that count
      they compare every byte.""")

FIGURES = [Figure("rate", "throughput", "GB/s", less=False, chart=True),
           Figure("cpu", "CPU per GB", "ms", chart=True),
           Figure("all", "CPU per GB, of all", "ms")]


def bulk(front, back, streams, direction):
    """A setup function."""
    ways = {"up": 1, "down": 1, "both": 2}[direction]

    def setup(stage, subject):
        server = subject.forward(stage, front, stage.backend("bulk", back))

        def measure(share=1, check=False):
            del share
            each = stage.amount((CHECKED if check else AMOUNT) / ways, subject, MIB)
            options = ["--clients", streams]
            if direction != "down":
                options += ["--up", each]
            if direction != "up":
                options += ["--down", each]
            report = stage.measure(server, "bulk", *options, *(["--check"] if check else []))
            gigabytes = report["units"] / 1e9
            return {"rate": gigabytes / report["seconds"], "cpu": per(report["cpu"], gigabytes, 1e3),
                    "all": per(report["all"], gigabytes, 1e3)}
        return measure
    return setup


def register():
    """All of them."""
    for front, back in (("tcp", "tcp"), ("tcp", "unix"), ("unix", "unix"), ("unix", "tcp")):
        able = [subject for subject in FORWARD if subject.forwards(front, back)]
        for streams in (1, 8) if (front, back) != ("unix", "tcp") else (1,):
            for direction in ("up", "down", "both"):
                name = f"bulk/{front}-{back}/{streams}/{direction}"
                title = f"{NAMES[front]} to {NAMES[back]}, {streams} " \
                        f"stream{'s' if streams > 1 else ''}, {direction}"
                metric(name, title, FIGURES, able)(bulk(front, back, streams, direction))


register()


def worst(text, limit, prefix, key, *kinds):
    """A target that all of these reach if the worst does; of throughput, at least."""
    least = key == "rate"
    target("bulk", text, limit,
           lambda results: results.worst(prefix, key, kinds, least), least=least)


worst("Bulk, TCP to TCP: throughput, peers as shipped", 1.3, "bulk/tcp-tcp/", "rate", "shipped")
worst("Bulk, TCP to TCP: CPU per GB, peers as shipped", 0.7, "bulk/tcp-tcp/", "cpu", "shipped")
worst("Bulk, TCP to Unix: throughput, peers as shipped", 1.8, "bulk/tcp-unix/", "rate", "shipped")
worst("Bulk, Unix to Unix: throughput, peers as shipped", 1.8, "bulk/unix-unix/", "rate", "shipped")
for ends in ("tcp-tcp", "tcp-unix", "unix-unix"):
    names = " to ".join(NAMES[end] for end in ends.split("-"))
    worst(f"Bulk, {names}: throughput, tuned peers", 1, f"bulk/{ends}/", "rate", "tuned")
    worst(f"Bulk, {names}: CPU per GB, tuned peers", 1, f"bulk/{ends}/", "cpu", "tuned")
    # Not asked for, but what a user pays: work that is left to client and backend counts.
    worst(f"Bulk, {names}: CPU per GB of all, any peer", 1, f"bulk/{ends}/", "all", "shipped", "tuned")
