# While a full server drained, each queued client that could not be served freed its place at once,
# and that accepted the next one from within: a frame deeper each time, until the stack was full.
# The queue is now never accepted from within its own accept.
load proto.bash

@test "thousands of queued clients whose backend refuses at once take no stack" {
	# A depth of 3,000 does not fit in this.
	# shellcheck disable=SC2034 # for start_noded
	LAUNCH=(bash -c 'ulimit -S -s 256 && exec "$@"' -)
	start_noded
	script <<-'END'
		from peers import *
		node, backend = Node(), Listener("unix:")
		at = node.forward("unix:", backend.address, max_connections=1, backlog=4096)
		first = connect(at)
		behind = backend.accept()
		queue = []
		while len(queue) < 3000:
		    client = socket.socket(socket.AF_UNIX)
		    client.setblocking(False)
		    try:
		        client.connect(at[5:])
		    except BlockingIOError:
		        break
		    queue.append(client)
		assert len(queue) > 100, len(queue)
		backend.close()
		node.until_at(at, "listener.why", equals="full")
		stop = Node()
		stop.send('{"jsonrpc":"2.0","id":1,"method":"stop_server","params":{"address":"%s"}}' % at)
		node.until_at(at, "phase", equals="draining")
		first.close()
		behind.close()
		result = stop.reply()["result"]
		expect(result["outcome"], "drained")
		expect(result["accepted_at_stop"], len(queue))
	END
}
