# Ctrl-C while a drain is watched detaches: it says so, and the status is the signal's.

load lib.bash

progress='{"jsonrpc":"2.0","method":"progress","params":{"id":1,"phase":"draining","done":0,"total":1,"elapsed_ms":2000,"deadline_in_ms":60000}}'

setup() {
	setup_test
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" "$progress"
	wait_until 25 test -S "$NODED_SOCKET"
}

# interrupted SIGNAL STATUS ARGS: once the drain is under way. The output is in $T/out and $T/err.
interrupted() {
	local status=0
	# Not as a background job of this shell, which would ignore SIGINT for it.
	python3 -c '
import signal, subprocess, sys, time
out, err, name, *command = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
with open(out, "w") as stdout, open(err, "w") as stderr:
    child = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    deadline = time.monotonic() + 30
    while "draining" not in open(err).read() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(getattr(signal, name))
    sys.exit(child.wait(30) % 256)
' "$T/out" "$T/err" "$1" "$NODECTL" "${@:3}" || status=$?
	assert_equal "$status" "$2"
}

@test "SIGINT" {
	interrupted SIGINT 130 stop-server /x
	assert_equal "$(cat "$T/out")" ""
	assert_equal "$(tail -n 1 "$T/err")" \
		"nodectl: stop-server: interrupted; detached, the drain goes on (interrupted)"
}

@test "SIGTERM" {
	interrupted SIGTERM 143 shutdown
	assert_equal "$(tail -n 1 "$T/err")" \
		"nodectl: shutdown: interrupted; detached, the drain goes on (interrupted)"
}

@test "with --json there is one document" {
	interrupted SIGINT 130 -j stop-server /x
	assert_equal "$(jq -r .error.data.name "$T/out")" interrupted
}
