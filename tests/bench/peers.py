"""Who is measured: noded and what Debian 12 has for the same work, each as shipped, and tuned where
tuning helps. `forward` starts one that forwards, `serve` one that runs a program."""
import os
import shutil
import subprocess

from harness import Failure, Program, Server


def output_of(*command):
    """What it prints; a program that is not there prints nothing."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False).stdout
    except OSError:
        return ""


def debian_version(package):
    """Of a program that does not tell its own: without epoch and Debian's part."""
    version = output_of("dpkg-query", "-W", "-f", "${Version}", package)
    return version.rpartition(":")[2].rpartition("-")[0] or "?"


def host_port(address):
    """127.0.0.1:80 of tcp:127.0.0.1:80."""
    return address.partition(":")[2]


def is_unix(address):
    """Of unix:/path."""
    return address.startswith("unix:")


class Subject:
    """What any has. share: of the work the others do in a round, so that it takes no longer."""
    label = kind = program = package = None
    share = 1
    how = ""  # it is started, in a few words

    def missing(self):
        """Why it cannot take part."""
        return None if shutil.which(self.program) else f"{self.package} is not installed"

    def forwards(self, front, back):
        """Whether it can, from "tcp" or "unix" to "tcp" or "unix"."""
        del front, back
        return True

    def version(self):
        """As it tells itself, where it does."""
        return debian_version(self.package)


class Noded(Subject):
    """What this is about."""
    label, kind = "noded", "noded"
    how = "as built, no options"

    def missing(self):
        return None

    def version(self):
        noded = os.environ.get("NODED", "build/noded")
        return output_of(noded, "--version").split()[-1]

    def start(self, stage, launch=()):
        """A noded without servers."""
        socket = stage.directory / "admin.sock"
        read, write = os.pipe()
        try:
            program = Program(stage, [*launch, stage.bench.noded, "--socket", socket, "--ready-fd",
                                      write], pass_fds=(write,))
        finally:
            os.close(write)
        with os.fdopen(read) as ready:
            if ready.readline() != "\n":
                raise Failure(f"noded ended: {program.says()}")
        return NodedServer(stage, program, socket)

    def forward(self, stage, front, back, launch=()):
        """noded with one server."""
        server = self.start(stage, launch)
        server.address = server.ask("start", listen(stage, front), "forward", back)
        return server

    def serve(self, stage, argv, launch=()):
        """noded with one server."""
        server = self.start(stage, launch)
        server.forks = server.programs[0].forks = True
        server.address = server.ask("start", "tcp:127.0.0.1:0", "exec", *argv)
        return server


def listen(stage, family):
    """Where noded is to listen."""
    return "tcp:127.0.0.1:0" if family == "tcp" else stage.place("unix")


