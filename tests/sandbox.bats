# What noded denies itself: no_new_privs always, Landlock with --socket-dir and --no-exec, seccomp
# with --no-exec; and that it serves all the same.
# shellcheck shell=bash
load lib

setup() {
	setup_test
	mkdir "$T/admin" "$T/in" "$T/out"
	export NODED_SOCKET=$T/admin/admin.sock
}

# status_of KEY PID: a line of /proc/PID/status.
status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status"
}

fence() {
	result state '{"path":"process.sandbox"}' | jq -e --arg name "$1" '.value | index($name) != null'
}

need() {
	fence "$1" >/dev/null || skip "no $1 here"
}

@test "sandbox: nothing noded or its programs run gains privileges" {
	start_noded
	assert_equal "$(status_of NoNewPrivs "$NODED_PID")" 1
	fence no_new_privs
	assert_equal "$(state process.sandbox)" '["no_new_privs"]'
}

@test "--socket-dir: servers below it start, others are bind_denied and leave nothing" {
	start_noded --socket-dir "$T/in"
	mkdir "$T/in/deep"
	ln -s "$T/out" "$T/in/link"
	nodectl start "$T/in/s" echo
	nodectl start "$T/in/deep/s" echo
	run --separate-stderr nodectl start "$T/out/s" echo
	assert_failure 5
	# shellcheck disable=SC2154 # run sets it
	assert_equal "$stderr" "nodectl: unix:$T/out/s: $T/out is not below a --socket-dir of this noded ($T/in) (bind_denied)"
	run --separate-stderr nodectl start "$T/in/link/s" echo
	assert_failure 5
	run --separate-stderr nodectl start "$T/in/../out/s" echo
	assert_failure 5
	# A name that only begins like it.
	mkdir "$T/inside"
	run --separate-stderr nodectl start "$T/inside/s" echo
	assert_failure 5
	nodectl start tcp:127.0.0.1:0 echo
	run find "$T/out" "$T/inside" -mindepth 1
	assert_output ""
}

@test "--socket-dir: each of several counts" {
	start_noded --socket-dir "$T/in" --socket-dir "$T/out"
	assert_equal "$(state process.socket_dirs)" "[\"$T/in\",\"$T/out\"]"
	nodectl start "$T/in/s" echo
	nodectl start "$T/out/s" echo
	run --separate-stderr nodectl start "$T/s" echo
	assert_failure 5
	assert_equal "$stderr" "nodectl: unix:$T/s: $T is not below a --socket-dir of this noded ($T/in, ...) (bind_denied)"
}

@test "--socket-dir: what is no directory is refused at once" {
	touch "$T/file"
	run "$NODED" --socket "$NODED_SOCKET" --socket-dir "$T/missing"
	assert_failure 2
	assert_output "noded: --socket-dir: $T/missing: No such file or directory; see noded --help"
	run "$NODED" --socket "$NODED_SOCKET" --socket-dir "$T/file"
	assert_failure 2
	assert_output "noded: --socket-dir: $T/file: Not a directory; see noded --help"
}

@test "--socket-dir: 16 of them, and no more" {
	local i options=()
	for ((i = 0; i < 17; i++)); do
		mkdir "$T/in/$i"
		options+=(--socket-dir "$T/in/$i")
	done
	run "$NODED" --socket "$NODED_SOCKET" "${options[@]}"
	assert_failure 2
	assert_output --partial "--socket-dir: more than 16 directories"
	start_noded "${options[@]:0:32}"
	nodectl start "$T/in/15/s" echo
}

# noded's own look at the path is over by then: the kernel refuses.
@test "--socket-dir: a directory swapped for a link elsewhere is of no use afterwards" {
	start_noded --socket-dir "$T/in" --log-level debug
	need landlock
	mkdir "$T/in/deep"
	nodectl start "$T/in/deep/s" echo
	mv "$T/in/deep" "$T/in/moved"
	ln -s "$T/out" "$T/in/deep"
	wait_until 20 has_log_lines 1 'debug .*/in/deep/s cannot listen again: .*Permission denied'
	run find "$T/out" -mindepth 1
	assert_output ""
	nodectl stop-server "$T/in/deep/s"
	rm -f "$T/in/moved/s"
}

@test "--socket-dir: a program may not make sockets elsewhere, but everything else" {
	start_noded --socket-dir "$T/in"
	need landlock
	cat >"$T/program" <<-END
		#!/usr/bin/env python3
		import os, socket
		for path in ("$T/in/own", "$T/out/own"):
		    try:
		        socket.socket(socket.AF_UNIX).bind(path)
		        os.unlink(path)
		        print("bound")
		    except OSError as error:
		        print(error.strerror)
		open("$T/out/file", "w").close()
		os.rename("$T/out/file", "$T/in/file")
		os.unlink("$T/in/file")
		print("moved")
	END
	chmod +x "$T/program"
	nodectl start "$T/in/p" exec "$T/program"
	run timeout 60 nc -N -U "$T/in/p" </dev/null
	assert_output $'bound\nPermission denied\nmoved'
}

@test "--socket-dir: the admin socket comes back where it was" {
	start_noded --socket-dir "$T/in"
	rm "$NODED_SOCKET"
	wait_until 20 test -S "$NODED_SOCKET"
	wait_until 20 nodectl version
}

