# exec: what leaves its program's group becomes noded's when the program ends: it is reaped and
# counted as adopted, and does not outlive noded.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	make_leaver
	serve_exec "$T/exec.sock" '' "$T/leaver" 0 1 2
}

# orphan: prints the pid of one that has left its group and lives on.
orphan() {
	timeout 60 nc -N -U "$T/exec.sock" </dev/null
}

parent_of() {
	[[ $(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status") == "$2" ]]
}

@test "orphans: they are noded's, and are reaped and counted when they end" {
	local pids=() n
	for n in 1 2 3; do
		pids+=("$(orphan)")
		wait_until 10 parent_of "${pids[-1]}" "$NODED_PID"
	done
	await "$T/exec.sock" connection_pool.open '"equals":0'
	[[ $(state process.adopted) == 0 ]]
	for n in 1 2 3; do
		kill "${pids[n - 1]}"
		await_path process.adopted "\"equals\":$n"
		[[ ! -e /proc/${pids[n - 1]} ]]
	done
	assert_log_lines 0 'warning|error'
}

@test "orphans: one that lives is killed when noded ends" {
	local pid
	pid=$(orphan)
	wait_until 10 parent_of "$pid" "$NODED_PID"
	stop_noded
	wait_until 10 has_ended "$pid"
}
