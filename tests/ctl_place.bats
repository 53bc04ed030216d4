# Where the admin socket is: one place, found alike by both programs, in a directory only we can
# enter.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

# A user that nobody is, with its own places.
setup() {
	setup_test
	((EUID == 0)) || skip "needs root to be somebody else"
	unset NODED_SOCKET
	USER_ID=$((60000 + BASHPID % 5000))
	DEFAULT=/tmp/noded-$USER_ID
	[[ ! -e $DEFAULT ]] || skip "$DEFAULT exists"
	install -m 755 "$NODED" "$T/noded"
	install -m 755 "$NODECTL" "$T/nodectl"
	# Reports of the sanitizers go here, whoever makes them.
	chmod 1777 "$T"
	install -d -m 700 -o "$USER_ID" "$T/run"
	SOMEBODY=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups)
}

teardown() {
	teardown_test
	[[ -z ${DEFAULT:-} ]] || rmdir "$DEFAULT" 2>/dev/null || true
}

nodectl() {
	"${SOMEBODY[@]}" "$T/nodectl" "$@"
}

# start_at PATH [VARIABLE=VALUE...]: noded without --socket as that user; the teardown looks for it
# at PATH.
start_at() {
	LOG=$T/log.$RANDOM
	: >"$LOG"
	(
		detach "$LOG"
		exec env "${@:2}" "${SOMEBODY[@]}" "$T/noded"
	) &
	adopt_noded "$!" "$1"
	wait_until 30 started
}

started() {
	has_log_lines 1 "running, admin socket" || has_ended "$NODED_PID"
}

# refused_at SENTENCE: noded without --socket ends with 1 and one line.
refused_at() {
	start_at none "${@:2}"
	ends_with 1
	assert_equal "$(wc -l <"$LOG")" 1
	grep -qF "$1" "$LOG" || fail "no \"$1\" in: $(cat "$LOG")"
}

@test "/tmp/noded-UID for a user without XDG_RUNTIME_DIR, 0700, the socket 0600" {
	start_at "$DEFAULT/admin.sock"
	assert_equal "$(stat -c '%a %u' "$DEFAULT")" "700 $USER_ID"
	assert_equal "$(stat -c '%a %u' "$DEFAULT/admin.sock")" "600 $USER_ID"
	says running state phase
	says "" shutdown
	wait_noded
	run --separate-stderr nodectl version
	assert_equal "$status" 3
	[[ $stderr == *"no socket at $DEFAULT/admin.sock; is noded running? (--socket, NODED_SOCKET)"* ]]
}

@test "XDG_RUNTIME_DIR comes before it" {
	start_at "$T/run/noded/admin.sock" "XDG_RUNTIME_DIR=$T/run"
	assert_equal "$(stat -c '%a %u' "$T/run/noded")" "700 $USER_ID"
	XDG_RUNTIME_DIR=$T/run says running state phase
	assert_not_exists "$DEFAULT"
	NODED_SOCKET='' XDG_RUNTIME_DIR=$T/run says running state phase
}

@test "NODED_SOCKET comes before that, --socket before all; a missing one is not made up for" {
	start_at "$T/run/own.sock" "XDG_RUNTIME_DIR=$T/run" "NODED_SOCKET=$T/run/own.sock"
	assert_not_exists "$T/run/noded"
	export XDG_RUNTIME_DIR=$T/run
	NODED_SOCKET=$T/run/own.sock says running state phase
	NODED_SOCKET=$T/none says running -s "$T/run/own.sock" state phase
	run nodectl version
	assert_failure 3
	assert_output --partial "no socket at $T/run/noded/admin.sock;"
	NODED_SOCKET=$T/run/own.sock run nodectl -s "$T/none" version
	assert_failure 3
	assert_output --partial "no socket at $T/none;"
}

@test "a directory of the default place that is not ours is refused, by both" {
	mkdir -m 755 "$DEFAULT"
	chown 1 "$DEFAULT"
	refused_at "$DEFAULT"
	run nodectl version
	assert_failure 5
	assert_output --partial "$DEFAULT"
	assert_output --partial "(permission_denied)"
	rmdir "$DEFAULT"
	ln -s "$T/run" "$DEFAULT"
	refused_at "$DEFAULT"
	assert_not_exists "$T/run/admin.sock"
	rm "$DEFAULT"
	: >"$DEFAULT"
	refused_at "$DEFAULT"
	rm "$DEFAULT"
}

@test "root's place is /run/noded" {
	SOMEBODY=(unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec "$0" "$@"')
	"${SOMEBODY[@]}" true 2>/dev/null || skip "no mount namespaces here"
	start_at none
	SOCKET_OF[$NODED_PID]=/proc/$NODED_PID/root/run/noded/admin.sock
	SOMEBODY=(nsenter --mount --target "$NODED_PID")
	says running state phase
	assert_equal "$(stat -c '%a %u' "/proc/$NODED_PID/root/run/noded")" "700 0"
	XDG_RUNTIME_DIR=$T/run says running state phase
}

@test "somebody else is told who owns what" {
	start_at "$DEFAULT/admin.sock"
	SOMEBODY=(setpriv --reuid 65534 --clear-groups)
	run nodectl -s "$DEFAULT/admin.sock" version
	assert_failure 5
	assert_output --partial "permission denied ($DEFAULT has owner $USER_ID:$USER_ID, mode 0700; you are nobody)"
	# Root may.
	SOMEBODY=()
	says running -s "$DEFAULT/admin.sock" state phase
}
