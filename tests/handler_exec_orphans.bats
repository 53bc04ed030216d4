# exec: what leaves its program's group becomes noded's when the program ends: it is killed, reaped
# and counted before the connection ends, and does not outlive noded.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	make_leaver
	serve_exec "$T/exec.sock" '' "$T/leaver" 0 1 2
}

# orphan: prints the pid of one that has left its group, and would live on.
orphan() {
	timeout 60 nc -N -U "$T/exec.sock" </dev/null
}

@test "orphans: they are killed, reaped and counted" {
	local pid n
	for n in 1 2 3; do
		pid=$(orphan)
		await "$T/exec.sock" 'connection_pool.closed[exit:0]' "\"equals\":$n"
		[[ ! -e /proc/$pid ]]
		[[ $(state process.adopted) == "$n" ]]
		[[ $(state process.killed) == "$n" ]]
	done
	[[ $(state process.children) == 0 ]]
	assert_log_lines 0 'warning|error'
}

@test "orphans: those that end by themselves are reaped and counted, not as killed" {
	serve_exec "$T/sh.sock" '' sh -c '(sleep 0.1 & :) ; exec cat'
	connect_idle 1 "$T/sh.sock"
	await_path process.adopted '"equals":1'
	[[ $(state process.killed) == 0 ]]
	[[ $(state process.children) == 1 ]]
}
