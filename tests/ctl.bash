# What the tests of both programs together share: servers with clients, failures, terminals.
# shellcheck shell=bash
source "${BASH_SOURCE[0]%/*}/lib.bash"

setup() {
	setup_test
	start_noded
}

# Clients leave first, so that the end of noded need not wait for them.
teardown() {
	local group
	for group in "$T"/clients.*; do
		[[ ! -S $group ]] || clients_do quit "$group" >/dev/null || true
	done
	teardown_test
}

# adopt_noded PID SOCKET: the teardown looks after a noded that start_noded could not start; its log
# is LOG.
adopt_noded() {
	NODED_PID=$1
	NODED_PIDS+=("$1")
	SOCKET_OF[$1]=$2 LOG_OF[$1]=$LOG
}

# says EXPECTED ARGS: status 0, exactly this on stdout, nothing on stderr.
says() {
	run --separate-stderr nodectl "${@:2}"
	assert_equal "$stderr" ""
	assert_equal "$status" 0
	assert_equal "$output" "$1"
}

# says_like PATTERN ARGS: the same with an extended regular expression.
says_like() {
	run --separate-stderr nodectl "${@:2}"
	assert_equal "$stderr" ""
	assert_equal "$status" 0
	[[ $output =~ ^$1$ ]] || fail "not like $1: $output"
}

# exits STATUS NAME ARGS: nothing on stdout, and one line on stderr that ends with the error's name;
# with --json the same status, and one document with the name on stdout.
exits() {
	run --separate-stderr nodectl "${@:3}"
	assert_equal "$status $output" "$1 "
	[[ $stderr =~ ^nodectl:\ [^$'\n']+:\ [^$'\n']+\ \("$2"\)$ ]] || fail "not ($2): $stderr"
	run --separate-stderr nodectl -j "${@:3}"
	assert_equal "$status" "$1"
	assert_equal "$(jq -r '(.error // .results[0].error).data.name' <<<"$output")" "$2"
}

# With one client that stays: NAME is the server's address, echo unless more ARGS of start tell.
start_held() {
	HELD=$(nodectl start "$@")
	connect_idle 1 "$HELD"
	"$NODECTL" -q wait "$HELD" connection_pool open --is 1
}

# is_draining ADDRESS: for wait_until.
is_draining() {
	state_is draining "transport.servers[$1].phase"
}

# is_gone ADDRESS: for wait_until; no such server any more.
is_gone() {
	[[ $(error_name state "{\"path\":\"transport.servers[$1]\"}") == no_such_path ]]
}

# ask NAME ARGS: nodectl in the background, its output in $T/NAME.log; ASKED is its pid.
ask() {
	background "$1" "$NODECTL" "${@:2}"
	ASKED=$BACKGROUND_PID
}

# answered STATUS PID: it ends within a minute, with this status.
answered() {
	local status=0
	wait_until 60 has_ended "$2" || return 1
	wait "$2" || status=$?
	assert_equal "$status" "$1"
}

# on_terminal COLUMNS ARGS: prints what a terminal of so many columns gets of nodectl.
on_terminal() {
	local status=0
	TERM=xterm python3 "$ROOT/tests/terminal.py" "$T/transcript" "$1" - "$NODECTL" "${@:2}" || status=$?
	sed 's/\r$//' "$T/transcript"
	return "$status"
}

# watch STDOUT ARGS: nodectl on a terminal of 80 columns in the background; what it gets is in
# $T/transcript, standard output there too for -. WATCHED is the pid.
watch() {
	: >"$T/transcript"
	background watch env TERM=xterm python3 "$ROOT/tests/terminal.py" "$T/transcript" 80 "$1" \
		"$NODECTL" "${@:2}"
	WATCHED=$BACKGROUND_PID
}

press_ctrl_c() {
	kill -s USR1 "$WATCHED"
}

# shown PATTERN: for wait_until; a terminal that is watched has got it.
shown() {
	grep -qE -- "$1" "$T/transcript"
}
