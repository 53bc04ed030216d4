# A Unix listener that is shut down under noded: accept would say EAGAIN for ever.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

shut_down() {
	python3 "$ROOT/tests/sharer.py" "$NODED_PID" "$(at "$1" listener.fd)" shutdown
}

@test "loss: a Unix listener shut down by a sharer comes back, connections live on" {
	local address
	address=$(serve "$T/s.sock")
	connect_idle 3 "$address"
	shut_down "$address"
	await "$address" restarts '"equals":1' 5000
	[[ $(at "$address" phase) == running ]]
	[[ $(clients_do "echo lives on") == 3 ]]
	clients_do "connect 2"
	[[ $(clients_do "echo all") == 5 ]]
	assert_log_lines 1 "warn.*$T/s.sock suspended: listener_lost"
	assert_log_lines 1 "info.*$T/s.sock running, listening again"
	assert_log_lines 4 .
}

@test "loss: with restart never it stays suspended without spinning, and its file is gone" {
	local address turns
	address=$(serve "$T/s.sock" '"restart":"never"')
	shut_down "$address"
	await "$address" listener '"equals":null' 5000
	[[ $(at "$address" why) == listener_lost ]]
	assert_not_exist "$T/s.sock"
	turns=$(state process.loop.turns)
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":1500}') == timeout ]]
	(($(state process.loop.turns) - turns < 40))
	assert_log_lines 3 .
	result resume_server "{\"address\":\"$address\"}"
	listening "$address"
}

