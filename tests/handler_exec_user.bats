# exec: a program runs as the user and group its server was given, for good and with nothing of
# noded's; what that user cannot run is refused at start.
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

SOMEBODY=64123 THEIRS=64124 # numbers that nobody has

setup() {
	setup_test
	((EUID == 0)) || skip "needs root to be somebody else"
	setpriv --reuid "$SOMEBODY" --regid "$THEIRS" --clear-groups true 2>/dev/null ||
		skip "this root cannot be somebody else (CAP_SETUID)"
	chmod 755 "$T"
}

# serve_as USER GROUP PROGRAM ARG...: at $T/exec.sock
serve_as() {
	local argv
	argv=$(jq -nc '$ARGS.positional' --args -- "${@:3}")
	serve "$T/exec.sock" "\"handler\":{\"type\":\"exec\",\"argv\":$argv,\"user\":$1,\"group\":$2}"
}

visit() {
	timeout 60 nc -N -U "$T/exec.sock" </dev/null
}

# refused HANDLER: `output` is the error's name and detail, and nothing is left.
refused() {
	run rpc start "{\"address\":\"$T/refused.sock\",\"handler\":$1}"
	output=$(jq -r '.error.data | .name + ": " + .detail' <<<"$output")
	assert_not_exists "$T/refused.sock"
}

@test "user: ids, groups and capabilities are the user's, all of them" {
	start_noded
	serve_as "$SOMEBODY" "$THEIRS" cat /proc/self/status
	run visit
	assert_line --regexp "^Uid:(	$SOMEBODY){4}$"
	assert_line --regexp "^Gid:(	$THEIRS){4}$"
	assert_line --regexp '^Groups:[[:space:]]*$'
	for set in Inh Prm Eff Amb; do
		assert_line --regexp "^Cap$set:	0000000000000000$"
	done
	assert_line --regexp '^NoNewPrivs:	1$'
	assert_log_lines 1 "exec\.sock running, exec .*/cat as user $SOMEBODY, group $THEIRS\$"
}

@test "user: there is no way back" {
	start_noded
	serve_as "$SOMEBODY" "$THEIRS" /usr/bin/python3 -c 'import os
for call in (lambda: os.setuid(0), lambda: os.setresuid(-1, 0, -1), lambda: os.setgid(0),
             lambda: os.setgroups([0]), lambda: os.kill(os.getppid(), 0),
             lambda: os.open("/proc/%d/mem" % os.getppid(), os.O_RDONLY)):
    try:
        call()
        print("done")
    except PermissionError:
        print("refused")'
	[[ $(visit | sort | uniq -c) == *"6 refused" ]]
}

@test "user: inside it is as without: descriptors, session, signals; and it dies with noded" {
	start_noded
	serve_as "$SOMEBODY" "$THEIRS" cat
	connect_idle 1 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":1'
	local child
	child=$(result list_connections | jq '.connections[0].pid')
	run bash -c "ls /proc/$child/fd"
	assert_output $'0\n1\n2'
	[[ $(readlink "/proc/$child/cwd") == / ]]
	[[ $(ps -o sid= -p "$child") -eq $child ]]
	[[ $(clients_do "echo through it") == 1 ]]
	kill_noded
	wait_until 25 has_ended "$child"
	rm "$NODED_SOCKET" "$T/exec.sock"
}

@test "user: what is noded's own is not in the environment" {
	LAUNCH=(env -i "PATH=$PATH" HOME=/root USER=root LOGNAME=root SHELL=/bin/bash TMPDIR=/root/tmp
		LANG=C TZ=UTC "ASAN_OPTIONS=$ASAN_OPTIONS" "UBSAN_OPTIONS=$UBSAN_OPTIONS")
	start_noded
	serve_as "$SOMEBODY" "$THEIRS" env
	run bash -c 'timeout 60 nc -N -U "$T/exec.sock" </dev/null | cut -d = -f 1 | sort | tr "\n" " "'
	assert_output "IPCCONNNUM IPCLOCALPATH IPCREMOTEEGID IPCREMOTEEUID IPCREMOTEPATH LANG PATH PROTO TZ "
}

@test "user: a program that user cannot run is refused at start" {
	start_noded
	install -m 700 /bin/true "$T/mine"
	install -d -m 700 "$T/private"
	install -m 755 /bin/true "$T/private/true"
	for program in mine private/true; do
		refused "{\"type\":\"exec\",\"argv\":[\"$T/$program\"],\"user\":$SOMEBODY,\"group\":$THEIRS}"
		assert_output "program_not_found: $T/$program cannot be run by user $SOMEBODY, group $THEIRS: Permission denied"
	done
	chgrp "$THEIRS" "$T/mine"
	chmod 710 "$T/mine"
	serve_as "$SOMEBODY" "$THEIRS" "$T/mine"
	visit
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":1'
}

@test "user: one that becomes unusable costs the client its connection" {
	start_noded
	install -m 755 /bin/true "$T/tool"
	serve_as "$SOMEBODY" "$THEIRS" "$T/tool"
	chmod 700 "$T/tool"
	run visit
	assert_output ''
	await "$T/exec.sock" 'connection_pool.closed[error:EACCES]' '"equals":1'
	assert_log_lines 1 "connection not served: $T/tool cannot be run by user $SOMEBODY, group $THEIRS: Permission denied"
	[[ $(state process.children) == 0 ]]
}

