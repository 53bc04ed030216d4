# The log of a healthy life is short: ordinary ends of connections say nothing, the end of a node
# costs a line a server and two.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "quiet: 100 ordinary closes and resets log nothing" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 100 "$address"
	[[ $(clients_do "echo hello") == 100 ]]
	clients_do "send 30 100"
	clients_do "close 20"
	clients_do "reset 30"
	clients_do "finish 20"
	clients_do "close 50"
	await "$address" connection_pool.open '"equals":0'
	[[ $(at "$address" connection_pool.total) == 100 ]]
	assert_log_lines 2 .
}

@test "quiet: SIGTERM with 10 servers and 100 connections logs a line a server and two for the node" {
	local i
	for ((i = 0; i < 5; i++)); do
		connect_idle 10 "$(serve tcp:127.0.0.1:0)"
		connect_idle 10 "$(serve "$T/$i.sock")"
	done
	await_path transport.connection_pool.open '"equals":100'
	: >"$LOG"
	kill "$NODED_PID"
	wait_until 30 state_is draining phase
	local group
	for group in "$T"/clients.*; do
		[[ ! -S $group ]] || clients_do quit "$group"
	done
	wait_noded
	assert_log_lines 2 " node "
	assert_log_lines 10 " stopped: requested, drained=10 stopped=0 killed=0"
	assert_log_lines 12 .
}

@test "quiet: the same when the deadline passes" {
	stop_noded
	start_noded --drain 200ms
	local i
	for ((i = 0; i < 5; i++)); do
		connect_idle 10 "$(serve tcp:127.0.0.1:0)"
		connect_idle 10 "$(serve "$T/$i.sock")"
	done
	await_path transport.connection_pool.open '"equals":100'
	: >"$LOG"
	stop_noded
	assert_log_lines 2 " node "
	assert_log_lines 10 " drained=0 stopped=10 killed=0"
	assert_log_lines 12 .
}

@test "quiet: 1,000 clients that are gone before they are served" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	python3 -c 'if True:
		import socket, struct, sys
		for i in range(1000):
			client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
			if i % 2:
				client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			client.close()' "$(port_of "$address")"
	connect_idle 1 "$address"
	[[ $(clients_do "echo served") == 1 ]]
	await "$address" connection_pool.open '"equals":1'
	assert_log_lines 2 .
}
