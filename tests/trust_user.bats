# --user: root is given up for good once the admin sockets are bound, before any client is answered.
load trust.bash

# status_is KEY VALUE: a line of /proc/PID/status, blanks folded.
status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$NODED_PID/status" | xargs
}

# own_directory: where the guest may write, for sockets; NODED_SOCKET is in it.
own_directory() {
	mkdir "$T/own"
	chown "$GUEST:$GUEST" "$T/own"
	NODED_SOCKET=$T/own/admin.sock
}

# serve_program NAME: the shell script of its input, on $T/own/NAME.sock.
serve_program() {
	cat >"$T/bin/$1"
	result start "{\"address\":\"unix:$T/own/$1.sock\",\"handler\":{\"type\":\"exec\",\"argv\":[\"sh\",\"$T/bin/$1\"]}}" >/dev/null
}

@test "every id, every group and every capability is gone" {
	own_directory
	start_noded --user "$GUEST" --group 34012
	assert_equal "$(status_of Uid)" "$GUEST $GUEST $GUEST $GUEST"
	assert_equal "$(status_of Gid)" "34012 34012 34012 34012"
	assert_equal "$(status_of Groups)" ""
	local set
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		assert_equal "$(status_of "$set")" 0000000000000000
	done
	assert_equal "$(state phase)" running
	# A port below 1024 is not its own any more; the socket it cannot get leaves nothing.
	if (($(</proc/sys/net/ipv4/ip_unprivileged_port_start) > 7)); then
		assert_equal "$(error_name start '{"address":"tcp:127.0.0.1:7"}')" bind_denied
	fi
}

@test "a user of the system brings the groups it has there" {
	own_directory
	chown daemon "$T/own"
	start_noded --user daemon
	assert_equal "$(status_of Uid | cut -d' ' -f1)" "$(id -u daemon)"
	assert_equal "$(status_of Gid | cut -d' ' -f1)" "$(id -g daemon)"
	assert_equal "$(status_of Groups)" "$(id -G daemon)"
}

@test "--low-ports keeps the right to bind them and no other, for noded and not for its programs" {
	own_directory
	start_noded --user "$GUEST" --group "$GUEST" --low-ports
	local set
	for set in CapPrm CapEff CapBnd; do
		assert_equal "$(status_of "$set")" 0000000000000400
	done
	for set in CapInh CapAmb; do
		assert_equal "$(status_of "$set")" 0000000000000000
	done
	local port
	for port in 97 98 99 107 109; do
		result start "{\"address\":\"tcp:127.0.0.1:$port\"}" >/dev/null && break
	done
	[[ $(state transport.servers | jq length) == 1 ]]
	serve_program caps <<-'END'
		grep -E '^(Cap(Inh|Prm|Eff|Amb)|Uid|Gid):' /proc/self/status
	END
	run timeout 30 nc -U "$T/own/caps.sock" </dev/null
	assert_output - <<-END
		Uid:	$GUEST	$GUEST	$GUEST	$GUEST
		Gid:	$GUEST	$GUEST	$GUEST	$GUEST
		CapInh:	0000000000000000
		CapPrm:	0000000000000000
		CapEff:	0000000000000000
		CapAmb:	0000000000000000
	END
}

@test "the socket is that user's, who operates; so does root, and nobody else" {
	own_directory
	chmod 0755 "$T/own"
	start_noded --user "$GUEST" --group "$GUEST"
	assert_equal "$(stat -c %u:%a "$NODED_SOCKET")" "$GUEST:600"
	assert_equal "$(state process.user)" "$GUEST"
	assert_equal "$(role_of "$GUEST" "")" operate
	assert_equal "$(state admin.clients.0.role)" operate
	chmod 0666 "$NODED_SOCKET"
	run -5 as 34011 34011 "" "$T/bin/nodectl" state phase
	assert_output --partial "uid 34011 has no role here: operate is for root, uid $GUEST (permission_denied)"
}

@test "sockets are made again by that user, for the same groups, and go at the end" {
	need_acls
	own_directory
	start_noded --user "$GUEST" --group "$GUEST" --admin-group "$WATCHERS" --operators "$CREW" \
		--observe-socket "$T/own/observe.sock"
	assert_equal "$(status_of Groups)" "$WATCHERS"
	rm "$NODED_SOCKET" "$T/own/observe.sock"
	wait_until 25 nodectl version
	wait_until 25 nodectl --socket "$T/own/observe.sock" version
	assert_equal "$(stat -c %u:%g:%a "$NODED_SOCKET" "$T/own/observe.sock" | xargs)" \
		"$GUEST:$WATCHERS:660 $GUEST:$WATCHERS:660"
	assert_equal "$(as 34011 "$WATCHERS" "" "$T/bin/nodectl" state admin.clients.0.role)" observe
	assert_equal "$(as 34011 "$CREW" "" "$T/bin/nodectl" state admin.clients.0.role)" operate
	assert_log_lines 2 'warning'
	stop_noded
	assert_equal "$(ls -A "$T/own")" ""
}

@test "root starts again where such a noded was killed" {
	own_directory
	start_noded --user "$GUEST" --group "$GUEST"
	result start "{\"address\":\"unix:$T/own/a.sock\"}" >/dev/null
	kill_noded
	[[ -S $NODED_SOCKET ]]
	start_noded --user "$GUEST" --group "$GUEST"
	assert_log_lines 1 'info .*/admin.sock replaced a dead socket file of ours'
	result start "{\"address\":\"unix:$T/own/a.sock\"}" >/dev/null
	# As another user it is somebody else's.
	kill_noded
	run -1 "$NODED" --socket "$NODED_SOCKET" --user 34011 --group 34011
	assert_output --partial "a socket of another user (uid $GUEST) is at $NODED_SOCKET"
	rm "$NODED_SOCKET" "$T/own/a.sock"
}

