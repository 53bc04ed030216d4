# wait: answered when a part of the state meets one condition.
load proto.bash

@test "exactly one condition" {
	start_noded
	local params
	for params in '' ',"equals":1,"exists":true' ',"exists":true,"absent":true' ',"at_least":1,"at_most":1' \
		',"exists":false' ',"absent":false' ',"exists":1' ',"equals":{}' ',"equals":[1]' ',"at_least":"1"' \
		',"at_most":null' ',"timeout_ms":5' ',"exists":true,"timeout_ms":-1' ',"exists":true,"timeout_ms":"1"'; do
		assert_equal "$params$(error_name wait "{\"path\":\"pid\"$params}")" "${params}invalid_params"
	done
	assert_equal "$(error_name wait '{"exists":true}')" invalid_params
	assert_equal "$(error_name wait '{"path":"a..b","exists":true}')" invalid_params
}

@test "equals compares strings, numbers, booleans and null" {
	start_noded
	start_server a
	start_server s
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	script <<-'END'
		from admin_client import *
		import os
		admin = Admin()
		server = "transport.servers[" + os.environ["T"] + "/%s.sock]"
		def look(path, **condition):
		    reply = admin.call("wait", path=path, timeout_ms=0, **condition)
		    return "result" in reply
		pid = int(os.environ["NODED_PID"])
		for path, value, met in (("pid", pid, True), ("pid", float(pid), True), ("pid", pid + 1, False),
		                         ("pid", str(pid), False), ("phase", "running", True), ("phase", "Running", False),
		                         ("phase", None, False), ("why", None, True), ("why", "", False), ("why", False, False),
		                         (server % "s" + ".listener", None, True), (server % "a" + ".listener", None, False),
		                         (server % "s" + ".why", "requested", True), ("transport", None, False),
		                         (server % "a" + ".handler.type", "echo", True), ("nowhere", None, False)):
		    expect(look(path, equals=value), met, (path, value))
	END
}

@test "exists holds for null and for whole parts, absent for what is not there" {
	start_noded
	start_server s
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	script <<-'END'
		from admin_client import *
		import os
		admin, address = Admin(), os.environ["T"] + "/s.sock"
		for path, there in (("", True), ("transport", True), ("transport.servers", True), (address, True),
		                    (f"transport.servers[{address}].listener", True), ("why", True),
		                    (f"transport.servers[{address}].listener.fd", False), ("nowhere", False),
		                    (address + "x", False), ("admin.sessions.count", False),
		                    (f"transport.servers[{address}].connection_pool.closed.idle", False)):
		    for condition, met in (("exists", there), ("absent", not there)):
		        reply = admin.call("wait", path=path, timeout_ms=0, **{condition: True})
		        expect("result" in reply, met, (path, condition))
		        if met and condition == "absent":
		            expect(reply["result"]["value"], None)
		expect(admin.wait(f"transport.servers[{address}].listener", exists=True), None)
		expect(admin.wait(f"transport.servers[{address}]", exists=True)["phase"], "suspended")
	END
}

@test "at_least and at_most compare numbers, and nothing else" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin = Admin()
		for path, condition, met in (("admin.sessions", {"at_least": 1}, True), ("admin.sessions", {"at_least": 1.5}, False),
		                             ("admin.sessions", {"at_least": -5}, True), ("admin.sessions", {"at_most": 1}, True),
		                             ("admin.sessions", {"at_most": 0}, False), ("admin.sessions", {"at_most": 0.99}, False),
		                             ("phase", {"at_least": 0}, False), ("why", {"at_most": 0}, False),
		                             ("log", {"at_least": 0}, False), ("nowhere", {"at_most": 5}, False)):
		    expect("result" in admin.call("wait", path=path, timeout_ms=0, **condition), met, (path, condition))
	END
}

@test "the reply has path, value and elapsed_ms; a path that does not exist yet is waited for" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		address = os.environ["T"] + "/a.sock"
		admin, other = Admin(), Admin()
		began = time.monotonic()
		admin.send(request("wait", 1, path=f"transport.servers[{os.environ['T']}//a.sock].phase", exists=True),
		           request("wait", 2, path=address, absent=True),
		           request("wait", 3, path=address, exists=True),
		           request("wait", 4, path="transport.connection_pool.open", at_least=1))
		expect(short(admin.reply()), [2, "result"])
		other.error("wait", path="nowhere", exists=True, timeout_ms=200)
		expect(admin.quiet(), True, "quiet")
		other.result("start", address=address)
		replies = {reply["id"]: reply["result"] for reply in (admin.reply(), admin.reply())}
		most = (time.monotonic() - began) * 1000 + 1
		expect(sorted(replies), [1, 3])
		expect(replies[1]["path"], f'transport.servers["unix:{address}"].phase')
		assert replies[1]["value"] in ("starting", "running"), replies
		expect(sorted(replies[1]), ["elapsed_ms", "path", "value"])
		assert 200 <= replies[1]["elapsed_ms"] <= most, (replies[1], most)
		expect(replies[3]["value"]["address"], "unix:" + address)
		client = socket.socket(socket.AF_UNIX)
		client.connect(address)
		expect(admin.reply()["result"]["value"], 1)
	END
}

