# The idle time-out counts bytes in either direction, and can be changed live.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "idle: a silent connection is ended with that reason, a busy one is not" {
	local address silent
	address=$(serve tcp:127.0.0.1:0 '"idle_timeout_ms":700')
	connect_idle 1 "$address"
	silent=$CLIENTS
	background busy python3 -c 'if True:
		import socket, sys
		client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		client.settimeout(0.05)
		while True:
			client.sendall(b"x")
			try:
				data = client.recv(1)
			except TimeoutError:
				continue
			if not data:
				sys.exit("cut off")' "$(port_of "$address")"
	wait_until 30 clients_open 0 "$silent"
	await "$address" connection_pool.closed.idle '"equals":1'
	[[ $(at "$address" "connection_pool.last_closed" | jq -r '.[0].reason') == idle ]]
	[[ $(at "$address" connection_pool.open) == 1 ]]
	kill -0 "$BACKGROUND_PID"
	assert_log_lines 2 .
}

@test "idle: bytes that only the server sends keep the connection" {
	local backend address
	background source python3 -c 'if True:
		import select, socket
		listener = socket.create_server(("127.0.0.1", 0))
		print("tcp:127.0.0.1:%d" % listener.getsockname()[1], flush=True)
		sink, _ = listener.accept()
		while True:
			sink.sendall(b"tick")
			if select.select([sink], [], [], 0.05)[0]:
				break'
	wait_until 30 test -s "$T/source.log"
	backend=$(head -n 1 "$T/source.log")
	address=$(serve tcp:127.0.0.1:0 "\"idle_timeout_ms\":700,\"handler\":{\"type\":\"forward\",\"backend\":\"$backend\"}")
	connect_idle 1 "$address"
	# Three times the time-out.
	wait_until 30 received_at_least $((4 * 42))
	[[ $(at "$address" connection_pool.open) == 1 ]]
	clients_open 1
}

received_at_least() {
	(($(clients_do received) >= $1))
}

@test "idle: 0 is none, and a change counts for those who are there" {
	local address
	address=$(serve "$T/s.sock")
	connect_idle 40 "$address"
	await "$address" connection_pool.open '"equals":40'
	[[ $(at "$address" idle_timeout_ms) == 0 ]]
	result update_server "{\"address\":\"$address\",\"idle_timeout_ms\":100}"
	await "$address" connection_pool.open '"equals":0'
	[[ $(at "$address" connection_pool.closed.idle) == 40 ]]
	result update_server "{\"address\":\"$address\",\"idle_timeout_ms\":0}"
	clients_do "connect 1"
	[[ $(error_name wait "{\"path\":\"transport.servers[$address].connection_pool.closed.idle\",\"at_least\":41,\"timeout_ms\":400}") == timeout ]]
	clients_open 1
}