@test "--no-exec: serves all that remains, under a filter of system calls" {
	start_noded --no-exec --socket-dir "$T/in"
	assert_equal "$(state process.user)" "$EUID"
	[[ $NODED == */san/* ]] || need seccomp
	[[ $NODED == */san/* ]] || assert_equal "$(status_of Seccomp "$NODED_PID")" 2
	nodectl start "$T/in/echo" echo
	nodectl start "$T/in/forward" forward "unix:$T/in/echo"
	nodectl start tcp:127.0.0.1:0 discard
	run timeout 60 nc -N -U "$T/in/forward" <<<"all the way"
	assert_output "all the way"
	nodectl suspend-server "$T/in/echo"
	nodectl resume-server "$T/in/echo"
	rm "$T/in/echo"
	nodectl --timeout 20 wait "$T/in/echo" restarts --at-least 1
	wait_until 20 listening "unix:$T/in/echo"
	nodectl stop-server "$T/in/forward" "$T/in/echo"
	run nodectl start "$T/in/p" exec /bin/true
	assert_failure
	stop_noded
}

# A socket that a crash left is replaced: renames and removals are among what it may do.
@test "--no-exec: a stale socket of ours is replaced" {
	start_noded
	nodectl start "$T/in/s" echo
	kill_noded
	start_noded --no-exec --socket-dir "$T/in"
	nodectl start "$T/in/s" echo
	assert_log_lines 1 'in/s replaced a dead socket file of ours'
}

@test "--no-exec: it can make no file any more" {
	[[ $NODED != */san/* ]] || skip "the sanitizers write reports"
	start_noded --no-exec
	need landlock
	command -v gdb >/dev/null || skip "no gdb"
	run gdb -batch -nx -p "$NODED_PID" -ex "print (int)creat(\"$T/out/file\", 0600)"
	assert_output --partial '$1 = -1'
	run gdb -batch -nx -p "$NODED_PID" -ex 'print (int)system("touch /dev/null")'
	refute_output --partial '$1 = 0'
	assert_not_exist "$T/out/file"
	nodectl version
}

@test "a kernel without any of it: one debug line each, and noded serves" {
	[[ $NODED != */san/* ]] || skip "the sanitizers make calls of their own, which are counted here"
	LAUNCH=(strace -D -qq -o "$T/trace" -e inject=prctl:error=ENOSYS -e inject=landlock_create_ruleset:error=ENOSYS)
	start_noded --socket-dir "$T/in" --log-level debug
	LAUNCH=()
	assert_equal "$(state process.sandbox)" '[]'
	nodectl start "$T/in/s" echo
	run --separate-stderr nodectl start "$T/out/s" echo
	assert_failure 5
	assert_log_lines 1 'debug sandbox no_new_privs is not to be had'
	assert_log_lines 1 'debug sandbox Landlock is not to be had'
	assert_log_lines 0 ' (warning|error) '
}

# without CALL:FAULT: a noded with --no-exec on a kernel where so much fails.
without() {
	: >"$LOG"
	LAUNCH=(strace -D -qq -o /dev/null -e "trace=${1%%:*}" -e "inject=$1")
	start_noded --no-exec --socket-dir "$T/in" --log-level debug
	LAUNCH=()
}

# All that --no-exec leaves works, and the only sign of what is missing is that one line.
serves_with() {
	assert_equal "$(state process.sandbox)" "$1"
	nodectl start "$T/in/echo" echo
	nodectl start tcp:127.0.0.1:0 forward "unix:$T/in/echo"
	run timeout 60 nc -N -U "$T/in/echo" <<<"all the same"
	assert_output "all the same"
	run nodectl start "$T/out/s" echo
	assert_failure 5
	run nodectl start "$T/in/p" exec /bin/true
	assert_failure
	nodectl stop-server "$T/in/echo"
	assert_log_lines 1 "debug sandbox .* is not to be had"
	assert_log_lines 1 "debug sandbox $2"
	assert_log_lines 0 ' (warning|error) '
	stop_noded
}

@test "--no-exec on a kernel without seccomp: one debug line, and noded serves" {
	if [[ $NODED == */san/* ]]; then
		start_noded --no-exec --socket-dir "$T/in" --log-level debug
		need landlock
		serves_with '["no_new_privs","landlock"]' "seccomp is not to be had: Operation not supported"
		return
	fi
	# The first is for no_new_privs.
	without prctl:error=EINVAL:when=2
	need landlock
	serves_with '["no_new_privs","landlock"]' "seccomp is not to be had: Invalid argument"
}

@test "--no-exec on a kernel without Landlock, or with one too old: the filter of calls is left" {
	[[ $NODED != */san/* ]] || skip "the sanitizers are not filtered"
	without landlock_create_ruleset:error=EOPNOTSUPP
	serves_with '["no_new_privs","seccomp"]' "Landlock is not to be had: Operation not supported"
	without landlock_create_ruleset:retval=1:when=1
	serves_with '["no_new_privs","seccomp"]' "Landlock is not to be had: Operation not supported"
}

@test "--no-exec where a step of Landlock fails: none of it, and noded serves" {
	[[ $NODED != */san/* ]] || skip "the sanitizers are not filtered"
	local fault
	start_noded --no-exec --socket-dir "$T/in"
	need landlock
	stop_noded
	for fault in landlock_create_ruleset:error=EINVAL:when=2 landlock_add_rule:error=EINVAL:when=1 \
		landlock_add_rule:error=EINVAL:when=2 landlock_restrict_self:error=EINVAL; do
		without "$fault"
		serves_with '["no_new_privs","seccomp"]' "Landlock is not to be had: Invalid argument"
	done
}
