# Who asks for a stop does not own it: callers go away, join, shorten.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
	A=$(serve tcp:127.0.0.1:0)
	connect_idle 3 "$A"
	await "$A" connection_pool.open '"equals":3'
}

# draining [MEMBERS]: begins a stop with a minute to drain.
draining() {
	ask first stop_server "{\"address\":\"$A\",\"deadline_ms\":${1:-60000}}"
	await "$A" phase '"equals":"draining"'
}

left_ms() {
	at "$A" deadline_in_ms
}

@test "callers: one that goes away changes nothing" {
	draining
	kill -KILL "$ASKED_PID"
	wait_until 25 has_ended "$ASKED_PID"
	await_path admin.sessions '"at_most":1'
	[[ $(at "$A" phase) == draining ]]
	[[ $(clients_do "echo still here") == 3 ]]
	clients_do quit
	await_path "transport.servers[$A]" '"absent":true'
	assert_log_lines 1 "stopped: requested, drained=3 stopped=0 killed=0"
	assert_log_lines 3 .
}

@test "callers: a second one joins and hears the same" {
	draining
	ask second stop_server "{\"address\":\"$A\"}"
	await_path admin.sessions '"at_least":3'
	clients_do "close 1"
	await "$A" connection_pool.open '"equals":2'
	clients_do quit
	[[ $(answer first | jq -c 'del(.elapsed_ms)') == "$(answer second | jq -c 'del(.elapsed_ms)')" ]]
	[[ $(answer first | jq .drained) == 3 ]]
	assert_log_lines 3 .
}

@test "callers: a second one may shorten, never lengthen" {
	draining 20000
	ask longer stop_server "{\"address\":\"$A\",\"deadline_ms\":600000}"
	await_path admin.sessions '"at_least":3'
	(($(left_ms) <= 20000))
	ask shorter stop_server "{\"address\":\"$A\",\"deadline_ms\":200}"
	[[ $(answer first | jq -c '[.outcome, .stopped]') == '["stopped",3]' ]]
	[[ $(answer longer | jq -c '[.outcome, .stopped]') == '["stopped",3]' ]]
	[[ $(answer shorter | jq -c '[.outcome, .stopped]') == '["stopped",3]' ]]
}

@test "callers: a second one may force" {
	draining
	[[ $(stop "$A" '"force":true' | jq -c '[.outcome, .stopped]') == '["stopped",3]' ]]
	[[ $(answer first | jq -c '[.outcome, .stopped]') == '["stopped",3]' ]]
}

@test "callers: one that does not wait is answered at once" {
	run stop "$A" '"wait":false,"deadline_ms":60000'
	assert_output "{\"address\":\"$A\",\"phase\":\"draining\",\"connections\":3}"
	[[ $(stop "$A" '"wait":false' | jq -r .phase) == draining ]]
	clients_do quit
	await_path "transport.servers[$A]" '"absent":true'
}

@test "callers: not waiting for a server without connections" {
	serve "$T/s.sock"
	stop "$T/s.sock" '"wait":false'
	await_path "transport.servers[$T/s.sock]" '"absent":true'
	assert_not_exist "$T/s.sock"
}

@test "callers: one that half-closes is still answered" {
	# raw half-closes right after the request.
	printf '%s\n' "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"stop_server\",\"params\":{\"address\":\"$A\",\"deadline_ms\":500}}" |
		timeout 60 nc -N -U "$NODED_SOCKET" >"$T/reply"
	[[ $(jq -c '[.id, .result.stopped]' "$T/reply") == '[7,3]' ]]
}
