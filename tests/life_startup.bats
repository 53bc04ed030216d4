# A noded that cannot start says why in one line, and with which status.
# shellcheck shell=bash
load lib

# one_line STATUS WORDS ARGUMENT...: noded ends so, and leaves nothing at its path.
one_line() {
	local status=$1 words=$2
	shift 2
	run "-$status" --separate-stderr timeout 30 "$NODED" "$@"
	assert_output ""
	# shellcheck disable=SC2154
	[[ $(wc -l <<<"$stderr") == 1 ]]
	[[ $stderr == *"$words"* ]] || fail "$stderr"
}

@test "startup: what stands at the admin path is untouched, status 1" {
	echo precious >"$NODED_SOCKET"
	one_line 1 "a regular file is at $NODED_SOCKET" --socket "$NODED_SOCKET"
	[[ $(cat "$NODED_SOCKET") == precious ]]
	one_line 1 "no such directory" --socket "$T/missing/admin.sock"
	mkdir -m 0777 "$T/open"
	one_line 1 "no sticky bit" --socket "$T/open/admin.sock"
	[[ $(ls -A "$T/open") == "" ]]
}

@test "startup: usage errors are status 2" {
	one_line 2 "--drain" --socket "$NODED_SOCKET" --drain forever
	one_line 2 "--log-level" --socket "$NODED_SOCKET" --log-level loud
	one_line 2 "unexpected argument" --socket "$NODED_SOCKET" more
	one_line 2 "noded: " --socket tcp:127.0.0.1:0
	assert_not_exist "$NODED_SOCKET"
}
