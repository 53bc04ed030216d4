# While a full server stops it holds one client, to know whether there is one. When a place came free
# for it nothing woke noded: the event fed for that was slept on until something else happened, and
# where the last client of a batch was the last of the queue a forced stop waited until kill_ms had
# passed, and then killed those inside whom it had never told to stop.
# shellcheck shell=bash
load handler

@test "the client that is held is served as soon as there is a place" {
	expect_tracer
	start_noded
	background strace strace -q -o "$T/strace.log" -p "$NODED_PID" \
		-e trace=recvfrom,setsockopt,epoll_wait,epoll_pwait
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	script <<-'END'
		from peers import *
		from admin_client import request
		node, stopper = Node(), Node()
		at = node.serve("tcp:", max_connections=1)
		inside = connect(at)
		node.until_open(at, 1)
		held = connect(at)
		held.sendall(b"question")
		stopper.send(request("stop_server", address=at, deadline_ms=50000))
		node.until_at(at, "phase", equals="draining")
		# Whoever is asked something is awake.
		node.call("wait", path="phase", equals="stopped", timeout_ms=300)
		inside.close()
		expect(held.recv(100), b"question")
		held.close()
		expect(stopper.reply()["result"]["drained"], 2)
	END
	end_inject
	# Between the end of the one inside and what is done first for the one held.
	run awk '
		/^recvfrom\(.*= 0$/ { left = 1 }
		/^epoll_p?wait\(/ && !/, 0(, NULL, [0-9]+)?\) += / && left { slept = 1 }
		/^setsockopt\(.*SO_DETACH_FILTER/ && left { print slept ? "slept" : "at once"; exit }
	' "$T/strace.log"
	assert_output 'at once'
}

@test "a forced stop tells those inside, however long the queue is" {
	start_noded
	script <<-'END'
		from peers import *
		from admin_client import request
		node = Node()
		for kind in "tcp:", "unix:":
		    for queued in 1, 2, 31, 32, 33, 34, 63, 64, 65, 66, 128:
		        at = node.serve(kind, max_connections=1, backlog=200, kill_ms=60000)
		        clients = [connect(at)]
		        node.until_open(at, 1)
		        clients += [connect(at) for _ in range(queued)]
		        stopped = node.result("stop_server", address=at, force=True)
		        expect([stopped[key] for key in ("outcome", "stopped", "killed", "refused_at_stop")],
		               ["stopped", 1, 0, queued])
		        for client in clients:
		            client.close()
	END
}

@test "a drain is over when everybody has left, however long the queue was" {
	start_noded
	script <<-'END'
		from peers import *
		from admin_client import request
		node = Node()
		for kind in "tcp:", "unix:":
		    for queued in 1, 15, 16, 17, 63, 64, 65, 128:
		        at = node.serve(kind, max_connections=1, backlog=200)
		        clients = [connect(at)]
		        node.until_open(at, 1)
		        clients += [connect(at) for _ in range(queued)]
		        # In one turn: all of the queue has a place when the stop begins.
		        node.send("[%s,%s]" % (request("update_server", 1, address=at, max_connections=None),
		                               request("stop_server", 2, address=at, deadline_ms=600000)))
		        for client in clients:
		            client.close()
		        stopped = node.reply()[1]["result"]
		        expect([stopped["outcome"], stopped["refused_at_stop"]], ["drained", 0])
	END
}