@test "in a directory where the user may not write it says once that the file will stay" {
	start_noded --user "$GUEST" --group "$GUEST"
	assert_log_lines 1 "warning admin unix:$NODED_SOCKET: --user may not write in its directory"
	assert_log_lines 1 warning
	stop_noded
	[[ -S $NODED_SOCKET ]]
	# It is in nobody's way.
	start_noded --user "$GUEST" --group "$GUEST"
	assert_equal "$(state pid)" "$NODED_PID"
	stop_noded
	rm "$NODED_SOCKET"
}

@test "the default directory goes to the user" {
	mkdir "$T/run"
	# Root's is /run/noded, for tests of others to leave alone: a run of its own.
	unshare --mount true 2>/dev/null || skip "takes a mount namespace for a /run of its own"
	install -m 0755 "$NODED" "$T/bin/noded"
	background noded env -u NODED_SOCKET unshare --mount sh -c \
		'mount --bind "$1" /run && shift && exec "$@"' sh "$T/run" \
		"$T/bin/noded" --user "$GUEST" --group "$GUEST" --admin-group "$WATCHERS"
	wait_until 20 grep -q running "$T/noded.log"
	assert_equal "$(stat -c %u:%g:%a "$T/run/noded" "$T/run/noded/admin.sock" | xargs)" \
		"$GUEST:$WATCHERS:750 $GUEST:$WATCHERS:660"
	rm "$T/run/noded/admin.sock"
	wait_until 25 test -S "$T/run/noded/admin.sock"
	end_background "$BACKGROUND_PID"
	assert_not_exists "$T/run/noded/admin.sock"
	# And a second start finds it in order.
	background noded env -u NODED_SOCKET unshare --mount sh -c \
		'mount --bind "$1" /run && shift && exec "$@"' sh "$T/run" \
		"$T/bin/noded" --user "$GUEST" --group "$GUEST"
	wait_until 20 test -S "$T/run/noded/admin.sock"
	end_background "$BACKGROUND_PID"
}

@test "programs run as the user, cannot get back, and cannot trace noded" {
	own_directory
	start_noded --user "$GUEST" --group "$GUEST"
	serve_program id <<-'END'
		id -u
		id -g
		setpriv --reuid 0 true && echo back
		cat "/proc/$PPID/environ" && echo seen
	END
	run timeout 30 nc -U "$T/own/id.sock" </dev/null
	assert_output "$GUEST"$'\n'"$GUEST"
}

# Nothing is believed that a call says it has done.
@test "what was given up only in appearance, or cannot be looked at, ends the start" {
	local fault
	own_directory
	for fault in setgroups:retval=0 setresgid:retval=0 setresuid:retval=0 capset:retval=0 \
		getgroups:error=EPERM getresgid:error=EPERM getresuid:error=EPERM capget:error=EPERM; do
		run -1 env ASAN_OPTIONS="${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}" \
			strace -qq -o "$T/trace" -e "trace=${fault%%:*}" -e "inject=$fault" \
			"$NODED" --socket "$NODED_SOCKET" --user "$GUEST" --group "$GUEST" --low-ports
		grep -q INJECTED "$T/trace"
		assert_line --index -1 --partial "error node cannot start: cannot become user $GUEST, group $GUEST for good: Operation not permitted"
		refute_output --partial running
		# Half of it done, it may lack the right to remove its socket, and says so.
		rm -f "$NODED_SOCKET"
	done
}

@test "what cannot be given up ends the start, before anybody is answered" {
	local arguments
	while read -r arguments; do
		# shellcheck disable=SC2086 # words
		run -2 "$NODED" --socket "$NODED_SOCKET" $arguments
		assert_equal "${#lines[@]}" 1
	done <<-END
		--user no-such-user
		--user daemon --group no-such-group
		--user 34010
		--user root
		--user 0
		--user 4294967295 --group 1
		--user daemon --group root
		--user 34010 --group 0
		--group daemon
		--low-ports
	END
	install -m 0755 "$NODED" "$T/bin/noded"
	own_directory
	run -1 as "$GUEST" "$GUEST" "" "$T/bin/noded" --socket "$NODED_SOCKET" --user 34011 --group 34011
	assert_output --partial "only root can give it to user 34011"
	assert_equal "${#lines[@]}" 1
	assert_equal "$(ls -A "$T/own")" ""
	# The first prctl(2) of all may fail, as in a container; not the one that keeps a capability.
	run -1 env ASAN_OPTIONS="${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}" \
		strace -qq -o /dev/null -e trace=prctl -e inject=prctl:error=EPERM \
		"$NODED" --socket "$NODED_SOCKET" --user "$GUEST" --group "$GUEST" --low-ports
	assert_equal "${#lines[@]}" 1
	assert_output --partial "cannot keep a capability: Operation not permitted"
	# Root, but without the right to become somebody else.
	setpriv --bounding-set -setuid true 2>/dev/null || return 0
	run -1 setpriv --bounding-set -setuid "$NODED" --socket "$NODED_SOCKET" --user "$GUEST" --group "$GUEST"
	assert_equal "${#lines[@]}" 1
	assert_output --partial "cannot become user $GUEST, group $GUEST for good: Operation not permitted"
	assert_equal "$(ls -A "$T/own")" ""
}
