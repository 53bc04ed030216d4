# max_connections: exact at every moment; who comes when it is full waits in the backlog.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

# full ADDRESS N: N clients are served and M more have connected and wait.
open_are() {
	await "$1" connection_pool.open "\"equals\":$2"
}

@test "limit: the next clients wait, the listener is suspended, the server runs" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"max_connections":3')
	connect_idle 5 "$address"
	open_are "$address" 3
	await "$address" listener.phase '"equals":"suspended"'
	[[ $(at "$address" listener.why) == full ]]
	[[ $(at "$address" phase) == running ]]
	[[ $(at "$address" connection_pool.total) == 3 ]]
	[[ $(at "$address" listener.accepted) == 3 ]]
	# It has left the poller: the waiting do not keep the loop turning.
	local turns
	turns=$(state process.loop.turns)
	quiet_turns
	(($(state process.loop.turns) - turns < 40))
	assert_log_lines 2 .
}

# Waits for two of the half-second checks.
quiet_turns() {
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":1000}') == timeout ]]
}

@test "limit: a place that comes free is taken at once, in the order of the queue" {
	local address first
	address=$(serve "$T/s.sock" '"max_connections":2')
	connect_idle 2 "$address"
	first=$CLIENTS
	open_are "$address" 2
	connect_idle 3 "$address"
	[[ $(at "$address" connection_pool.total) == 2 ]]
	clients_do "close 1" "$first"
	await "$address" connection_pool.total '"equals":3'
	[[ $(at "$address" connection_pool.open) == 2 ]]
	clients_do "close 1" "$first"
	await "$address" connection_pool.total '"equals":4'
	clients_do "close 1"
	await "$address" connection_pool.total '"equals":5'
	open_are "$address" 2
	[[ $(clients_do "echo hello") == 2 ]]
	clients_do quit
	open_are "$address" 0
	await "$address" listener.phase '"equals":"running"'
	[[ $(at "$address" listener.why) == null ]]
}

@test "limit: raising it lets the waiting in at once" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"max_connections":1')
	connect_idle 6 "$address"
	open_are "$address" 1
	result update_server "{\"address\":\"$address\",\"max_connections\":4}"
	open_are "$address" 4
	[[ $(at "$address" listener.why) == full ]]
	result update_server "{\"address\":\"$address\",\"max_connections\":null}"
	open_are "$address" 6
	await "$address" listener.phase '"equals":"running"'
	[[ $(at "$address" connection_pool.limit) == null ]]
	[[ $(clients_do "echo hello") == 6 ]]
}

@test "limit: lowering it ends nobody, and nobody comes in until there is room" {
	local address first
	address=$(serve tcp:127.0.0.1:0 '"max_connections":4')
	connect_idle 4 "$address"
	first=$CLIENTS
	open_are "$address" 4
	result update_server "{\"address\":\"$address\",\"max_connections\":2}"
	[[ $(at "$address" max_connections) == 2 ]]
	[[ $(clients_do "echo hello" "$first") == 4 ]]
	connect_idle 1 "$address"
	clients_do "close 2" "$first"
	open_are "$address" 2
	[[ $(at "$address" connection_pool.total) == 4 ]]
	clients_do "close 1" "$first"
	await "$address" connection_pool.total '"equals":5'
	[[ $(clients_do "echo hello") == 1 ]]
	[[ $(clients_do "echo hello" "$first") == 1 ]]
}

# It used to say that it was running until the next client knocked.
@test "limit: lowering it below what is open suspends the listener at once" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"max_connections":4')
	connect_idle 2 "$address"
	open_are "$address" 2
	result update_server "{\"address\":\"$address\",\"max_connections\":1}"
	[[ $(at "$address" listener.phase) == suspended ]]
	[[ $(at "$address" listener.why) == full ]]
	clients_do "connect 1"
	[[ $(at "$address" connection_pool.open) == 2 ]]
	clients_do "close 2"
	open_are "$address" 1
}

@test "limit: never one more, while 40 clients come and go in front of 5 places" {
	local address churn
	address=$(serve tcp:127.0.0.1:0 '"max_connections":5')
	background churn python3 "$ROOT/tests/churn.py" 40 "$address"
	churn=$BACKGROUND_PID
	ask over wait "{\"path\":\"transport.servers[$address].connection_pool.open\",\"at_least\":6,\"timeout_ms\":3000}"
	await "$address" connection_pool.total '"at_least":300'
	[[ $(answer over | jq -r .error.data.name) == timeout ]]
	end_background "$churn"
	[[ $(jq -c .cut "$T/churn.log") == "[]" ]] || fail "$(cat "$T/churn.log")"
}

@test "limit: it holds while the server stops, and the queue is served" {
	local address
	address=$(serve "$T/s.sock" '"max_connections":2')
	connect_idle 5 "$address"
	open_are "$address" 2
	ask stop stop_server "{\"address\":\"$address\"}"
	await "$address" phase '"equals":"draining"'
	assert_not_exist "$T/s.sock"
	[[ $(at "$address" connection_pool.open) == 2 ]]
	clients_do "close 3"
	await "$address" connection_pool.total '"equals":5'
	[[ $(clients_do "echo hello") == 2 ]]
	clients_do quit
	[[ $(answer stop | jq -c '[.outcome, .drained, .accepted_at_stop, .refused_at_stop]') == \
		'["drained",5,3,0]' ]]
}
