# What is different on a terminal: a tree, tables cut to its width, colour, a bar while a drain lasts.

load lib.bash

# What bash writes for \u is UTF-8, also where a bare system has no locale set.
export LC_ALL=C.UTF-8

state='{"jsonrpc":"2.0","id":ID,"result":{"path":"","value":{"phase":"running","pid":1,"transport":{"open":12,"none":null,"list":[1,2]}}}}'
servers='{"jsonrpc":"2.0","id":ID,"result":{"servers":[{"address":"unix:/a-rather-long-path/to-a-socket.sock","phase":"running"}],"next":null,"total":1}}'
progress='{"jsonrpc":"2.0","method":"progress","params":{"id":1,"phase":"draining","done":1,"total":4,"elapsed_ms":100,"deadline_in_ms":60000}}'
stopped='{"jsonrpc":"2.0","id":1,"result":{"address":"unix:/x","outcome":"drained","drained":4,"stopped":0,"killed":0,"elapsed_ms":200}}'

answers() {
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" "$@"
	wait_until 25 test -S "$NODED_SOCKET"
}

# on_terminal COLUMNS ARGS: prints what a terminal of so many columns would get.
on_terminal() {
	python3 -c '
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    sys.stdin.readline()
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
attributes = termios.tcgetattr(fd)
attributes[3] &= ~termios.ECHO
termios.tcsetattr(fd, termios.TCSANOW, attributes)
os.write(fd, b"\n")
output = b""
try:
    while data := os.read(fd, 65536):
        output += data
except OSError:
    pass
sys.stdout.write(output.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
' "$1" "$NODECTL" "${@:2}"
}

setup() {
	setup_test
	export TERM=xterm
}

@test "state is an aligned tree, off a terminal one line of JSON" {
	answers "$state"
	NO_COLOR=1 run on_terminal 80 state
	assert_output $'phase  running\npid    1\ntransport\n  open  12\n  none  -\n  list  1 2'
	run nodectl state
	assert_output '{"phase":"running","pid":1,"transport":{"open":12,"none":null,"list":[1,2]}}'
}

@test "colour: on a terminal, not for NO_COLOR, not for TERM=dumb, as --color says" {
	answers "$state"
	run on_terminal 80 state
	assert_output --partial $'\e[32mrunning\e[0m'
	NO_COLOR=1 run on_terminal 80 state
	refute_output --partial $'\e['
	TERM=dumb run on_terminal 80 state
	refute_output --partial $'\e['
	run on_terminal 80 state --color=never
	refute_output --partial $'\e['
	NO_COLOR=1 run on_terminal 80 state --color=always
	assert_output --partial $'\e[32m'
}

@test "a table is cut to the width of a terminal, and only there" {
	answers "$servers"
	run nodectl list-servers --columns phase,address
	assert_line --index 1 "running  unix:/a-rather-long-path/to-a-socket.sock"
	NO_COLOR=1 run on_terminal 12 list-servers --columns phase,address
	assert_line --index 1 "running  uni"
}

@test "where a terminal is narrow the widest text gives way, never the key of the row" {
	answers "$servers"
	NO_COLOR=1 run on_terminal 64 list-servers --columns address,phase,address
	assert_line --index 1 "unix:/a-rather-long-path/to-a-socket.sock  running  unix:/a-r..."
	NO_COLOR=1 run on_terminal 20 list-servers --columns phase,address
	assert_line --index 1 "running  unix:/a-..."
}

@test "a table in colour off a terminal, if asked for" {
	answers "$servers"
	run nodectl --color=always list-servers --columns phase
	assert_line --index 1 $'\e[32mrunning\e[0m'
}

@test "a drain shows a bar that is gone before the result" {
	answers "$progress"$'\n'"$stopped"
	run on_terminal 80 stop-server /x
	assert_success
	assert_output --partial "draining [###"
	assert_output --partial "3 connections left"
	[[ $output == *$'\r\e[Kunix:/x drained drained=4 stopped=0 killed=0 ms=200' ]]
}

@test "no bar with --quiet" {
	answers "$progress"$'\n'"$stopped"
	run on_terminal 80 -q stop-server /x
	assert_success
	assert_output ""
}

@test "JSON for a terminal has the same value and nothing that moves the cursor; elsewhere it is untouched" {
	local value=$'{"a":"\x7f\u009b31m\u2028\u00e9","b":1}' line document
	line='{"jsonrpc":"2.0","id":ID,"result":'$'{"path":"",\r\t"value":'$value'}}'
	answers "$line"
	run nodectl -j state
	assert_output $'{"path":"",\r\t"value":'"$value}"
	run on_terminal 80 -j state
	assert_success
	assert_output '{"path":"",  "value":{"a":"\u007f\u009b31m\u2028é","b":1}}'
	document=$output
	assert_equal "$(jq -c .value <<<"$document")" "$(jq -c . <<<"$value")"
	run on_terminal 80 call state
	assert_output "$document"
}

@test "so has the JSON of a failure and of several results" {
	answers $'{"jsonrpc":"2.0","id":ID,"error":{"code":12,"message":"\u009b","data":{"name":"io_error"}}}'
	run on_terminal 80 -j version
	assert_line --index 0 '{"error":{"code":12,"message":"\u009b","data":{"name":"io_error"}}}'
	run on_terminal 80 -j suspend-server /x
	assert_line --partial '"message":"\u009b"'
}
