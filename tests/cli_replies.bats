# What nodectl makes of replies, right and wrong. The other side is a stand-in that says what noded
# says, or never would.

load lib.bash

# answers ANSWER...: from now on that is what the admin socket says (see cli_answers.py).
answers() {
	start_answers "$NODED_SOCKET" "$@"
}

# answers_each ANSWER...: the first nodectl gets the first, and so on.
answers_each() {
	start_answers --each "$NODED_SOCKET" "$@"
}

start_answers() {
	rm -f "$NODED_SOCKET"
	background "answers.${#BACKGROUND_PIDS[@]}" python3 "$ROOT/tests/cli_answers.py" "$@"
	wait_until 25 test -S "$NODED_SOCKET"
}

result() {
	printf '{"jsonrpc":"2.0","id":ID,"result":%s}' "$1"
}

error() {
	printf '{"jsonrpc":"2.0","id":ID,"error":{"code":%s,"message":"m","data":{"name":"%s","detail":"%s"}}}' "$@"
}

# fails STATUS SENTENCE ARGS
fails() {
	run --separate-stderr nodectl "${@:3}"
	assert_equal "$status" "$1"
	[[ $stderr == *"$2"* ]] || fail "no \"$2\" in: $stderr"
}

@test "every error of the table has its status" {
	local name code status
	local -a answers=()
	# The rows X(ENUM, code, "name", status, ...) of the table.
	sed -n 's/^\tX([A-Z_]*, \(-\?[0-9]*\), "\([a-z_]*\)", \([0-9]\),.*/\2 \1 \3/p' \
		"$ROOT/proto/error.h" >"$T/errors"
	(($(wc -l <"$T/errors") > 15))
	while read -r name code status; do
		answers+=("$(error "$code" "$name" why)")
	done <"$T/errors"
	answers_each "${answers[@]}"
	while read -r name code status; do
		fails "$status" "nodectl: version: why ($name)" version
	done <"$T/errors"
}

@test "an error nodectl does not know yet is status 1" {
	answers "$(error 4711 brand_new why)"
	fails 1 "why (brand_new)" version
}

@test "an error for the whole connection is the answer to all requests" {
	answers '{"jsonrpc":"2.0","id":null,"error":{"code":-32003,"message":"m","data":{"name":"permission_denied","detail":"not you"}}}'
	fails 5 "not you (permission_denied)" stop-server /x /y
	assert_equal "${#stderr_lines[@]}" 1
}

@test "closed before a byte of reply is 3, and says what is not known" {
	answers close
	fails 3 "went away (no_noded)" version
	fails 3 "went away; whether it was done is unknown (no_noded)" suspend-server /x
}

@test "a cut reply is 8" {
	answers 'cut {"jsonrpc":"2.0","id":1,"res'
	fails 8 "was cut" version
}

@test "a senseless reply is 8" {
	local -a wrong=(hello '{}' '[]' 17 '{"jsonrpc":"2.0","id":1}'
		'{"jsonrpc":"2.0","id":99,"result":{}}' '{"jsonrpc":"1.0","id":1,"result":{}}'
		'{"jsonrpc":"2.0","id":1,"result":5}' '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}'
		'{"jsonrpc":"2.0","id":1,"error":{}}' '{"jsonrpc":"2.0","id":"1","result":{}}'
		'{"jsonrpc":"2.0","id":1,"result":{"version":"1"}}' '{"jsonrpc":"2.0","method":"x"}'
		$'\xff' "$(printf '[%.0s' {1..100000})")
	local text
	answers_each "${wrong[@]}"
	for text in "${wrong[@]}"; do
		run nodectl version
		assert_failure 8
		assert_output --partial "a senseless reply"
		assert_equal "$(grep -o senseless <<<"$output")" senseless
		assert_equal "${#lines[@]}" 1
	done
}

@test "silence is 7, half a line is silence too" {
	answers silence
	fails 7 "no answer for 200 ms (timeout)" -t 200ms version
	fails 7 "whether it was done is unknown (timeout)" -t 200ms suspend-server /x
	answers 'part {"jsonrpc":'
	fails 7 "no answer" -t 200ms version
}

@test "progress is not silence" {
	local line='{"jsonrpc":"2.0","method":"progress","params":{"id":1,"phase":"draining","done":1,"total":3,"elapsed_ms":1500,"deadline_in_ms":8200}}'
	answers "$line"$'\n'"$(result '{"address":"unix:/x","outcome":"drained","drained":3,"stopped":0,"killed":0,"elapsed_ms":1600}')"
	run --separate-stderr nodectl stop-server /x
	assert_success
	assert_equal "$output" "unix:/x drained drained=3 stopped=0 killed=0 ms=1600"
	assert_equal "$stderr" "nodectl: unix:/x: draining, 2 connections left, 8.2 s to the deadline"
	run --separate-stderr nodectl -q stop-server /x
	assert_equal "$output$stderr" ""
}

