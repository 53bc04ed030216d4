# Out of descriptors: accepting pauses, with one line in and one out, and administration goes on.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

# leave N: lets noded open N descriptors more; its soft limit only, so that it can be raised again.
leave() {
	prlimit --pid "$NODED_PID" --nofile=$(($(fds) + $1)):
}

restore() {
	prlimit --pid "$NODED_PID" --nofile="$(prlimit --pid "$NODED_PID" --nofile --output HARD --noheadings | tr -d ' ')":
}

@test "descriptors: the listener is suspended, the server runs, and it comes back by itself" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	leave 3
	connect_idle 10 "$address"
	await "$address" listener.why '"equals":"fd_limit"'
	[[ $(at "$address" listener.phase) == suspended ]]
	[[ $(at "$address" phase) == running ]]
	[[ $(at "$address" connection_pool.open) -lt 10 ]]
	restore
	await "$address" connection_pool.open '"equals":10'
	[[ $(clients_do "echo hello") == 10 ]]
	wait_until 30 has_log_lines 1 "accepting again"
	assert_log_lines 1 "warn.*$address accepting pauses: Too many open files"
	assert_log_lines 1 "info.*$address accepting again: [0-9]+ times out of descriptors"
	assert_log_lines 4 .
}

@test "descriptors: a place that comes free is taken without waiting for the pause" {
	local address first
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 4 "$address"
	first=$CLIENTS
	await "$address" connection_pool.open '"equals":4'
	leave 0
	connect_idle 2 "$address"
	await "$address" listener.why '"equals":"fd_limit"'
	clients_do "close 2" "$first"
	await "$address" connection_pool.total '"equals":6'
	[[ $(clients_do "echo hello") == 2 ]]
	restore
}

@test "descriptors: an episode of many pauses costs two lines" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	leave 0
	connect_idle 3 "$address"
	await "$address" listener.why '"equals":"fd_limit"'
	# Two pauses of a second later it is still the same episode.
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":2200}') == timeout ]]
	assert_log_lines 3 .
	restore
	wait_until 30 has_log_lines 1 "accepting again: ([3-9]|[1-9][0-9]+) times"
	assert_log_lines 4 .
}

@test "descriptors: administration works when connections have taken every other" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	leave 5
	connect_idle 30 "$address"
	await "$address" listener.why '"equals":"fd_limit"'
	[[ $(result version | jq .pid) == "$NODED_PID" ]]
	serve "$T/more.sock"
	serve tcp:127.0.0.1:0
	stop "$T/more.sock"
	assert_not_exist "$T/more.sock"
	# Suspending serves those who wait, so it takes until there is room.
	ask suspend suspend_server "{\"address\":\"$address\"}"
	await "$address" listener.phase '"equals":"draining"'
	restore
	clients_do quit
	[[ $(answer suspend | jq -r .server.phase) == suspended ]]
}

@test "descriptors: a server is stopped while it is short of them" {
	local address
	address=$(serve "$T/s.sock")
	leave 1
	connect_idle 6 "$address"
	await "$address" listener.why '"equals":"fd_limit"'
	run stop "$address" '"force":true'
	[[ $(jq '.refused_at_stop + .accepted_at_stop > 0' <<<"$output") == true ]]
	[[ $(jq '.stopped + .drained + .refused_at_stop' <<<"$output") == 6 ]]
	clients_open 0
	restore
}

@test "descriptors: ENFILE, ENOBUFS and ENOMEM are the same" {
	local address error
	for error in ENFILE ENOBUFS ENOMEM; do
		address=$(serve tcp:127.0.0.1:0)
		inject "accept4:error=$error"
		ask visit version '{}'
		connect_idle 1 "$address"
		await_short "$address"
		end_inject
		await "$address" connection_pool.open '"equals":1'
		[[ $(answer visit | jq .pid) == "$NODED_PID" ]] || fail "$(cat "$T/visit.log")"
		clients_do quit
		stop "$address"
	done
}

# The admin socket cannot accept either: the log tells.
await_short() {
	wait_until 30 has_log_lines 1 "warn.*$1 accepting pauses"
}

@test "descriptors: passing errors of accept are counted and say nothing" {
	local address error aborted
	address=$(serve tcp:127.0.0.1:0)
	for error in ECONNABORTED EPROTO ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH EOPNOTSUPP \
		ENETUNREACH EPERM ETIMEDOUT EINTR; do
		inject "accept4:error=$error:when=1..2"
		connect_idle 1 "$address"
		[[ $(clients_do "echo $error") == 1 ]]
		end_inject
		clients_do quit
		rm -f "$T/strace.log"
	done
	aborted=$(at "$address" listener.aborted)
	((aborted >= 2 * 11))
	assert_log_lines 2 .
}
