# tests/leakcheck passes what is true and names what is not: shown with a stand-in for noded.
# shellcheck shell=bash
load lib

export LEAKCHECK_PATIENCE=0.3

# look LIE: what leakcheck says about a noded that tells this lie.
look() {
	background fake python3 "$ROOT/tests/fake_noded.py" "$T/foreign/fake.sock" "$1"
	wait_until 30 test -S "$T/foreign/fake.sock"
	run "$ROOT/tests/leakcheck" "$BACKGROUND_PID" "$T/foreign/fake.sock"
	end_background "$BACKGROUND_PID"
	rm "$T/foreign/fake.sock"
}

@test "leakcheck: the truth passes in silence" {
	look none
	assert_success
	assert_output ""
}

@test "leakcheck: each lie is found" {
	local lie
	while IFS='|' read -r lie sentence; do
		look "$lie"
		assert_failure 1
		assert_output --regexp "$sentence"
	done <<'EOT'
pid|state is of pid [0-9]+, not of [0-9]+
fds|process.fds is [0-9]+, the kernel has [0-9]+
deleted|is of a deleted file: .*\(deleted\)
file|is of an unexpected file: /etc/passwd
child|process.children is 0, the kernel has [0-9]+ \(sleep\)
zombie|zombie [0-9]+ \(true\) is not reaped
socket|3 sockets do not listen; state accounts for 1
listener|server tcp:127.0.0.1:9: listener's descriptor [0-9]+ does not listen
pool|transport.connection_pool.open is 3, the servers' together 0
connection|1 sockets do not listen; state accounts for 2
exec|exec servers have 1 connections, but 0 children live
EOT
}

@test "leakcheck: a path with a newline makes no row of /proc/net/unix unreadable" {
	background strange python3 -c 'import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/a\nb: \nc")
listener.listen()
time.sleep(600)' "$T/foreign"
	wait_until 30 test -S "$T/foreign/a"$'\n'"b: "$'\n'c
	look none
	assert_success
}

@test "leakcheck: nobody at the socket is a failure" {
	run "$ROOT/tests/leakcheck" $$ "$T/nobody.sock"
	assert_failure 1
	assert_output --partial "$T/nobody.sock: "
}
