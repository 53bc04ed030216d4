# Which groups have which role, as the kernel tells; whose the socket is for that.
load trust.bash

@test "without options other users get nothing, whatever their groups" {
	start_noded
	chmod 0666 "$NODED_SOCKET"
	run -5 guest 0 "0,$CREW" state phase
	assert_output --partial "uid $GUEST has no role here: operate is for root (permission_denied)"
}

@test "--admin-group: its members observe, by their own group or a supplementary one" {
	start_noded --admin-group "$WATCHERS"
	assert_equal "$(state admin.group) $(state admin.operators)" "$WATCHERS null"
	assert_equal "$(stat -c %g:%a "$NODED_SOCKET")" "$WATCHERS:660"
	assert_equal "$(role_of "$WATCHERS" "")" observe
	assert_equal "$(role_of "$GUEST" "$WATCHERS")" observe
	assert_equal "$(role_of "$GUEST" "$CREW,$WATCHERS")" observe
	run -5 guest "$GUEST" "" state phase
	assert_output --partial "permission denied (owner root:$WATCHERS, mode 0660; you are $GUEST); its group may connect: uid $GUEST is not in it, and has no role here (permission_denied)"
}

@test "--operators: its members operate, by their own group or a supplementary one" {
	start_noded --operators "$CREW"
	assert_equal "$(state admin.group) $(state admin.operators)" "null $CREW"
	assert_equal "$(stat -c %g:%a "$NODED_SOCKET")" "$CREW:660"
	assert_equal "$(role_of "$CREW" "")" operate
	assert_equal "$(role_of "$GUEST" "$CREW")" operate
	run -5 guest "$GUEST" "$WATCHERS" state phase
	run -0 guest "$GUEST" "$CREW" set-log-level debug
}

@test "with both options each group reaches the socket without the other, and who is in both operates" {
	need_acls
	start_noded --admin-group "$WATCHERS" --operators "$CREW"
	assert_equal "$(stat -c %g:%a "$NODED_SOCKET")" "$WATCHERS:660"
	assert_equal "$(role_of "$WATCHERS" "")" observe
	assert_equal "$(role_of "$GUEST" "$WATCHERS")" observe
	assert_equal "$(role_of "$CREW" "")" operate
	assert_equal "$(role_of "$GUEST" "$CREW")" operate
	assert_equal "$(role_of "$WATCHERS" "$CREW")" operate
	assert_equal "$(role_of "$CREW" "$WATCHERS")" operate
	run -5 guest "$GUEST" "" state phase
	assert_equal "$(state admin.clients.0.role)" operate
}

@test "a client is in more groups than fit at once, and the last one counts" {
	start_noded --operators "$CREW"
	assert_equal "$(role_of "$GUEST" "$(seq -s, 40001 40900),$CREW")" operate
	assert_equal "$(role_of "$GUEST" "$CREW,$(seq -s, 10001 10900)")" operate
	chmod 0666 "$NODED_SOCKET"
	run -5 guest "$GUEST" "$(seq -s, 40001 40900)" state phase
	assert_output --partial "uid $GUEST has no role here: operate is for root, group $CREW (permission_denied)"
}

@test "the role is that of the moment of connecting" {
	start_noded --operators "$CREW"
	script <<-END
		from admin_client import *
		with as_user($GUEST, $GUEST, [$CREW]):
		    admin = Admin()
		expect(admin.state("admin.clients"), [{"id": admin.state("admin.clients.0.id"), "uid": $GUEST, "role": "operate"}])
		expect(admin.result("set_log_level", level="debug"), {"previous": "info"})
	END
}

@test "a group that does not exist is refused at the start, and so is a user" {
	local option
	for option in --admin-group --operators; do
		run -2 "$NODED" --socket "$NODED_SOCKET" "$option" "no such group"
		assert_output 'noded: there is no group "no such group"; see noded --help'
	done
	run -2 "$NODED" --socket "$NODED_SOCKET" --operators 4294967295
	run -2 "$NODED" --socket "$NODED_SOCKET" --operators ""
	assert_not_exists "$NODED_SOCKET"
}

@test "a group is known by its name too, looked up once at the start" {
	start_noded --operators daemon
	local gid
	gid=$(getent group daemon | cut -d: -f3)
	assert_equal "$(stat -c %g "$NODED_SOCKET")" "$gid"
	assert_equal "$(role_of "$GUEST" "$gid")" operate
	chmod 0666 "$NODED_SOCKET"
	run -5 guest "$GUEST" "" version
	assert_output --partial "operate is for root, group daemon (permission_denied)"
	# It looked before and does not look again.
	LAUNCH=(strace -D -f -qq -e "trace=openat,connect" -o "$T/trace")
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	NODED_SOCKET=$T/second.sock LOG=$T/second.log
	start_noded --operators daemon
	wait_until 25 grep -q '/etc/group' "$T/trace"
	: >"$T/trace"
	assert_equal "$(role_of "$GUEST" "$gid")" operate
	run grep -E '/etc/(group|passwd|nsswitch)|/nscd/|systemd/userdb' "$T/trace"
	assert_failure
}

