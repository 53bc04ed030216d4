# shutdown: answered when every server has stopped; then the connection ends, then noded.
load proto.bash

@test "the reply comes when every server has stopped, then the end of input, then exit 0" {
	start_noded
	start_server a
	start_server b
	connect_idle 2 "unix:$T/a.sock"
	wait_until 25 state_is 2 transport.connection_pool.open
	script <<-'END'
		from admin_client import *
		import os
		admin, other = Admin(), Admin()
		admin.send(request("shutdown", 1, deadline_ms=500))
		other.wait("transport.phase", equals="draining")
		expect(admin.quiet(), True, "not yet")
		result = admin.reply()["result"]
		expect({**result, "elapsed_ms": 0},
		       {"servers": 2, "drained": 0, "stopped": 2, "killed": 0, "elapsed_ms": 0})
		assert 490 <= result["elapsed_ms"] < 20000, result
		assert not os.path.exists(os.environ["T"] + "/a.sock")
		expect(admin.line(), None)
		assert not os.path.exists(os.environ["NODED_SOCKET"])
	END
	wait_noded 25
}

@test "until the end what shows is answered, what begins is shutting_down, waits are cancelled" {
	start_noded
	start_server a
	start_server s
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	connect_idle 1 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		T = os.environ["T"]
		admin, other = Admin(), Admin()
		admin.wait("transport.connection_pool.open", equals=1)
		other.send(request("wait", 1, path="nowhere", exists=True))
		other.call("version", 2)
		admin.send(request("shutdown", 1, deadline_ms=60000))
		reply = other.reply()
		expect([reply["error"]["code"], reply["error"]["data"]["name"]], [9, "cancelled"])
		for method, params in (("start", {"address": T + "/c.sock"}), ("resume_server", {"address": T + "/s.sock"}),
		                       ("suspend_server", {"address": T + "/a.sock"}),
		                       ("update_server", {"address": T + "/a.sock", "drain_ms": 5})):
		    reply = other.call(method, **params)
		    expect([reply["error"]["code"], reply["error"]["data"]["name"]], [-32000, "shutting_down"], method)
		expect(other.state("transport.phase"), "draining")
		expect(other.result("list_connections")["total"], 1)
		expect(other.result("version")["pid"], int(os.environ["NODED_PID"]))
		second = other.result("shutdown", force=True)
		expect(second["stopped"], 1)
		first = admin.reply()
		expect({**first["result"], "elapsed_ms": 0}, {**second, "elapsed_ms": 0})
		expect([admin.line(), other.line()], [None, None])
	END
	wait_noded 25
}

@test "requests behind a shutdown in the same batch or line order are answered before the end" {
	start_noded
	run outcomes "$(request 1 shutdown)" "[$(request 2 version),$(request 3 start "{\"address\":\"$T/a.sock\"}")]"
	assert_line '[1,"result"]'
	wait_noded 25
	assert_not_exists "$T/a.sock"
}
