# 10,000 connections are stopped in slices: other requests go on, no turn does much.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

# many: as many as the limits of this machine let one process have, 10,000 at most.
many() {
	local most
	most=$(($(ulimit -Hn) - 500))
	echo $((most < 10000 ? most : 10000))
}

# While they are told to end, requests that came later are answered, those of clients too.
@test "many: requests go on while 10,000 connections are stopped" {
	local n address other
	n=$(many)
	address=$(serve "$T/many.sock" '"max_connections":null')
	other=$(serve tcp:127.0.0.1:0)
	connect_idle "$n" "$address"
	await "$address" connection_pool.open "\"equals\":$n"
	raw "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop_server\",\"params\":{\"address\":\"$address\",\"force\":true}}" \
		'{"jsonrpc":"2.0","id":2,"method":"version"}' \
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"state\",\"params\":{\"path\":\"$address\"}}" \
		"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"stop_server\",\"params\":{\"address\":\"$other\"}}" \
		'{"jsonrpc":"2.0","id":5,"method":"list_connections","params":{"limit":1000}}' >"$T/replies"
	[[ $(jq -r .id "$T/replies" | tail -n 1) == 1 ]]
	[[ $(jq -c 'select(.id == 3) | [.result.value.phase, .result.value.connection_pool.open > 0]' \
		"$T/replies") == '["stopping",true]' ]]
	[[ $(jq 'select(.id == 1) | .result.stopped' "$T/replies") == "$n" ]]
	(($(state process.loop.ended_in_a_turn) <= 32))
	(($(state process.loop.ended_in_a_turn) > 0))
	clients_open 0
	assert_log_lines 5 .
}

@test "many: 10,000 connections at their deadline" {
	local n address
	n=$(many)
	address=$(serve "$T/many.sock" '"max_connections":null,"drain_ms":100')
	connect_idle "$n" "$address"
	await "$address" connection_pool.open "\"equals\":$n"
	[[ $(stop "$address" | jq .stopped) == "$n" ]]
	(($(state process.loop.ended_in_a_turn) <= 32))
}