@test "user: what else is refused: one without the other, no number, a noded that may not" {
	start_noded
	refused '{"type":"exec","argv":["cat"],"user":1}'
	assert_output "invalid_params: handler.user needs handler.group beside it"
	refused '{"type":"exec","argv":["cat"],"group":1}'
	assert_output "invalid_params: handler.group needs handler.user beside it"
	for number in -1 1.5 4294967295 '"root"' null; do
		refused "{\"type\":\"exec\",\"argv\":[\"cat\"],\"user\":$number,\"group\":1}"
		assert_output --regexp '^invalid_params: handler.user must be a whole number from 0 to 4294967294'
	done
	stop_noded
	chown "$SOMEBODY" "$T"
	LAUNCH=(setpriv --reuid "$SOMEBODY" --regid "$THEIRS" --clear-groups)
	NODED_SOCKET=$T/theirs.sock start_noded
	NODED_SOCKET=$T/theirs.sock refused '{"type":"exec","argv":["cat"],"user":1,"group":1}'
	assert_output --regexp '^permission_denied: noded lacks CAP_SETUID: .* \(64123\) only$'
}

@test "user: root can lack the right to be somebody else" {
	LAUNCH=(setpriv --bounding-set -kill --inh-caps -kill)
	start_noded
	refused '{"type":"exec","argv":["cat"],"user":1,"group":1}'
	assert_output --regexp '^permission_denied: noded lacks CAP_KILL: '
}

@test "user: shown in state and lists, and part of what makes a handler the same" {
	start_noded
	serve_as "$SOMEBODY" "$THEIRS" cat -u
	[[ $(at "$T/exec.sock" handler.user) == "$SOMEBODY" ]]
	[[ $(at "$T/exec.sock" handler.group) == "$THEIRS" ]]
	run nodectl list-servers --columns handler --no-header
	assert_output --regexp "^exec --user $SOMEBODY --group $THEIRS cat -u *$"
	run nodectl start "$T/exec.sock" --if-missing exec --user "$SOMEBODY" --group "$THEIRS" -- cat -u
	assert_success
	run nodectl start "$T/exec.sock" --if-missing exec --user "$SOMEBODY" --group 1 -- cat -u
	assert_failure 6
}

@test "user: nodectl looks names up, and a user's own group" {
	start_noded
	run nodectl start "$T/a.sock" exec --user nobody cat
	assert_success
	[[ $(at "$T/a.sock" handler.user) == "$(id -u nobody)" ]]
	[[ $(at "$T/a.sock" handler.group) == "$(id -g nobody)" ]]
	run nodectl start "$T/b.sock" exec --user nobody --group daemon cat
	assert_success
	[[ $(at "$T/b.sock" handler.group) == "$(getent group daemon | cut -d : -f 3)" ]]
}

# The user's other programs may stop a process as soon as it has become that user, before its program
# runs. Had it shared the memory of noded, as others do until then, noded would stand still with it.
@test "user: whoever is stopped on the way is made to go on, and noded does not wait" {
	expect_tracer
	start_noded
	background strace strace -q -f -o "$T/strace.log" -p "$NODED_PID" \
		-e trace=setresuid -e inject=setresuid:signal=SIGSTOP
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	serve_as "$SOMEBODY" "$THEIRS" cat
	connect_idle 3 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":3'
	[[ $(clients_do "echo hello") == 3 ]]
	(($(grep -c 'stopped by SIGSTOP' "$T/strace.log") >= 4))
	clients_do quit
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":3'
	end_inject
}

@test "user: a look at the program that is killed has found out nothing" {
	expect_tracer
	start_noded
	background strace strace -q -f -o "$T/strace.log" -p "$NODED_PID" \
		-e trace=setresuid -e inject=setresuid:signal=KILL
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	refused "{\"type\":\"exec\",\"argv\":[\"cat\"],\"user\":$SOMEBODY,\"group\":$THEIRS}"
	assert_output --regexp '^io_error: whether .*/cat can be run was not found out: killed by signal 9$'
	end_inject
}

# While its tracer stands still, a process that was killed is not reaped: as one that hangs in a
# system call.
@test "user: whoever neither runs its program nor dies is not waited for" {
	expect_tracer
	cp "$(command -v cat)" "$T/slow"
	LAUNCH=(strace -D -q -f --seccomp-bpf -o "$T/strace.log" -P "$T/slow"
		-e trace=execve -e inject=execve:delay_enter=60000000)
	start_noded
	INJECTOR=$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$NODED_PID/status")
	serve_as "$SOMEBODY" "$THEIRS" "$T/slow"
	connect_idle 1 "$T/exec.sock"
	wait_until 30 is_delayed
	kill -s STOP "$INJECTOR"
	await "$T/exec.sock" 'connection_pool.closed[error:ETIMEDOUT]' '"equals":1'
	assert_log_lines 1 "connection not served: $T/slow does not run after 2 s as user $SOMEBODY, group $THEIRS\$"
	kill -s KILL "$INJECTOR"
	wait_until 30 has_no_child
}

is_delayed() {
	ps -o stat= --ppid "$NODED_PID" | awk '/^t/ { found = 1 } END { exit !found }'
}

has_no_child() {
	[[ -z $(ps -o pid= --ppid "$NODED_PID") ]]
}
