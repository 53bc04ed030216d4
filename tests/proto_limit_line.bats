# A request line has 65,536 bytes with its LF; what is longer is skipped, up to 1 MiB.
load proto.bash

@test "the longest line is run, one byte more is request_too_large, and the next line works" {
	start_noded
	script <<-'END'
		from admin_client import *
		def padded(size, id):
		    line = request("version", id)
		    return line[:-1] + " " * (size - len(line) - 1) + "}"
		admin = Admin()
		for size, wanted in ((65535, [1, "result"]), (65536, [1, "result"]), (65537, [None, "request_too_large"]),
		                     (65536, [1, "result"]), (70000, [None, "request_too_large"]),
		                     (1048576, [None, "request_too_large"])):
		    line = padded(size, 1)
		    expect(len(line) + 1, size)
		    admin.send(line, request("version", 2))
		    expect(short(admin.reply()), wanted, size)
		    expect(short(admin.reply()), [2, "result"], size)
		    # CR and blanks count too.
		    admin.send(line[:-1] + "}\r" if size == 65536 else line, request("version", 3))
		    expect(short(admin.reply()), [None, "request_too_large"] if size == 65536 else wanted, size)
		    expect(short(admin.reply()), [3, "result"])
		reply = admin.call("version", 4)
		expect(reply["id"], 4)
		admin.send("x" * 70000)
		reply = admin.reply()
		expect([reply["id"], reply["error"]["code"]], [None, -32001])
	END
}

@test "request_too_large is told once, before the line ends" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin = Admin()
		admin.push("[" * 65537)
		expect(short(admin.reply()), [None, "request_too_large"])
		for _ in range(10):
		    admin.push("[" * 65536)
		admin.push("\n" + request("version", 1) + "\n")
		expect(short(admin.reply()), [1, "result"])
		admin.finish()
		expect(admin.line(), None)
	END
}

@test "an unterminated line at the end of input that is too long is told too" {
	start_noded
	run bash -c 'head -c 70000 /dev/zero | tr "\0" "[" | nc -N -U "$NODED_SOCKET" | jq -c .error.data.name'
	assert_output '"request_too_large"'
}

@test "after more than 1 MiB skipped the connection ends, after the reply" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin = Admin()
		admin.push("x" * 1048576)
		expect(short(admin.reply()), [None, "request_too_large"])
		other = Admin()
		expect(other.state("admin.sessions"), 2)
		expect(admin.quiet(), True, "1 MiB is not more than 1 MiB")
		admin.push("x")
		expect(admin.ended() or admin.line() is None, True)
		other.wait("admin.sessions", equals=1, timeout_ms=10000)
		admin = Admin()
		try:
		    admin.push("x" * 3000000 + "\n" + request("set_log_level", 1, level="debug") + "\n")
		except (BrokenPipeError, ConnectionResetError):
		    pass
		try:
		    expect([short(reply) for reply in admin.replies()], [[None, "request_too_large"]])
		except ConnectionResetError:
		    pass
		expect(other.state("log.level"), "info")
	END
}

@test "skipped bytes are not kept" {
	start_noded
	script <<-'END'
		from admin_client import *
		other = Admin()
		before = other.state("process.rss")
		admins = [Admin() for _ in range(50)]
		for admin in admins:
		    admin.push("x" * 1000000)
		    expect(short(admin.reply()), [None, "request_too_large"])
		for admin in admins:
		    admin.send("", request("version", 1))
		    expect(short(admin.reply()), [1, "result"])
		grown = other.state("process.rss") - before
		assert grown < 25000000, grown
	END
}
