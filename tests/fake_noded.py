#!/usr/bin/env python3
"""Answers `state` as noded would, truly or with one lie, so that a test can show leakcheck sees it.

usage: fake_noded.py SOCKET LIE    LIE: none, or one of the names in main
"""
import json
import os
import socket
import subprocess
import sys


def server(handler, listener, connections):
    return {"handler": {"type": handler}, "listener": listener,
            "connection_pool": {"open": connections}}


def main():
    path, lie = sys.argv[1:]
    admin = socket.socket(socket.AF_UNIX)
    admin.bind(path + ".new")
    admin.listen()
    os.rename(path + ".new", path)
    state = {
        "pid": os.getpid(),
        "process": {"fds": 0, "children": 0},
        "transport": {"connection_pool": {"open": 0},
                      "client_connection_pool": {"open": 0, "connecting": 0}},
        "admin": {"sessions": 1},
    }
    servers, kept = {}, []
    if lie == "pid":
        state["pid"] += 1
    elif lie == "deleted":
        kept.append(open(path + ".tmp", "w", encoding="ascii"))
        os.unlink(path + ".tmp")
    elif lie == "file":
        kept.append(open("/etc/passwd", encoding="ascii"))
    elif lie == "child":
        kept.append(subprocess.Popen(["sleep", "600"], preexec_fn=die_with_parent))
    elif lie == "zombie":
        kept.append(subprocess.Popen(["true"]))
        os.waitid(os.P_PID, kept[0].pid, os.WEXITED | os.WNOWAIT)
    elif lie == "socket":
        kept += socket.socketpair()
    elif lie == "listener":
        kept.append(socket.socket(socket.AF_INET))
        servers["tcp:127.0.0.1:9"] = server("echo", {"fd": kept[0].fileno()}, 0)
    elif lie == "pool":
        state["transport"]["connection_pool"]["open"] = 3
    elif lie == "connection":
        state["transport"]["connection_pool"]["open"] = 1
        servers["unix:/x"] = server("echo", None, 1)
    elif lie == "exec":
        state["transport"]["connection_pool"]["open"] = 1
        servers["unix:/x"] = server("exec", None, 1)
    session, _ = admin.accept()
    with session.makefile("rw") as stream:
        while line := stream.readline():
            listing = json.loads(line)["params"]["path"] == "transport.servers"
            state["process"]["fds"] = len(os.listdir("/proc/self/fd")) - 1 + (lie == "fds")
            value = {"value": servers if listing else state}
            print(json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}), file=stream, flush=True)


def die_with_parent():
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


if __name__ == "__main__":
    main()
