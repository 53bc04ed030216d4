# exec: what a program writes to its standard error is logged, a line for a line, with the server and
# its pid, harmless to a terminal, and limited in rate.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# run_program SCRIPT: a server of sh -c SCRIPT and one client, until the program has ended.
run_program() {
	serve_exec "$T/exec.sock" '' sh -c "$1"
	run timeout 60 nc -N -U "$T/exec.sock" </dev/null
	await "$T/exec.sock" connection_pool.open '"equals":0'
}

@test "stderr: each line is logged at info, with server and pid" {
	local pid
	# shellcheck disable=SC2016
	run_program 'echo $$; echo one >&2; echo two words >&2; printf "no newline at the end" >&2'
	pid=$output
	assert_log_lines 1 "info +unix:$T/exec.sock \[pid $pid\] one\$"
	assert_log_lines 1 "info +unix:$T/exec.sock \[pid $pid\] two words\$"
	assert_log_lines 1 "info +unix:$T/exec.sock \[pid $pid\] no newline at the end\$"
	assert_log_lines 3 '\[pid '
}

@test "stderr: nothing of it reaches the client, nothing of stdout the log" {
	run_program 'echo to the client; echo to the log >&2'
	assert_output "to the client"
	assert_log_lines 0 'to the client'
	assert_log_lines 1 'to the log'
}

@test "stderr: control bytes are escaped" {
	run_program 'printf "a\033[31mred\007 b\rc\td\000e\377f\n\033]0;title\007\n" >&2'
	assert_log_lines 2 '\[pid '
	run env LC_ALL=C grep -caP '[\x00-\x08\x0b-\x1f\x7f]' "$LOG"
	assert_output 0
	assert_log_lines 1 'a\\x1b\[31mred\\x07 b'
	# What it holds is UTF-8.
	iconv -f UTF-8 -t UTF-8 "$LOG" >/dev/null
}

@test "stderr: a line comes in pieces, lines come together, empty ones say nothing" {
	# The program waits for its client between the pieces.
	serve_exec "$T/exec.sock" '' python3 -c 'import os
for text in (b"be", b"gun\nsecond\n\n\nthi", b"rd\n"):
    os.read(0, 1)
    os.write(2, text)
    os.write(1, b".")'
	script <<-'END'
		from peers import *
		client = connect("unix:" + os.environ["T"] + "/exec.sock")
		for _ in range(3):
		    client.sendall(b".")
		    expect(client.recv(1), b".")
		expect(read_all(client), b"")
	END
	await "$T/exec.sock" connection_pool.open '"equals":0'
	assert_log_lines 3 '\[pid '
	assert_log_lines 1 '\[pid [0-9]+\] begun$'
	assert_log_lines 1 '\[pid [0-9]+\] second$'
	assert_log_lines 1 '\[pid [0-9]+\] third$'
}

@test "stderr: a very long line is cut, the next one is whole" {
	run_program 'head -c 300000 /dev/zero | tr "\0" x >&2; echo >&2; echo after >&2'
	assert_log_lines 1 '\[pid [0-9]+\] x+\.\.\.$'
	assert_log_lines 1 '\[pid [0-9]+\] after$'
	run awk 'length > 1300' "$LOG"
	assert_output ''
}

@test "stderr: a flood is limited, counted, and holds up nobody" {
	local lines
	serve_exec "$T/exec.sock" '' sh -c 'yes "all is well" | head -n 100000 >&2; echo done'
	serve "$T/echo.sock"
	background flood nc -N -U "$T/exec.sock"
	await "$T/exec.sock" connection_pool.total '"equals":1'
	connect_idle 1 "$T/echo.sock"
	[[ $(clients_do "echo am I served") == 1 ]]
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":1'
	[[ $(cat "$T/flood.log") == "done" ]]
	# 1.3 MB take two seconds or three at the rate noded reads at, with 20 lines in each.
	lines=$(log_lines 'all is well$')
	((lines >= 20 && lines <= 200))
	has_log_lines 1 'left out'
	# No line was mixed into another.
	assert_log_lines "$lines" "^[^ ]+ info +unix:$T/exec\.sock \[pid [0-9]+\] all is well\$"
	[[ $(state log.lost) == 0 ]]
}

@test "stderr: a program that closes it, or leaves it to another, ends as any" {
	run_program 'exec 2>&-; echo fine'
	assert_output fine
	[[ $(at "$T/exec.sock" connection_pool.closed | jq -c .) == '{"exit:0":1}' ]]
	stop "$T/exec.sock" >/dev/null
	# One that has left the group keeps the pipe, until it is killed.
	make_leaver
	run_program "exec $T/leaver 0 1"
	[[ $(at "$T/exec.sock" connection_pool.open) == 0 ]]
	[[ ! -e /proc/$output ]]
	[[ $(state process.adopted) == 1 ]]
}
