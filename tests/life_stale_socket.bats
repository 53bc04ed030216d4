# A socket file that a killed noded left behind is replaced, and said so.
# shellcheck shell=bash disable=SC2016,SC2034
load lib
load life

setup() {
	setup_test
}

@test "stale socket: after kill -9 everything starts again, one line for each replaced file" {
	local inode
	start_noded
	serve "$T/s.sock"
	connect_idle 3 "$T/s.sock"
	inode=$(stat -c %i "$T/s.sock")
	kill_noded
	[[ -S $T/s.sock && -S $NODED_SOCKET ]]
	: >"$LOG"
	start_noded
	assert_log_lines 1 "replaced a dead socket file"
	assert_log_lines 1 "info .*$NODED_SOCKET replaced a dead socket file"
	serve "$T/s.sock"
	assert_log_lines 1 "info .*$T/s.sock replaced a dead socket file"
	assert_log_lines 2 "replaced a dead socket file"
	assert_log_lines 4 .
	connect_idle 1 "$T/s.sock"
	[[ $(clients_do "echo again") == 1 ]]
	[[ $(find "$T" -name '.*noded*') == "" ]]
}

@test "stale socket: one that was bound and never listened is replaced" {
	start_noded
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/s.sock"
	serve "$T/s.sock"
	assert_log_lines 1 "replaced a dead socket file"
	listening "$T/s.sock"
}

@test "stale socket: what was left in the middle of a replacement is swept away" {
	start_noded
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
		"$T/.s.sock.noded-0"
	serve "$T/s.sock"
	assert_not_exist "$T/.s.sock.noded-0"
}

@test "stale socket: programs of a killed noded are dead, and the port is free" {
	local address child
	start_noded
	address=$(serve tcp:127.0.0.1:0 '"handler":{"type":"exec","argv":["sleep","1000"]}')
	connect_idle 1 "$address"
	await "$address" connection_pool.open '"equals":1'
	child=$(state "transport.servers[$address].connection_pool.connections" | jq '.[].pid')
	kill -0 "$child"
	kill_noded
	wait_until 25 has_ended "$child"
	start_noded
	serve "$address"
	listening "$address"
}

@test "stale socket: kill -9 at any moment of starts and stops never stands in the way" {
	local i
	for ((i = 0; i < 8; i++)); do
		start_noded
		background churn bash -c 'while :; do
			printf "%s\n" "$1" "$2"; done | nc -N -U "$NODED_SOCKET"' - \
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"start\",\"params\":{\"address\":\"$T/s.sock\"}}" \
			"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"stop_server\",\"params\":{\"address\":\"$T/s.sock\"}}"
		# Another number of turns each time: the instant is never the same.
		await_turns $((20 + 37 * i))
		kill_noded
		end_background "$BACKGROUND_PID"
	done
	start_noded
	result start "{\"address\":\"$T/s.sock\",\"if_missing\":true}"
	listening "$T/s.sock"
}

await_turns() {
	wait_until 30 turns_are_at_least "$1"
}

turns_are_at_least() {
	(($(state process.loop.turns) >= $1))
}
