# echo: what a client sends comes back, byte for byte, and then the end.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "echo: several MB come back as they were, over TCP and Unix" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		node = Node()
		for kind in ("tcp:", "tcp:[::1]:0", "unix:"):
		    address = node.serve(kind)
		    client = connect(address)
		    with ThreadPoolExecutor(2) as pool:
		        sent = pool.submit(send_all, client, 5_000_011, 1)
		        got = pool.submit(receive, client, 2)
		        expect(got.result(), (5_000_011, sent.result()), kind)
		    client.close()
		    last = node.until_ended(address, "client_closed")
		    expect((last["bytes_in"], last["bytes_out"]), (5_000_011, 5_000_011))
	END
}

@test "echo: the end of input is answered by the end of output, after all bytes" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    address = node.serve(kind)
		    for text in (b"", b"x", b"last words"):
		        client = connect(address)
		        client.sendall(text)
		        client.shutdown(SHUT_WR)
		        expect(read_all(client), text)
		        client.close()
		    node.until_ended(address, "client_closed", 3)
	END
}

@test "echo: many at once" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 200 "$address"
	[[ $(clients_do "echo hello, all of you") == 200 ]]
	[[ $(at "$address" connection_pool.open) == 200 ]]
	[[ $(at "$address" connection_pool.bytes_in) == $((200 * 17)) ]]
	[[ $(at "$address" connection_pool.bytes_out) == $((200 * 17)) ]]
}