@test "several requests are sent at once and printed in their order" {
	local one two
	one=$(result '{"address":"unix:/x","outcome":"drained","elapsed_ms":2}')
	two=$(result '{"address":"unix:/y","outcome":"stopped","elapsed_ms":1}')
	answers silence "${two//ID/2}"$'\n'"${one//ID/1}"
	run nodectl stop-server /x /y
	assert_success
	assert_line --index 0 "unix:/x drained drained=0 stopped=0 killed=0 ms=2"
	assert_line --index 1 "unix:/y stopped drained=0 stopped=0 killed=0 ms=1"
}

@test "the first failure in the order of the arguments decides, with --json too" {
	local one two three
	one=$(result '{"id":1,"reason":"stopped"}')
	two=$(error 11 no_such_connection two)
	three=$(error -32000 shutting_down three)
	answers "$one" silence "${three//ID/3}"$'\n'"${two//ID/2}"
	run --separate-stderr nodectl close-connection 1 2 3
	assert_equal "$status" 4
	assert_equal "$output" "1 stopped"
	assert_equal "${stderr_lines[0]}" "nodectl: 2: two (no_such_connection)"
	assert_equal "${stderr_lines[1]}" "nodectl: 3: three (shutting_down)"
	run --separate-stderr nodectl -j close-connection 1 2 3
	assert_equal "$status" 4
	assert_equal "$(jq -c '[.results[] | .reason // [.id, .error.data.name]]' <<<"$output")" \
		'["stopped",[2,"no_such_connection"],[3,"shutting_down"]]'
}

@test "one argument is a list of one with --json" {
	answers "$(result '{"server":{"address":"unix:/x","phase":"suspended"}}')"
	run nodectl -j suspend-server /x
	assert_output '{"results":[{"server":{"address":"unix:/x","phase":"suspended"}}]}'
	run nodectl suspend-server /x
	assert_output "unix:/x suspended"
}

@test "numbers are printed as they came" {
	answers "$(result '{"path":"a","value":9007199254740993}')"
	run nodectl state a
	assert_output 9007199254740993
	run nodectl -j state a
	assert_output '{"path":"a","value":9007199254740993}'
	answers "$(result '{"path":"a","value":{"n":1.50,"m":9007199254740993}}')"
	run nodectl state a
	assert_output '{"n":1.50,"m":9007199254740993}'
}

@test "scalars are raw, null is null" {
	answers "$(result '{"path":"a","value":"a \"word\" \u00e9"}')"
	run nodectl state a
	assert_output 'a "word" é'
	answers "$(result '{"path":"a","value":null}')"
	run nodectl state a
	assert_output null
}

@test "control bytes from outside are shown escaped" {
	answers "$(result '{"path":"a","value":"x\u001b[31m\u0007\n\u009b"}')"
	run nodectl state a
	assert_output 'x\x1b[31m\x07\x0a\xc2\x9b'
	answers "$(error 12 io_error 'x\u001b[31m')"
	fails 1 'x\x1b[31m (io_error)' version
	answers "$(result '{"servers":[{"address":"unix:/\u001b]0;x"}],"next":null,"total":1}')"
	run nodectl list-servers --columns address
	assert_line --index 1 'unix:/\x1b]0;x'
}

@test "all pages are fetched" {
	local page='{"servers":[{"address":"unix:/%s","restarts":%s}],"next":%s,"total":3}'
	# shellcheck disable=SC2059
	answers "$(result "$(printf "$page" a 1 '"unix:/a"')")" \
		"$(result "$(printf "$page" b 9007199254740993 '"unix:/b"')")" \
		"$(result "$(printf "$page" c 3 null)")"
	run nodectl -q list-servers
	assert_output $'unix:/a\nunix:/b\nunix:/c'
	run nodectl -j list-servers
	assert_output '{"servers":[{"address":"unix:/a","restarts":1},{"address":"unix:/b","restarts":9007199254740993},{"address":"unix:/c","restarts":3}],"next":null,"total":3}'
	run nodectl list-servers --limit 2 --columns restarts,address
	assert_output $'        RESTARTS  ADDRESS\n               1  unix:/a\n9007199254740993  unix:/b'
}

@test "a page that leads to itself is not followed for ever" {
	local page='{"servers":[{"address":"unix:/a"}],"next":"unix:/a","total":3}'
	answers "$(result "$page")" "$(result "$page")"
	fails 8 "its next page does not follow it" list-servers
}

@test "pages of a state are put together" {
	answers "$(result '{"path":"p","value":{"1":{"a":1}},"next":1,"total":2}')" \
		"$(result '{"path":"p","value":{"2":{"a":2}},"next":null,"total":2}')"
	run nodectl state p
	assert_output '{"1":{"a":1},"2":{"a":2}}'
	run nodectl state p --keys
	assert_output $'1\n2'
}

