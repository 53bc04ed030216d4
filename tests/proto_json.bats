# JSON is read as RFC 8259 has it, no more: what is not JSON is a parse_error wherever it stands, what
# is JSON but too much an invalid_request.
load proto.bash

# corpus NAME: reads lines of Python literals, each a text to stand where a value may; NAME is what a
# request with it among its parameters is told. A version in between keeps the connection.
corpus() {
	script "$1" <<-END
		from admin_client import *
		import sys
		admin = Admin()
		texts = [
		$(cat)
		]
		for text in texts:
		    text = as_bytes(text)
		    line = b'{"jsonrpc":"2.0","id":1,"method":"version","params":{"x":' + text + b'}}'
		    admin.send(line, request("version", 2))
		    whole = sys.argv[1] != "invalid_params"
		    expect(short(admin.reply()), [None if whole else 1, sys.argv[1]], text)
		    expect(short(admin.reply()), [2, "result"], text)
	END
}

@test "every form of value RFC 8259 allows is read" {
	start_noded
	corpus invalid_params <<-'END'
		"0", "-0", "1", "-1", "10", "0.0", "-0.5", "1.25", "0e1", "1e5", "1E5", "1e+5", "1e-5", "1.5E+07",
		"123456789012345678901234567890", "1e400", "-1e-400", "true", "false", "null", "[]", "{}", "[ ]",
		"{ }", '""', '"a"', '[1,"a",null,{"b":[]}]', ' \t\r 1 \t', '[1 , 2]', '{ "a" : 1 , "b" : 2 }',
		'"\\" \\\\ \\/ \\b \\f \\n \\r \\t"', '"\\u0041\\u00e9\\u20AC"', '"\\ud83d\\uDE00"',
		'"\x7f"', '"é€😀"', '"\u2028\u2029"', '"\ufeff"', '"\ufffe\uffff"', '"\U0010ffff"', '"\\ufffe"',
		'{"":0}', '{"a":{"a":{"a":1}}}', '"' + "x" * 5000 + '"', '"null"', '"//"', '"/*"', "[[[[[[]]]]]]",
	END
}

@test "number forms JSON does not have are parse errors" {
	start_noded
	corpus parse_error <<-'END'
		"01", "-01", "00", "007", "1.", ".5", "-.5", "1.e1", "+1", "--1", "-", "1e", "1e+", "1E-", "1e1.5",
		"0x10", "0b1", "0o7", "1_000", "1,0", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "1a", "1 2",
		"1.2.3", "1e5e5", "- 1", "\uff11", "\u0661", "1\u00a0",
	END
}

@test "strings with bad escapes, control bytes, lone surrogates or bad UTF-8 are parse errors" {
	start_noded
	corpus parse_error <<-'END'
		'"\\a"', '"\\x41"', '"\\0"', '"\\\'"', '"\\u"', '"\\u1"', '"\\u12"', '"\\u123"', '"\\u12g4"', '"\\U0041"',
		'"\\u-123"', '"\\u 123"', '"\\', '"\\"', '"a', "'a'", "a", '"\\é"',
		'"\x01"', '"\t"', '"\r"', '"\x1f"', '"\x00"', b'"a\x00b"',
		'"\\ud800"', '"\\udfff"', '"\\ud800x"', '"\\ud800\\u0041"', '"\\udc00\\ud800"', '"\\ud800\\ud800"', '"\\ud83d\\n"',
		b'"\x80"', b'"\xbf"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xc3"', b'"\xc3("', b'"\xe2\x82"', b'"\xe0\x80\xaf"',
		b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf0\x80\x80\xaf"', b'"\xf0\x9f\x98"', b'"\xf4\x90\x80\x80"',
		b'"\xf8\x88\x80\x80\x80"', b'"\xfe"', b'"\xff"', b'"\xe9"',
	END
}

@test "structures that are broken, and what other notations allow, are parse errors" {
	start_noded
	corpus parse_error <<-'END'
		"", " ", "[", "]", "[1", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "(1)", "[1}", "{1]",
		"{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{,"a":1}', '{"a" 1}', '{"a":1 "b":2}', '{"a"::1}', '{"a":1,,"b":2}',
		"{a:1}", "{'a':1}", "{1:1}", "{null:1}", '{"a":1}}', "[[]]]", '{"a",1}', '["a":1]', '{"a"=1}',
		"True", "TRUE", "tru", "truee", "nul", "nulll", "None", "undefined", "fals", "yes", "#", "//", "/**/1",
		"1 // one", "1 /* one */", "1 # one", "\ufeff1", "\u00a01", "\x0b1", "\x0c1", b"\x001", b"1\x00", b"\xff", "\x7f",
		"`a`", "<a/>", "@", "\\u0031", "[1,\x01]", "[" * 5000, '{"a":' * 5000, "]" * 5000,
	END
}

