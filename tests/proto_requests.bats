# What is a request, and what each wrong one is told: JSON-RPC 2.0 as its section 7 shows it, by name only.
load proto.bash

@test "the specification's examples, adapted" {
	start_noded
	# Named parameters, in any order of members and parameters.
	run outcomes '{"jsonrpc":"2.0","method":"state","params":{"path":"pid","limit":23},"id":3}' \
		'{"id":4,"params":{"limit":23,"path":"pid"},"method":"state","jsonrpc":"2.0"}'
	assert_output $'[3,"result"]\n[4,"result"]'
	# Positional parameters are none of ours.
	run outcomes '{"jsonrpc":"2.0","method":"state","params":["pid",23],"id":1}'
	assert_output '[1,"invalid_params"]'
	# Notifications.
	run raw '{"jsonrpc":"2.0","method":"set_log_level","params":{"level":"debug"}}' \
		'{"jsonrpc":"2.0","method":"foobar"}'
	assert_output ""
	assert_equal "$(state log.level)" debug
	# A method that does not exist.
	run outcomes '{"jsonrpc":"2.0","method":"foobar","id":"1"}'
	assert_output '["1","method_not_found"]'
	# Broken JSON, and what is no request.
	run outcomes '{"jsonrpc":"2.0","method":"foobar,"params":"bar","baz]'
	assert_output '[null,"parse_error"]'
	run outcomes '{"jsonrpc":"2.0","method":1,"params":"bar"}'
	assert_output '[null,"invalid_request"]'
	# Batches: broken, empty, of nothing valid, mixed, of notifications.
	run outcomes '[{"jsonrpc":"2.0","method":"version","id":"1"},{"jsonrpc":"2.0","method"]'
	assert_output '[null,"parse_error"]'
	run outcomes '[]'
	assert_output '[null,"invalid_request"]'
	run outcomes '[1]' '[1,2,3]'
	assert_output '[[null,"invalid_request"]]
[[null,"invalid_request"],[null,"invalid_request"],[null,"invalid_request"]]'
	run outcomes '[{"jsonrpc":"2.0","method":"version","id":"1"},' '{"jsonrpc":"2.0","method":"version"}]'
	assert_output $'[null,"parse_error"]\n[null,"parse_error"]'
	run outcomes '[{"jsonrpc":"2.0","method":"version","params":{},"id":"1"},{"jsonrpc":"2.0","method":"set_log_level","params":{"level":"info"}},{"jsonrpc":"2.0","method":"state","params":{"path":"pid"},"id":"2"},{"foo":"boo"},{"jsonrpc":"2.0","method":"foo.get","params":{"name":"myself"},"id":"5"},{"jsonrpc":"2.0","method":"rpc.discover","id":"9"}]'
	assert_output '[["1","result"],["2","result"],[null,"invalid_request"],["5","method_not_found"],["9","result"]]'
	run raw '[{"jsonrpc":"2.0","method":"set_log_level","params":{"level":"info"}},{"jsonrpc":"2.0","method":"foo"}]'
	assert_output ""
}

@test "jsonrpc is exactly \"2.0\"" {
	start_noded
	run outcomes '{"id":1,"method":"version"}' '{"jsonrpc":"1.0","id":2,"method":"version"}' \
		'{"jsonrpc":2.0,"id":3,"method":"version"}' '{"jsonrpc":2,"id":4,"method":"version"}' \
		'{"jsonrpc":"2","id":5,"method":"version"}' '{"jsonrpc":null,"id":6,"method":"version"}' \
		'{"jsonrpc":"2.0 ","id":7,"method":"version"}' '{"jsonrpc":["2.0"],"id":8,"method":"version"}' \
		'{"jsonrpc":"\u0032.0","id":9,"method":"\u0076ersion"}'
	assert_output '[1,"invalid_request"]
[2,"invalid_request"]
[3,"invalid_request"]
[4,"invalid_request"]
[5,"invalid_request"]
[6,"invalid_request"]
[7,"invalid_request"]
[8,"invalid_request"]
[9,"result"]'
}

@test "method is a string" {
	start_noded
	run outcomes '{"jsonrpc":"2.0","id":1}' '{"jsonrpc":"2.0","id":2,"method":null}' \
		'{"jsonrpc":"2.0","id":3,"method":7}' '{"jsonrpc":"2.0","id":4,"method":["version"]}' \
		'{"jsonrpc":"2.0","id":5,"method":{}}' '{"jsonrpc":"2.0","id":6,"method":true}'
	assert_output '[1,"invalid_request"]
[2,"invalid_request"]
[3,"invalid_request"]
[4,"invalid_request"]
[5,"invalid_request"]
[6,"invalid_request"]'
}

@test "a method is found by its exact name only" {
	start_noded
	run outcomes "$(request 1 "")" "$(request 2 Version)" "$(request 3 "version ")" \
		"$(request 4 versio)" "$(request 5 rpc.nothing)" "$(request 6 progress)" \
		"$(request 7 "$(printf 'v%.0s' {1..5000})")"
	assert_output '[1,"method_not_found"]
[2,"method_not_found"]
[3,"method_not_found"]
[4,"method_not_found"]
[5,"method_not_found"]
[6,"method_not_found"]
[7,"method_not_found"]'
}

