# A client that was let in by work done just before noded sleeps, such as ending what was idle, was
# put on the list of those to be heard in this turn when that list had been gone through: it was
# served when something else woke noded, which happens twice a second. A stop with a full queue ran
# out of time.
# shellcheck shell=bash
load handler

# fates: prints a word for each client whose backend noded has called: whether it was heard, or noded
# lay down to sleep before that.
fates() {
	awk '
		/^connect\(/ { waits = 1 }
		/^sendto\(.*"question"/ && waits { print "heard"; waits = 0 }
		/^epoll_p?wait\(/ && !/, 0(, NULL, [0-9]+)?\) += / && waits { print "slept"; waits = 0 }
	' "$T/strace.log"
}

@test "clients let in while a server stops are heard before noded sleeps" {
	expect_tracer
	start_noded
	background strace strace -q -o "$T/strace.log" -p "$NODED_PID" \
		-e trace=connect,sendto,epoll_wait,epoll_pwait
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	script <<-'END'
		from peers import *
		from admin_client import request
		node, stopper, backend = Node(), Node(), Listener("tcp:")
		address = node.forward("tcp:", backend.address, max_connections=1, idle_timeout_ms=50)
		clients = [connect(address) for _ in range(13)]
		for client in clients:
		    client.sendall(b"question")
		stopper.send(request("stop_server", address=address, deadline_ms=50000))
		for client in clients:
		    expect(read_all(backend.accept()), b"question")
		    expect(ended(client), "closed")
		result = stopper.reply()["result"]
		expect([result[key] for key in ("outcome", "drained", "stopped", "refused_at_stop")],
		       ["drained", 13, 0, 0])
	END
	end_inject
	run fates
	assert_equal "${#lines[@]}" 13
	# The first ones come before they speak.
	assert_equal "${lines[*]: -10}" "$(printf 'heard %.0s' {1..9})heard"
}
