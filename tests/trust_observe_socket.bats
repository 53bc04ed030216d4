# --observe-socket: a second admin socket where nobody does more than look.
load trust.bash

# watching ARGS: nodectl on that socket.
watching() {
	nodectl --socket "$T/observe.sock" "$@"
}

@test "there everybody observes, root too" {
	start_noded --observe-socket "$T/observe.sock"
	assert_equal "$(stat -c %a "$T/observe.sock")" 600
	assert_equal "$(watching state phase)" running
	assert_equal "$(watching state admin.observe.clients | jq -c 'map(.role)')" '["observe"]'
	run -5 watching set-log-level debug
	assert_output "nodectl: set-log-level: set_log_level takes the role operate, and uid 0 has observe, as everybody on this socket: operate is for root, on the admin socket (permission_denied)"
	assert_equal "$(nodectl state log.level)" info
	run -0 nodectl set-log-level info
	assert_equal "$(state admin.observe.address)" "unix:$T/observe.sock"
	assert_equal "$(state admin.observe.sessions)" 0
}

@test "without the option there is none, and state says so" {
	start_noded
	assert_equal "$(state admin.observe)" null
}

@test "it is for the groups of the admin socket; whom its mode lets in otherwise may look too" {
	need_acls
	start_noded --observe-socket "$T/observe.sock" --admin-group "$WATCHERS" --operators "$CREW"
	assert_equal "$(stat -c %g:%a "$T/observe.sock")" "$WATCHERS:660"
	assert_equal "$(guest "$CREW" "" --socket "$T/observe.sock" state admin.observe.clients.0.role)" observe
	assert_equal "$(guest "$WATCHERS" "" --socket "$T/observe.sock" state admin.observe.clients.0.role)" observe
	run -5 guest "$GUEST" "" --socket "$T/observe.sock" state phase
	chmod 0666 "$T/observe.sock"
	assert_equal "$(guest "$GUEST" "" --socket "$T/observe.sock" state admin.observe.clients.0.role)" observe
	run -5 guest "$GUEST" "" --socket "$T/observe.sock" shutdown
}

@test "it is made again when it is removed, with one line, and gone at the end" {
	start_noded --observe-socket "$T/observe.sock"
	rm "$T/observe.sock"
	wait_until 25 watching version
	assert_log_lines 1 'warning observe running, listening again on unix:.*/observe.sock: '
	assert_log_lines 1 warning
	stop_noded
	assert_not_exists "$T/observe.sock"
	assert_not_exists "$NODED_SOCKET"
}

@test "nothing that stands there is touched, and the admin socket is not left behind either" {
	local kind
	echo precious >"$T/file"
	mkfifo "$T/fifo"
	mkdir "$T/directory"
	for kind in file fifo directory; do
		run -1 "$NODED" --socket "$NODED_SOCKET" --observe-socket "$T/$kind"
		assert_equal "${#lines[@]}" 1
		assert_not_exists "$NODED_SOCKET"
	done
	assert_equal "$(cat "$T/file")" precious
	[[ -p $T/fifo && -d $T/directory ]]
	run -2 "$NODED" --socket "$NODED_SOCKET" --observe-socket "$NODED_SOCKET"
	assert_output --partial "--observe-socket $NODED_SOCKET: that is the admin socket (--socket)"
	ln -s "$T" "$T/link"
	run -1 "$NODED" --socket "$NODED_SOCKET" --observe-socket "$T/link/admin.sock"
	assert_output --partial "a live socket is at $T/link/admin.sock"
	assert_not_exists "$NODED_SOCKET"
	run -2 "$NODED" --socket "$NODED_SOCKET" --observe-socket tcp:127.0.0.1:1
	assert_output --partial "--observe-socket: the admin socket is a Unix socket"
	run -2 "$NODED" --socket "$NODED_SOCKET" --observe-socket ""
}

@test "a relative path is taken from where noded was started" {
	cd "$T"
	start_noded --observe-socket ./look.sock
	assert_equal "$(state admin.observe.address)" "unix:$T/look.sock"
}

@test "it is no backend of a server" {
	start_noded --observe-socket "$T/observe.sock"
	local path
	for path in observe.sock foreign/../observe.sock; do
		run -0 error_name start "{\"address\":\"unix:$T/x.sock\",\"handler\":{\"type\":\"forward\",\"backend\":\"unix:$T/$path\"}}"
		assert_output address_invalid
	done
}

@test "its observers hear the end of noded, and both paths are free when shutdown returns" {
	local i
	for i in 1 2 3; do
		start_noded --observe-socket "$T/observe.sock"
		background watcher "$T/bin/nodectl" --socket "$T/observe.sock" wait phase --is stopped --timeout none
		wait_until 25 state_is 1 admin.observe.sessions
		nodectl shutdown
		[[ ! -e $T/observe.sock && ! -e $NODED_SOCKET ]]
		wait_noded
		wait_until 25 has_ended "$BACKGROUND_PID"
		grep -q cancelled "$T/watcher.log"
		rm "$T/watcher.log"
	done
}

@test "64 observers there, busy ones, leave the admin socket alone" {
	start_noded --observe-socket "$T/observe.sock"
	script <<-END
		from admin_client import *
		watchers = [Admin("$T/observe.sock") for _ in range(64)]
		for n, watcher in enumerate(watchers):
		    watcher.send(request("wait", n, path="nowhere", exists=True, timeout_ms=3600000))
		boss = Admin()
		boss.wait("admin.observe.sessions", equals=64)
		until(lambda: Admin("$T/observe.sock").reply()["error"]["data"]["name"] == "too_many_clients")
		admins = [Admin() for _ in range(63)]
		for admin in admins:
		    expect(admin.state("phase"), "running")
		expect(boss.state("admin.sessions"), 64)
		expect(boss.state("admin.observe.sessions"), 64)
		expect([n for n in range(64) if not watchers[n].quiet()], [])
	END
}
