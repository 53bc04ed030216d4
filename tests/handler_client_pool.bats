# transport.client_connection_pool counts the sockets to backends: open, connecting, total, failed.
# shellcheck shell=bash
load handler

@test "client_connection_pool: open, connecting, total and failed, over all servers" {
	start_noded
	script <<-'END'
		from peers import *
		node = Node()
		def pool():
		    return tuple(node.state("transport.client_connection_pool").values())
		expect(list(node.state("transport.client_connection_pool")),
		       ["open", "connecting", "total", "failed"])
		expect(pool(), (0, 0, 0, 0))
		backends = [Listener("tcp:"), Listener("unix:")]
		addresses = [node.forward("tcp:", backend.address) for backend in backends]
		pairs = []
		for address, backend in zip(addresses, backends):
		    for _ in range(3):
		        client = connect(address)
		        pairs.append((client, backend.accept()))
		node.wait("transport.client_connection_pool.open", equals=6)
		expect(pool(), (6, 0, 6, 0))
		silent = Listener("tcp:", backlog=0)
		taken = connect(silent.address)
		waiting = connect(node.forward("tcp:", silent.address))
		node.wait("transport.client_connection_pool.connecting", equals=1)
		expect(pool(), (6, 1, 7, 0))
		gone = Listener("unix:")
		gone.close()
		read_all(connect(node.forward("unix:", gone.address)))
		node.wait("transport.client_connection_pool.failed", equals=1)
		expect(pool(), (6, 1, 8, 1))
		one = node.connections(addresses[1])[0]
		expect(one["backend"], backends[1].address)
		# echo and exec have none.
		other = connect(node.serve("unix:"))
		other.sendall(b"x")
		other.recv(1)
		expect(pool(), (6, 1, 8, 1))
		for client, peer in pairs:
		    client.close()
		    peer.close()
		node.wait("transport.client_connection_pool.open", equals=0, timeout_ms=20000)
		expect(pool(), (0, 1, 8, 1))
		silent.accept()
		node.wait("transport.client_connection_pool.open", equals=1, timeout_ms=20000)
		expect(pool(), (1, 0, 8, 1))
	END
}
