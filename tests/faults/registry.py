"""The faults there are, and what this machine must have for each."""
import functools
import os
import shutil
import socket
import subprocess

FAULTS = {}


class Fault:
    def __init__(self, function, row, needs, quick, peers, listens, lines, repeat,
                 starts):
        self.name = function.__name__.replace("_", "-")
        self.function = function
        self.what = (function.__doc__ or "").strip().split("\n")[0]
        self.row = row          # of catalogue.ROWS
        self.needs = needs
        self.quick = quick      # in `make check`
        self.peers = peers      # applies to any subject, not to noded alone
        self.listens = listens  # what the subject must listen on
        self.lines = lines      # log lines above debug: a number, or (least, most)
        self.repeat = repeat    # may be called again and again: memory is watched
        self.starts = starts    # starts the subject itself

    def lines_allowed(self):
        return self.lines if isinstance(self.lines, tuple) else (self.lines, self.lines)


def fault(row, needs=(), quick=True, peers=False, listens="tcp", lines=0, repeat=False,
          starts=False):
    """Registers a function of a Run as a fault of a row of the catalogue."""
    def register(function):
        new = Fault(function, row, tuple(needs), quick, peers, listens, lines, repeat,
                    starts)
        assert new.name not in FAULTS, new.name
        assert new.what, f"{new.name} does not say what it does"
        FAULTS[new.name] = new
        return function
    return register


# --- what a fault may need ----------------------------------------------------------------------

def program(name):
    return None if shutil.which(name) else f"{name} is not installed"


def succeeds(why, *argv):
    try:
        done = subprocess.run(argv, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return why
    return None if done.returncode == 0 else why


def need_root():
    return None if os.geteuid() == 0 else "not root"


def need_net_admin():
    """ss -K is tried on a socket of our own: kernels without INET_DIAG_DESTROY ignore it."""
    if program("ss"):
        return program("ss")
    with socket.create_server(("127.0.0.1", 0)) as mine:
        done = subprocess.run(["ss", "-K", "-Hltn", "src = 127.0.0.1:%d" % mine.getsockname()[1]],
                              capture_output=True, text=True, check=False)
    return None if done.stdout.strip() else "ss -K destroys nothing here (CAP_NET_ADMIN, kernel)"


def need_strace():
    return program("strace") or attachable()


def need_gdb():
    return program("gdb") or attachable()


def attachable():
    """Whether one process may trace another that is no child of it."""
    if os.geteuid() != 0:
        try:
            with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
                if file.read().strip() != "0":
                    return "processes may not be traced (yama)"
        except FileNotFoundError:
            pass
    return None


def need_mounts():
    return succeeds("no mount namespaces here", "unshare", *namespaces(), "--mount", "sh", "-c",
                    "mount -t tmpfs none /mnt")


def need_netns():
    return succeeds("no network namespaces here", "unshare", *namespaces(), "--net", "ip", "link",
                    "set", "lo", "up")


def namespaces():
    """For unshare(1): a user needs a user namespace around the others."""
    return () if os.geteuid() == 0 else ("--map-root-user",)


def need_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return None
    except OSError as error:
        return f"no IPv6 here: {error}"


@functools.cache
def missing(need):
    """Why a need is not met, or None. A need without a function of its own is a program."""
    return globals().get("need_" + need.replace("-", "_"), functools.partial(program, need))()
