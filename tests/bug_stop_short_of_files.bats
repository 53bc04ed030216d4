# Where the system had no file left (ENFILE) a stop asked the kernel for clients without having been
# woken for one: an idle TCP server was told that one waits, and took until its deadline. And a client
# that was held, which is not in the kernel's queue, was refused because that was empty.
# shellcheck shell=bash
load handler

@test "an idle TCP server stops although no client could be accepted" {
	expect_tracer
	start_noded
	cat >"$T/stop.py" <<-'END'
		from peers import *
		node = Node()
		at = node.serve("tcp:")
		pathlib.Path(os.environ["T"], "ready").touch()
		until(pathlib.Path(os.environ["T"], "go").exists)
		stopped = node.result("stop_server", address=at, deadline_ms=600000)
		expect([stopped["outcome"], stopped["refused_at_stop"]], ["drained", 0])
	END
	sed -i '1i import pathlib' "$T/stop.py"
	script <"$T/stop.py" &
	BACKGROUND_PIDS+=("$!")
	local stopper=$!
	wait_until 30 test -e "$T/ready"
	inject accept4:error=ENFILE
	: >"$T/go"
	wait "$stopper"
	end_inject
	assert_log_lines 0 'accepting pauses'
}

@test "a client that is held waits for the end of a shortage" {
	expect_tracer
	start_noded
	cat >"$T/held.py" <<-'END'
		import pathlib
		from peers import *
		from admin_client import request
		def at_sign(name):
		    until(pathlib.Path(os.environ["T"], name).exists)
		node, stopper = Node(), Node()
		back, full = node.serve("unix:"), node.serve("tcp:", max_connections=1)
		front = node.forward("unix:", back)
		inside = connect(full)
		node.until_open(full, 1)
		held = connect(full)
		held.sendall(b"question")
		stopper.send(request("stop_server", address=full, deadline_ms=600000))
		node.until_at(full, "phase", equals="draining")
		pathlib.Path(os.environ["T"], "ready").touch()
		at_sign("go")
		# One of what is kept for this goes to the socket to its backend, and none comes back.
		other = connect(front)
		other.sendall(b"x")
		node.until_open(front, 1)
		inside.close()
		# Long enough for whoever takes the queue for empty: its grace is 10 ms.
		node.call("wait", path="phase", equals="stopped", timeout_ms=500)
		pathlib.Path(os.environ["T"], "short").touch()
		expect(held.recv(100), b"question")
		held.close()
		stopped = stopper.reply()["result"]
		expect([stopped["drained"], stopped["refused_at_stop"]], [2, 0])
	END
	script <"$T/held.py" &
	BACKGROUND_PIDS+=("$!")
	local holder=$!
	wait_until 30 test -e "$T/ready"
	inject socket:error=EMFILE:when=1 -e trace=socket,openat,accept4 -e inject=openat:error=ENFILE \
		-e inject=accept4:error=ENFILE:when=2+
	: >"$T/go"
	wait_until 30 test -e "$T/short"
	end_inject
	wait "$holder"
}
