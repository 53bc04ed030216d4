# What people see of a drain: a bar on a terminal, one line elsewhere; and Ctrl-C, which only stops
# the watching.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

# A server with three connections.
three_held() {
	start_held "$T/s.sock"
	clients_do 'connect 2' >/dev/null
	nodectl -q wait "$T/s.sock" connection_pool open --is 3
}

# after_the_bar: what the terminal shows when it is over, the bar having been wiped out.
after_the_bar() {
	tr -d '\n' <"$T/transcript" | sed 's/.*\r\x1b\[K//; s/\r//g'
}

@test "a live bar on a terminal, wiped out before the result: stop-server" {
	three_held
	watch - stop-server "$T/s.sock" --deadline 60s
	wait_until 20 shown 'draining \[\.+\] 3 connections left, [0-9.]+ s to the deadline'
	clients_do 'close 1' >/dev/null
	wait_until 20 shown 'draining \[#+\.+\] 2 connections left'
	clients_do 'close 1' >/dev/null
	wait_until 20 shown 'draining \[#+\.+\] 1 connection left'
	clients_do 'close 1' >/dev/null
	answered 0 "$WATCHED"
	[[ $(after_the_bar) =~ ^unix:$T/s\.sock\ drained\ drained=3\ stopped=0\ killed=0\ ms=[0-9]+$ ]]
}

@test "the time to the deadline runs between the reports" {
	three_held
	watch - stop-server "$T/s.sock" --deadline 3s
	answered 0 "$WATCHED"
	(($(grep -oE '[0-9.]+ s to the deadline' "$T/transcript" | sort -u | wc -l) >= 6))
	[[ $(after_the_bar) =~ \ stopped\ drained=0\ stopped=3\ killed=0\ ms=[0-9]+$ ]]
}

@test "the bar goes to the terminal, the result where standard output goes" {
	three_held
	watch "$T/out" stop-server "$T/s.sock"
	wait_until 20 shown '3 connections left'
	clients_do 'close 3' >/dev/null
	answered 0 "$WATCHED"
	[[ $(cat "$T/out") =~ ^unix:$T/s\.sock\ drained\ drained=3\ stopped=0\ killed=0\ ms=[0-9]+$ ]]
	assert_equal "$(after_the_bar)" ""
}

@test "a live bar on a terminal: shutdown" {
	three_held
	watch - shutdown
	wait_until 20 shown 'draining \[\.+\] 3 connections left'
	clients_do 'close 3' >/dev/null
	answered 0 "$WATCHED"
	assert_equal "$(after_the_bar)" ""
	wait_noded
}

@test "no bar with --quiet" {
	three_held
	watch - -q stop-server "$T/s.sock" --deadline 1200ms
	answered 0 "$WATCHED"
	assert_equal "$(cat "$T/transcript")" ""
}

@test "off a terminal a drain of over a second is told once, a shorter one not at all" {
	three_held
	run --separate-stderr nodectl stop-server "$T/s.sock" --deadline 300ms
	assert_success
	assert_equal "$stderr" ""
	three_held
	run --separate-stderr nodectl stop-server "$T/s.sock" --deadline 2500ms
	assert_success
	[[ $stderr =~ ^nodectl:\ unix:$T/s\.sock:\ draining,\ 3\ connections\ left,\ [0-9.]+\ s\ to\ the\ deadline$ ]]
	three_held
	run --separate-stderr nodectl -j shutdown --deadline 2500ms
	assert_success
	assert_equal "$(jq -c '[.drained, .stopped, .killed]' <<<"$output")" '[0,3,0]'
	[[ $stderr =~ ^nodectl:\ shutdown:\ draining,\ 3\ connections\ left,\ [0-9.]+\ s\ to\ the\ deadline$ ]]
	wait_noded
}

@test "Ctrl-C on a terminal detaches: stop-server" {
	three_held
	watch - stop-server "$T/s.sock"
	wait_until 20 shown '3 connections left'
	press_ctrl_c
	answered 130 "$WATCHED"
	shown "stop-server: interrupted; detached, the drain goes on \(interrupted\)"
	is_draining "$T/s.sock"
	run clients_do 'echo still served'
	assert_output 3
	# Another look joins the drain and hears all its counts.
	clients_do 'close 1' >/dev/null
	nodectl -q wait "$T/s.sock" connection_pool open --is 2
	ask again -v stop-server "$T/s.sock"
	wait_until 20 grep -q '"method":"progress"' "$T/again.log"
	clients_do 'close 2' >/dev/null
	answered 0 "$ASKED"
	[[ $(tail -n 1 "$T/again.log") =~ \ drained\ drained=3\ stopped=0\ killed=0\ ms= ]]
}

@test "Ctrl-C on a terminal detaches: shutdown" {
	three_held
	watch - shutdown
	wait_until 20 shown '3 connections left'
	press_ctrl_c
	answered 130 "$WATCHED"
	shown "shutdown: interrupted; detached, the drain goes on \(interrupted\)"
	state_is draining phase
	clients_do 'close 3' >/dev/null
	wait_noded
}

@test "Ctrl-C elsewhere ends nodectl at once" {
	watch - wait nothing --exists
	wait_until 25 state_is 2 admin.sessions
	press_ctrl_c
	answered 130 "$WATCHED"
	wait_until 25 state_is 1 admin.sessions
}
