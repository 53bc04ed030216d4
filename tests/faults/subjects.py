"""The servers the faults are injected into: noded first, then the peers that Debian 12 has, each as
one would run it, in the foreground, with the log level it has by itself."""
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

from harness import EchoSubject, Noded, descendants, has_ended, parse, until

ECHO = pathlib.Path(__file__).resolve().parent / "echo.py"


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False).stdout


def debian_version(package):
    """Without epoch and Debian's own part: of a program that does not tell its version."""
    version = output_of("dpkg-query", "-W", "-f", "${Version}", package)
    return version.rpartition(":")[2].rpartition("-")[0] or "?"


class Peer(EchoSubject):
    """A subclass says in `commands` how it is started: one argv for each process it takes."""
    package = None  # Debian's name
    service = "echo"
    patience = 30   # seconds, of an operator

    def __init__(self):
        super().__init__()
        self.all = []      # its processes; the first is self.process
        self.helpers = []  # what it needs and is not measured: backends

    def missing(self):
        why = super().missing()
        return f"{why} (Debian: {self.package})" if why else None

    def what(self):
        return self.service

    def commands(self):
        raise NotImplementedError

    def prepare(self):
        """Writes what it is configured with, starts what it needs."""

    def start(self, directory, log, launch=()):
        """launch is put in front of every command and must not fork."""
        self.directory, self.log = directory, log
        self.tcp = f"tcp:127.0.0.1:{self.port()}"
        self.unix = f"unix:{directory}/s.sock" if "unix" in self.listens else None
        self.prepare()
        self.launch(launch)

    def launch(self, launch=()):
        """Starts its processes; returns when they serve, AssertionError if one has ended."""
        self.all = []
        for argv in self.commands():
            self.spawn([*launch, *argv])
            self.all.append(self.process)
        self.process = self.all[0]
        until(lambda: not self.alive() or self.serves_all(), 30)
        assert self.alive(), f"{self.name} did not start: {self.log_lines()[-3:]}"

    def serves_all(self):
        return all(self.serves(address) for address in (self.tcp, self.unix) if address)

    def pids(self):
        return set().union(*(descendants(process.pid) for process in self.all))

    def alive(self):
        """None has ended: each serves an address of its own."""
        return not any(has_ended(process.pid) for process in self.all)

    def stop(self):
        """Ends it; its exit status, None if it had to be killed."""
        mine = self.pids()
        status = self.ask_to_end()
        for pid in mine:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reap()
        for helper in self.helpers:
            helper.kill()
            helper.wait()
            helper.stdout.close()
        self.helpers.clear()
        return status

    def ask_to_end(self):
        """SIGTERM, and five seconds; the first process's status, None if it goes on."""
        for process in self.all:
            process.terminate()
        deadline = time.monotonic() + 5
        while not all(has_ended(process.pid) for process in self.all):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return self.all[0].wait()

    def crash(self):
        """kill -9 for all of it."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reap()

    def reap(self):
        for process in self.all:
            process.kill()
            process.wait()

    def help(self, *argv):
        helper = subprocess.Popen(argv, cwd=self.directory, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.helpers.append(helper)
        return helper

    def backend(self):
        """The port of an echo server of 127.0.0.1."""
        return int(self.help(sys.executable, ECHO).stdout.readline())

    def write(self, name, text):
        (self.directory / name).write_text(text, encoding="utf-8")

    def host_port(self):
        return self.tcp.removeprefix("tcp:")

    def path(self):
        return self.unix.removeprefix("unix:")

    def ask(self, address, question, last=None):
        """What an admin socket answers, to its end or until `last` has come. Time-outs of the kernel,
        not of Python: connect then waits for a place in a full backlog."""
        with contextlib.closing(socket.socket(parse(address)[0])) as client:
            for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                client.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", self.patience, 0))
            client.connect(parse(address)[1])
            client.sendall(question)
            answer = b""
            while not (last and last in answer) and (more := client.recv(65536)):
                answer += more
            assert answer, f"{self.name} closed without an answer"
            return answer


class Haproxy(Peer):
    name, program, package = "haproxy", "haproxy", "haproxy"
    service = "a TCP proxy to an echo server"
    listens = ("tcp", "unix", "admin")
    operated = "show version on its stats socket"

    def version(self):
        return output_of("haproxy", "-v").split()[2].partition("-")[0]

    def prepare(self):
        self.write("haproxy.cfg", f"""
global
    log stderr format raw daemon notice
    stats socket {self.directory}/stats.sock mode 600 level admin
    maxconn 8000
defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 10m
    timeout server 10m
frontend front
    bind {self.host_port()}
    bind unix@{self.path()}
    default_backend back
