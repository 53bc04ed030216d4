# exec: whatever a program leaves behind, out of its process group and its session and without its
# parent, is found and killed before its connection ends.
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

setup() {
	setup_test
	cp "$ROOT/tests/runaway.py" "$T/runaway"
}

# still_there: prints the pids of what was left and lives, if it holds still.
still_there() {
	pgrep -f "$T/runaway" || true
}

# nobody_left: also none that a look at every process would miss, because it forks and exits.
nobody_left() {
	flock --nonblock "$T/runaway" true
}

# visit: a client that sends nothing and reads to the end of the connection.
visit() {
	timeout 60 nc -N -U "$T/exec.sock" </dev/null
}

# leaves KIND N COUNT: a program that leaves that behind; COUNT processes at least have to be killed.
leaves() {
	serve_exec "$T/exec.sock" '' "$T/runaway" "$1" "$2"
	visit
	await "$T/exec.sock" connection_pool.open '"equals":0'
	nobody_left
	[[ $(at "$T/exec.sock" connection_pool.closed | jq -c .) == '{"exit:0":1}' ]]
	(($(state process.killed) >= $3))
	(($(state process.adopted) >= $3))
	stop "$T/exec.sock"
}

@test "runaway: daemons" {
	start_noded
	leaves daemons 20 20
	assert_log_lines 1 'info +exec killed .*\[[0-9]+\], which outlived its program'
	assert_log_lines 0 'warning|error'
}

@test "runaway: a line of sessions, each the child of the one before" {
	start_noded
	leaves line 30 30
}

@test "runaway: a tree of sessions" {
	start_noded
	leaves tree 6 64
}

@test "runaway: processes that fork and exit over and over" {
	start_noded
	leaves hop 5 1
	leaves hop 20 1
}

@test "runaway: on a kernel that does not list children" {
	expect_tracer
	start_noded
	background strace strace -q -o "$T/strace.log" -p "$NODED_PID" \
		-P "/proc/self/task/$NODED_PID/children" -e trace=openat -e inject=openat:error=ENOENT
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	leaves daemons 3 3
	leaves line 3 3
	end_inject
	grep -q 'children.*ENOENT.*INJECTED' "$T/strace.log"
}

@test "runaway: 100 connections at once, and a stop that answers when all is gone" {
	start_noded
	serve_exec "$T/exec.sock" '"max_connections":100' "$T/runaway" stay 2
	connect_idle 100 "$T/exec.sock"
	wait_until 120 heard 500
	run stop "$T/exec.sock" '"force":true'
	nobody_left
	[[ $(jq -c '[.outcome, .stopped, .killed]' <<<"$output") == '["stopped",100,0]' ]]
	[[ $(state process.children) == 0 ]]
	(($(state process.killed) >= 200))
	[[ -z $(ps -o pid= --ppid "$NODED_PID") ]]
}

# heard N: the clients have so many bytes.
heard() {
	[[ $(clients_do received) == "$1" ]]
}

@test "runaway: what lost its parent but not its session lives as long as the program" {
	start_noded
	serve_exec "$T/exec.sock" '' "$T/runaway" session 3
	serve_exec "$T/other.sock" '' true
	connect_idle 1 "$T/exec.sock"
	wait_until 30 heard 5
	# A program that ends elsewhere has noded look around.
	for _ in 1 2 3; do
		timeout 60 nc -N -U "$T/other.sock" </dev/null
	done
	await "$T/other.sock" 'connection_pool.closed[exit:0]' '"equals":3'
	[[ $(still_there | wc -l) == 4 ]]
	clients_do quit
	await "$T/exec.sock" connection_pool.open '"equals":0'
	nobody_left
}

@test "runaway: the end of noded is theirs" {
	start_noded
	serve_exec "$T/exec.sock" '' "$T/runaway" stay 5
	connect_idle 1 "$T/exec.sock"
	wait_until 30 heard 5
	stop_noded QUIT
	nobody_left
}

@test "runaway: what noded had for children when it was started is not its prey" {
	local elder
	LAUNCH=(bash -c 'sleep 600 & echo $! >"$T/elder"; exec "$@"' -)
	start_noded
	elder=$(cat "$T/elder")
	[[ $(ps -o ppid= -p "$elder") -eq $NODED_PID ]]
	leaves daemons 2 2
	[[ $(ps -o ppid= -p "$elder") -eq $NODED_PID ]]
	stop_noded
	run ! has_ended "$elder"
	kill "$elder"
}