@test "params are absent, an object, or an empty array" {
	start_noded
	run outcomes "$(request 1 version)" "$(request 2 version '{}')" "$(request 3 version '[]')" \
		"$(request 4 version '[ ]')" "$(request 5 version '[1]')" "$(request 6 version '[{}]')" \
		"$(request 7 version null)" "$(request 8 version '"x"')" "$(request 9 version 1)" \
		"$(request 10 version true)" "$(request 11 version false)"
	assert_output '[1,"result"]
[2,"result"]
[3,"result"]
[4,"result"]
[5,"invalid_params"]
[6,"invalid_params"]
[7,"invalid_request"]
[8,"invalid_request"]
[9,"invalid_request"]
[10,"invalid_request"]
[11,"invalid_request"]'
}

@test "a request has no other members" {
	start_noded
	run outcomes '{"jsonrpc":"2.0","id":1,"method":"version","extra":1}' \
		'{"jsonrpc":"2.0","id":2,"method":"version","Params":{}}' \
		'{"jsonrpc":"2.0","id":3,"method":"version","result":{}}' \
		'{"jsonrpc":"2.0","id":4,"method":"version","error":null}' \
		'{"jsonrpc":"2.0","id":5,"method":"version","":0}'
	assert_output '[1,"invalid_request"]
[2,"invalid_request"]
[3,"invalid_request"]
[4,"invalid_request"]
[5,"invalid_request"]'
	run raw '{"jsonrpc":"2.0","id":1,"method":"version","extra":1}'
	assert_output --partial 'extra'
}

@test "an unknown parameter is named and nothing is done" {
	start_noded
	run raw "$(request 1 set_log_level '{"level":"debug","levle":"debug"}')" \
		"$(request 2 start "{\"address\":\"$T/a.sock\",\"deadline\":1}")" \
		"$(request 3 start "{\"address\":\"$T/a.sock\",\"handler\":{\"type\":\"echo\",\"size\":1}}")" \
		"$(request 4 version '{"x":1}')" "$(request 5 stop_server "{\"Address\":\"$T/a.sock\"}")"
	assert_equal "$(jq -r '.error.data | "\(.name) \(.param)"' <<<"$output")" 'invalid_params levle
invalid_params deadline
invalid_params handler.size
invalid_params x
invalid_params Address'
	assert_equal "$(state log.level)" info
	assert_equal "$(state transport.servers)" '{}'
	assert_not_exists "$T/a.sock"
}

@test "every parameter is checked before anything is done" {
	start_noded
	start_server a
	run raw "$(request 1 update_server "{\"address\":\"$T/a.sock\",\"drain_ms\":1,\"kill_ms\":-1}")" \
		"$(request 2 update_server "{\"address\":\"$T/a.sock\",\"drain_ms\":1,\"restart\":\"maybe\"}")" \
		"$(request 3 stop_server "{\"address\":\"$T/a.sock\",\"force\":1}")" \
		"$(request 4 stop_server "{\"address\":\"$T/a.sock\",\"deadline_ms\":\"1\"}")" \
		"$(request 5 start "{\"address\":\"$T/b.sock\",\"backlog\":0}")" \
		"$(request 6 start "{\"address\":\"$T/b.sock\",\"mode\":\"0999\"}")" \
		"$(request 7 start "{\"address\":\"$T/b.sock\",\"handler\":{\"type\":\"exec\"}}")" \
		"$(request 8 start "{\"handler\":{\"type\":\"echo\"}}")" \
		"$(request 9 shutdown '{"force":true,"deadline_ms":1.5}')"
	assert_equal "$(jq -r '.error.data | "\(.name) \(.param)"' <<<"$output")" 'invalid_params kill_ms
invalid_params restart
invalid_params force
invalid_params deadline_ms
invalid_params backlog
invalid_params mode
invalid_params handler.argv
invalid_params address
invalid_params deadline_ms'
	assert_equal "$(state "$T/a.sock" | jq -c '[.phase, .drain_ms, .kill_ms]')" '["running",30000,2000]'
	assert_equal "$(state transport.servers | jq length)" 1
	assert_equal "$(state phase)" running
}

@test "a reply has jsonrpc, id, and a result object or an error" {
	start_noded
	raw "$(request 1 version)" "$(request 2 nothing)" '{' "$(request 4 set_log_level '{"level":"info"}')" \
		"[$(request 5 version),$(request 6 nothing)]" >"$T/replies"
	run jq -e -s 'flatten | length == 6 and all(.jsonrpc == "2.0" and has("id")
		and ((has("result") and (.result | type == "object") and (keys == ["id", "jsonrpc", "result"]))
		or (has("error") and (.error | type == "object") and (keys == ["error", "id", "jsonrpc"]))))' \
		"$T/replies"
	assert_success
}

@test "a readable id comes back with invalid_request; a line refused as a whole has none" {
	start_noded
	run outcomes '{"jsonrpc":"1.0","id":"mine","method":"version"}' '{"id":7}' \
		'{"jsonrpc":"2.0","id":8,"id":9,"method":"version"}' '{"jsonrpc":"2.0","id":10,"method":"version"' \
		'{"jsonrpc":"2.0","id":{"a":1},"method":"version"}' '"text"' '1' 'null' 'true'
	assert_output '["mine","invalid_request"]
[7,"invalid_request"]
[null,"invalid_request"]
[null,"parse_error"]
[null,"invalid_request"]
[null,"invalid_request"]
[null,"invalid_request"]
[null,"invalid_request"]
[null,"invalid_request"]'
}