@test "a user who is no member cannot give the socket to a group, and nothing is left of the attempt" {
	install -m 0755 "$NODED" "$T/bin/noded"
	mkdir "$T/own"
	chown "$GUEST" "$T/own"
	run -1 as "$GUEST" "$GUEST" "" "$T/bin/noded" --socket "$T/own/admin.sock" --operators "$CREW"
	assert_equal "${#lines[@]}" 1
	assert_output --partial "only root and members of group 34002 can give it to that group"
	assert_equal "$(ls -A "$T/own")" ""
}

@test "the default directory is opened to the groups, 0750, and no further" {
	need_acls
	install -m 0755 "$NODED" "$T/bin/noded"
	mkdir "$T/run"
	background noded env -u NODED_SOCKET XDG_RUNTIME_DIR="$T/run" \
		setpriv --reuid "$GUEST" --regid "$GUEST" --groups "$WATCHERS" "$T/bin/noded" \
		--admin-group "$WATCHERS" --operators "$CREW"
	wait_until 20 test -s "$T/noded.log"
	assert_equal "$(log_lines 'cannot create the directory' "$T/noded.log")" 1
	chown "$GUEST" "$T/run"
	background noded env -u NODED_SOCKET XDG_RUNTIME_DIR="$T/run" \
		setpriv --reuid "$GUEST" --regid "$GUEST" --groups "$WATCHERS" "$T/bin/noded" \
		--admin-group "$WATCHERS" --operators "$CREW"
	wait_until 20 grep -q running "$T/noded.log"
	assert_equal "$(stat -c %u:%g:%a "$T/run/noded" "$T/run/noded/admin.sock" | xargs)" \
		"$GUEST:$WATCHERS:750 $GUEST:$WATCHERS:660"
	NODED_SOCKET=$T/run/noded/admin.sock
	local other=34011
	assert_equal "$(as $other "$other" "$CREW" "$T/bin/nodectl" state admin.clients.0.role)" operate
	assert_equal "$(as $other "$other" "$WATCHERS" "$T/bin/nodectl" state admin.clients.0.role)" observe
	run -5 as $other $other "" "$T/bin/nodectl" state phase
	assert_output --partial "noded has owner $GUEST:$WATCHERS, mode 0750; you are $other); its group may connect (permission_denied)"
	end_background "$BACKGROUND_PID"
	assert_not_exists "$NODED_SOCKET"
}

# not_opened TEXT OPTIONS: noded, of which strace lets a call fail, ends with that and no socket.
not_opened() {
	run -1 env -u NODED_SOCKET XDG_RUNTIME_DIR="$T/run" \
		setpriv --reuid "$GUEST" --regid "$GUEST" --groups "$WATCHERS" \
		strace -qq -o /dev/null "${@:2}" "$T/bin/noded" --admin-group "$WATCHERS"
	assert_equal "${#lines[@]}" 1
	assert_output --partial "error node cannot start: $1"
	assert_equal "$(ls -A "$T/run/noded")" ""
}

@test "a default directory that cannot be looked at or opened to the groups ends the start" {
	# The sanitizers' leak check would trace, too.
	ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
	install -m 0755 "$NODED" "$T/bin/noded"
	mkdir "$T/run"
	chown "$GUEST" "$T/run"
	not_opened "directory $T/run/noded: Input/output error" \
		-P "$T/run/noded" -e 'trace=/^(newfstatat|lstat)$' -e 'inject=/^(newfstatat|lstat)$:error=EIO:when=1'
	not_opened "directory $T/run/noded: Input/output error" \
		-P "$T/run/noded" -e trace=openat -e inject=openat:error=EIO
	not_opened "cannot set the mode of $T/run/noded: Input/output error" \
		-e trace=fchmod -e inject=fchmod:error=EIO
	not_opened "directory $T/run/noded: " \
		-e 'trace=/^fchown(at)?$' -e 'inject=/^fchown(at)?$:error=EIO'
}

@test "a socket file that is made again is for the same groups" {
	need_acls
	start_noded --admin-group "$WATCHERS" --operators "$CREW"
	rm "$NODED_SOCKET"
	wait_until 25 test -S "$NODED_SOCKET"
	wait_until 25 guest "$CREW" "" version
	assert_equal "$(stat -c %g:%a "$NODED_SOCKET")" "$WATCHERS:660"
	assert_equal "$(role_of "$WATCHERS" "")" observe
	assert_log_lines 1 'admin running, listening again'
}

@test "where the second group cannot be let in, noded does not start and leaves nothing" {
	local inside='mount -t ramfs none "$1" && "$2" --socket "$1/admin.sock" --admin-group "$3" --operators "$4"
		echo "status $?"; ls -A "$1"'
	mkdir "$T/plain"
	unshare --mount mount -t ramfs none "$T/plain" 2>/dev/null ||
		skip "takes a mount namespace, and ramfs: a file system without ACLs"
	run unshare --mount sh -c "$inside" sh "$T/plain" "$NODED" "$WATCHERS" "$CREW"
	assert_equal "${#lines[@]}" 2
	assert_line --index 0 --partial "cannot let a second group, $CREW, in (it takes a file system with ACLs): Operation not supported"
	assert_line --index 1 "status 1"
}
