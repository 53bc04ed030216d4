# A command line that makes no sense is refused with status 2 before anything is sent.

load lib.bash

# refused SENTENCE ARGS: status 2, nothing on stdout, one line on stderr that has the sentence in it.
refused() {
	run --separate-stderr nodectl "${@:2}"
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr =~ ^nodectl:\ [^:]+:\ .+\ \([a-z_]+\)$ ]] || fail "form: $stderr"
	[[ $stderr == *"$1"* ]] || fail "no \"$1\" in: $stderr"
}

@test "without a command help goes to standard error" {
	run --separate-stderr nodectl
	assert_equal "$status" 2
	assert_equal "$output" ""
	[[ $stderr == "usage: nodectl "* ]]
	[[ $stderr == *stop-server* ]]
}

@test "an unknown command is refused, the nearest one is suggested" {
	refused "no such command: stpo-server; did you mean stop-server?" stpo-server /x
	refused "no such command: stop_server; did you mean stop-server?" stop_server /x
	refused "no such command: xyzzy; see nodectl help" xyzzy
}

@test "commands are not abbreviated" {
	refused "did you mean stop-server?" stop /x
	refused "did you mean start?" start-server /x
	refused "did you mean version?" ver
}

@test "an unknown option is refused, the nearest one is suggested" {
	refused "unknown option --deadlin; did you mean --deadline?" stop-server /x --deadlin 5s
	refused "unknown option --deadlin; did you mean --deadline?" stop-server /x --deadlin=5s
	refused "unknown option --xyzzy; see nodectl help stop-server" stop-server /x --xyzzy
	refused "unknown option --sock; did you mean --socket? (" --sock /x version
	refused "unknown option --now; options of a command follow its name" --now stop-server /x
	refused "unknown option -x" version -x
	refused "unknown option -x" -qx version
}

@test "for the member of a request its option is suggested" {
	refused "unknown option --force; did you mean --now?" stop-server /x --force
	refused "unknown option --force; did you mean --now?" shutdown --force=true
	refused "unknown option --wait; see nodectl help" stop-server /x --wait
	refused "unknown option --equals; did you mean --is?" wait phase --equals running
	refused "unknown option --drain_ms; did you mean --drain?" start /x --drain_ms 5
	refused "unknown option --connect-timeout-ms; did you mean --connect-timeout?" \
		start /x forward /y --connect-timeout-ms 5
}

@test "what takes another word before it is told which" {
	refused "no such handler: /y; did you mean forward /y?" start /x /y
	refused "no such handler: cat; there are: echo, discard, forward, exec" start /x cat -n
	refused "one argument too many: ./x; did you mean --server ./x?" list-connections ./x
	refused "one argument too many: x; see nodectl help list-connections" list-connections x
	refused "one argument too many: /z; see nodectl help start" start /x forward /y /z
}

@test "call takes methods, not commands" {
	refused "no such method: list-servers; did you mean list_servers?" call list-servers
	refused "no such method: schema; did you mean rpc.discover?" call schema
}

@test "options of one command are not options of another" {
	refused "unknown option --deadline" start /x --deadline 5s
	refused "unknown option --keys" version --keys
	refused "unknown option --limit" state --limit 5
	refused "options of a command follow its name" --now stop-server /x
}

@test "an option without its value, a flag with one" {
	refused "--deadline needs a value" stop-server /x --deadline
	refused "--socket needs a value" version -s
	refused "--now takes no value" stop-server /x --now=yes
	refused "--json takes no value" --json=1 version
}

@test "missing arguments are named" {
	refused "ADDRESS is missing" start
	refused "ADDRESS is missing" stop-server
	refused "ID is missing" close-connection
	refused "PATH is missing" wait --exists
	refused "LEVEL is missing" set-log-level
	refused "METHOD is missing" call
	refused "BACKEND is missing" start /x forward
	refused "PROGRAM is missing" start /x exec
	refused "PROGRAM is missing" start /x exec --
	refused "one shell: bash|zsh|fish" completion
}

@test "arguments too many are named" {
	refused "one argument too many: foo" version foo
	refused "one argument too many: foo" start /x echo foo
	refused "one argument too many: foo" start /x forward /y foo
	refused "one argument too many: foo" set-log-level debug foo
	refused "one argument too many: b" help a b
	refused "--all and ADDRESS exclude each other" stop-server --all /x
}

