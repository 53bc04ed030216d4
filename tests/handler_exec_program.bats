# exec: which program runs, found when the server is started, and what happens if it cannot.
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

setup() {
	setup_test
	start_noded
}

# exec_server ARGV AS JSON
exec_server() {
	serve "$T/exec.sock" "\"handler\":{\"type\":\"exec\",\"argv\":$1}"
}

# refused ARGV: start answers program_not_found and leaves nothing; `output` is the detail.
refused() {
	run rpc start "{\"address\":\"$T/refused.sock\",\"handler\":{\"type\":\"exec\",\"argv\":$1}}"
	[[ $(jq -r .error.data.name <<<"$output") == program_not_found ]]
	output=$(jq -r .error.data.detail <<<"$output")
	assert_not_exists "$T/refused.sock"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "program: argv reaches it as it is, without a shell" {
	# shellcheck disable=SC2016
	exec_server '["printf", "[%s]\n", "a b", "*", "$HOME", "`id`", "", "x;y", "\"\u00e9\\"]'
	run nc -N -U "$T/exec.sock" </dev/null
	# shellcheck disable=SC2016
	assert_output '[a b]
[*]
[$HOME]
[`id`]
[]
[x;y]
["é\]'
}

@test "program: a name is looked up in PATH once, and the path is shown" {
	exec_server '["cat", "-"]'
	[[ $(at "$T/exec.sock" handler | jq -c .) == \
		"{\"type\":\"exec\",\"argv\":[\"cat\",\"-\"],\"program\":\"$(type -P cat)\"}" ]]
}

@test "program: argv[0] stays what was asked for" {
	exec_server '["sh", "-c", "tr \"\\0\" \" \" </proc/$$/cmdline"]'
	run nc -N -U "$T/exec.sock" </dev/null
	assert_output --regexp '^sh -c tr '
	[[ $(at "$T/exec.sock" handler.program) == "$(type -P sh)" ]]
}

@test "program: one that is missing is refused at start" {
	refused '["no-such-program-anywhere"]'
	assert_output --partial no-such-program-anywhere
	refused '["cat -n"]'
	assert_output 'no "cat -n" in noded'"'"'s PATH; a program and its arguments are words of their own, no shell is involved'
	refused "[\"$T/missing\"]"
	assert_output --partial "$T/missing"
	refused "[\"$T/missing/below\"]"
	assert_log_lines 1 .
}

@test "program: one that is not executable, or no file, is refused at start" {
	echo 'echo never' >"$T/script"
	refused "[\"$T/script\"]"
	assert_output --partial 'Permission denied'
	refused "[\"$T\"]"
	assert_output --partial 'Is a directory'
	mkfifo -m 755 "$T/fifo"
	refused "[\"$T/fifo\"]"
	refused '["/dev/null"]'
}

@test "program: a relative path is refused, since programs run in /" {
	refused '["./cat"]'
	refused '["bin/cat"]'
	refused '["../bin/cat"]'
	assert_output --partial relative
}

@test "program: in PATH, what is relative or cannot be run is passed over" {
	mkdir "$T/first" "$T/second" "$T/dir"
	mkdir "$T/first/tool"
	echo text >"$T/second/tool"
	printf '#!/bin/sh\necho third\n' >"$T/dir/tool"
	chmod 755 "$T/dir/tool"
	stop_noded
	LAUNCH=(env --chdir "$T/dir" "PATH=.::$T/first:$T/nowhere:$T/second:$T/dir:$PATH")
	start_noded
	exec_server '["tool"]'
	[[ $(at "$T/exec.sock" handler.program) == "$T/dir/tool" ]]
	run nc -N -U "$T/exec.sock" </dev/null
	assert_output third
}

@test "program: a bad interpreter costs the client its connection and noded one line" {
	printf '#!/no/such/interpreter\n' >"$T/script"
	chmod 755 "$T/script"
	exec_server "[\"$T/script\"]"
	for _ in 1 2 3; do
		run nc -N -U "$T/exec.sock" </dev/null
		assert_output ''
	done
	await "$T/exec.sock" connection_pool.refused '"equals":3'
	assert_log_lines 1 "exec\.sock connection not served: $T/script cannot be run: No such file or directory"
	assert_log_lines 1 'warning'
	[[ $(at "$T/exec.sock" connection_pool.closed | jq -c .) == '{"error:ENOENT":3}' ]]
	[[ $(at "$T/exec.sock" phase) == running ]]
}

@test "program: one that is removed, replaced by no program, or made unusable while the server runs" {
	local n=0 reason
	cp "$(type -P cat)" "$T/tool"
	exec_server "[\"$T/tool\"]"
	run bash -c 'echo works | nc -N -U "$T/exec.sock"'
	assert_output works
	for reason in ENOENT EACCES ENOEXEC; do
		rm -f "$T/tool"
		case $reason in
		EACCES) touch "$T/tool" ;;
		ENOEXEC) head -c 100 /dev/zero >"$T/tool" && chmod 755 "$T/tool" ;;
		esac
		n=$((n + 1))
		run nc -N -U "$T/exec.sock" </dev/null
		assert_output ''
		await "$T/exec.sock" "connection_pool.closed[error:$reason]" '"equals":1'
		[[ $(at "$T/exec.sock" connection_pool.refused) == "$n" ]]
	done
	assert_log_lines 1 ' warn'
	cp "$(type -P cat)" "$T/tool"
	run bash -c 'echo again | nc -N -U "$T/exec.sock"'
	assert_output again
}

# Each string of noded's environment and of a request is allowed, both together are too long for a
# program that may have a small stack.
@test "program: arguments too long for execve cost the client its connection and noded one line" {
	stop_noded
	LAUNCH=(env "LC_LONG=$(head -c 100000 /dev/zero | tr '\0' x)")
	start_noded
	prlimit --pid "$NODED_PID" --stack=524288
	exec_server "[\"cat\", \"$(head -c 50000 /dev/zero | tr '\0' y)\"]"
	run nc -N -U "$T/exec.sock" </dev/null
	assert_output ''
	await "$T/exec.sock" 'connection_pool.closed[error:E2BIG]' '"equals":1'
	assert_log_lines 1 'connection not served: .*cat cannot be run: Argument list too long'
}

@test "program: a shortage when it is started refuses that client only" {
	command -v strace >/dev/null
	stop_noded
	expect_tracer
	start_noded
	exec_server '["cat"]'
	inject pipe2:error=EMFILE
	run nc -N -U "$T/exec.sock" </dev/null
	assert_output ''
	end_inject
	inject clone:error=EAGAIN
	run nc -N -U "$T/exec.sock" </dev/null
	assert_output ''
	end_inject
	[[ $(at "$T/exec.sock" connection_pool.closed | jq -c .) == '{"error:EAGAIN":1,"error:EMFILE":1}' ]]
	assert_log_lines 1 ' warn.* connection not served: '
	run bash -c 'echo works | nc -N -U "$T/exec.sock"'
	assert_output works
}
