# What start answers, and what it answers when the address is known already.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "start: the result is the server's state, with the bound address and created" {
	local address
	run result start '{"address":"tcp:127.0.0.1:0"}'
	address=$(jq -r .server.address <<<"$output")
	[[ $(jq .created <<<"$output") == true ]]
	[[ $(jq -S '.server | del(.since, .listener.since, .connection_pool.since)' <<<"$output") == \
		$(state "$address" | jq -S 'del(.since, .listener.since, .connection_pool.since)') ]]
	[[ $(jq -r .server.phase <<<"$output") == running ]]
	listening "$address"
}

@test "start: defaults" {
	local address
	address=$(serve "$T/echo.sock")
	run state "$address"
	[[ $(jq -c '[.handler.type, .max_connections, .idle_timeout_ms, .drain_ms, .kill_ms, .restart,
		.mode, .connection_pool.limit, .error, .why]' <<<"$output") == \
		'["echo",1024,0,30000,2000,"always","0600",1024,null,null]' ]]
	[[ $(at "$address" listener.backlog) == "$(effective_backlog 1024)" ]]
	address=$(serve "$T/exec.sock" '"handler":{"type":"exec","argv":["cat"]}')
	[[ $(at "$address" max_connections) == 40 ]]
	address=$(serve "$T/free.sock" '"max_connections":null')
	[[ $(at "$address" max_connections) == null ]]
	[[ $(at "$address" connection_pool.limit) == null ]]
}

effective_backlog() {
	local most
	most=$(cat /proc/sys/net/core/somaxconn)
	echo $(($1 < most ? $1 : most))
}

# The backlog the kernel has for a TCP address: ss shows it as the send queue of a listener.
kernel_backlog() {
	ss -Hltn "src = ${1#tcp:}" | awk '{ print $3 }'
}

@test "start: the backlog in force is shown" {
	local address backlog
	for backlog in 1 7 65535; do
		address=$(serve tcp:127.0.0.1:0 "\"backlog\":$backlog")
		[[ $(at "$address" listener.backlog) == "$(effective_backlog "$backlog")" ]]
		[[ $(kernel_backlog "$address") == "$(effective_backlog "$backlog")" ]]
	done
}

@test "start: options out of range change nothing" {
	local bad
	for bad in '"backlog":0' '"backlog":65536' '"backlog":1.5' '"max_connections":0' \
		'"max_connections":-1' '"drain_ms":-1' '"kill_ms":-1' '"idle_timeout_ms":31536000001' \
		'"restart":"maybe"' '"mode":384' '"nonsense":1' '"handler":{"type":"nothing"}' \
		'"handler":{"type":"forward"}' '"handler":{"type":"exec","argv":[]}' \
		'"handler":{"type":"exec","argv":["cat"]},"idle_timeout_ms":5'; do
		run error_name start "{\"address\":\"$T/s.sock\",$bad}"
		assert_output invalid_params
	done
	run error_name start "{\"address\":\"$T/s.sock\",\"handler\":{\"type\":\"exec\",\"argv\":[\"no-such-program\"]}}"
	assert_output program_not_found
	assert_not_exist "$T/s.sock"
	[[ $(result list_servers | jq .total) == 0 ]]
	assert_log_lines 1 .
}

@test "start: a known address is already_exists" {
	serve "$T/s.sock"
	[[ $(error_name start "{\"address\":\"$T/s.sock\"}") == already_exists ]]
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	[[ $(error_name start "{\"address\":\"$T/s.sock\"}") == already_exists ]]
	[[ $(at "$T/s.sock" phase) == suspended ]]
	result resume_server "{\"address\":\"$T/s.sock\"}"
	listening "$T/s.sock"
}

@test "start: if_missing takes a server with the same handler" {
	local forward='"handler":{"type":"forward","backend":"tcp:127.0.0.1:9"}'
	[[ $(result start "{\"address\":\"$T/s.sock\",\"if_missing\":true}" | jq .created) == true ]]
	[[ $(result start "{\"address\":\"$T/s.sock\",\"if_missing\":true,\"max_connections\":5}" |
		jq -c '[.created, .server.max_connections]') == '[false,1024]' ]]
	[[ $(error_name start "{\"address\":\"$T/s.sock\",\"if_missing\":true,$forward}") == already_exists ]]
	serve "$T/f.sock" "$forward"
	[[ $(result start "{\"address\":\"$T/f.sock\",\"if_missing\":true,$forward}" | jq .created) == false ]]
	[[ $(error_name start "{\"address\":\"$T/f.sock\",\"if_missing\":true,\
\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:10\"}}") == already_exists ]]
}

# told ADDRESS WORDS...: nodectl, too, says so when WORDS are to serve what is served.
told() {
	run nodectl start "${@:2}" --if-missing
	assert_failure 6
	assert_output "nodectl: unix:$2: is served already, by $1 (already_exists)"
}

@test "start: what serves the address is said, and what was asked for where that is another" {
	local e=$T/e.sock f=$T/f.sock p=$T/p.sock long
	result start "{\"address\":\"$e\"}"
	nodectl start "$f" forward "$e"
	nodectl start "$p" exec cat -u
	told "echo; asked for was exec cat" "$e" exec cat
	told "echo; asked for was forward tcp:127.0.0.1:9 --connect-timeout 20ms" "$e" \
		forward tcp:127.0.0.1:9 --connect-timeout 20ms
	told "forward unix:$e; asked for was forward unix:$e --connect-timeout 7000ms" "$f" \
		forward "$e" --connect-timeout 7s
	told "exec cat -u; asked for was discard" "$p" discard
	told "exec cat -u; asked for was exec cat" "$p" exec cat
	# Of arguments that would fill the line the beginning is enough.
	long=$(printf '%0200d' 1)
	told "exec cat -u; asked for was exec sh -c ..." "$p" exec sh -c "$long" more
	run nodectl start "$e" echo
	assert_failure 6
	assert_output "nodectl: unix:$e: is served already, by echo (already_exists)"
}

@test "start: if_missing takes a suspended server, and leaves it so" {
	serve "$T/s.sock"
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	[[ $(result start "{\"address\":\"$T/s.sock\",\"if_missing\":true}" |
		jq -c '[.created, .server.phase]') == '[false,"suspended"]' ]]
}

@test "start: while the server drains the address is wrong_state, with if_missing too" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 1 "$address"
	ask stop stop_server "{\"address\":\"$address\"}"
	await "$address" phase '"equals":"draining"'
	[[ $(error_name start "{\"address\":\"$address\"}") == wrong_state ]]
	[[ $(error_name start "{\"address\":\"$address\",\"if_missing\":true}") == wrong_state ]]
	clients_do quit
	[[ $(answer stop | jq -r .outcome) == drained ]]
	serve "$address"
}
