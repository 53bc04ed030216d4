# State paths: every way to write one, and what is said of those that lead nowhere.
load proto.bash

# path_of PATH: the path of the reply, in its canonical form.
path_of() {
	result state "$(jq -nc --arg path "$1" '{path: $path}')" | jq -r .path
}

# missing PATH: the longest part of it that exists.
missing() {
	rpc state "$(jq -nc --arg path "$1" '{path: $path}')" |
		jq -r 'if .error.data.name == "no_such_path" then .error.data.path else "not missing: \(.)" end'
}

# detail PATH: what is said of one that is not there.
detail() {
	rpc state "$(jq -nc --arg path "$1" '{path: $path}')" | jq -r .error.data.detail
}

@test "keys are joined by dots or brackets, as words, digits, JSON strings or barewords" {
	local path
	start_noded
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	wait_until 25 state_is 1 transport.connection_pool.open
	for path in transport.connection_pool.open '[transport][connection_pool][open]' \
		'["transport"].connection_pool["open"]' 'transport["\u0063onnection_pool"].open' \
		'transport[connection_pool].open'; do
		assert_equal "$path $(path_of "$path")" "$path transport.connection_pool.open"
		assert_equal "$(state "$path")" 1
	done
	local id connections="transport.servers[$T/a.sock].connection_pool.connections"
	id=$(result list_connections | jq '.connections[0].id')
	for path in "${connections}[$id].id" "$connections.$id.id" "${connections}[\"$id\"].id"; do
		assert_equal "$(state "$path")" "$id"
		assert_equal "$(path_of "$path")" \
			"transport.servers[\"unix:$T/a.sock\"].connection_pool.connections[$id].id"
	done
	clients_do "close 1"
	wait_until 25 state_is 0 transport.connection_pool.open
	assert_equal "$(state "transport.servers[$T/a.sock].connection_pool.last_closed[0].id")" "$id"
}

@test "an address in brackets is found in any of its forms; a path that begins like one is that server" {
	local form
	start_noded
	result start "{\"address\":\"unix:$T/a b.sock\"}"
	for form in "[$T/a b.sock]" "[unix:$T/a b.sock]" "[\"unix:$T/a b.sock\"]" "[\"$T/./x/../a b.sock\"]" \
		"[unix:$T//a b.sock]"; do
		assert_equal "$(path_of "transport.servers$form.phase")" "transport.servers[\"unix:$T/a b.sock\"].phase"
	done
	for form in "$T/a b.sock" "unix:$T/a b.sock" "$T//./a b.sock"; do
		assert_equal "$(path_of "$form")" "transport.servers[\"unix:$T/a b.sock\"]"
		assert_equal "$(state "$form" | jq -r .address)" "unix:$T/a b.sock"
	done
}

@test "TCP addresses of both families, brackets balanced" {
	local v4 v6 form
	start_noded
	v4=$(result start '{"address":"tcp:127.0.0.1:0"}' | jq -r .server.address)
	v6=$(result start '{"address":"tcp:[::1]:0"}' | jq -r .server.address)
	for form in "transport.servers[$v4]" "transport.servers[\"$v4\"]" "$v4"; do
		assert_equal "$(path_of "$form")" "transport.servers[\"$v4\"]"
	done
	for form in "transport.servers[$v6]" "transport.servers[\"$v6\"]" "$v6" \
		"transport.servers[tcp:[0:0:0:0:0:0:0:1]:${v6##*:}]"; do
		assert_equal "$(path_of "$form")" "transport.servers[\"$v6\"]"
	done
	assert_equal "$(state "transport.servers[$v6].listener.phase")" running
}

@test "what cannot be read as a path is invalid_params and says where" {
	local path
	start_noded
	for path in . a. .a a..b '[' '[a' '[]' 'a[' 'a]' 'a[b]c' '["a]' '["a"' '["a"x]' '["\x"]' '["\ud800"]' '[""]x' \
		'a b' 'transport.servers[tcp:[::1]:1' "$(printf '[a]%.0s' {1..100})" "$(printf 'a%.0s' {1..5000})" tcp:x; do
		run raw "$(request 1 state "$(jq -nc --arg path "$path" '{path: $path}')")"
		assert_equal "$path $(jq -c '[.error.data.name, .error.data.param]' <<<"$output")" \
			"$path [\"invalid_params\",\"path\"]"
	done
	assert_equal "$(error_name state '{"path":1}')" invalid_params
	assert_equal "$(error_name state '{"path":null}')" invalid_params
}

@test "no_such_path names the longest part that exists" {
	local server
	start_noded
	start_server a
	start_server s
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	server="transport.servers[\"unix:$T/a.sock\"]"
	assert_equal "$(missing nowhere)" ""
	assert_equal "$(detail nowhere)" 'no "nowhere" in the state'
	assert_equal "$(detail "$T/a.sock.listner")" "nothing is served at unix:$T/a.sock.listner"
	assert_equal "$(detail "transport.servers[$T/a.sock].listner")" "no \"listner\" in $server"
	assert_equal "$(missing nowhere.at.all)" ""
	assert_equal "$(missing transport.nowhere.at)" transport
	assert_equal "$(missing "transport.servers[$T/none.sock].phase")" transport.servers
	assert_equal "$(missing "$T/none.sock")" transport.servers
	assert_equal "$(missing "transport.servers[word]")" transport.servers
	assert_equal "$(missing pid.more)" pid
	assert_equal "$(missing why.more)" why
	assert_equal "$(missing "transport.servers[$T//a.sock].phase.more.still")" "$server.phase"
	assert_equal "$(missing "transport.servers[$T/a.sock].listener.nothing")" "$server.listener"
	assert_equal "$(missing "transport.servers[$T/s.sock].listener.fd")" \
		"transport.servers[\"unix:$T/s.sock\"].listener"
	assert_equal "$(missing "transport.servers[$T/a.sock].handler.type.more")" "$server.handler.type"
	assert_equal "$(missing "transport.servers[$T/a.sock].handler.size")" "$server.handler"
	assert_equal "$(missing "transport.servers[$T/a.sock].connection_pool.last_closed[0].id")" \
		"$server.connection_pool.last_closed"
	assert_equal "$(missing "transport.servers[$T/a.sock].connection_pool.connections[1].id")" \
		"$server.connection_pool.connections"
	assert_equal "$(missing "transport.servers[$T/a.sock].connection_pool.connections.x")" \
		"$server.connection_pool.connections"
	connect_idle 1 "unix:$T/a.sock"
	clients_do "close 1"
	wait_until 25 state_is 1 "transport.servers[$T/a.sock].connection_pool.closed.client_closed"
	assert_equal "$(missing "transport.servers[$T/a.sock].connection_pool.last_closed[0].none.x")" \
		"$server.connection_pool.last_closed[0]"
	assert_equal "$(missing "transport.servers[$T/a.sock].connection_pool.last_closed[1]")" \
		"$server.connection_pool.last_closed"
}

@test "null is a normal answer" {
	start_noded
	start_server s
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	assert_equal "$(result state "{\"path\":\"transport.servers[$T/s.sock].listener\"}")" \
		"{\"path\":\"transport.servers[\\\"unix:$T/s.sock\\\"].listener\",\"value\":null}"
	assert_equal "$(result state '{"path":"why"}')" '{"path":"why","value":null}'
}

@test "the empty path is the whole" {
	start_noded
	assert_equal "$(result state '{"path":""}' | jq -c '[.path, .value.pid]')" "[\"\",$NODED_PID]"
	assert_equal "$(result state | jq -c '[.path, .value.pid]')" "[\"\",$NODED_PID]"
}
