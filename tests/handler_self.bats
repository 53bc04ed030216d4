# forward: what would forward to noded itself is refused when the server is started, whatever the
# address is written like.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# refused ADDRESS BACKEND: and nothing was made.
refused() {
	run rpc start "{\"address\":\"$1\",\"handler\":{\"type\":\"forward\",\"backend\":\"$2\"}}"
	[[ $(jq -r .error.data.name <<<"$output") == address_invalid ]]
	[[ $(jq -r .error.data.param <<<"$output") == handler.backend ]]
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "self: the server's own address is refused" {
	local port
	port=$(free_port)
	refused "$T/s.sock" "$T/s.sock"
	refused "$T/s.sock" "unix:$T/s.sock"
	refused "unix:$T/s.sock" "$T/x/..//./s.sock"
	refused "tcp:127.0.0.1:$port" "tcp:127.0.0.1:$port"
	refused "tcp:[::1]:$port" "tcp:[0:0:0:0:0:0:0:1]:$port"
	assert_not_exists "$T/s.sock"
}

@test "self: a server on every address is reached by a backend on one" {
	local port
	port=$(free_port)
	refused "tcp:0.0.0.0:$port" "tcp:127.0.0.1:$port"
}

@test "self: the admin socket is refused" {
	refused "$T/s.sock" "$NODED_SOCKET"
	refused tcp:127.0.0.1:0 "unix:$T/./admin.sock"
	# The admin socket still answers.
	[[ $(state phase) == running ]]
}

@test "self: another server of the same noded is no matter" {
	script <<-'END'
		from peers import *
		node = Node()
		echo = node.serve("unix:")
		middle = node.forward("tcp:", echo)
		front = node.forward("unix:", middle)
		client = connect(front)
		client.sendall(b"round")
		expect(client.recv(10), b"round")
		client.shutdown(SHUT_WR)
		expect(read_all(client), b"")
	END
}
