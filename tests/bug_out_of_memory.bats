# An allocation that failed while a server was being started aborted noded: what had been built so
# far was ended from a phase in which nothing could end. Every allocation of a small session fails
# once here; the request is refused, noded lives, and nothing is left. (A wait used to take that
# for a path that does not exist, and waited on.)
load proto.bash

setup() {
	setup_test
	SHIM=${TABLES:-$ROOT/build/release/tables}
	export SHIM=${SHIM%/*}/fail_call.so
	[[ $NODED != */san/* ]] || skip "the sanitizer has an allocator of its own"
	assert_exists "$SHIM"
	export NTH=$T/plan
	head -c 4096 /dev/zero >"$NTH"
	# shellcheck disable=SC2034 # for start_noded
	LAUNCH=(env "LD_PRELOAD=$SHIM")
}

@test "each allocation of a session fails once" {
	start_noded
	script <<-'END'
		from admin_client import *
		import mmap
		import struct
		import tempfile
		with open(os.environ["NTH"], "r+b") as file:
		    plan = mmap.mmap(file.fileno(), 4096)
		layout = struct.Struct("=32s5q")  # see tests/nth/fail_call.c
		address = "unix:" + os.environ["T"] + "/s.sock"
		batch = "[%s]" % ",".join(request("version", n) for n in (1, 2))

		def visit():
		    client = socket.socket(socket.AF_UNIX)
		    client.settimeout(PATIENCE)
		    client.connect(address[5:])
		    try:
		        client.sendall(b"hi")
		        client.recv(9)
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    client.close()

		def ask(line):
		    """One reply, or the end of the session for want of memory to write it."""
		    admin = Admin()
		    try:
		        admin.send(line)
		        reply = admin.reply()
		    except (BrokenPipeError, ConnectionResetError):
		        return
		    for one in reply if isinstance(reply, list) else [reply]:
		        if one and "error" in one:
		            assert one["error"]["data"]["name"] in ("internal_error", "limit_reached"), one

		def of(method, **params):
		    return lambda: ask(request(method, **params))

		echo = of("start", address=address)
		steps = {
		    "start": (None, echo),
		    "exec": (None, of("start", address=address, handler={"type": "exec", "argv": ["cat"]})),
		    "visit": (echo, visit),
		    "state": (echo, of("state")),
		    "part": (echo, of("state", path="transport.connection_pool.open")),
		    "absent": (echo, of("wait", path="transport.connection_pool.none", absent=True)),
		    "wait": (echo, of("wait", path="transport.connection_pool.open", equals=0)),
		    "list": (echo, of("list_servers")),
		    "stop": (echo, of("stop_server", address=address)),
		    "batch": (None, lambda: ask(batch)),
		}
		first = Admin()
		before = first.state("process.fds")
		for name, (prepare, step) in steps.items():
		    for n in range(1, 1000):
		        if prepare:
		            prepare()
		        plan[:layout.size] = layout.pack(b"memory", n, n, 12, 0, 0)
		        step()
		        failed = layout.unpack(plan[:layout.size])[-1]
		        plan[:layout.size] = bytes(layout.size)
		        admin = Admin()
		        admin.result("stop_server", address=address, if_exists=True, force=True)
		        expect(admin.state("transport.servers"), {}, f"{name} {n}")
		        if not failed:
		            break
		    assert 1 < n < 999, (name, n)
		    print(name, n - 1)
		admin.close()
		until(lambda: first.state("process.fds") == before)
	END
}

@test "each allocation of the beginning fails once" {
	script <<-'END'
		from admin_client import *
		import struct
		import subprocess
		path = os.environ["NODED_SOCKET"]
		layout = struct.Struct("=32s5q")
		for n in range(1, 1000):
		    with open(os.environ["NTH"], "r+b") as file:
		        file.write(layout.pack(b"memory", n, n, 12, 0, 0))
		    ready, write = os.pipe()
		    noded = subprocess.Popen(["env", "LD_PRELOAD=" + os.environ["SHIM"], os.environ["NODED"],
		                              "--ready-fd", str(write)], pass_fds=[write],
		                             stderr=subprocess.PIPE, text=True)
		    os.close(write)
		    started = os.read(ready, 1)
		    os.close(ready)
		    with open(os.environ["NTH"], "rb") as file:
		        failed = layout.unpack(file.read(layout.size))[-1]
		    if started:
		        noded.terminate()
		    _, said = noded.communicate(timeout=PATIENCE)
		    expect(noded.returncode, 0 if started else 1, f"{n}: {said}")
		    assert not os.path.exists(path), n
		    if not failed:
		        break
		assert 10 < n < 999, n
	END
}
