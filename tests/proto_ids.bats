# An id comes back byte for byte; without one nothing comes back.
load proto.bash

# Not read with a JSON library here: that would change what is compared.
@test "ids are echoed byte for byte" {
	local id long_string long_number
	long_string="\"$(printf 'x%.0s' {1..128})\""
	long_number=$(printf '1%.0s' {1..64})
	start_noded
	for id in 0 -0 1 -1 1.0 1e2 1E+2 1.50e-7 9007199254740993 123456789012345678901234567890 1e999 \
		0.1000000000000000055511151231257827 "$long_number" '""' '" "' '"a"' '"\u0061"' '"\u00E9"' \
		'"é"' '"\ud83d\ude00"' '"😀"' '"\/"' '"/"' '"\"\\\b\f\n\r\t"' '"1"' '"null"' "$long_string" \
		$'"\x7f"' null; do
		printf '%s\n' "$id" >>"$T/ids"
		request "$id" version
		printf '{"jsonrpc":"2.0", "id" : %s ,"method":"nothing"}\n' "$id"
	done >"$T/requests"
	nc -N -U "$NODED_SOCKET" <"$T/requests" >"$T/replies"
	sed -E 's/^\{"jsonrpc":"2\.0","id":(.*),"(result|error)":\{.*$/\1/' "$T/replies" >"$T/got"
	run diff <(sed p "$T/ids") "$T/got"
	assert_success
}

@test "ids of a batch, of progress and of late replies are the same bytes" {
	start_noded
	start_server a '"drain_ms":300'
	connect_idle 1 "unix:$T/a.sock"
	run raw "[$(request 1.0 version),$(request '"\u0061"' nothing)]" \
		"$(request 1e2 stop_server "{\"address\":\"$T/a.sock\",\"progress\":true}")"
	assert_line --index 0 --regexp '^\[\{"jsonrpc":"2.0","id":1\.0,.*\},\{"jsonrpc":"2.0","id":"\\u0061",.*\}\]$'
	assert_line --index 1 --partial '"method":"progress","params":{"id":1e2,'
	assert_line --index -1 --partial '{"jsonrpc":"2.0","id":1e2,"result":{'
}

@test "an id is a string up to 128 bytes, a number up to 64 characters, or null" {
	local id
	start_noded
	for id in "\"$(printf 'x%.0s' {1..129})\"" "\"$(printf 'é%.0s' {1..65})\"" \
		"$(printf '1%.0s' {1..65})" true false '{}' '[]' '[1]' '{"id":1}'; do
		run outcomes "$(request "$id" set_log_level '{"level":"debug"}')"
		assert_output '[null,"invalid_request"]'
	done
	assert_equal "$(state log.level)" info
}

@test "id null is a request" {
	start_noded
	run outcomes "$(request null version)" "$(request null nothing)"
	assert_output $'[null,"result"]\n[null,"method_not_found"]'
}

@test "a notification is run and never answered, whatever becomes of it" {
	start_noded
	start_server a
	run raw "$(notification version)" "$(notification nothing)" "$(notification state '[1]')" \
		"$(notification set_log_level '{"level":"loud"}')" "$(notification stop_server '{}')" \
		"$(notification wait '{"path":"nowhere","exists":true,"timeout_ms":50}')" \
		"$(notification stop_server "{\"address\":\"$T/none.sock\"}")" \
		"$(notification stop_server "{\"address\":\"$T/a.sock\",\"progress\":true}")" \
		"$(notification start "{\"address\":\"$T/b.sock\"}")" "$(notification rpc.discover)" \
		"$(notification close_connection '{"id":99}')"
	assert_success
	assert_output ""
	assert_equal "$(state transport.servers | jq -c keys)" "[\"unix:$T/b.sock\"]"
}
