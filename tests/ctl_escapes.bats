# Control bytes in names that others chose never reach a terminal: not in tables, trees, logs or
# errors.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

setup() {
	setup_test
	start_noded --log-level debug
}

# connect_as NAME ADDRESS: a client whose own socket has that name, until the teardown. The address
# is relative to $T/foreign; C escapes are understood.
connect_as() {
	background peer python3 -c '
import os, socket, sys, time
os.chdir(sys.argv[1])
client = socket.socket(socket.AF_UNIX)
client.bind(os.fsencode(sys.argv[2]).decode("unicode_escape").encode("latin-1"))
client.connect(sys.argv[3])
print("connected", flush=True)
time.sleep(600)' "$T/foreign" "$1" "$2"
	wait_until 25 test -s "$T/peer.log"
}

@test "a peer's name" {
	nodectl start "$T/s.sock" >/dev/null
	connect_as '\x1b]0;pwned\x07\x9b\xff' "$T/s.sock"
	nodectl -q wait "$T/s.sock" connection_pool open --is 1
	local shown='unix:\x1b]0;pwned\x07\x9b\xff'
	says "PEER"$'\n'"$shown" list-connections --columns peer
	run nodectl -j list-connections
	assert_equal "$(jq -r '.connections[0].peer' <<<"$output")" "$shown"
	run on_terminal 80 state "$T/s.sock" connection_pool connections
	assert_output --partial "$shown"
	run nodectl close-connection "$(nodectl -q list-connections)"
	assert_success
	says "$shown" state "$T/s.sock" connection_pool last_closed 0 peer
	assert_log_lines 2 ', peer unix:\\x1b\]0;pwned\\x07\\x9b\\xff'
	run grep -cP '[\x00-\x08\x0b-\x1f\x7f-\xff]' "$LOG"
	assert_output 0
}

@test "what a program says on its standard error" {
	nodectl start "$T/s.sock" exec printf '%b' 'x' >/dev/null
	nodectl -q stop-server "$T/s.sock"
	nodectl start "$T/s.sock" exec sh -c 'printf "red\033[31m\a\n" >&2' >/dev/null
	connect_idle 1 "unix:$T/s.sock"
	wait_until 25 has_log_lines 1 'red\\x1b\[31m\\x07'
}

@test "errors" {
	local word=$'a\e[31m\nb'
	run --separate-stderr nodectl stop-server "$T/$word"
	assert_equal "$status" 2
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr == *'\x1b[31m\x0ab'* ]]
	run --separate-stderr nodectl state transport servers "$word"
	assert_equal "$status" 4
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr != *$'\e'* ]]
	run --separate-stderr nodectl "$word"
	assert_equal "$status" 2
	[[ $stderr == *'\x1b[31m\x0ab'* ]]
	run --separate-stderr nodectl -s "$T/none" call "$word"
	assert_equal "$status" 3
	run --separate-stderr nodectl -v call "$word"
	assert_equal "$status" 8
	[[ $stderr != *$'\e'* ]]
}