@test "what stands before or behind the text of a line makes it a parse error" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, good = Admin(), request("version", 1).encode()
		for line in (b"\xef\xbb\xbf" + good, b"\xff\xfe" + good, good + b" x", good + b",", good + b"}", b"," + good,
		             good + good, good + b" " + good, good + b"\x00", b"\x00" + good, good + b"\x0c", good + b"\xc2\xa0",
		             good + b" // comment", b"/* */" + good, b"data: " + good, b"\x1e" + good, b"GET / HTTP/1.1",
		             b"Content-Length: 42", b"\x16\x03\x01\x02", good.decode().encode("utf-16-be")):
		    admin.send(line, request("version", 2))
		    expect(short(admin.reply()), [None, "parse_error"], line)
		    expect(short(admin.reply()), [2, "result"], line)
	END
}

@test "a member named twice, \\u0000, too deep and too many values are invalid requests" {
	start_noded
	corpus invalid_request <<-'END'
		'{"a":1,"a":2}', '{"a":1,"b":{"c":1,"c":1}}', '{"a":1,"\\u0061":2}', '[{"":0,"":0}]',
		'"\\u0000"', '"a\\u0000b"', '{"\\u0000":1}', '{"a\\u0000":1,"a":2}',
		"[" * 31 + "]" * 31, '{"a":' * 31 + "1" + "}" * 31, "[" * 9000 + "]" * 9000,
		"[" + "1," * 4091 + "1]", "[" + "[]," * 4091 + "[]]",
	END
	# One value or level less: the line itself, its four members and x count.
	corpus invalid_params <<-'END'
		"[" * 30 + "]" * 30, '{"a":' * 30 + "1" + "}" * 30, "[" + "1," * 4089 + "1]",
	END
}

@test "what is no JSON is a parse_error even where a limit is broken too" {
	start_noded
	run outcomes '{"a":1,"a":2' '["\u0000",]' "$(printf '[%.0s' {1..40})"
	assert_output '[null,"parse_error"]
[null,"parse_error"]
[null,"parse_error"]'
}

@test "member names are case-sensitive" {
	start_noded
	run outcomes '{"JSONRPC":"2.0","id":1,"method":"version"}' '{"jsonrpc":"2.0","Id":2,"method":"version"}' \
		'{"jsonrpc":"2.0","id":3,"Method":"version"}' '{"jsonrpc":"2.0","id":4,"method":"version","PARAMS":{}}' \
		"$(request 5 state '{"Path":"pid"}')" "$(request 6 state '{"path":"PID"}')" \
		"$(request 7 set_log_level '{"level":"Debug"}')" \
		"$(request 8 start '{"address":"tcp:127.0.0.1:0","handler":{"Type":"echo"}}')"
	assert_output '[1,"invalid_request"]
[null,"invalid_request"]
[3,"invalid_request"]
[4,"invalid_request"]
[5,"invalid_params"]
[6,"no_such_path"]
[7,"invalid_params"]
[8,"invalid_params"]'
}

@test "member names may be written with escapes" {
	start_noded
	run outcomes '{"\u006asonrpc":"2.0","i\u0064":1,"metho\u0064":"state","para\u006ds":{"pat\u0068":"p\u0069d"}}'
	assert_output '[1,"result"]'
}

# Past 32 bits: no exponent, no fraction, nothing lost.
@test "counters are exact integers" {
	start_noded
	start_server a '"handler":{"type":"discard"}'
	script <<-'END'
		from admin_client import *
		import os
		client = socket.socket(socket.AF_UNIX)
		client.connect(os.environ["T"] + "/a.sock")
		block = bytes(1 << 20)
		for _ in range(4096):
		    client.sendall(block)
		client.sendall(b"x")
		client.close()
		Admin().wait("transport.connection_pool.bytes_in", equals=4294967297)
	END
	run raw "$(request 1 state '{"path":"transport.connection_pool.bytes_in"}')"
	assert_output --partial '"value":4294967297}'
	run raw "$(request 1 state)"
	assert_output --partial '"bytes_in":4294967297,'
	refute_output --regexp '":-?[0-9]+[.eE]'
}
