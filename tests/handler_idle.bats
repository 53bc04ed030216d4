# idle_timeout_ms ends a connection on which no byte has moved for so long, in either direction.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "idle: a quiet connection ends, of every handler that sees bytes" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("unix:")
		for handler in ({"type": "echo"}, {"type": "discard"},
		                {"type": "forward", "backend": backend.address}):
		    address = node.serve("tcp:", handler, idle_timeout_ms=200)
		    client = connect(address)
		    expect(read_all(client), b"")
		    node.until_ended(address, "idle")
	END
	assert_log_lines 0 'warning|error'
}

# Each byte comes 0.1 s after the other: what looks is fifteen times as patient.
@test "idle: bytes in one direction alone keep a connection" {
	script <<-'END'
		from peers import *
		import time
		node, backend = Node(), Listener("tcp:")
		address = node.forward("unix:", backend.address, idle_timeout_ms=1500)
		for upward in (True, False):
		    client = connect(address)
		    peer = backend.accept()
		    began = time.monotonic()
		    source, sink = (client, peer) if upward else (peer, client)
		    while time.monotonic() - began < 2:
		        source.sendall(b".")
		        expect(sink.recv(1), b".", upward)
		        sink.settimeout(0.1)
		        try:
		            expect(sink.recv(1), "nothing")
		        except TimeoutError:
		            sink.settimeout(PATIENCE)
		    expect(node.pool(address)["closed"].get("idle", 0), 0 if upward else 1)
		    expect(read_all(client), b"")
		    expect(read_all(peer), b"")
		    expect(time.monotonic() - began >= 2 + 1.3, True)
		    client.close()
		    peer.close()
		    node.until_ended(address, "idle", 1 if upward else 2)
	END
}

@test "idle: a client that has sent its end is not spared" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address, idle_timeout_ms=300)
		client = connect(address)
		peer = backend.accept()
		client.shutdown(SHUT_WR)
		expect(read_all(peer), b"")
		expect(read_all(client), b"")
		node.until_ended(address, "idle")
	END
}

@test "idle: a client that reads nothing any more is idle too" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.serve("tcp:")
		client = connect(address)
		fill(client, still=0.1)
		node.result("update_server", address=address, idle_timeout_ms=400)
		node.until_ended(address, "idle")
	END
}

@test "idle: a change counts at once, also for connections that are open" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.serve("tcp:")
		client = connect(address)
		node.until_open(address, 1)
		node.result("update_server", address=address, idle_timeout_ms=100)
		expect(read_all(client), b"")
		node.until_ended(address, "idle")
		node.result("update_server", address=address, idle_timeout_ms=60000)
		client = connect(address)
		node.until_open(address, 1)
		expect(node.until_at(address, "connection_pool.open", equals=1), 1)
		node.result("update_server", address=address, idle_timeout_ms=0)
		client.sendall(b"still here")
		expect(client.recv(100), b"still here")
	END
}

@test "idle: refused with exec, when starting and when updating" {
	local exec='"handler":{"type":"exec","argv":["cat"]}' idle='"idle_timeout_ms":1000'
	run rpc start "{\"address\":\"$T/s.sock\",$exec,$idle}"
	[[ $(jq -r '.error.data | [.name, .param] | join(" ")' <<<"$output") == \
		"invalid_params idle_timeout_ms" ]]
	assert_not_exists "$T/s.sock"
	serve "$T/s.sock" "$exec"
	[[ $(error_name update_server "{\"address\":\"$T/s.sock\",$idle}") == invalid_params ]]
	# None is what it has anyway.
	serve "$T/t.sock" "$exec,\"idle_timeout_ms\":0"
}
