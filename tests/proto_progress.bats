# progress: true tells what is left while a server or the node is being stopped.
load proto.bash

@test "notifications have id, phase, done, total, elapsed_ms, deadline_in_ms, and come before the reply" {
	start_noded
	start_server a
	connect_idle 3 "unix:$T/a.sock"
	wait_until 25 state_is 3 transport.connection_pool.open
	raw "$(request '"stop"' stop_server "{\"address\":\"$T/a.sock\",\"deadline_ms\":2500,\"progress\":true}")" >"$T/lines"
	run jq -es '(.[:-1] | length >= 3 and all(keys == ["jsonrpc", "method", "params"] and .jsonrpc == "2.0"
			and .method == "progress"
			and (.params | keys == ["deadline_in_ms", "done", "elapsed_ms", "id", "phase", "total"]
				and .id == "stop" and .total == 3 and (.done | . >= 0 and . <= 3)
				and (.deadline_in_ms | . == null or (. >= 0 and . <= 2500)))))
		and (.[0].params | .phase == "draining" and .done == 0)
		and (map(.params.elapsed_ms // empty) | . == sort)
		and (.[-1] | .id == "stop" and .result.stopped == 3) and (.[-2].params.done == 3)' "$T/lines"
	assert_success
}

@test "at least one a second when nothing changes, at most four when everything does" {
	start_noded
	start_server a
	start_server b
	connect_idle 1 "unix:$T/a.sock"
	connect_idle 300 "unix:$T/b.sock"
	script "$CLIENTS" <<-'END'
		from admin_client import *
		import os
		import sys
		T = os.environ["T"]
		quiet, busy = Admin(), Admin()
		quiet.wait("transport.connection_pool.open", equals=301)
		quiet.send(request("stop_server", 1, address=T + "/a.sock", deadline_ms=3300, progress=True))
		busy.send(request("stop_server", 2, address=T + "/b.sock", deadline_ms=60000, progress=True))
		# Who leaves before it drains is not counted.
		Admin().wait(f"transport.servers[{T}/b.sock].phase", equals="draining", timeout_ms=30000)
		def command(line):
		    with socket.socket(socket.AF_UNIX) as control:
		        control.connect(sys.argv[1])
		        control.sendall(line.encode() + b"\n")
		        control.recv(100)
		began = time.monotonic()
		for n in range(300):
		    command("close 1")
		    until(lambda: time.monotonic() >= began + 2.2 * n / 300)
		def times(admin):
		    seen = []
		    while "result" not in (message := admin.reply()):
		        seen.append(message["params"])
		    return seen, message["result"]
		seen, result = times(busy)
		expect(result["drained"], 300)
		done = [p["done"] for p in seen]
		expect(done, sorted(done))
		assert len(seen) >= 6, seen
		# The one that goes before the reply may come at any time.
		for a, b in zip(seen[:-1], seen[4:-1]):
		    assert b["elapsed_ms"] - a["elapsed_ms"] >= 950, seen
		expect(done[-1], 300)
		seen, result = times(quiet)
		expect(result["stopped"], 1)
		marks = [p["elapsed_ms"] for p in seen] + [result["elapsed_ms"]]
		assert len(marks) >= 4, marks
		assert all(b - a <= 1600 for a, b in zip(marks, marks[1:])), marks
		left = [p["deadline_in_ms"] for p in seen if p["deadline_in_ms"] is not None]
		expect(left, sorted(left, reverse=True))
	END
}

@test "shutdown tells of its progress too; a call without progress, or without id, is told nothing" {
	start_noded
	start_server a
	start_server b
	start_server c
	connect_idle 1 "unix:$T/a.sock"
	connect_idle 1 "unix:$T/b.sock"
	connect_idle 1 "unix:$T/c.sock"
	wait_until 25 state_is 3 transport.connection_pool.open
	run raw "$(request 1 stop_server "{\"address\":\"$T/a.sock\",\"deadline_ms\":300}")"
	assert_equal "${#lines[@]}" 1
	run raw "$(notification stop_server "{\"address\":\"$T/b.sock\",\"deadline_ms\":300,\"progress\":true}")"
	assert_output ""
	raw "$(request 7 shutdown '{"deadline_ms":1200,"progress":true}')" >"$T/lines"
	wait_noded 25
	run jq -es 'length >= 3 and (.[:-1] | all(.method == "progress" and .params.id == 7))
		and .[0].params.done < .[0].params.total and .[-2].params.done == .[-2].params.total
		and .[-1].id == 7 and .[-1].result.stopped >= 1' "$T/lines"
	assert_success
}
