# update_server: limits of a running server are changed live, and nobody is cut off.
load proto.bash

@test "it answers with the server as changed; what is not named stays" {
	start_noded
	start_server a
	state "$T/a.sock" >"$T/before"
	result update_server "{\"address\":\"$T/./a.sock\",\"max_connections\":7,\"drain_ms\":1}" >"$T/result"
	assert_equal "$(jq -S '.server | del(.since, .deadline_in_ms)' "$T/result")" \
		"$(jq -S '.max_connections = 7 | .connection_pool.limit = 7 | .drain_ms = 1
			| del(.since, .deadline_in_ms)' "$T/before")"
	assert_equal "$(jq -c keys "$T/result")" '["server"]'
	result update_server "{\"address\":\"$T/a.sock\",\"max_connections\":null,\"idle_timeout_ms\":5000,\"kill_ms\":9,\"restart\":\"never\"}"
	assert_equal "$(state "$T/a.sock" |
		jq -c '[.max_connections, .idle_timeout_ms, .drain_ms, .kill_ms, .restart]')" '[null,5000,1,9,"never"]'
	result update_server "{\"address\":\"$T/a.sock\"}"
}

@test "a new limit holds at once, both ways, and ends nobody" {
	start_noded
	start_server a
	connect_idle 5 "unix:$T/a.sock"
	result update_server "{\"address\":\"$T/a.sock\",\"max_connections\":3}"
	local path="transport.servers[$T/a.sock]"
	clients_do "connect 1"
	wait_until 25 state_is full "$path.listener.why"
	assert_equal "$(state "$path.connection_pool.open")" 5
	clients_do "close 2"
	wait_until 25 state_is 3 "$path.connection_pool.open"
	result update_server "{\"address\":\"$T/a.sock\",\"max_connections\":10}"
	wait_until 25 state_is 4 "$path.connection_pool.open"
	assert_equal "$(state "$path.listener.why")" null
	assert_equal "$(clients_do "echo hello")" 4
}

@test "a new idle time-out holds for connections that are open" {
	start_noded
	start_server a
	connect_idle 2 "unix:$T/a.sock"
	result update_server "{\"address\":\"$T/a.sock\",\"idle_timeout_ms\":200}"
	wait_until 25 clients_open 0
	assert_equal "$(state "transport.servers[$T/a.sock].connection_pool.closed.idle")" 2
}

@test "errors: no such server, one that stops, an idle time-out with exec" {
	start_noded
	assert_equal "$(error_name update_server "{\"address\":\"$T/a.sock\"}")" no_such_server
	start_server x '"handler":{"type":"exec","argv":["cat"]}'
	assert_equal "$(error_name update_server "{\"address\":\"$T/x.sock\",\"idle_timeout_ms\":5}")" invalid_params
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	result stop_server "{\"address\":\"$T/a.sock\",\"wait\":false}"
	assert_equal "$(error_name update_server "{\"address\":\"$T/a.sock\",\"drain_ms\":1}")" wrong_state
	result stop_server "{\"address\":\"$T/a.sock\",\"force\":true}"
}
