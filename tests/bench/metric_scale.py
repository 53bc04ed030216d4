"""What a connection and a round trip cost noded when it has much else."""
from harness import Figure, group, metric, per, target
from peers import NODED

group("scale", "Scale", """noded beside itself: with nothing but the server measured, with 10,000 idle
      connections to another server, and with 500 servers.""")


class Crowded:
    """noded, with something beside what is measured."""
    kind, share, program = "reference", 1, None

    def __init__(self, label, connections=0, servers=1):
        self.label, self.connections, self.servers = label, connections, servers

    def missing(self):
        """noded is always there."""
        return None

    def forward(self, stage, back):
        """Its address is that of the last server."""
        server = NODED.start(stage)
        for _ in range(self.servers):
            server.address = server.ask("start", "tcp:127.0.0.1:0", "forward", back)
        if self.connections:
            echo = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
            stage.load("idle", echo, "--clients", self.connections)
        return server


ALONE = Crowded("alone")
CROWDED = [ALONE, Crowded("10,000 connections", connections=10000),
           Crowded("500 servers", servers=500)]


def scale(kind, count):
    """A setup function."""
    def setup(stage, subject):
        server = subject.forward(stage, stage.backend("echo", "tcp"))

        def measure(share=1, check=False):
            del check  # it always is
            report = stage.measure(server, kind, "--clients", 64, "--count",
                                   stage.amount(count * share, subject, 64))
            return {"cpu": per(report["cpu"], report["units"], 1e6)}
        return measure
    return setup


for load, unit, amount in (("churn", "connection", 3000), ("pingpong", "round trip", 12000)):
    metric(f"scale/{load}", f"64 clients, {load}", [Figure("cpu", f"CPU per {unit}", "us", chart=True)],
           CROWDED)(scale(load, amount))
    for crowded in CROWDED[1:]:
        target("scale", f"CPU per {unit} with {crowded.label} to that alone", 1.1,
               lambda results, name=f"scale/{load}", label=crowded.label:
               results.to(name, "cpu", label, ALONE.label))
