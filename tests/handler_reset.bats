# forward: a reset is passed on as a reset, in both directions; an ordinary close never becomes one.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "reset: of a client reaches the backend" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address)
		for count in range(1, 6):
		    client = connect(address)
		    peer = backend.accept()
		    client.sendall(b"in the middle of")
		    expect(peer.recv(100), b"in the middle of")
		    reset(client)
		    expect(ended(peer), "reset")
		    node.until_ended(address, "reset", count)
	END
}

@test "reset: of a backend reaches the client" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address)
		for count in range(1, 6):
		    client = connect(address)
		    peer = backend.accept()
		    peer.sendall(b"in the middle of")
		    expect(client.recv(100), b"in the middle of")
		    reset(peer)
		    expect(ended(client), "reset")
		    node.until_ended(address, "reset", count)
	END
}

# A Unix socket has no reset but this: closed before all was read.
@test "reset: of a Unix peer that closes on unread bytes reaches the other side" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("unix:")
		address = node.forward("tcp:", backend.address)
		client = connect(address)
		peer = backend.accept()
		client.sendall(b"never read")
		node.until_at(address, "connection_pool.bytes_in", equals=10)
		peer.recv(1)
		peer.close()
		expect(ended(client), "reset")
		node.until_ended(address, "reset")

		backend = Listener("tcp:")
		address = node.forward("unix:", backend.address)
		client = connect(address)
		peer = backend.accept()
		peer.sendall(b"never read")
		node.until_at(address, "connection_pool.bytes_out", equals=10)
		client.recv(1)
		client.close()
		expect(ended(peer), "reset")
		node.until_ended(address, "reset")
	END
}

# splice(2) takes the error from the socket, and recv(2) after it would say that this is the end.
@test "reset: in the middle of a bulk that passes through a pipe" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		import threading
		node = Node()

		def abort(peer):
		    """A Unix socket has no reset but this: closed before all was read."""
		    if peer.family == socket.AF_UNIX:
		        peer.close()
		    else:
		        reset(peer)

		def bulk(source, sink):
		    """Flows until it passes through a pipe, then the source is gone with a reset."""
		    enough = threading.Event()

		    def speak():
		        block = b"x" * (1 << 20)
		        while not enough.is_set():
		            source.sendall(block)
		        source.sendall(block)
		        abort(source)

		    if source.family == socket.AF_UNIX:
		        sink.sendall(b"never read")
		    with ThreadPoolExecutor(1) as pool:
		        speaking = pool.submit(speak)
		        while node.state("process.pipes") == 0:
		            sink.recv(1 << 20)
		        enough.set()
		        how = ended(sink)
		        speaking.result()
		    if sink.family != socket.AF_UNIX:
		        expect(how, "reset")
		    sink.close()

		for kind in ("tcp:", "unix:"):
		    backend = Listener(kind)
		    address = node.forward(kind, backend.address)
		    for count in range(1, 7):
		        client = connect(address)
		        peer = backend.accept()
		        bulk(*((client, peer) if count % 2 else (peer, client)))
		        node.until_ended(address, "reset", count)
	END
}

@test "reset: a reset on one connection leaves its neighbours alone" {
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address)
		pairs = []
		for _ in range(10):
		    client = connect(address)
		    pairs.append((client, backend.accept()))
		for client, _ in pairs[::2]:
		    reset(client)
		node.until_ended(address, "reset", 5)
		for client, peer in pairs[1::2]:
		    client.sendall(b"still here")
		    expect(peer.recv(100), b"still here")
	END
}

# Bytes nobody has read would make close(2) send a reset, which destroys what was sent before it.
@test "reset: a close is never turned into one by unread input" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    address = node.serve(kind)
		    client = connect(address)
		    client.sendall(b"x" * 100_000)
		    node.until_at(address, "connection_pool.bytes_in", at_least=1)
		    one, = node.connections(address)
		    expect(node.close_connection(one["id"]), "stopped")
		    expect(ended(client), "closed", kind)
		    node.until_ended(address, "stopped")
		    if kind == "tcp:":
		        # Of an urgent byte recv(2) sees nothing: it is unread, too.
		        client = connect(address)
		        client.sendall(b"x")
		        expect(client.recv(1), b"x")
		        client.send(b"!", socket.MSG_OOB)
		        one, = node.connections(address)
		        expect(node.close_connection(one["id"]), "stopped")
		        expect(ended(client), "closed", "an urgent byte")

		    backend = Listener(kind)
		    address = node.forward(kind, backend.address, kill_ms=100)
		    client = connect(address)
		    peer = backend.accept()
		    fill(client, still=0.1)
		    one, = node.connections(address)
		    # The kernel may still find room for what noded held.
		    expect(node.close_connection(one["id"]) in ("killed", "stopped"), True)
		    expect(ended(client), "closed", kind)
		    expect(ended(peer), "closed", kind)
	END
}
