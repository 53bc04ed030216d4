# forward: a backend that refuses, is missing or never answers costs its client the connection within
# connect_timeout_ms, and noded one line in ten seconds.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "unreachable: a backend that refuses or is missing closes the client at once" {
	script <<-'END'
		from peers import *
		node = Node()
		refusing, stale = Listener("tcp:"), Listener("unix:")
		refusing.close()
		stale.close()
		missing = "unix:" + os.environ["T"] + "/nobody.sock"
		for backend, reason in ((refusing.address, "error:ECONNREFUSED"),
		                        (stale.address, "error:ECONNREFUSED"), (missing, "error:ENOENT")):
		    address = node.forward("tcp:", backend)
		    failed = node.state("transport.client_connection_pool.failed")
		    for count in range(1, 11):
		        expect(read_all(connect(address)), b"")
		    node.until_ended(address, reason, 10)
		    expect(node.state("transport.client_connection_pool.failed"), failed + 10)
		    expect(node.pool(address)["open"], 0)
	END
	# Three servers with ten failures each, and nothing but that.
	assert_log_lines 3 ' warn'
	assert_log_lines 2 'cannot be reached: Connection refused'
	assert_log_lines 1 'nobody\.sock cannot be reached: No such file or directory'
}

# A listener whose queue is full drops the handshake: to its clients it is silent.
@test "unreachable: connect_timeout_ms ends an attempt nobody answers" {
	script <<-'END'
		from peers import *
		import time
		node, silent = Node(), Listener("tcp:", backlog=0)
		# The queue takes one more than its length says.
		taken = [connect(silent.address)]
		address = node.forward("tcp:", silent.address, connect_timeout_ms=300)
		echo = node.serve("tcp:")
		began = time.monotonic()
		clients = [connect(address) for _ in range(5)]
		node.wait("transport.client_connection_pool.connecting", equals=5, timeout_ms=10000)
		expect([one["phase"] for one in node.connections(address)], ["starting"] * 5)
		other = connect(echo)
		other.sendall(b"hello")
		expect(other.recv(10), b"hello")
		expect([read_all(client) for client in clients], [b""] * 5)
		expect(time.monotonic() - began >= 0.3, True)
		node.until_ended(address, "error:ETIMEDOUT", 5)
		expect(node.state("transport.client_connection_pool"),
		       {"open": 0, "connecting": 0, "total": 5, "failed": 5})
	END
	assert_log_lines 1 'cannot be reached: Connection timed out'
}

@test "unreachable: a client that leaves while its backend is silent leaves nothing" {
	script <<-'END'
		from peers import *
		node, silent = Node(), Listener("tcp:", backlog=0)
		taken = connect(silent.address)
		address = node.forward("tcp:", silent.address, connect_timeout_ms=500)
		for leave in (socket.socket.close, reset):
		    client = connect(address)
		    node.until_open(address, 1)
		    leave(client)
		    node.until_open(address, 0)
		expect(node.state("transport.client_connection_pool.connecting"), 0)
	END
}

@test "unreachable: a stop ends attempts that go on" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    silent = Listener(kind, backlog=0)
		    taken = connect(silent.address)
		    address = node.forward("tcp:", silent.address, connect_timeout_ms=60000)
		    client = connect(address)
		    node.until_open(address, 1)
		    stopped = node.result("stop_server", address=address, force=True)
		    expect((stopped["outcome"], stopped["stopped"]), ("stopped", 1))
		    expect(ended(client), "closed")
		    expect(node.state("transport.client_connection_pool.connecting"), 0)
	END
}

@test "unreachable: connect_timeout_ms 0 is refused" {
	run error_name start "{\"address\":\"$T/s.sock\",\"handler\":{\"type\":\"forward\",\
\"backend\":\"tcp:127.0.0.1:9\",\"connect_timeout_ms\":0}}"
	assert_output invalid_params
	assert_not_exists "$T/s.sock"
}

@test "unreachable: a Unix backend with a full queue is tried again" {
	script <<-'END'
		from peers import *
		node, full = Node(), Listener("unix:", backlog=0)
		taken = connect(full.address)
		address = node.forward("tcp:", full.address)
		clients = [connect(address) for _ in range(10)]
		for n, client in enumerate(clients):
		    client.sendall(b"client %d" % n)
		node.wait("transport.client_connection_pool.connecting", equals=10, timeout_ms=10000)
		full.accept().close()
		heard = set()
		for _ in clients:
		    peer = full.accept()
		    heard.add(peer.recv(100))
		    peer.close()
		expect(heard, {b"client %d" % n for n in range(10)})
		for client in clients:
		    read_all(client)
		    client.close()
		node.until_ended(address, "backend_closed", 10)
	END
	assert_log_lines 0 warning
}

# Every 20 ms, for as long as the queue was full, by every client that waited.
@test "unreachable: who waits long for a Unix backend asks less often" {
	background strace strace -q -o "$T/calls" -e trace=connect -p "$NODED_PID"
	wait_until 60 grep -q "^TracerPid:[[:space:]]*$BACKGROUND_PID$" "/proc/$NODED_PID/status"
	script <<-'END'
		from peers import *
		node, full = Node(), Listener("unix:", backlog=0)
		taken = connect(full.address)
		address = node.forward("unix:", full.address, connect_timeout_ms=3000)
		expect(read_all(connect(address)), b"")
		node.until_ended(address, "error:ETIMEDOUT", 1)
	END
	end_background "$BACKGROUND_PID"
	# 150 of them without that; 0.62 s of doubling and then each 0.32 s are 13.
	local calls
	calls=$(grep -c '^connect(' "$T/calls")
	((calls >= 5 && calls <= 30)) || fail "$calls attempts"
}

@test "unreachable: a Unix backend whose queue stays full is given up after connect_timeout_ms" {
	script <<-'END'
		from peers import *
		import time
		node, full = Node(), Listener("unix:", backlog=0)
		taken = connect(full.address)
		address = node.forward("unix:", full.address, connect_timeout_ms=300)
		began = time.monotonic()
		clients = [connect(address) for _ in range(3)]
		expect([read_all(client) for client in clients], [b""] * 3)
		expect(time.monotonic() - began >= 0.3, True)
		node.until_ended(address, "error:ETIMEDOUT", 3)
	END
	assert_log_lines 1 'cannot be reached'
}

@test "unreachable: a backend that comes back is used at once" {
	script <<-'END'
		from peers import *
		node, gone = Node(), Listener("tcp:")
		gone.close()
		address = node.forward("tcp:", gone.address)
		expect(read_all(connect(address)), b"")
		_, host, port = gone.address.split(":")
		with socket.create_server((host, int(port))) as back:
		    client = connect(address)
		    peer, _ = back.accept()
		    peer.sendall(b"here I am")
		    expect(client.recv(100), b"here I am")
	END
}
