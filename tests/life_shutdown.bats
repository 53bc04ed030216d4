# The end of noded by request.
# shellcheck shell=bash disable=SC2034
load lib
load life

setup() {
	setup_test
	start_noded
}

# drains ADDRESS: waits until it does; waits in noded are refused by now.
drains() {
	wait_until 30 state_is draining "transport.servers[$1].phase"
}

ended() {
	wait_noded
}

@test "shutdown: answered when every server has stopped, then the connection and noded end" {
	serve "$T/s.sock"
	serve tcp:127.0.0.1:0
	run rpc shutdown
	[[ $(jq -c '.result | del(.elapsed_ms)' <<<"$output") == \
		'{"servers":2,"drained":0,"stopped":0,"killed":0}' ]]
	ended
	assert_not_exist "$T/s.sock"
	assert_not_exist "$NODED_SOCKET"
}

@test "shutdown: connections may end by themselves, all servers at once" {
	local address
	serve "$T/s.sock"
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 2 "$T/s.sock"
	local first=$CLIENTS
	connect_idle 3 "$address"
	ask down shutdown '{}'
	drains "$T/s.sock"
	drains "$address"
	[[ $(clients_do "echo still here") == 3 ]]
	[[ $(clients_do "echo still here" "$first") == 2 ]]
	clients_do quit
	wait_until 30 is_gone "$address"
	has_answer down && fail "answered before the end"
	clients_do quit "$first"
	[[ $(answer down | jq -c '[.servers, .drained, .stopped]') == '[2,5,0]' ]]
	ended
}

is_gone() {
	[[ $(error_name state "{\"path\":\"$1\"}") == no_such_path ]]
}

@test "shutdown: start, resume and update are refused, everything else answers, waits are cancelled" {
	serve "$T/s.sock"
	serve "$T/asleep.sock"
	connect_idle 1 "$T/s.sock"
	ask waiting wait '{"path":"phase","equals":"stopped"}'
	ask stop stop_server "{\"address\":\"$T/s.sock\"}"
	await "$T/s.sock" phase '"equals":"draining"'
	ask down shutdown '{}'
	wait_until 30 state_is draining phase
	[[ $(answer waiting | jq -r .error.data.name) == cancelled ]]
	[[ $(error_name start "{\"address\":\"$T/t.sock\"}") == shutting_down ]]
	[[ $(error_name resume_server "{\"address\":\"$T/s.sock\"}") == shutting_down ]]
	[[ $(error_name update_server "{\"address\":\"$T/s.sock\",\"drain_ms\":5}") == shutting_down ]]
	[[ $(result version | jq .pid) == "$NODED_PID" ]]
	[[ $(result list_connections | jq .total) == 1 ]]
	[[ $(state transport.phase) == draining ]]
	[[ $(result set_log_level '{"level":"info"}' | jq -r .previous) == info ]]
	assert_not_exist "$T/t.sock"
	clients_do quit
	[[ $(answer stop | jq -r .outcome) == drained ]]
	[[ $(answer down | jq .drained) == 1 ]]
	ended
}

@test "shutdown: a server drains for its own drain_ms, if that is shorter" {
	local first
	serve "$T/short.sock" '"drain_ms":100'
	serve "$T/long.sock" '"drain_ms":600000'
	connect_idle 1 "$T/short.sock"
	first=$CLIENTS
	connect_idle 1 "$T/long.sock"
	await_path transport.connection_pool.open '"equals":2'
	ask down shutdown '{"deadline_ms":60000}'
	wait_until 30 clients_open 0 "$first"
	clients_open 1
	[[ $(at "$T/long.sock" phase) == draining ]]
	(($(at "$T/long.sock" deadline_in_ms) > 50000))
	clients_do quit
	[[ $(answer down | jq -c '[.drained, .stopped]') == '[1,1]' ]]
	ended
}

@test "shutdown: its deadline holds for servers that would drain longer" {
	serve "$T/long.sock" '"drain_ms":600000'
	connect_idle 2 "$T/long.sock"
	await_path transport.connection_pool.open '"equals":2'
	[[ $(result shutdown '{"deadline_ms":300}' | jq -c '[.drained, .stopped, .elapsed_ms >= 300]') == \
		'[0,2,true]' ]]
	clients_open 0
	ended
}

@test "shutdown: forced it does not wait" {
	serve "$T/s.sock"
	connect_idle 2 "$T/s.sock"
	await_path transport.connection_pool.open '"equals":2'
	[[ $(result shutdown '{"force":true}' | jq .stopped) == 2 ]]
	clients_open 0
	ended
}

@test "shutdown: a second one joins and may force" {
	serve "$T/s.sock"
	connect_idle 2 "$T/s.sock"
	await_path transport.connection_pool.open '"equals":2'
	ask first shutdown '{}'
	drains "$T/s.sock"
	[[ $(result shutdown '{"force":true}' | jq .stopped) == 2 ]]
	[[ $(answer first | jq .stopped) == 2 ]]
	ended
}

@test "shutdown: a new noded can start as soon as the old one's client sees the end, 10 times" {
	local i
	for ((i = 0; i < 10; i++)); do
		serve "$T/s.sock" >/dev/null
		rpc shutdown >/dev/null
		# nc has seen the end of file; the old one may still be on its way out.
		start_noded
		[[ $(result version | jq .pid) == "$NODED_PID" ]]
	done
	# The old ones left the paths of the new ones alone.
	serve "$T/s.sock"
	assert_log_lines 0 "dead socket"
	for i in "${NODED_PIDS[@]}"; do
		[[ $i == "$NODED_PID" ]] || wait "$i"
		[[ $i == "$NODED_PID" ]] || STATUS_OF["$i"]=0
	done
	listening "$T/s.sock"
}

@test "shutdown: while a stop and a suspension are under way" {
	serve "$T/a.sock"
	serve "$T/b.sock" '"max_connections":1'
	connect_idle 1 "$T/a.sock"
	local first=$CLIENTS
	connect_idle 3 "$T/b.sock"
	await "$T/b.sock" listener.why '"equals":"full"'
	ask stop stop_server "{\"address\":\"$T/a.sock\"}"
	ask suspend suspend_server "{\"address\":\"$T/b.sock\"}"
	await "$T/a.sock" phase '"equals":"draining"'
	await "$T/b.sock" listener.phase '"equals":"draining"'
	ask down shutdown '{}'
	wait_until 30 state_is draining phase
	clients_do quit
	clients_do quit "$first"
	[[ $(answer stop | jq -r .outcome) == drained ]]
	answer down
	ended
}
