# The teardown every test has finds what noded left behind: shown by tests that leave something.
# shellcheck shell=bash disable=SC2016 # the bodies of those tests
load lib

# nested BODY: runs a test of that body in a bats of its own.
nested() {
	printf 'load "%s/tests/lib"\n@test nested {\n%s\n}\n' "$ROOT" "$1" >"$T/nested.bats"
	LEAKCHECK_PATIENCE=0.5 run bats --tap "$T/nested.bats"
}

@test "teardown: a test that leaves nothing passes" {
	nested 'start_noded
		[[ -S $NODED_SOCKET ]]
		[[ $(result version | jq .pid) == "$NODED_PID" ]]'
	assert_success
	assert_line "ok 1 nested"
}

@test "teardown: a noded the test stopped itself is not stopped again" {
	nested 'start_noded
		stop_noded'
	assert_success
}

@test "teardown: a socket file left behind is found" {
	nested 'start_noded
		python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$T/left.sock"'
	assert_failure
	assert_output --regexp 'socket left behind: /tmp/nd\.[^/]+/left\.sock'
}

@test "teardown: a noded that was killed is found" {
	nested 'start_noded
		kill -KILL "$NODED_PID"'
	assert_failure
	assert_output --partial "ended with status 137"
}

@test "teardown: a sanitizer's report is found" {
	nested 'echo "==1==ERROR: AddressSanitizer: heap-use-after-free" >"$T/sanitizer.1"'
	assert_failure
	assert_output --partial "sanitizer report"
}

@test "teardown: clients that are still connected are no fault" {
	nested 'start_noded
		address=$(result start "{\"address\":\"unix:$T/echo.sock\"}" | jq -r .server.address)
		connect_idle 20 "$address"
		clients_open 20
		[[ $(clients_do "echo hello") == 20 ]]
		[[ $(clients_do "reset 5") == 15 ]]
		wait_until 25 clients_open 15
		wait_until 25 state_is 15 transport.connection_pool.open'
	assert_success
}

# jq calls no input at all a success.
@test "requests: one that is not answered fails" {
	background mute python3 -c 'import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    listener.accept()[0].close()' "$T/foreign/mute.sock"
	NODED_SOCKET=$T/foreign/mute.sock
	wait_until 30 listening "unix:$NODED_SOCKET"
	run ! result version
	run ! error_name version
	run ! state pid
}

@test "requests: a server that does not start fails" {
	load life
	start_noded
	run ! serve tcp:nonsense:1
	assert_output --partial address_invalid
}

@test "teardown: when noded cannot start, its log is shown" {
	nested 'start_noded --no-such-option'
	assert_failure
	assert_output --partial "noded did not become ready; its log:"
	assert_output --partial "no-such-option"
}
