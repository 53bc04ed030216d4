# A slow receiver slows its sender: noded's memory stays bounded, others are served, and every byte
# arrives in the end.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "back-pressure: a client that does not read stops what it sends to echo" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    address = node.serve(kind)
		    slow = connect(address)
		    sent = fill(slow)
		    one, = node.connections(address)
		    expect(0 < one["bytes_in"] - one["bytes_out"] <= 256 * 1024, True, one)
		    neighbour = connect(address)
		    neighbour.sendall(b"am I served?")
		    expect(neighbour.recv(100), b"am I served?")
		    neighbour.close()
		    slow.shutdown(SHUT_WR)
		    expect(receive(slow)[0], sent, kind)
		    node.until_open(address, 0)
	END
}

@test "back-pressure: memory stays bounded with twenty slow readers of forward" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    backend = Listener(kind)
		    address = node.forward("tcp:", backend.address)
		    echo = node.serve("tcp:")
		    pairs, sent, before = [], [], resident()
		    for _ in range(20):
		        client = connect(address)
		        pairs.append((client, backend.accept()))
		    for client, peer in pairs:
		        sent.append((fill(peer, still=0.03), fill(client, still=0.03)))
		    # All of it is in the kernel but at most one piece of 256 KiB a direction.
		    grown = resident() - before
		    expect(grown < 20 * 2 * 300_000 + 2_000_000, True, f"grown by {grown}")
		    expect(sum(map(sum, sent)) > grown, True)
		    other = connect(echo)
		    other.sendall(b"hello")
		    expect(other.recv(10), b"hello")
		    for (client, peer), (down, up) in zip(pairs, sent):
		        client.shutdown(SHUT_WR)
		        peer.shutdown(SHUT_WR)
		        expect((receive(client)[0], receive(peer)[0]), (down, up))
		        client.close()
		        peer.close()
		    node.until_open(address, 0)
	END
}

@test "back-pressure: a slow reader gets every byte, a little at a time" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		node, backend = Node(), Listener("unix:")
		address = node.forward("tcp:", backend.address)
		client = connect(address)
		client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
		peer = backend.accept()
		peer.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
		with ThreadPoolExecutor(1) as pool:
		    sent = pool.submit(send_all, peer, 150_000, 7)
		    data = b""
		    while more := client.recv(3000):
		        data += more
		    expect(hashlib.sha256(data).hexdigest(), sent.result())
		client.close()
		peer.close()
		node.until_ended(address, "backend_closed")
	END
}

@test "back-pressure: what is held for a client that never reads is given back at its end" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.serve("unix:")
		for count in range(1, 21):
		    client = connect(address)
		    fill(client, still=0.05)
		    client.close()
		    node.until_ended(address, "reset", count)
	END
}