@test "runaway: what does not die is named, and holds up nobody for long" {
	local left
	expect_tracer
	start_noded
	inject kill:error=EPERM
	serve_exec "$T/exec.sock" '' "$T/runaway" daemons 2
	visit
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	left=$(still_there)
	[[ $(wc -l <<<"$left") == 2 ]]
	for pid in $left; do
		assert_log_lines 1 "warn.* exec 2 left by programs that ended do not die:.*\\[$pid\\]"
	done
	# Those are waited for no more: the next end is not late, and there is no second line.
	serve_exec "$T/true.sock" '' true
	timeout 60 nc -N -U "$T/true.sock" </dev/null
	await "$T/true.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	end_inject
	assert_log_lines 1 ' warn'
	# shellcheck disable=SC2086 # two pids
	kill -9 $left
	await_path process.adopted '"equals":2'
}

@test "runaway: what multiplies and does not die holds up an end for a bounded time" {
	expect_tracer
	start_noded
	inject kill:error=EPERM
	serve_exec "$T/exec.sock" '' "$T/runaway" stroll 5
	visit
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	run ! nobody_left
	assert_log_lines 1 'warn.* exec [0-9]+ left by programs that ended do not die: '
	# The next end is bounded as well; and the hunt goes on, for nobody.
	serve_exec "$T/true.sock" '' true
	timeout 60 nc -N -U "$T/true.sock" </dev/null
	await "$T/true.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	run ! nobody_left
	end_inject
	wait_until 30 nobody_left
	(($(state process.killed) > 0))
}

@test "runaway: what cannot be looked for is not taken for gone" {
	expect_tracer
	start_noded
	background strace strace -q -o "$T/strace.log" -p "$NODED_PID" -P /proc \
		-P "/proc/self/task/$NODED_PID/children" -e trace=openat -e inject=openat:error=ENFILE
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	serve_exec "$T/exec.sock" '' "$T/runaway" daemons 3
	visit
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	assert_log_lines 1 'warn.* exec what programs left when they ended cannot be seen: Too many open files in system'
	[[ $(still_there | wc -l) == 3 ]]
	end_inject
	await_path process.killed '"equals":3'
	nobody_left
}

@test "runaway: lines that are held back say what they are about" {
	start_noded
	leaves daemons 20 20
	stop_noded
	assert_log_lines 1 'info +exec:outlived [0-9]+ more like this in the last'
}

# launch_after COMMAND: the next noded has its process for a child, and the orphans of its process,
# as the first process of a container has those of all.
launch_after() {
	LAUNCH=(python3 -c 'import ctypes, os, subprocess, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0 # PR_SET_CHILD_SUBREAPER
subprocess.Popen(["bash", "-c", sys.argv[1]], close_fds=False)
os.execv(sys.argv[2], sys.argv[2:])' "$1")
}

is_ours() {
	[[ $(ps -o ppid= -p "$1") -eq $NODED_PID ]]
}

is_reaped() {
	[[ ! -e /proc/$1 ]]
}

@test "runaway: before its first program noded kills nobody, and spares then whom it has" {
	local daemon
	launch_after "setsid sleep 600 & echo \$! >'$T/daemon'"
	start_noded
	wait_until 30 test -s "$T/daemon"
	daemon=$(cat "$T/daemon")
	wait_until 30 is_ours "$daemon"
	# Its parent, too, has been reaped; neither counts.
	wait_until 30 only_child "$daemon"
	[[ $(state process | jq -c '[.children, .adopted, .killed]') == '[0,0,0]' ]]
	leaves daemons 2 2
	is_ours "$daemon"
	kill "$daemon"
	wait_until 30 is_reaped "$daemon"
	[[ $(state process.adopted) == $(state process.killed) ]]
}

only_child() {
	[[ $(ps -o pid= --ppid "$NODED_PID") -eq $1 ]]
}

@test "runaway: what a child left that noded was given is not its prey without a program" {
	local daemon
	mkfifo "$T/go"
	LAUNCH=(bash -c '(read -r <"$T/go"; setsid sleep 600 & echo $! >"$T/daemon") & echo $! >"$T/elder"
exec "$@"' -)
	start_noded
	echo >"$T/go"
	wait_until 30 is_reaped "$(cat "$T/elder")"
	daemon=$(cat "$T/daemon")
	stop_noded
	run ! has_ended "$daemon"
	kill "$daemon"
}

@test "runaway: also a noded that runs no programs reaps" {
	launch_after "(sleep 600 & echo \$! >'$T/daemon')"
	start_noded --no-exec
	wait_until 30 test -s "$T/daemon"
	wait_until 30 only_child "$(cat "$T/daemon")"
	kill "$(cat "$T/daemon")"
	wait_until 30 has_no_child
	[[ $(state process | jq -c '[.children, .adopted, .killed]') == '[0,0,0]' ]]
	stop_noded
}

has_no_child() {
	[[ -z $(ps -o pid= --ppid "$NODED_PID") ]]
}
