"""Programs run for connections."""
from harness import Figure, group, metric, per, target
from peers import EXEC, Noded

group("exec", "Programs", """16 clients connect, read what the program says to its end, and begin again.
      The tiny program is linked statically, without the C library's start, and says one word;
      /bin/cat gets 64 bytes and the end of the client's sending, and returns them. CPU is that of the server and of the programs it ran.
      With 9,000 connections open to another server of the same noded its table of descriptors is
      large; of the peers each connection is a process of its own, so that none has such a table.""")

FIGURES = [Figure("cpu", "CPU per connection", "us", chart=True),
           Figure("rate", "rate", "/s", less=False),
           Figure("p99", "99 % take at most", "us")]


class Crowded(Noded):
    """noded, with connections to an echo server beside that with the program."""
    kind = "reference"

    def __init__(self, label, connections):
        self.label, self.connections = label, connections

    def serve(self, stage, argv, launch=()):
        server = super().serve(stage, argv, launch)
        echo = server.ask("start", "tcp:127.0.0.1:0", "--max-connections", "none")
        stage.load("idle", echo, "--clients", self.connections)
        return server


FEW, MANY = Crowded("noded, 10 others", 10), Crowded("noded, 9,000 others", 9000)


def programs(what):
    """A setup function: what is "tiny" or "cat"."""
    def setup(stage, subject):
        tiny = [str(stage.bench.programs / "tiny")]
        server = subject.serve(stage, tiny if what == "tiny" else ["/bin/cat"])
        options = ["--to-end", *(["--size", 0, "--expect", "hello\n"] if what == "tiny" else [])]

        def measure(share=1, check=False):
            del check  # it always is
            count = stage.amount(700 * share, subject, 16)
            report = stage.measure(server, "churn", "--clients", 16, "--count", count, *options)
            return {"cpu": per(report["cpu"], count, 1e6), "rate": count / report["seconds"],
                    "p99": report["p99"]}
        return measure
    return setup


for program in ("tiny", "cat"):
    title, name = "the tiny program" if program == "tiny" else "/bin/cat", f"exec/{program}"
    metric(name, title, FIGURES, [*EXEC, FEW, MANY])(programs(program))
    target("exec", f"Programs, {title}: CPU to tcpserver's", 0.75,
           lambda results, name=name: results.to(name, "cpu", "noded", "tcpserver"))
    target("exec", f"Programs, {title}: rate with 9,000 open to that with 10", 0.9,
           lambda results, name=name: results.to(name, "rate", MANY.label, FEW.label), least=True)
