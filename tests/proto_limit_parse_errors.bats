# 16 parse errors in a row end the connection; any line of JSON begins the count anew.
load proto.bash

@test "15 are answered and forgiven, the 16th is answered and the last" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		for good in (request("version", 1), '{"not":"a request"}', "[]", request("nothing", 1), ""):
		    admin.send(*["{"] * 15)
		    expect([short(admin.reply()) for _ in range(15)], [[None, "parse_error"]] * 15)
		    if good:
		        admin.send(good)
		        admin.reply()
		admin.send("", " \t", "}", request("set_log_level", 1, level="debug"))
		expect(short(admin.reply()), [None, "parse_error"])
		try:
		    expect(admin.line(), None)
		except ConnectionResetError:
		    pass
		expect(other.state("log.level"), "info")
		other.wait("admin.sessions", equals=1, timeout_ms=10000)
	END
}

@test "what speaks another protocol is gone soon" {
	start_noded
	run bash -c 'for n in {1..100}; do printf "header %s\r\n" "$n"; done | nc -N -U "$NODED_SOCKET"'
	assert_equal "$(short <<<"$output" | sort | uniq -c | tr -s ' ')" ' 16 [null,"parse_error"]'
}
