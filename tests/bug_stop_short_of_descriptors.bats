# A server that was stopped while descriptors were short cut off its queue. To see whether anybody
# waits, one descriptor of the reserve was given up; where the limit had been lowered below the
# number of that one, accept failed again, and that was taken for an empty queue. Chaos found it.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# The session is there before the limit, so that no descriptor of the reserve is used up for it.
@test "stop: the queue is served also when the reserve is beyond a lowered limit" {
	script <<-'END'
		import resource
		from peers import *
		node, pid = Node(), int(os.environ["NODED_PID"])
		address = node.serve("unix:")
		most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
		fds = max(map(int, os.listdir(f"/proc/{pid}/fd")))
		resource.prlimit(pid, resource.RLIMIT_NOFILE, (fds - 8, most[1]))
		clients = [connect(address) for _ in range(3)]
		node.until_at(address, "listener.why", equals="fd_limit")
		for client in clients:
		    client.sendall(b"still here")
		node.send('{"jsonrpc":"2.0","id":"stop","method":"stop_server",'
		          '"params":{"address":"%s","deadline_ms":60000}}' % address)
		node.until_at(address, "phase", equals="draining")
		resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
		for client in clients:
		    expect(client.recv(100), b"still here")
		    client.close()
		stopped = node.reply()["result"]
		expect([stopped[key] for key in ("outcome", "drained", "accepted_at_stop",
		                                 "refused_at_stop")], ["drained", 3, 3, 0])
	END
}