backend back
    server echo 127.0.0.1:{self.backend()}
""")

    def commands(self):
        return [["haproxy", "-db", "-f", "haproxy.cfg"]]

    def admin(self):
        return f"unix:{self.directory}/stats.sock"

    def operate(self):
        """One fresh operator's question, answered."""
        self.ask(self.admin(), b"show version\n")


class Nginx(Peer):
    name, program, package = "nginx", "nginx", "nginx-light and libnginx-mod-stream"
    service = "a TCP proxy to an echo server, one worker"
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"

    def missing(self):
        if not os.path.exists(self.module):
            return f"its stream module is not installed (Debian: {self.package})"
        return super().missing()

    def version(self):
        return output_of("nginx", "-v").rpartition("/")[2].split()[0]

    def prepare(self):
        self.write("nginx.conf", f"""
load_module {self.module};
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid nginx.pid;
error_log {self.log};
events {{ worker_connections 8000; }}
stream {{
    upstream echo {{ server 127.0.0.1:{self.backend()}; }}
    server {{
        listen {self.host_port()};
        listen {self.unix};
        proxy_pass echo;
    }}
}}
""")

    def commands(self):
        return [["nginx", "-p", str(self.directory), "-c", "nginx.conf", "-e", str(self.log)]]


class Redis(Peer):
    name, program, package = "redis", "redis-server", "redis-server"
    service = "its own protocol, PING"
    listens = ("tcp", "unix", "admin")
    operated = "PING on its Unix socket"

    def version(self):
        return output_of("redis-server", "--version").partition("v=")[2].split()[0]

    def commands(self):
        return [["redis-server", "--bind", "127.0.0.1", "--port", self.host_port().split(":")[1],
                 "--unixsocket", self.path(), "--save", "", "--dir", str(self.directory)]]

    def exchange(self, client):
        client.sendall(b"PING\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            more = client.recv(100)
            if not more:
                raise EOFError("closed before the answer")
            answer += more
        assert answer == b"+PONG\r\n", answer

    def admin(self):
        return self.unix

    def operate(self):
        answer = self.ask(self.admin(), b"PING\r\n", b"\r\n")
        assert answer == b"+PONG\r\n", answer


class Socat(Peer):
    """A process for each address: it has no other way to listen twice."""
    name, program, package = "socat", "socat", "socat"
    service = "cat for each client, a socat for each address"

    def version(self):
        return output_of("socat", "-V").partition("socat version ")[2].split()[0]

    def commands(self):
        host, port = self.host_port().split(":")
        return [["socat", "-d", f"TCP-LISTEN:{port},bind={host},reuseaddr,fork", "EXEC:cat"],
                ["socat", "-d", f"UNIX-LISTEN:{self.path()},fork", "EXEC:cat"]]


class Tcpserver(Peer):
    name, program, package = "tcpserver", "tcpserver", "ucspi-tcp"
    service = "cat for each client"
    listens = ("tcp",)

    def version(self):
        return debian_version("ucspi-tcp")

    def commands(self):
        return [["tcpserver", "-HR", "-l", "0", *self.host_port().split(":"), "cat"]]


class SocketActivate(Peer):
    name, program, package = "systemd-socket-activate", "systemd-socket-activate", "systemd"
    settle = 10  # it says six lines about every client before it takes the next
    service = "cat for each client"

    def version(self):
        return output_of(self.program, "--version").split()[1]

    def commands(self):
        return [[self.program, "--accept", "--inetd", "-l", self.host_port(), "-l", self.path(),
                 "cat"]]


class Shadowsocks(Peer):
    """ss-tunnel listens plainly; the ss-server it goes through is no part of the subject."""
    name, program, package = "shadowsocks-libev", "ss-tunnel", "shadowsocks-libev"
    service = "ss-tunnel to an echo server"
    listens = ("tcp",)
    secret = ("-k", "faults", "-m", "aes-256-gcm")

    def version(self):
        return output_of("ss-tunnel", "-h").partition("shadowsocks-libev ")[2].split()[0]

    def prepare(self):
        self.echo, self.through = self.backend(), self.port()
        self.help("ss-server", "-s", "127.0.0.1", "-p", str(self.through), *self.secret)

    def commands(self):
        host, port = self.host_port().split(":")
        return [["ss-tunnel", "-s", "127.0.0.1", "-p", str(self.through), "-b", host, "-l", port,
                 "-L", f"127.0.0.1:{self.echo}", *self.secret]]


KINDS = [Noded, Haproxy, Nginx, Redis, Socat, Tcpserver, SocketActivate, Shadowsocks]
