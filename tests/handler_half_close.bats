# forward: the end of one direction is passed on once, and the other direction goes on.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# for_each_pair: runs the script of its input for every pair of kinds, as node, kind, backend.
for_each_pair() {
	{
		echo 'from peers import *'
		echo 'node = Node()'
		echo 'for kind, backend in [(k, Listener(b)) for k in ("tcp:", "unix:") for b in ("tcp:", "unix:")]:'
		sed 's/^/    /'
	} | script
}

@test "half-close: the client ends first and still hears the backend" {
	for_each_pair <<-'END'
		address = node.forward(kind, backend.address)
		client = connect(address)
		peer = backend.accept()
		client.sendall(b"question")
		client.shutdown(SHUT_WR)
		expect(read_all(peer), b"question")
		for n in range(3):
		    peer.sendall(b"answer %d" % n)
		    expect(client.recv(100), b"answer %d" % n)
		    expect(node.pool(address)["open"], 1)
		peer.close()
		expect(read_all(client), b"")
		client.close()
		node.until_ended(address, "client_closed")
	END
}

@test "half-close: the backend ends first and still hears the client" {
	for_each_pair <<-'END'
		address = node.forward(kind, backend.address)
		client = connect(address)
		peer = backend.accept()
		peer.sendall(b"greeting")
		peer.shutdown(SHUT_WR)
		expect(read_all(client), b"greeting")
		for n in range(3):
		    client.sendall(b"more %d" % n)
		    expect(peer.recv(100), b"more %d" % n)
		    expect(node.pool(address)["open"], 1)
		client.close()
		expect(read_all(peer), b"")
		peer.close()
		node.until_ended(address, "backend_closed")
	END
}

@test "half-close: what was sent before it arrives before it, even if nobody reads for a while" {
	for_each_pair <<-'END'
		address = node.forward(kind, backend.address)
		client = connect(address)
		peer = backend.accept()
		sent = fill(peer, still=0.2)
		peer.close()
		expect(receive(client)[0], sent, (kind, backend.address))
		client.close()
		node.until_open(address, 0)
		expect(node.pool(address)["bytes_out"], sent)
	END
}

@test "half-close: a peer that has left altogether is noticed though its end is known already" {
	for_each_pair <<-'END'
		address = node.forward(kind, backend.address)
		client = connect(address)
		peer = backend.accept()
		client.sendall(b"bye")
		client.shutdown(SHUT_WR)
		expect(read_all(peer), b"bye")
		reset(client)
		node.until_open(address, 0)
		ended(peer)
	END
}
