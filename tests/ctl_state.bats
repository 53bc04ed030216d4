# What state shows of the real noded, and how its words become a path.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

@test "scalars are raw, null is null, objects and arrays one line of JSON" {
	nodectl start "$T/s.sock" >/dev/null
	says running state phase
	says "$NODED_PID" state pid
	says null state "$T/s.sock" error
	says null state why
	says 1024 state "$T/s.sock" listener backlog
	says '{"type":"echo"}' state "$T/s.sock" handler
	says '[]' state "$T/s.sock" connection_pool last_closed
	says '{"path":"why","value":null}' -j state why
	says '["cat","-u"]' state "$(nodectl start "$T/e.sock" exec cat -u)" handler argv
	says -u state "$T/e.sock" handler argv 1
}

@test "without a path it is the whole" {
	run --separate-stderr nodectl state
	assert_success
	assert_equal "${#lines[@]}" 1
	assert_equal "$(jq -c 'keys_unsorted' <<<"$output")" \
		'["name","version","pid","phase","why","since","process","transport","admin","log"]'
}

@test "--keys" {
	nodectl start "$T/s.sock" exec cat >/dev/null
	says $'type\nargv\nprogram' state "$T/s.sock" handler --keys
	says $'0' state --keys "$T/s.sock" handler argv
	says "unix:$T/s.sock" state transport servers --keys
	says "" state phase --keys
	says "" state "$T/s.sock" connection_pool connections --keys
}

@test "every form of an address finds its server" {
	local form
	nodectl start "$T/s.sock" >/dev/null
	cd "$T"
	for form in "$T/s.sock" "unix:$T/s.sock" "$T//x/../s.sock" "transport.servers[$T/s.sock]"; do
		says running state "$form" phase
	done
	says running state "transport.servers[\"$T/s.sock\"].phase"
	says running state transport servers "$T/s.sock" phase
	form=$(nodectl start 'tcp:[::1]:0')
	says running state "$form" phase
	says running state "transport.servers[$form].listener.phase"
}

@test "addresses and keys with odd characters need no quoting" {
	local name
	for name in 'a b' 'c.d' 'e[f' 'g]h' 'i"j' 'k\l' "m'n" 'ö€' '*?$(x)' '-o'; do
		says "unix:$T/$name" start "$T/$name"
		says running state "$T/$name" phase
		says running state transport servers "unix:$T/$name" phase
		says running wait "$T/$name" phase --is running --timeout 0
	done
	assert_equal "$(nodectl -q list-servers)" "$(nodectl state transport servers --keys)"
	nodectl -q list-servers | while IFS= read -r name; do
		says_like '.* drained drained=0 .*' stop-server "$name"
	done
}

@test "what is not there is told with the longest part that is" {
	run --separate-stderr nodectl state transport connection_pool nothing here
	assert_equal "$status" 4
	[[ $stderr == *"transport.connection_pool"*"(no_such_path)" ]]
	run --separate-stderr nodectl state "$T/none" phase
	assert_equal "$status" 4
}

@test "on a terminal it is a tree, with --json one document there too" {
	nodectl start "$T/s.sock" exec cat -u >/dev/null
	run on_terminal 80 --color never state "$T/s.sock" handler
	assert_success
	assert_output $'type     exec\nargv     cat -u\nprogram  '"$(type -P cat)"
	run on_terminal 80 --color never state
	assert_line "transport"
	assert_line "    unix:$T/s.sock"
	assert_line --regexp '^phase    running$'
	refute_output --partial '{'
	run on_terminal 80 -j state "$T/s.sock" handler argv
	assert_output "$(nodectl -j state "$T/s.sock" handler argv)"
	run on_terminal 80 state "$T/s.sock" max_connections
	assert_output 40
}

@test "colour: on a terminal, if nothing speaks against it" {
	run on_terminal 80 state
	assert_output --partial $'\e[32mrunning\e[0m'
	run on_terminal 80 --color=never state
	refute_output --partial $'\e'
	NO_COLOR=1 run on_terminal 80 list-servers
	refute_output --partial $'\e'
	NO_COLOR=1 run on_terminal 80 state
	refute_output --partial $'\e'
	run nodectl state
	refute_output --partial $'\e'
	nodectl start "$T/s.sock" >/dev/null
	run nodectl --color=always list-servers
	assert_output --partial $'\e[32mrunning\e[0m'
}

@test "a table is cut at the width of the terminal" {
	nodectl start "$T/s.sock" >/dev/null
	run on_terminal 30 --color never list-servers
	assert_equal "${#lines[@]}" 2
	assert_equal "$(awk 'length > 30' <<<"$output")" ""
	[[ $(nodectl list-servers | cut -c -30 | sed 's/ *$//') == "$(sed 's/ *$//' <<<"$output")" ]]
}
