# Standard output that cannot be written is noticed; a reader that is gone ends nodectl.

load lib.bash

@test "a full disk is status 1 with the reason" {
	run --separate-stderr bash -c '"$NODECTL" help >/dev/full'
	assert_equal "$status" 1
	assert_equal "$stderr" \
		"nodectl: output: cannot write standard output: No space left on device (io_error)"
}

@test "a closed standard output is status 1" {
	run --separate-stderr bash -c '"$NODECTL" -n version >&-'
	assert_equal "$status" 1
	[[ $stderr == *"cannot write standard output: Bad file descriptor"* ]]
}

@test "without standard streams nothing goes to the wrong place" {
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" \
		'{"jsonrpc":"2.0","id":ID,"result":{"path":"a","value":1}}'
	wait_until 25 test -S "$NODED_SOCKET"
	run bash -c '"$NODECTL" state a <&- >&- 2>&-'
	assert_equal "$status" 1
	run bash -c '"$NODECTL" state a <&-'
	assert_success
	assert_output 1
}

@test "a closed pipe ends nodectl by SIGPIPE, also where that was ignored" {
	run bash -c '"$NODECTL" help | true; exit "${PIPESTATUS[0]}"'
	[[ $status == 141 || $status == 0 ]]
	run python3 -c '
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
for restore in (True, False):
    print(subprocess.run([sys.argv[1], "help"], stdout=writer, restore_signals=restore).returncode)
' "$NODECTL"
	assert_output $'-13\n-13'
}

@test "help on a failed standard output is no success" {
	run bash -c '"$NODECTL" completion bash >/dev/full 2>/dev/null'
	assert_failure 1
}
