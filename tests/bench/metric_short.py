"""Connections that are short, and messages that are: what a proxy spends on each."""
from harness import Figure, group, metric, per, target
from peers import FORWARD

group("churn", "Short connections", """64 clients connect, send 64 bytes, compare what is echoed,
      close, and begin again; TCP to TCP. CPU is what the server itself took for each connection,
      "of all" what client and backend took, too, rate is what client, server and backend reach together on what they are pinned to, the times
      are from connect to the complete answer.""")
group("pingpong", "Round trips", """1 or 64 connections that stay: each sends 64 bytes, waits for the
      echo, and sends the next; TCP to TCP.""")


def short_figures(unit):
    """Of connections or round trips."""
    return [Figure("cpu", f"CPU per {unit}", "us", chart=True),
            Figure("all", f"CPU per {unit}, of all", "us"),
            Figure("rate", "rate", "/s", less=False),
            Figure("p50", "median time", "us"), Figure("p99", "99 % take at most", "us")]


def figures_of(report):
    """What short_figures are of."""
    units = report["units"]
    return {"cpu": per(report["cpu"], units, 1e6), "all": per(report["all"], units, 1e6),
            "rate": units / report["seconds"], "p50": report["p50"], "p99": report["p99"]}


@metric("churn", "64 clients", short_figures("connection"), FORWARD)
def churn(stage, subject):
    """Each client's connections one after the other."""
    server = subject.forward(stage, "tcp", stage.backend("echo", "tcp"))

    def measure(share=1, check=False):
        del check  # it always is
        count = stage.amount(3000 * share, subject, 64)
        return figures_of(stage.measure(server, "churn", "--clients", 64, "--count", count))
    return measure


def pingpong(clients, count):
    """A setup function for so many clients."""
    def setup(stage, subject):
        server = subject.forward(stage, "tcp", stage.backend("echo", "tcp"))

        def measure(share=1, check=False):
            del check  # it always is
            trips = stage.amount(count * share, subject, clients)
            return figures_of(stage.measure(server, "pingpong", "--clients", clients, "--count",
                                             trips))
        return measure
    return setup


metric("pingpong/1", "1 client", short_figures("round trip"), FORWARD)(pingpong(1, 8000))
metric("pingpong/64", "64 clients", short_figures("round trip"), FORWARD)(pingpong(64, 12000))

for name, what in (("churn", "Short connections, 64 clients"), ("pingpong/1", "Round trips, 1 client"),
                   ("pingpong/64", "Round trips, 64 clients")):
    of = name.partition("/")[0]
    target(of, f"{what}: CPU", 0.97, lambda results, name=name: results.ratio(name, "cpu"))
    target(of, f"{what}: 99 % take at most", 1,
           lambda results, name=name: results.ratio(name, "p99"))
