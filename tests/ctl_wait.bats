# wait: answered by noded when the condition holds, and by nodectl until there is a noded.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

setup() {
	setup_test
}

@test "noded & nodectl wait phase --is running" {
	local waiting
	ask wait wait phase --is running --timeout 60s
	waiting=$ASKED
	start_noded
	answered 0 "$waiting"
	assert_equal "$(cat "$T/wait.log")" running
}

@test "the same in a shell, ten times" {
	local _
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		run --separate-stderr bash -c '"$NODED" 2>>"$LOG" & "$NODECTL" wait phase --is running &&
			"$NODECTL" shutdown && wait "$!"'
		assert_success
		assert_output running
		assert_equal "$stderr" ""
	done
}

@test "a stale socket file is waited through" {
	start_noded
	kill_noded
	assert_exists "$NODED_SOCKET"
	ask wait wait phase --is running --timeout 60s
	local waiting=$ASKED
	start_noded
	answered 0 "$waiting"
}

@test "--timeout 0 looks once; a status never tells a state but here" {
	start_noded
	nodectl start "$T/s.sock" >/dev/null
	says running wait "$T/s.sock" phase --is running --timeout 0
	says 0 wait "$T/s.sock" connection_pool open --at-most 0 --timeout 0
	says null wait "$T/s.sock" error --is null --timeout 0
	says null wait "$T/none" --absent --timeout 0
	exits 7 timeout wait "$T/s.sock" phase --is suspended --timeout 0
	exits 7 timeout wait "$T/none" --exists --timeout 0
	exits 7 timeout wait "$T/s.sock" connection_pool open --at-least 1 --timeout 0
	exits 7 timeout wait "$T/s.sock" --absent --timeout 0
	nodectl -q suspend-server "$T/s.sock"
	says null wait "$T/s.sock" listener --exists --timeout 0
	says suspended state "$T/s.sock" phase
}

@test "what does not exist yet is waited for, and what is to go" {
	start_noded
	ask appear wait "$T/s.sock" connection_pool open --at-least 2
	local appear=$ASKED
	wait_until 25 state_is 2 admin.sessions
	nodectl start "$T/s.sock" >/dev/null
	connect_idle 2 "unix:$T/s.sock"
	answered 0 "$appear"
	assert_equal "$(cat "$T/appear.log")" 2
	ask vanish -j wait "$T/s.sock" --absent
	local vanish=$ASKED
	wait_until 25 state_is 2 admin.sessions
	nodectl -q stop-server "$T/s.sock" --now
	answered 0 "$vanish"
	run jq -c '[has("elapsed_ms"), .value]' "$T/vanish.log"
	assert_output '[true,null]'
}

@test "a phase that is over at once is not missed" {
	start_noded
	ask stopping wait "$T/s.sock" phase --is stopping
	local stopping=$ASKED
	wait_until 25 state_is 2 admin.sessions
	nodectl start "$T/s.sock" >/dev/null
	nodectl -q stop-server "$T/s.sock"
	answered 0 "$stopping"
	assert_equal "$(cat "$T/stopping.log")" stopping
}

@test "with --quiet it says nothing" {
	start_noded
	says "" -q wait phase --is running
}
