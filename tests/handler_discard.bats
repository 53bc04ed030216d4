# discard: everything is read and counted, nothing is sent.
# shellcheck shell=bash
load handler

@test "discard reads everything, counts it, and sends nothing but the end" {
	start_noded
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    address = node.serve(kind, {"type": "discard"})
		    client = connect(address)
		    client.sendall(b"first")
		    node.until_at(address, "connection_pool.bytes_in", equals=5)
		    one, = node.connections(address)
		    expect((one["bytes_in"], one["bytes_out"]), (5, 0))
		    send_all(client, 5_000_000, 3)
		    expect(read_all(client), b"")
		    client.close()
		    last = node.until_ended(address, "client_closed")
		    expect((last["bytes_in"], last["bytes_out"]), (5_000_005, 0))
		    pool = node.pool(address)
		    expect((pool["bytes_in"], pool["bytes_out"], pool["open"]), (5_000_005, 0, 0))
	END
}
