# forward: TCP and Unix servers in front of TCP and Unix backends, both directions at once, with
# pieces of any size: every byte arrives, in order, and then the end.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# transfer KIND BACKEND
transfer() {
	script "$@" <<-'END'
		from peers import *
		import sys
		node, kind, backend = Node(), sys.argv[1], Listener(sys.argv[2])
		address = node.forward(kind, backend.address)
		for up, down in ((3_000_001, 2_000_003), (1_000_000, 0), (0, 1_000_000), (1, 1)):
		    client = connect(address)
		    peer = backend.accept()
		    exchange(client, peer, up, down)
		    client.close()
		    peer.close()
		    node.until_open(address, 0)
		    last = node.pool(address)["last_closed"][0]
		    expect((last["bytes_in"], last["bytes_out"]), (up, down))
		    expect(last["reason"] in ("client_closed", "backend_closed"), True, last)
	END
}

@test "transfer: TCP to TCP" {
	transfer tcp: tcp:
}

@test "transfer: TCP to Unix" {
	transfer tcp: unix:
}

@test "transfer: Unix to TCP" {
	transfer unix: tcp:
}

@test "transfer: Unix to Unix" {
	transfer unix: unix:
}

@test "transfer: from IPv6" {
	transfer 'tcp:[::1]:0' tcp:
}

@test "transfer: twenty at once" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		node, backend = Node(), Listener("unix:")
		address = node.forward("tcp:", backend.address)
		pairs = []
		for _ in range(20):
		    client = connect(address)
		    pairs.append((client, backend.accept()))
		with ThreadPoolExecutor(20) as pool:
		    list(pool.map(lambda pair: exchange(*pair, 300_000, 200_000), pairs))
		node.until_open(address, 0)
		pool = node.pool(address)
		expect((pool["bytes_in"], pool["bytes_out"]), (20 * 300_000, 20 * 200_000))
	END
}