@test "tables: upper case, two spaces, text left, numbers right, dashes for nothing" {
	answers "$(result '{"connections":[{"id":7,"peer":"unix:","pid":null},{"id":123,"peer":"tcp:127.0.0.1:5","pid":12}],"next":null,"total":2}')"
	run nodectl list-connections --columns id,peer,pid
	assert_output $' ID  PEER             PID\n  7  unix:              -\n123  tcp:127.0.0.1:5   12'
	run nodectl list-connections --columns peer --no-header
	assert_output $'unix:\ntcp:127.0.0.1:5'
}

@test "a column that no row has yet is a dash" {
	answers "$(result '{"servers":[{"address":"unix:/a","handler":{"type":"echo"}}],"next":null,"total":1}')"
	run nodectl list-servers --columns address,handler.backend,connection_pool.closed.idle
	assert_success
	assert_output $'ADDRESS  HANDLER.BACKEND  CONNECTION_POOL.CLOSED.IDLE\nunix:/a                -                            -'
}

@test "an empty list" {
	answers "$(result '{"servers":[],"next":null,"total":0}')"
	run nodectl list-servers
	assert_success
	assert_output "ADDRESS  PHASE  HANDLER  OPEN  LIMIT  TOTAL  WHY"
	run nodectl -q list-servers
	assert_success
	assert_output ""
	run nodectl stop-server --all
	assert_success
	assert_output ""
	run nodectl -j stop-server --all
	assert_output '{"results":[]}'
}

@test "shutdown returns after the end of the connection, not before" {
	answers "$(result '{"servers":0}')"
	fails 7 "noded has not ended yet" -t 300ms shutdown
	answers "cut $(result '{"servers":0}')"$'\n'
	run --separate-stderr nodectl shutdown
	assert_success
	assert_equal "$output$stderr" ""
}

@test "--verbose shows both lines on standard error" {
	answers "$(result '{"path":"a","value":1}')"
	run --separate-stderr nodectl -v state a
	assert_equal "$output" 1
	[[ ${stderr_lines[0]} == '> {"jsonrpc"'* ]]
	[[ ${stderr_lines[1]} == '< {"jsonrpc":"2.0","id":1,"result"'* ]]
}

# page NEXT: the result of a list whose next page follows that key.
page() {
	result "{\"servers\":[{\"address\":\"unix:/x\"}],\"next\":$1,\"total\":9}"
}

@test "pages that do not follow each other are a senseless reply, not an endless list" {
	local pair first
	# Keys of digits are numbers; the others are ordered by their bytes.
	for pair in '"unix:/b" "unix:/a"' '"unix:/a" "unix:/a"' '2 1' '7 7' '"10" "9"' '"9" "a"' '"a" "9"' \
		'1 -1' '1 1.5' '1 1e3' '1 18446744073709551616' '1 true' '1 {}' '1 []' '1 "a"'; do
		first=${pair%% *}
		answers "$(page "$first")" "$(page "${pair#* }")" "$(page null)"
		fails 8 "a senseless reply: " list-servers
		assert_equal "$output" ""
		fails 8 "a senseless reply: " -j list-servers
		assert_equal "$(jq -r .error.data.name <<<"$output")" invalid_request
		fails 8 "a senseless reply: " stop-server --all
	done
}

@test "pages whose keys grow are fetched to the end, numbers as numbers" {
	local keys
	for keys in '9 10' '"9" "10"' '"999" "1999"' '9007199254740992 9007199254740993' \
		'"tcp:127.0.0.1:9" "unix:/a"' '"unix:/a" "unix:/a.b"' '"unix:/z" "unix:/\u00e9"'; do
		answers "$(page "${keys% *}")" "$(page "${keys#* }")" "$(page null)"
		run --separate-stderr nodectl -q list-servers
		assert_equal "$status $stderr" "0 "
		assert_equal "$output" $'unix:/x\nunix:/x\nunix:/x'
	done
}

@test "what is paged is an object or an array, the same in every page" {
	local value
	for value in 5 '"x"' null; do
		answers "$(result "{\"path\":\"a\",\"value\":$value,\"next\":\"b\"}")" \
			"$(result "{\"path\":\"a\",\"value\":$value,\"next\":null}")"
		fails 8 "its value is neither an object nor an array" -j state a
		assert_equal "$(jq -s length <<<"$output")" 1
		fails 8 "its value is neither an object nor an array" state a
		answers "$(result "{\"servers\":$value}")"
		fails 8 "its servers is neither an object nor an array" list-servers
	done
	answers "$(result '{"path":"a","value":[1],"next":"b"}')" \
		"$(result '{"path":"a","value":{"c":2},"next":null}')"
	fails 8 "its value is an object in one page and an array in another" -j state a
	answers "$(result '{"path":"a","next":null}')"
	fails 8 "it has no value" state a
	fails 8 "it has no value" -j state a
	fails 8 "it has no servers" list-servers
}
