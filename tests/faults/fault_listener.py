"""A listener that dies under its server: destroyed, shut down, or its descriptor closed."""
from registry import fault


def comes_back(run, address, injure):
    """Connections live on, new clients are served again; noded says when it was lost."""
    held = run.clients(3, address)
    before = run.restarts(address) if run.is_noded else 0
    injure()
    if run.is_noded:
        run.node.await_at(address, "restarts", equals=before + 1)
    run.returns(address)
    run.live_on(held)
    run.leave(held)


@fault("tcp-destroyed", needs=["net-admin"], peers=True, lines=2, repeat=True)
def destroyed_tcp(run):
    """TCP listener destroyed by ss -K"""
    comes_back(run, run.subject.tcp, lambda: run.destroy(run.subject.tcp))


@fault("shut-by-sharer", needs=["root"], peers=True, lines=2, repeat=True)
def shut_tcp(run):
    """TCP listener shut down by a sharer"""
    comes_back(run, run.subject.tcp, lambda: run.shut_down(run.subject.tcp))


@fault("shut-by-sharer", needs=["root"], peers=True, listens="unix", lines=2, repeat=True)
def shut_unix(run):
    """Unix listener shut down by a sharer"""
    comes_back(run, run.subject.unix, lambda: run.shut_down(run.subject.unix))


@fault("fd-closed", needs=["gdb"], quick=False, peers=True, lines=2)
def closed_descriptor(run):
    """descriptor of the TCP listener closed in the process"""
    (pid, fd), *_ = run.listening_fds()
    comes_back(run, run.subject.tcp, lambda: run.gdb(f"((int (*)(int))close)({fd})", pid=pid))
