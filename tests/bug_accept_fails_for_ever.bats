# A rule of a security module lets accept(2) fail for as long as it stands, while the client stays in
# the queue. noded took EPERM for an error of that one client and asked again at once, for ever, at
# the price of a processor; a stop with --force even hung in it. EACCES it took for the death of the
# listener, which it opened anew for each client, with two lines each.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	expect_tracer
	start_noded
}

accepts() {
	grep -c '^accept4' "$T/strace.log" || true
}

@test "accept fails for ever as for one client: noded asks now and then, and says nothing" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	inject accept4:error=EPERM
	connect_idle 1 "$address"
	wait_until 30 accepted_at_least 200
	wait_until 30 asks_at_most 3000
	end_inject
	[[ $(clients_do "echo served") == 1 ]]
	# A call during which the tracer leaves fails with ENOSYS: that is no doing of noded's.
	assert_log_lines 0 'accepting pauses: [^F]'
	assert_log_lines 0 ' error '
}

# asks_at_most N: for wait_until, in a window of a second; one that spins does so in each of them.
asks_at_most() {
	local before began passed
	before=$(accepts) began=${EPOCHREALTIME/./}
	sleep 1
	passed=$((${EPOCHREALTIME/./} - began))
	((($(accepts) - before) * 1000000 / passed <= $1))
}

accepted_at_least() {
	(($(accepts) >= $1))
}

@test "accept fails for ever as for one client: the server can be stopped all the same" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"kill_ms":100')
	# The session is one of before: the admin socket cannot accept either.
	mkfifo "$T/requests"
	background session bash -c 'nc -N -U "$NODED_SOCKET" <"$1"' - "$T/requests"
	exec 8>"$T/requests"
	await_path admin.sessions '"at_least":2'
	inject accept4:error=EPERM
	connect_idle 1 "$address"
	wait_until 30 accepted_at_least 200
	echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop_server\",\"params\":{\"address\":\"$address\",\"force\":true}}" >&8
	wait_until 30 grep -q '"outcome":"drained"' "$T/session.log"
	exec 8>&-
	end_inject
	clients_open 0
}

@test "accept fails for ever for another reason: the listener is kept, with one line in and one out" {
	local address error
	address=$(serve tcp:127.0.0.1:0)
	for error in EACCES EINVAL; do
		: >"$LOG"
		inject "accept4:error=$error"
		connect_idle 1 "$address"
		wait_until 30 has_log_lines 1 "warn.*$address accepting pauses"
		end_inject
		[[ $(clients_do "echo served") == 1 ]]
		wait_until 30 has_log_lines 1 "$address accepting again: [0-9]+ times in vain"
		assert_log_lines 2 .
		rm "$T/strace.log"
	done
	[[ $(at "$address" restarts) == 0 ]]
}