class NodedServer(Server):
    """Has an admin socket."""

    def __init__(self, stage, program, socket):
        super().__init__([program], None)
        self.stage, self.socket = stage, socket

    def ask(self, *command):
        """What nodectl prints."""
        done = subprocess.run([self.stage.bench.nodectl, "--socket", self.socket, *command],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
        if done.returncode:
            raise Failure(f"nodectl {command[0]}: {done.stderr.strip()}")
        return done.stdout.strip()


class Direct(Subject):
    """Nobody between: what the kernel, the load and the backend cost."""
    label, kind = "direct", "reference"

    def missing(self):
        return None

    def forwards(self, front, back):
        return front == back

    def version(self):
        return "-"

    def forward(self, stage, front, back, launch=()):
        """The backend itself."""
        del stage, front, launch
        return Server([], back)


class Peer(Subject):
    """A subclass says how it is started, and for how many connections."""
    kind = "shipped"
    connections = 4000
    processes, forks = 1, False  # see Server

    def forward(self, stage, front, back, launch=()):
        """Starts it; it listens when this returns."""
        address = stage.place(front)
        program = stage.spawn(*launch, *self.forward_command(stage, address, back), pipes=False)
        server = Server([program], address, self.processes, self.forks)
        return stage.wait_for(server, 60 if launch else 10)

    def serve(self, stage, argv, launch=()):
        """The same with a program for each connection."""
        address = stage.place("tcp")
        command = self.serve_command(stage, host_port(address).split(":"), argv)
        program = stage.spawn(*launch, *command, pipes=False)
        return stage.wait_for(Server([program], address, forks=True))

    def forward_command(self, stage, front, back):
        """Its argv."""
        raise NotImplementedError

    def serve_command(self, stage, listen_on, argv):
        """Its argv; listen_on is host, port."""
        raise NotImplementedError


class Haproxy(Peer):
    """One thread; splice and the size of buffers as given."""
    program = package = "haproxy"

    def __init__(self, label, kind, tuning="", *options):
        self.label, self.kind, self.tuning, self.options = label, kind, tuning, options
        self.how = ", ".join(filter(None, ("nbthread 1", tuning, *options)))

    def version(self):
        return output_of("haproxy", "-v").split()[2].partition("-")[0]

    def forward_command(self, stage, front, back):
        bind = front.replace("unix:", "unix@") if is_unix(front) else host_port(front)
        server = back.replace("unix:", "unix@") if is_unix(back) else host_port(back)
        config = stage.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn {self.connections}
    {self.tuning}
defaults
    mode tcp
    {'''
    '''.join(self.options)}
    timeout connect 5s
    timeout client 10m
    timeout server 10m
frontend front
    bind {bind}
    default_backend back
backend back
    server one {server}
""")
        return ["haproxy", "-db", "-q", "-f", config]


class Nginx(Peer):
    """A master and one worker."""
    program, package = "nginx", "nginx-light"
    processes = 2
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"

    def __init__(self, label, kind, tuning=""):
        self.label, self.kind, self.tuning = label, kind, tuning
        self.how = ", ".join(filter(None, ("stream, worker_processes 1", tuning)))

    def missing(self):
        if not os.path.exists(self.module):
            return "libnginx-mod-stream is not installed"
        return super().missing()

    def version(self):
        return output_of("nginx", "-v").rpartition("/")[2].split()[0]

    def forward_command(self, stage, front, back):
        config = stage.write("nginx.conf", f"""
load_module {self.module};
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid nginx.pid;
events {{ worker_connections {2 * self.connections}; }}
stream {{
    {self.tuning + ";" if self.tuning else ""}
    server {{
        listen {front if is_unix(front) else host_port(front)};
        proxy_pass {back if is_unix(back) else host_port(back)};
    }}
}}
""")
        return ["nginx", "-p", stage.directory, "-c", config, "-e", "stderr"]


class SocketProxyd(Peer):
    """Gets its socket from systemd-socket-activate, which becomes it at the first connection."""
    label = "systemd-socket-proxyd"
    program, package = "systemd-socket-activate", "systemd"
    how = "no options"

    def version(self):
        return output_of(self.program, "--version").split()[1]

    def forward_command(self, stage, front, back):
        return ["systemd-socket-activate", "-l", host_port(front),
                "/usr/lib/systemd/systemd-socket-proxyd", host_port(back)]


class Pen(Peer):
    """Knows TCP only."""
    label, program, package = "pen", "pen", "pen"
    how = "-f"

    def forwards(self, front, back):
        return front == back == "tcp"

    def forward_command(self, stage, front, back):
        return ["pen", "-f", host_port(front), host_port(back)]


class Socat(Peer):
    """A process for each connection; its backlog of 5 would lose what 64 clients do."""
    label, program, package = "socat", "socat", "socat"
    share, forks = 0.25, True
    how = "fork, backlog=128"

    def version(self):
        return output_of("socat", "-V").partition("socat version ")[2].split()[0]

    def forward_command(self, stage, front, back):
        def name(address, verb):
            family = "UNIX" if is_unix(address) else "TCP"
            return f"{family}-{verb}:{host_port(address)}"
        host, _, port = host_port(front).rpartition(":")
        listens = (name(front, "LISTEN") if is_unix(front)
                   else f"TCP-LISTEN:{port},bind={host},reuseaddr")
        return ["socat", f"{listens},fork,backlog=128", name(back, "CONNECT")]

    def serve_command(self, stage, listen_on, argv):
        host, port = listen_on
        return ["socat", f"TCP-LISTEN:{port},bind={host},reuseaddr,fork,backlog=128",
                f"EXEC:{' '.join(map(str, argv))},nofork"]


class SocatProgram(Socat):
    """For programs it need not be spared."""
    label, share = "socat nofork", 1
    how = "fork, backlog=128; EXEC with nofork"


class Tcpserver(Peer):
    """No look-ups, and a backlog and a number of children that 16 clients do not exceed."""
    label, program, package = "tcpserver", "tcpserver", "ucspi-tcp"
    how = "-HR -l0 -b128 -c100"

    def serve_command(self, stage, listen_on, argv):
        return ["tcpserver", "-HR", "-l0", "-b128", "-c100", *listen_on, *argv]


class Xinetd(Peer):
    """Without its limit of connections a second."""
    label, program, package = "xinetd", "xinetd", "xinetd"
    how = "wait no, cps 100000 1, no log"

    def serve_command(self, stage, listen_on, argv):
        host, port = listen_on
        config = stage.write("xinetd.conf", f"""
service bench
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    user = {output_of("id", "-un").strip()}
    bind = {host}
    port = {port}
    server = {argv[0]}
    {f"server_args = {' '.join(argv[1:])}" if argv[1:] else ""}
    instances = UNLIMITED
    per_source = UNLIMITED
    cps = 100000 1
}}
""")
        return ["xinetd", "-dontfork", "-f", config, "-pidfile", stage.directory / "xinetd.pid"]


class SocketActivate(Peer):
    """Says some lines about every connection, to a file."""
    label = "systemd-socket-activate"
    program, package = "systemd-socket-activate", "systemd"
    how = "--inetd --accept"

    def version(self):
        return output_of(self.program, "--version").split()[1]

    def serve_command(self, stage, listen_on, argv):
        return ["systemd-socket-activate", "--inetd", "--accept", "-l", ":".join(listen_on), *argv]


NODED = Noded()
FORWARD = [
    Direct(),
    NODED,
    Haproxy("HAProxy", "shipped"),
    Haproxy("HAProxy 256k", "tuned", "tune.bufsize 262144"),
    Haproxy("HAProxy splice", "tuned", "tune.pipesize 1048576",
            "option splice-request", "option splice-response"),
    Nginx("nginx", "shipped"),
    Nginx("nginx 256k", "tuned", "proxy_buffer_size 256k"),
    SocketProxyd(),
    Pen(),
    Socat(),
]
EXEC = [NODED, Tcpserver(), Xinetd(), SocatProgram(), SocketActivate()]