@test "timeout_ms 0 looks once; a time-out is the error timeout and says what it is instead" {
	start_noded
	run raw "$(request 1 wait '{"path":"log.level","equals":"debug","timeout_ms":0}')"
	assert_equal "$(jq -c '[.error.code, .error.data.name]' <<<"$output")" '[8,"timeout"]'
	assert_output --partial 'info'
	script <<-'END'
		from admin_client import *
		admin = Admin()
		for ms in (0, 1, 50, 400):
		    began = time.monotonic()
		    reply = admin.call("wait", path="log.level", equals="debug", timeout_ms=ms)
		    took = (time.monotonic() - began) * 1000
		    expect([reply["error"]["code"], reply["error"]["data"]["name"]], [8, "timeout"])
		    assert ms - 1 <= took < ms + 10000, (ms, took)
		admin.result("wait", path="log.level", equals="info", timeout_ms=0)
	END
}

@test "a phase that lasts shorter than a turn of the loop is not missed" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		address = os.environ["T"] + "/a.sock"
		path = f"transport.servers[{address}].phase"
		admin, other = Admin(), Admin()
		for _ in range(20):
		    admin.send(*[request("wait", phase, path=path, equals=phase) for phase in ("running", "stopping")])
		    admin.call("version", 1)
		    other.send(request("start", 1, address=address), request("stop_server", 2, address=address, force=True))
		    expect([short(other.reply()), short(other.reply())], [[1, "result"], [2, "result"]])
		    for phase in ("running", "stopping"):
		        reply = admin.reply()
		        expect(short(reply), [phase, "result"])
		        expect(reply["result"]["value"], phase)
	END
}

@test "keys that change with time alone are refused" {
	start_noded
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	local id path
	wait_until 25 state_is 1 transport.connection_pool.open
	id=$(result list_connections | jq '.connections[0].id')
	for path in "transport.servers[$T/a.sock].connection_pool.connections[$id].idle_ms" process.rss \
		process.loop.turns "transport.servers[$T/a.sock].deadline_in_ms"; do
		for condition in '"at_least":0' '"exists":true' '"equals":1'; do
			run raw "$(request 1 wait "{\"path\":\"$path\",$condition}")"
			assert_equal "$(jq -c '[.error.data.name, .error.data.param]' <<<"$output")" '["invalid_params","path"]'
		done
	done
}

@test "connections can be waited for by id and by counter" {
	start_noded
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		A = os.environ["T"] + "/a.sock"
		admin, other = Admin(), Admin()
		admin.wait("transport.connection_pool.open", equals=1)
		id = admin.result("list_connections")["connections"][0]["id"]
		path = f"transport.servers[{A}].connection_pool"
		admin.send(request("wait", 1, path=f"{path}.connections[{id}]", absent=True),
		           request("wait", 2, path=f"{path}.closed.stopped", at_least=1),
		           request("wait", 3, path=f"{path}.connections[{id}].bytes_in", at_least=1))
		admin.call("version", 4)
		expect(admin.quiet(), True, "quiet")
		other.result("close_connection", id=id)
		expect(sorted(short(admin.reply()) for _ in range(2)), [[1, "result"], [2, "result"]])
		client = socket.socket(socket.AF_UNIX)
		client.connect(A)
		client.sendall(b"hello")
		other.wait("transport.connection_pool.bytes_in", at_least=5)
	END
}

@test "60 waits cost nothing while nothing changes" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		def ticks():
		    with open(f"/proc/{os.environ['NODED_PID']}/stat") as stat:
		        return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
		admin, other = Admin(), Admin()
		admin.send(*[request("wait", n, path="nowhere", exists=True, timeout_ms=3600000) for n in range(60)])
		admin.call("version", 99)
		before, turns = ticks(), other.state("process.loop.turns")
		other.error("wait", path="nowhere", exists=True, timeout_ms=2000)
		turns = other.state("process.loop.turns") - turns
		assert turns < 100, f"{turns} turns in two seconds"
		assert ticks() - before <= 20, f"{ticks() - before} ticks in two seconds"
	END
}

# Each phase used to have every wait for a phase looked at: 20 ms of every short connection.
@test "3,000 waits for others' phases cost a connection little" {
	start_noded
	start_server other
	start_server busy '"max_connections":1'
	script <<-'END'
		from admin_client import *
		import os
		T, busy = os.environ["T"], Admin()
		def ticks():
		    with open(f"/proc/{os.environ['NODED_PID']}/stat") as stat:
		        return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
		paths = ("phase", f"transport.servers[{T}/other.sock].phase",
		         f"transport.servers[{T}/busy.sock].connection_pool.connections[1000000].phase")
		waiting = [Admin() for _ in range(48)]
		for i, admin in enumerate(waiting):
		    admin.send(*[request("wait", n, path=paths[i % 3], equals="stopping", timeout_ms=3600000)
		                 for n in range(63)], request("version", 99))
		for admin in waiting:
		    expect(short(admin.reply()), [99, "result"])
		before = ticks()
		for _ in range(300):
		    client = socket.socket(socket.AF_UNIX)
		    client.settimeout(PATIENCE)
		    client.connect(f"{T}/busy.sock")
		    client.sendall(b"x")
		    expect(client.recv(1), b"x")
		    client.close()
		busy.wait("transport.connection_pool.open", equals=0)
		assert ticks() - before <= 100, f"{ticks() - before} ticks for 300 connections"
	END
}
