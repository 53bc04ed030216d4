# --timeout is the longest silence. A noded that does not move is silent; a drain that is reported
# is not, however long it takes.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

# A teardown after a failure finds noded stopped otherwise.
teardown() {
	kill -s CONT "$NODED_PID" 2>/dev/null || true
	clients_do quit >/dev/null 2>&1 || true
	teardown_test
}

# stopped: for wait_until; noded does not move.
stopped() {
	[[ $(ps -o state= -p "$NODED_PID") == T* ]]
}

@test "a noded that does not move: status 7 after the time-out, with a sentence" {
	nodectl start "$T/s.sock" >/dev/null
	kill -s STOP "$NODED_PID"
	wait_until 25 stopped
	run --separate-stderr nodectl -t 200ms version
	assert_equal "$status $output" "7 "
	assert_equal "$stderr" "nodectl: version: no answer for 200 ms (timeout)"
	run --separate-stderr nodectl -t 200ms suspend-server "$T/s.sock"
	assert_equal "$status" 7
	assert_equal "$stderr" \
		"nodectl: suspend-server: no answer for 200 ms; whether it was done is unknown (timeout)"
	run --separate-stderr nodectl -j -t 200ms list-servers
	assert_equal "$status" 7
	assert_equal "$(jq -r .error.data.name <<<"$output")" timeout
	# What was asked is done when it moves again.
	kill -s CONT "$NODED_PID"
	nodectl -q wait "$T/s.sock" phase --is suspended
}

@test "a drain longer than the time-out is waited for, since it is reported" {
	start_held "$T/s.sock"
	run --separate-stderr nodectl -t 2500ms stop-server "$T/s.sock" --deadline 3s
	assert_equal "$status" 0
	[[ $output =~ ^unix:.*\ stopped\ drained=0\ stopped=1\ killed=0\ ms=3[0-9]{3}$ ]]
	[[ $stderr =~ ^nodectl:\ unix:$T/s\.sock:\ draining,\ 1\ connection\ left,\ [0-9.]+\ s\ to\ the\ deadline$ ]]
}

@test "a noded that stops moving during a drain: status 7, and the drain goes on" {
	start_held "$T/s.sock"
	ask stop -t 1500ms stop-server "$T/s.sock"
	wait_until 25 is_draining "$T/s.sock"
	kill -s STOP "$NODED_PID"
	answered 7 "$ASKED"
	[[ $(tail -n 1 "$T/stop.log") == *"no answer for 1.5 s; a drain that has begun goes on (timeout)" ]]
	kill -s CONT "$NODED_PID"
	wait_until 25 is_draining "$T/s.sock"
	run clients_do 'echo still here'
	assert_output 1
	clients_do 'close 1' >/dev/null
	wait_until 25 is_gone "$T/s.sock"
}

@test "--timeout none waits as long as it takes" {
	kill -s STOP "$NODED_PID"
	wait_until 25 stopped
	ask version -t none -q state phase
	kill -s CONT "$NODED_PID"
	answered 0 "$ASKED"
}
