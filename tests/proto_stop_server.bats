# What stop_server says. What it does is the matter of the tests of the lifecycle.
load proto.bash

@test "the reply counts how connections ended" {
	start_noded
	start_server a
	assert_equal "$(result stop_server "{\"address\":\"unix:$T/../${T##*/}/a.sock\"}" | jq -c 'del(.elapsed_ms)')" \
		"{\"address\":\"unix:$T/a.sock\",\"outcome\":\"drained\",\"drained\":0,\"stopped\":0,\"killed\":0,\"accepted_at_stop\":0,\"refused_at_stop\":0}"
	start_server b
	connect_idle 4 "unix:$T/b.sock"
	wait_until 25 state_is 4 transport.connection_pool.open
	result stop_server "{\"address\":\"$T/b.sock\",\"deadline_ms\":400}" >"$T/reply"
	run jq -e 'keys == ["accepted_at_stop", "address", "drained", "elapsed_ms", "killed", "outcome",
			"refused_at_stop", "stopped"]
		and .outcome == "stopped" and .drained == 0 and .stopped == 4 and .killed == 0
		and .elapsed_ms >= 390 and .elapsed_ms < 20000' "$T/reply"
	assert_success
}

@test "wait: false answers at once with address, phase and connections" {
	start_noded
	start_server a
	connect_idle 2 "unix:$T/a.sock"
	wait_until 25 state_is 2 transport.connection_pool.open
	assert_equal "$(result stop_server "{\"address\":\"$T/a.sock\",\"wait\":false}")" \
		"{\"address\":\"unix:$T/a.sock\",\"phase\":\"draining\",\"connections\":2}"
	assert_equal "$(clients_do "echo hello")" 2
	clients_do "close 2"
	result wait "{\"path\":\"transport.servers[$T/a.sock]\",\"absent\":true}"
}

@test "an unknown address is no_such_server, with if_exists the outcome absent" {
	start_noded
	assert_equal "$(error_name stop_server "{\"address\":\"$T/a.sock\"}")" no_such_server
	assert_equal "$(result stop_server "{\"address\":\"$T//a.sock\",\"if_exists\":true}")" \
		"{\"address\":\"unix:$T/a.sock\",\"outcome\":\"absent\"}"
}

@test "several callers hear the same counts; a later one may shorten, not lengthen" {
	start_noded
	start_server a
	connect_idle 3 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		address = os.environ["T"] + "/a.sock"
		first, second, third = Admin(), Admin(), Admin()
		first.wait("transport.connection_pool.open", equals=3)
		first.send(request("stop_server", 1, address=address, deadline_ms=20000))
		third.wait(f"transport.servers[{address}].phase", equals="draining")
		second.send(request("stop_server", 2, address=address, deadline_ms=3600000))
		expect(second.call("version", 3)["id"], 3)
		left = third.state(f"transport.servers[{address}].deadline_in_ms")
		assert left <= 20000, left
		began = time.monotonic()
		result = third.result("stop_server", address=address, deadline_ms=100)
		assert time.monotonic() - began < 10
		counts = lambda result: {k: v for k, v in result.items() if k != "elapsed_ms"}
		expect(counts(first.reply()["result"]), counts(result))
		expect(counts(second.reply()["result"]), counts(result))
		expect(result["stopped"], 3)
	END
}
