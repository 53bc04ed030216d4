# What every command prints when the real noded answers.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

# as_it_came METHOD PARAMS ARGS: with --json stdout is the result, byte for byte.
as_it_came() {
	local reply
	reply=$(rpc "$1" "$2")
	reply=${reply#'{"jsonrpc":"2.0","id":1,"result":'}
	says "${reply%\}}" "${@:3}"
}

@test "start prints the bound address alone, with -q too" {
	says "unix:$T/s.sock" start "$T/s.sock"
	says "unix:$T/s.sock" start "unix:$T//x/../s.sock" --if-missing
	cd "$T"
	says "unix:$T/r.sock" start ./r.sock discard
	says_like 'tcp:127\.0\.0\.1:[1-9][0-9]*' start tcp:127.0.0.1:0
	says_like 'tcp:\[::1\]:[1-9][0-9]*' -q start 'tcp:[::1]:0'
	says "unix:$T/f.sock" start "$T/f.sock" forward "$T/s.sock" --connect-timeout 1s
	says "unix:$T/e.sock" start "$T/e.sock" exec cat -u
	run jq -r '.server.handler.argv | join(" ")' <<<"$(nodectl -j start "$T/e.sock" exec cat -u --if-missing)"
	assert_output "cat -u"
}

@test "start: the options arrive" {
	nodectl start "$T/s.sock" --max-connections none --backlog 7 --mode 0660 --idle-timeout 1m \
		--drain 1.5s --kill 250ms --restart never
	run nodectl state "$T/s.sock"
	assert_equal "$(jq -c '[.max_connections, .listener.backlog, .mode, .idle_timeout_ms, .drain_ms,
		.kill_ms, .restart]' <<<"$output")" '[null,7,"0660",60000,1500,250,"never"]'
	assert_equal "$(stat -c %a "$T/s.sock")" 660
}

@test "with --json stdout is the result as it came" {
	nodectl start "$T/s.sock" >/dev/null
	as_it_came version '{}' -j version
	as_it_came state "{\"path\":\"unix:$T/s.sock\"}" -j state "$T/s.sock"
	as_it_came state "{\"path\":\"unix:$T/s.sock\"}" -j call state "{\"path\":\"$T/s.sock\"}"
	as_it_came list_servers '{}' -j list-servers
	as_it_came list_connections '{}' -j list-connections
	as_it_came rpc.discover '{}' schema
	as_it_came rpc.discover '{}' -j schema
	as_it_came start "{\"address\":\"$T/s.sock\",\"if_missing\":true}" -j start "$T/s.sock" --if-missing
	as_it_came set_log_level '{"level":"info"}' -j set-log-level info
}

# SIGTERM is 15: bit 14 of the mask.
program_ignores_term() {
	local program
	read -r program < <(ps -o pid= --ppid "$NODED_PID")
	grep -qE '^SigIgn:.*[4-7c-f]...$' "/proc/$program/status"
}

@test "stop-server: a line each" {
	start_held "$T/a.sock"
	clients_do quit >/dev/null
	nodectl -q wait "$T/a.sock" connection_pool open --is 0
	says_like "unix:$T/a\.sock drained drained=0 stopped=0 killed=0 ms=[0-9]+" stop-server "$T/a.sock"
	start_held "$T/b.sock"
	says_like "unix:$T/b\.sock stopped drained=0 stopped=1 killed=0 ms=[0-9]+" stop-server "$T/b.sock" --now
	start_held "$T/c.sock" exec sh -c 'trap "" TERM; cat; cat' --kill 100ms
	wait_until 25 program_ignores_term
	says_like "unix:$T/c\.sock killed drained=0 stopped=0 killed=1 ms=[0-9]+" \
		stop-server "$T/c.sock" --deadline 0
	says "unix:$T/c.sock absent drained=0 stopped=0 killed=0 ms=0" stop-server "$T/c.sock" --if-exists
	start_held "$T/d.sock"
	says "unix:$T/d.sock draining connections=1" stop-server "$T/d.sock" --no-wait
	wait_until 25 is_draining "$T/d.sock"
	says "" -q stop-server "$T/d.sock" --now
}

@test "stop-server: all are asked at once, the lines come in the order of the arguments" {
	start_held "$T/a.sock"
	nodectl start "$T/b.sock" >/dev/null
	ask stop stop-server "$T/a.sock" "$T/b.sock"
	wait_until 25 is_draining "$T/a.sock"
	wait_until 25 is_gone "$T/b.sock"
	# Progress may be there: it is told after two seconds.
	run ! grep '^unix:' "$T/stop.log"
	clients_do 'close 1'
	answered 0 "$ASKED"
	run grep '^unix:' "$T/stop.log"
	assert_line --index 0 --regexp "^unix:$T/a.sock drained drained=1 "
	assert_line --index 1 --regexp "^unix:$T/b.sock drained drained=0 "
}

