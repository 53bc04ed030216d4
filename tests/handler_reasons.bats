# Every connection ends with one reason: in the counters of its server, in their sum, in last_closed
# and in the debug line. What is ordinary is not logged above debug.
# shellcheck shell=bash
load handler

@test "reasons: each is counted once, and remembered with what the connection was" {
	start_noded
	script <<-'END'
		from peers import *
		import re
		node, backend = Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address, kill_ms=300)
		def pair():
		    client = connect(address)
		    client.sendall(b"abc")
		    peer = backend.accept()
		    expect(peer.recv(3), b"abc")
		    peer.sendall(b"defgh")
		    expect(client.recv(5), b"defgh")
		    return client, peer
		def check(reason, counts):
		    last = node.until_ended(address, reason, counts[reason])
		    expect((last["reason"], last["bytes_in"], last["bytes_out"], last["status"]),
		           (reason, 3, 5, None))
		    expect(last["peer"].startswith("tcp:127.0.0.1:"), True)
		    for key in ("opened_at", "closed_at"):
		        expect(bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", last[key])), True)
		    expect(last["opened_at"] <= last["closed_at"], True)
		    pool = node.pool(address)
		    expect(pool["closed"], counts)
		    expect(pool["total"], sum(counts.values()) + pool["open"])
		    expect(node.state("transport.connection_pool.closed"), counts)

		client, peer = pair()
		client.close()
		read_all(peer)
		peer.close()
		check("client_closed", {"client_closed": 1})
		client, peer = pair()
		peer.close()
		read_all(client)
		client.close()
		check("backend_closed", {"client_closed": 1, "backend_closed": 1})
		client, peer = pair()
		reset(client)
		check("reset", {"client_closed": 1, "backend_closed": 1, "reset": 1})
		client, peer = pair()
		node.result("update_server", address=address, idle_timeout_ms=50)
		check("idle", {"client_closed": 1, "backend_closed": 1, "reset": 1, "idle": 1})
		node.result("update_server", address=address, idle_timeout_ms=0)
		client, peer = pair()
		one, = node.connections(address)
		expect(node.close_connection(one["id"]), "stopped")
		check("stopped", {"client_closed": 1, "backend_closed": 1, "reset": 1, "idle": 1, "stopped": 1})
		expect(node.pool(address)["last_closed"][0]["id"], one["id"])
		client, peer = pair()
		one, = node.connections(address)
		expect(node.close_connection(one["id"], force=True), "stopped")
		check("stopped", {"client_closed": 1, "backend_closed": 1, "reset": 1, "idle": 1, "stopped": 2})
	END
}

@test "reasons: last_closed is short, newest first" {
	start_noded
	script <<-'END'
		from peers import *
		node = Node()
		address = node.serve("unix:")
		for n in range(100):
		    connect(address).close()
		node.until_ended(address, "client_closed", 100)
		client = connect(address)
		client.sendall(b"the last")
		client.recv(8)
		client.close()
		node.until_ended(address, "client_closed", 101)
		last = node.pool(address)["last_closed"]
		expect(1 < len(last) <= 50, True, last)
		expect((last[0]["id"], last[0]["bytes_in"]), (101, 8))
		times = [one["closed_at"] for one in last]
		expect(times, sorted(times, reverse=True))
	END
}

@test "reasons: 100 ordinary closes and resets log nothing at the default level" {
	start_noded
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("tcp:")
		echo, forward = node.serve("tcp:"), node.forward("tcp:", backend.address)
		for leave in (socket.socket.close, reset) * 25:
		    client = connect(echo)
		    client.sendall(b"x")
		    client.recv(1)
		    leave(client)
		    client = connect(forward)
		    client.sendall(b"x")
		    with backend.accept() as peer:
		        peer.recv(1)
		        leave(client)
		        ended(peer)
		for address in (echo, forward):
		    node.until_ended(address, "reset", 25)
		    node.until_ended(address, "client_closed", 25)
	END
	# The node, and a line for each server.
	assert_log_lines 3 .
}

@test "reasons: at debug each connection says how it ended" {
	start_noded --log-level debug
	script <<-'END'
		from peers import *
		node = Node()
		address = node.serve("tcp:")
		for leave in (socket.socket.close, reset):
		    client = connect(address)
		    client.sendall(b"four")
		    client.recv(4)
		    leave(client)
		node.until_ended(address, "reset")
		node.until_ended(address, "client_closed")
	END
	assert_log_lines 1 'debug tcp:127\.0\.0\.1:[0-9]+ #[0-9]+ stopped: client_closed, peer tcp:127\.0\.0\.1:[0-9]+, in 4, out 4'
	assert_log_lines 1 'debug tcp:127\.0\.0\.1:[0-9]+ #[0-9]+ stopped: reset, peer tcp:127\.0\.0\.1:[0-9]+, in 4, out 4'
}

# MSG_NOSIGNAL or ignored: noded must not die of SIGPIPE, and a peer that closes while it is written
# to is an ordinary end.
@test "reasons: a client that closes while it is written to" {
	start_noded
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("unix:")
		for kind in ("tcp:", "unix:"):
		    address = node.forward(kind, backend.address)
		    for _ in range(20):
		        client = connect(address)
		        peer = backend.accept()
		        peer.sendall(b"x" * 100_000)
		        client.recv(1)
		        client.close()
		        try:
		            for _ in range(50):
		                peer.sendall(b"x" * 10_000)
		        except OSError:
		            pass
		        peer.close()
		    node.until_open(address, 0)
		    expect(set(node.pool(address)["closed"]) <= {"reset", "client_closed", "backend_closed"}, True)
	END
	assert_log_lines 0 'warning|error'
}
