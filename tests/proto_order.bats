# Requests of one connection start in order; one that answers later lets the others go ahead.
load proto.bash

@test "requests are run in the order they came in" {
	start_noded
	run outcomes "$(request 1 start "{\"address\":\"$T/a.sock\"}")" \
		"$(request 2 suspend_server "{\"address\":\"$T/a.sock\"}")" \
		"$(request 3 start "{\"address\":\"$T/a.sock\"}")"
	assert_line '[3,"already_exists"]'
	script <<-'END'
		from admin_client import *
		levels = ["error", "warning", "info", "debug"] * 25
		admin = Admin()
		admin.send(*[request("set_log_level", n, level=level) for n, level in enumerate(levels)])
		replies = [admin.reply() for _ in levels]
		expect([reply["id"] for reply in replies], list(range(100)))
		expect([reply["result"]["previous"] for reply in replies], ["info"] + levels[:-1])
	END
}

@test "a late reply is overtaken by those of later requests" {
	start_noded
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		path = "transport.servers[" + os.environ["T"] + "/a.sock]"
		admin = Admin()
		admin.send(request("wait", 1, path="nowhere", exists=True, timeout_ms=3600000),
		           request("stop_server", 2, address=os.environ["T"] + "/a.sock", deadline_ms=300),
		           request("wait", 3, path=path, absent=True),
		           request("version", 4))
		expect([short(admin.reply()) for _ in range(3)],
		       [[4, "result"], [2, "result"], [3, "result"]])
		expect(admin.quiet(), True, "the first still waits")
	END
}

# Only stop_server, suspend_server, close_connection, wait and shutdown may answer late.
@test "a long answer is not overtaken by that of a later request" {
	local n
	start_noded
	for n in {1..400}; do request "$n" start "{\"address\":\"$T/$n.sock\"}"; done |
		nc -N -U "$NODED_SOCKET" >/dev/null
	script <<-'END'
		from admin_client import *
		admin = Admin()
		methods = ["state", "version", "list_servers", "version"] * 10
		admin.send(*[request(method, n) for n, method in enumerate(methods)])
		expect([short(admin.reply()) for _ in methods], [[n, "result"] for n in range(len(methods))])
	END
}