@test "stop-server: what fails does not keep the others, the first failure decides" {
	nodectl start "$T/a.sock" >/dev/null
	nodectl start "$T/b.sock" >/dev/null
	run --separate-stderr nodectl stop-server "$T/a.sock" "$T/none.sock" "$T/b.sock"
	assert_equal "$status" 4
	assert_equal "$(cut -d ' ' -f 1 <<<"$output")" "unix:$T/a.sock"$'\n'"unix:$T/b.sock"
	[[ $stderr =~ ^nodectl:\ unix:$T/none\.sock:\ .*\(no_such_server\)$ ]]
	nodectl start "$T/a.sock" >/dev/null
	run --separate-stderr nodectl -j stop-server "$T/none.sock" "$T/a.sock"
	assert_equal "$status" 4
	assert_equal "$(jq -c '.results | [length, .[0].address, .[0].error.code, .[1].outcome]' <<<"$output")" \
		"[2,\"unix:$T/none.sock\",1,\"drained\"]"
}

@test "stop-server --all: every server in the order of addresses, and nothing when there is none" {
	local name
	for name in c a b; do
		nodectl start "$T/$name.sock" >/dev/null
	done
	run --separate-stderr nodectl stop-server --all
	assert_success
	assert_equal "$(cut -d ' ' -f 1,2 <<<"$output" | tr '\n' ,)" \
		"unix:$T/a.sock drained,unix:$T/b.sock drained,unix:$T/c.sock drained,"
	says "" stop-server --all
	says '{"results":[]}' -j stop-server --all
	nodectl start "$T/a.sock" >/dev/null
	run nodectl -j stop-server --all
	assert_equal "$(jq -c '[.results[].outcome]' <<<"$output")" '["drained"]'
}

@test "suspend-server, resume-server, update-server: ADDRESS PHASE" {
	nodectl start "$T/a.sock" >/dev/null
	nodectl start "$T/b.sock" >/dev/null
	says "unix:$T/b.sock suspended"$'\n'"unix:$T/a.sock suspended" suspend-server "$T/b.sock" "$T/a.sock"
	says "unix:$T/a.sock suspended" update-server "$T/a.sock" --max-connections 5
	says "unix:$T/a.sock running" resume-server "$T/a.sock"
	says "" -q resume-server "$T/b.sock"
	says 5 state "$T/a.sock" max_connections
	run nodectl -j suspend-server "$T/a.sock"
	assert_success
	assert_equal "$(jq -c '[.results[].server | .phase, .why]' <<<"$output")" '["suspended","requested"]'
}

@test "close-connection: ID REASON" {
	local -a ids
	start_held "$T/a.sock"
	clients_do 'connect 2' >/dev/null
	nodectl -q wait "$T/a.sock" connection_pool open --is 3
	mapfile -t ids < <(nodectl -q list-connections)
	says "${ids[1]} stopped"$'\n'"${ids[0]} stopped" close-connection "${ids[1]}" "${ids[0]}"
	says "{\"results\":[{\"id\":${ids[2]},\"reason\":\"stopped\"}]}" -j close-connection "${ids[2]}" --now
	says "" -q list-connections
	run clients_do open
	assert_output 0
}

@test "version, set-log-level and completion" {
	says "noded $(nodectl -V | cut -d ' ' -f 2) protocol 1.0 pid $NODED_PID name $(state name) handlers echo,discard,forward,exec" version
	says info set-log-level debug
	says "" -q set-log-level warning
	says warning set-log-level info
	says "$(nodectl -j completion fish | jq -r .completion)" completion fish
}

@test "call: the result, with parameters as an argument or from standard input" {
	says '{"path":"phase","value":"running"}' call state '{"path":"phase"}'
	run --separate-stderr nodectl call state - <<<'{"path": "phase"}'
	assert_equal "$output$stderr" '{"path":"phase","value":"running"}'
	run --separate-stderr nodectl call set_log_level '{"level":"info"}' <<<'{"level":"debug"}'
	assert_output '{"previous":"info"}'
	says info state log level
}

@test "shutdown prints nothing and returns when the next noded can start" {
	nodectl start "$T/a.sock" >/dev/null
	says "" shutdown
	assert_not_exists "$NODED_SOCKET"
	assert_not_exists "$T/a.sock"
	wait_noded
	start_noded
	run --separate-stderr nodectl -j shutdown
	assert_success
	assert_equal "$stderr" ""
	assert_equal "$(jq -c '[.servers, .drained, .stopped, .killed]' <<<"$output")" '[0,0,0,0]'
	wait_noded
}

@test "a noded started while the last one shuts down gets the path" {
	local _
	for _ in 1 2 3 4 5; do
		nodectl shutdown
		start_noded
	done
	assert_equal "$(state pid)" "$NODED_PID"
}

@test "--verbose shows both lines, the result is where it was" {
	run --separate-stderr nodectl -v suspend-server "$T/none"
	assert_equal "$status" 4
	assert_equal "$output" ""
	assert_equal "${#stderr_lines[@]}" 3
	assert_equal "$(jq -c .params <<<"${stderr_lines[0]#> }")" "{\"address\":\"unix:$T/none\"}"
	assert_equal "$(jq -r .error.data.name <<<"${stderr_lines[1]#< }")" no_such_server
	run --separate-stderr nodectl -v state phase
	assert_equal "$output" running
	assert_equal "${#stderr_lines[@]}" 2
}

@test "--dry-run prints what would be done, and it is not done" {
	local line
	nodectl start "$T/a.sock" >/dev/null
	line=$(nodectl -n stop-server "$T/a.sock" --no-wait)
	says running state "$T/a.sock" phase
	run raw "$line"
	assert_equal "$(jq -r .result.address <<<"$output")" "unix:$T/a.sock"
	wait_until 25 is_gone "$T/a.sock"
}
