# Without a noded behind the socket the status is 3, and the sentence tells what is there instead.

load lib.bash

# unreachable STATUS SENTENCE
unreachable() {
	run --separate-stderr nodectl version
	assert_equal "$status" "$1"
	assert_equal "$output" ""
	assert_equal "$stderr" "nodectl: version: $2"
}

@test "no socket" {
	unreachable 3 "no socket at $NODED_SOCKET; is noded running? (--socket, NODED_SOCKET) (no_noded)"
	NODED_SOCKET=$T/no/such/directory
	unreachable 3 "no socket at $NODED_SOCKET; is noded running? (--socket, NODED_SOCKET) (no_noded)"
}

@test "a stale socket" {
	NODED_SOCKET=$T/foreign/stale
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$NODED_SOCKET"
	unreachable 3 "$NODED_SOCKET exists but nobody listens (stale); start noded (no_noded)"
	assert_exists "$NODED_SOCKET"
}

@test "not a socket" {
	: >"$NODED_SOCKET"
	unreachable 3 "$NODED_SOCKET is not a socket (no_noded)"
	NODED_SOCKET=$T
	unreachable 3 "$NODED_SOCKET is not a socket (no_noded)"
	mkfifo "$T/fifo"
	NODED_SOCKET=$T/fifo
	unreachable 3 "$NODED_SOCKET is not a socket (no_noded)"
}

@test "a datagram socket" {
	NODED_SOCKET=$T/foreign/datagram
	background datagram socat -u "UNIX-RECV:$NODED_SOCKET" STDOUT
	wait_until 25 test -S "$NODED_SOCKET"
	unreachable 3 "$NODED_SOCKET is a socket of another kind, not noded's (no_noded)"
}

@test "permission denied: the socket, or its directory" {
	((EUID == 0)) || skip "needs root to be somebody else"
	mkdir "$T/d"
	NODED_SOCKET=$T/d/admin.sock
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET"
	wait_until 25 test -S "$NODED_SOCKET"
	chmod 755 "$T" "$T/d"
	chmod 600 "$NODED_SOCKET"
	cp "$NODECTL" "$T/nodectl"
	NODECTL=(setpriv --reuid 65534 --clear-groups "$T/nodectl")
	nodectl() { "${NODECTL[@]}" "$@"; }
	unreachable 5 "$NODED_SOCKET: permission denied (owner root:root, mode 0600; you are nobody); uid 65534 has no role here: operate is for root (permission_denied)"
	chown 34001 "$NODED_SOCKET"
	unreachable 5 "$NODED_SOCKET: permission denied (owner 34001:root, mode 0600; you are nobody); uid 65534 has no role here: operate is for root, 34001 (permission_denied)"
	# Its owner has one, whatever keeps it out.
	chown 65534 "$NODED_SOCKET"
	chmod 000 "$NODED_SOCKET"
	unreachable 5 "$NODED_SOCKET: permission denied (owner nobody:root, mode 0000; you are nobody) (permission_denied)"
	chmod 700 "$T/d"
	unreachable 5 "$NODED_SOCKET: permission denied ($T/d has owner root:root, mode 0700; you are nobody) (permission_denied)"
}

@test "--socket wins over NODED_SOCKET, and the one that counts is named" {
	run nodectl -s "$T/other" version
	assert_failure 3
	assert_output --partial "no socket at $T/other;"
	cd "$T"
	run nodectl --socket=./relative version
	assert_output --partial "no socket at $T/relative;"
}

@test "without either the user's own place is named" {
	((EUID == 0)) || skip "the places of root are what is tested"
	unset NODED_SOCKET
	run nodectl version
	[[ $status == 3 || $status == 0 ]]
	[[ $status == 0 ]] || assert_output --partial "/run/noded/admin.sock"
	run env XDG_RUNTIME_DIR="$T" setpriv --reuid 65534 --clear-groups "$NODECTL" version
	[[ $output == *"$T/noded/admin.sock"* || $output == *"ermission denied"* ]]
}

@test "a full backlog does not hang connect" {
	NODED_SOCKET=$T/foreign/full
	background full python3 -c '
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + ".new")
listener.listen(0)
waiting = socket.socket(socket.AF_UNIX)
waiting.connect(sys.argv[1] + ".new")
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)' "$NODED_SOCKET"
	wait_until 25 test -S "$NODED_SOCKET"
	run nodectl -t 300ms version
	assert_failure 7
	assert_output --partial "nothing was sent"
}

@test "wait tries again until noded is there" {
	background waiting "$NODECTL" wait phase --is running --timeout 60s
	local pid=$BACKGROUND_PID
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" \
		'{"jsonrpc":"2.0","id":ID,"result":{"path":"phase","value":"running","elapsed_ms":0}}'
	wait_until 30 has_ended "$pid"
	assert_equal "$(cat "$T/waiting.log")" running
}

@test "wait gives up when its time is over, and with 0 looks once" {
	run nodectl wait phase --is running --timeout 100ms
	assert_failure 3
	run nodectl wait phase --is running --timeout 0
	assert_failure 3
}
