# forward: a backend that dies in the middle of a conversation ends it with a reason, and nothing is
# logged for it: the backend's own log is the place.
# shellcheck shell=bash
load handler

# die KIND: a backend in a process of its own answers, then is killed, with bytes of ours unread
# (the kernel then resets) and without.
die() {
	start_noded
	script "$1" <<-'END'
		from peers import *
		import signal
		kind = sys.argv[1]
		node, backend = Node(), Listener(kind)
		address, echo = node.forward("tcp:", backend.address), node.serve("tcp:")
		for read_first, endings in ((True, {"backend_closed"}), (False, {"reset"})):
		    heard, told = os.pipe()
		    pid = os.fork()
		    if pid == 0:
		        peers = [backend.accept() for _ in range(5)]
		        for peer in peers:
		            peer.sendall(b"half an ans")
		            if read_first:
		                peer.recv(100)
		        os.write(told, b"x")
		        signal.pause()
		    before = sum(node.pool(address)["closed"].values())
		    clients, other = [connect(address) for _ in range(5)], connect(echo)
		    for client in clients:
		        client.sendall(b"question")
		        expect(client.recv(100), b"half an ans")
		    os.read(heard, 1)
		    node.until_at(address, "connection_pool.bytes_in", at_least=8 * (before + 5))
		    os.kill(pid, signal.SIGKILL)
		    os.waitpid(pid, 0)
		    for client in clients:
		        expect(ended(client), "closed" if read_first else "reset")
		        client.close()
		    node.until_open(address, 0)
		    last = node.pool(address)["last_closed"][:5]
		    expect({one["reason"] for one in last}, endings)
		    other.sendall(b"and you?")
		    expect(other.recv(100), b"and you?")
	END
	assert_log_lines 0 'warning|error'
}

@test "backend dies: TCP" {
	die tcp:
}

@test "backend dies: Unix" {
	die unix:
}