@test "values out of their range or form are refused with the option's name" {
	refused "--deadline: " stop-server /x --deadline 5x
	refused "--deadline: " stop-server /x --deadline -1
	refused "--deadline: " stop-server /x --deadline nan
	refused "--deadline: " stop-server /x --deadline inf
	refused "--deadline: " stop-server /x --deadline 1e300
	refused "--deadline: " stop-server /x --deadline 9223372036854775808
	refused "--deadline: " stop-server /x --deadline 366000h
	refused "--deadline: " stop-server /x --deadline ''
	refused "--max-connections: " start /x --max-connections 0
	refused "--max-connections: " start /x --max-connections 1000001
	refused "--backlog: " start /x --backlog none
	refused "--backlog: " start /x --backlog 65536
	refused "--mode: " start /x --mode 0888
	refused "--mode: " start /x --mode 1777
	refused "--restart: " start /x --restart sometimes
	refused "--connect-timeout: " start /x forward /y --connect-timeout 0
	refused "--idle-timeout: " start /x exec cat --idle-timeout 5s
	refused "--limit: " list-servers --limit 0
	refused "--limit: " list-servers --limit x
	refused "--columns: " list-servers --columns a,,b
	refused "--color: " --color=blue version
	refused "level must be one of error|warning|info|debug" set-log-level verbose
	refused '"x" is not a whole number' close-connection x
	refused "out of range" close-connection 0
	refused "out of range" close-connection 9007199254740992
}

@test "an option's name is not followed by the JSON member it stands for" {
	refused "--idle-timeout: cannot be kept with exec, whose" start /x exec cat --idle-timeout 5s
	refused "--mode: must be a string of octal digits" start /x --mode 0888
	refused "--restart: must be one of always|never" start /x --restart sometimes
	refused "--at-least: must be a number" wait phase --at-least many
}

@test "an unknown column is refused, the nearest one is suggested" {
	refused "--columns: no such column: addres; did you mean address?" list-servers --columns addres
	refused "no such column: ADDRESS; did you mean address?" list-servers --columns ADDRESS,PHASE
	refused "no such column:  phase; did you mean phase?" list-servers --columns "address, phase"
	refused "no such column: listener.backlg; did you mean listener.backlog?" \
		-n list-servers --columns=listener.backlg
	refused "no such column: bytes-in; did you mean bytes_in?" -q list-connections --columns bytes-in
	refused "no such column: xyzzy; there are: address, phase, why" list-servers --columns xyzzy
	refused "no such column: connection_pool.closed.;" list-servers --columns connection_pool.closed.
	refused "no such column: xyzzy; there are: id, server, phase" list-connections --columns id,xyzzy
}

@test "a time-out of 0 is refused where it would leave no time for an answer" {
	refused "--timeout: " version -t 0
	refused "--timeout: " version -t -5
	refused "--timeout: " version --timeout=never
}

@test "an option of one handler is refused with another" {
	refused "--connect-timeout is an option of the handler forward" start /x --connect-timeout 5s
	refused "--connect-timeout is an option of the handler forward" \
		start /x exec --connect-timeout 5s cat
	refused "no such handler: forwrd; did you mean forward?" start /x forwrd /y
}

@test "wait takes exactly one condition" {
	refused "one of --is, --exists, --absent, --at-least, --at-most" wait phase
	refused "--is and --exists exclude each other" wait phase --is running --exists
	refused "--at-least: " wait phase --at-least many
}

# It was taken for a string, and waited for in vain.
@test "wait for an object or an array is refused, for a string in quotes it is not" {
	local word
	for word in '[]' '[1]' '{"a":1}' '{'; do
		refused "--is: $word begins as an object or an array does" wait phase --is "$word"
	done
	run nodectl --dry-run wait phase --is '"[1]"'
	assert_success
	assert_output --partial '"equals":"[1]"'
}

@test "a state path that cannot be one is refused" {
	refused "path" state a..b
	refused "path" state 'a[b'
	refused "not UTF-8" state a $'\xff'
}

@test "one bad argument of several stops all of them" {
	refused "did you mean ./y.sock?" stop-server /x y.sock /z
	refused '"x"' close-connection 1 2 x
}

@test "parameters of call must be JSON" {
	refused "not JSON" call state '{'
	refused "not JSON" call state '{"a":01}'
	refused "not JSON" call state ''
	run --separate-stderr nodectl call state - <<<'{} {}'
	assert_equal "$status" 2
}
