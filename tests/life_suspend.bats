# suspend-server and resume-server.
# shellcheck shell=bash
load lib
load life
load proto

setup() {
	setup_test
	start_noded
}

suspend() {
	result suspend_server "{\"address\":\"$1\"}"
}

resume() {
	result resume_server "{\"address\":\"$1\"}"
}

@test "suspend: connections live on, are listed, and end with the server" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 3 "$address"
	await "$address" connection_pool.open '"equals":3'
	run suspend "$address"
	[[ $(jq -c '.server | [.phase, .why, .listener, .connection_pool.open]' <<<"$output") == \
		'["suspended","requested",null,3]' ]]
	[[ $(clients_do "echo still here") == 3 ]]
	[[ $(result list_connections "{\"server\":\"$address\"}" | jq .total) == 3 ]]
	[[ $(stop "$address" '"force":true' | jq .stopped) == 3 ]]
	clients_open 0
}

@test "suspend: TCP clients are refused, and the port is kept, also one that 0 chose" {
	local address
	for address in tcp:127.0.0.1:0 'tcp:[::1]:0' "tcp:127.0.0.1:$(free_port)"; do
		address=$(serve "$address")
		suspend "$address"
		run listening "$address"
		assert_failure
		run python3 "$ROOT/tests/clients.py" probe "$address"
		assert_output --partial "Connection refused"
		# Not for another with the same option, nor for the kernel when it looks for a free one.
		run python3 -c 'if True:
			import socket, sys
			host, _, port = sys.argv[1].removeprefix("tcp:").rpartition(":")
			other = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
			other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			other.bind((host.strip("[]"), int(port)))
			other.listen()' "$address"
		assert_failure
		assert_output --partial "Address already in use"
		[[ $(resume "$address" | jq -r .server.address) == "$address" ]]
		connect_idle 1 "$address"
		[[ $(clients_do "echo back") == 1 ]]
		clients_do quit
	done
}

@test "suspend: the port of a server that had clients is kept too" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 5 "$address"
	clients_do "close 2"
	await "$address" connection_pool.open '"equals":3'
	suspend "$address"
	run listening "$address"
	assert_failure
	resume "$address"
	clients_do "connect 4"
	[[ $(clients_do "echo all") == 7 ]]
}

# sockets: the numbers of noded's own.
sockets() {
	find "/proc/$NODED_PID/fd" -lname 'socket:*' -printf '%f\n' | sort
}

@test "suspend: the socket that keeps the port was closed under noded: it is bound again" {
	local before
	before=$(sockets)
	A=$(serve tcp:127.0.0.1:0)
	suspend "$A"
	wait_until 30 kept_is_known "$before"
	in_noded "(int)close($(kept "$before"))"
	resume "$A"
	listening "$A"
	[[ $(at "$A" phase) == running ]]
}

kept() {
	comm -13 <(echo "$1") <(sockets)
}

# The sessions of who asked have closed theirs by then.
kept_is_known() {
	[[ $(kept "$1") =~ ^[0-9]+$ ]]
}

@test "suspend: the socket file is gone, and comes back" {
	local address
	address=$(serve "$T/s.sock")
	suspend "$address"
	assert_not_exist "$T/s.sock"
	run python3 "$ROOT/tests/clients.py" probe "$address"
	assert_output --partial "No such file or directory"
	resume "$address"
	listening "$address"
	[[ $(at "$address" listener.phase) == running ]]
}

@test "suspend: a resume that cannot listen says why and stays suspended" {
	local address before
	address=$(serve "$T/s.sock")
	suspend "$address"
	echo precious >"$T/s.sock"
	before=$(stat -c %i "$T/s.sock")
	[[ $(error_name resume_server "{\"address\":\"$address\"}") == path_exists ]]
	[[ $(at "$address" phase) == suspended ]]
	[[ $(at "$address" why) == requested ]]
	[[ $(stat -c %i "$T/s.sock") == "$before" ]]
	rm "$T/s.sock"
	resume "$address"
	listening "$address"
}

@test "suspend: both may be repeated" {
	local address
	address=$(serve "$T/s.sock")
	resume "$address"
	suspend "$address"
	suspend "$address"
	[[ $(at "$address" phase) == suspended ]]
	resume "$address"
	resume "$address"
	listening "$address"
	# Started, suspended, resumed: an operator's acts, one line each.
	assert_log_lines 4 .
}

@test "suspend: two callers at the same time are both answered" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	raw "$(printf '{"jsonrpc":"2.0","id":%d,"method":"suspend_server","params":{"address":"'"$address"'"}}\n' 1 2)" |
		jq -r .result.server.phase >"$T/phases"
	[[ $(cat "$T/phases") == $'suspended\nsuspended' ]]
}

@test "suspend: stopped while suspended, everything is released" {
	local address before
	before=$(fds_at_rest)
	address=$(serve tcp:127.0.0.1:0)
	suspend "$address"
	[[ $(stop "$address" | jq -r .outcome) == drained ]]
	wait_until 25 fds_are "$before"
	serve "$address"
	listening "$address"
}

@test "suspend: while a server stops it is wrong_state, as is resume" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 1 "$address"
	ask stop stop_server "{\"address\":\"$address\"}"
	await "$address" phase '"equals":"draining"'
	[[ $(error_name suspend_server "{\"address\":\"$address\"}") == wrong_state ]]
	[[ $(error_name resume_server "{\"address\":\"$address\"}") == wrong_state ]]
	[[ $(error_name update_server "{\"address\":\"$address\",\"drain_ms\":1}") == wrong_state ]]
	clients_do quit
	answer stop
}

@test "suspend: an unknown address is no_such_server" {
	[[ $(error_name suspend_server '{"address":"/no/such"}') == no_such_server ]]
	[[ $(error_name resume_server '{"address":"/no/such"}') == no_such_server ]]
}

# They were counted nowhere, and who had spoken read a reset.
@test "suspend: who finds no place in five seconds is refused: counted, with an end and no reset" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    address = node.serve(kind, max_connections=2)
		    clients = [connect(address) for _ in range(6)]
		    for client in clients:
		        client.settimeout(PATIENCE)
		        client.sendall(b"hello")
		    node.until_at(address, "listener.why", equals="full")
		    node.result("suspend_server", address=address)
		    pool = node.pool(address)
		    expect([pool["open"], pool["total"], pool["refused"]], [2, 2, 4])
		    expect([client.recv(9) for client in clients], [b"hello"] * 2 + [b""] * 4)
		    node.result("resume_server", address=address)
		    expect(node.result("stop_server", address=address, force=True)["refused_at_stop"], 0)
	END
}
