# A line is a message: whatever stands around it, however it arrives, whoever sends it.
load proto.bash

@test "CR, spaces and tabs around a line are ignored" {
	start_noded
	run outcomes "$(request 1 version)"$'\r' $' \t'"$(request 2 version)"$'\t \r' \
		$'\r\r '"$(request 3 version)"
	assert_output $'[1,"result"]\n[2,"result"]\n[3,"result"]'
}

@test "blank lines are ignored" {
	start_noded
	run outcomes "" $'\r' $' \t ' "$(request 1 version)" "" "" $'\r' "$(request 2 version)" ""
	assert_output $'[1,"result"]\n[2,"result"]'
}

@test "blank lines alone are answered by nothing at all" {
	start_noded
	run raw "" $' \t\r' ""
	assert_success
	assert_output ""
}

@test "text without LF before the end of input is a request" {
	start_noded
	run bash -c 'printf "%s\n%s" "$1" "$2" | nc -N -U "$NODED_SOCKET"' - "$(request 1 version)" \
		"$(request 2 version)"
	assert_success
	[[ $(short <<<"$output") == $'[1,"result"]\n[2,"result"]' ]]
	run bash -c 'printf "%s" "{" | nc -N -U "$NODED_SOCKET"'
	[[ $(short <<<"$output") == '[null,"parse_error"]' ]]
}

@test "a client that sends nothing is sent nothing" {
	start_noded
	script <<-'END'
		from admin_client import *
		silent, other = Admin(), Admin()
		expect(other.state("admin.sessions"), 2)
		expect(silent.quiet(), True, "quiet")
		silent.finish()
		expect(silent.line(), None)
	END
}

@test "socat is a client" {
	start_noded
	run bash -c 'printf "%s\n" "$@" | socat -t 30 - "UNIX-CONNECT:$NODED_SOCKET"' - \
		"$(request 1 version)" "$(request 2 state)"
	assert_success
	[[ $(short <<<"$output") == $'[1,"result"]\n[2,"result"]' ]]
}

@test "a request may arrive byte by byte" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin = Admin()
		for byte in (request("version", 1) + "\r\n\n" + request("state", "é") + "\n").encode():
		    admin.push(bytes([byte]))
		expect([short(admin.reply()), short(admin.reply())], [[1, "result"], ["é", "result"]])
	END
}

@test "many requests may arrive at once and are answered in order" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin = Admin()
		admin.send(*[request("version", n) for n in range(1000)])
		expect([admin.reply()["id"] for n in range(1000)], list(range(1000)))
	END
}

@test "no message has a line feed inside" {
	start_noded
	run raw '{"jsonrpc":"2.0","id":"a\nb","method":"a\nb"}' \
		'{"jsonrpc":"2.0","id":2,"method":"version","params":{"a\nb":1}}' \
		'{"jsonrpc":"2.0","id":3,"method":"state","params":{"path":"[\"a\\nb\"]"}}' \
		'{"jsonrpc":"2.0","id":4,"method":"state","params":{"path":"a\nb"}}' \
		'{"jsonrpc":"2.0","id":5,"a\nb":1}'
	assert_success
	assert_equal "${#lines[@]}" 5
	[[ $(short <<<"$output") == '["a\nb","method_not_found"]
[2,"invalid_params"]
[3,"no_such_path"]
[4,"invalid_params"]
[5,"invalid_request"]' ]]
}

@test "a line after a parse error is read afresh" {
	start_noded
	run outcomes '{"jsonrpc":"2.0","id":1,"method":"vers' "$(request 2 version)" '"' \
		"$(request 3 version)" '[{' "$(request 4 version)"
	assert_output '[null,"parse_error"]
[2,"result"]
[null,"parse_error"]
[3,"result"]
[null,"parse_error"]
[4,"result"]'
}
