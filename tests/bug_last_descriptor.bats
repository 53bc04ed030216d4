# The last descriptor went to a client, and there was none for its backend's socket: it
# was closed, and so were all behind it, one after the other, while the log promised that
# clients wait. Such a client is kept now, and is the first to be served when there is room.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	cat >"$T/short.py" <<-'END'
		import resource, threading
		from peers import *
		node, pid = Node(), int(os.environ["NODED_PID"])
		most = resource.prlimit(pid, resource.RLIMIT_NOFILE)

		def leave(count):
		    """So many descriptors more can noded open: those open now must not come and go."""
		    used = set(map(int, os.listdir(f"/proc/{pid}/fd")))
		    free = [fd for fd in range(most[0]) if fd not in used]
		    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[count], most[1]))

		def restore():
		    resource.prlimit(pid, resource.RLIMIT_NOFILE, most)

		def wait_short(address, count):
		    """So many clients, when the first of them is kept."""
		    clients = [connect(address) for _ in range(count)]
		    for client in clients:
		        client.sendall(b"hello")
		    node.until_at(address, "listener.why", equals="fd_limit")
		    return clients

		def served(client):
		    expect(client.recv(100), b"hello")
		    client.close()

		def counts(address):
		    pool = node.pool(address)
		    return [pool[key] for key in ("open", "total", "refused")], pool["closed"]

		def answer(peer):
		    with peer:
		        while data := peer.recv(100):
		            peer.sendall(data)

		def answer_all(backend):
		    while True:
		        threading.Thread(target=answer, args=backend.accept()[:1], daemon=True).start()

		# Not of this noded, whose descriptors it would take.
		backend = socket.create_server(("127.0.0.1", 0))
		threading.Thread(target=answer_all, args=(backend,), daemon=True).start()

		def both():
		    to = "tcp:%s:%d" % backend.getsockname()
		    return node.forward("tcp:", to), node.forward("unix:", to)
	END
}

# with_short: as script, what comes after short.py.
with_short() {
	cat "$T/short.py" - | script
}

@test "last descriptor: all who came are served when there is room, and nothing is counted twice" {
	with_short <<-'END'
		tcp, unix = both()
		for address in tcp, unix:
		    leave(1)
		    clients = wait_short(address, 20)
		    # Two pauses later nothing has changed.
		    node.call("wait", path="phase", equals="stopped", timeout_ms=2200)
		    expect(counts(address), ([0, 0, 0], {}))
		    expect(node.at(address, "listener.accepted"), 0)
		    restore()
		    for client in clients:
		        served(client)
		    node.until_open(address, 0)
		    expect(counts(address)[0], [0, 20, 0])
		    expect(node.at(address, "listener.accepted"), 20)
		backends = node.state("transport.client_connection_pool")
		expect((backends["total"], backends["failed"]), (40, 0))
		# No number was left out.
		expect(max(past["id"] for past in node.pool(unix)["last_closed"]), 40)
	END
	# One in and one out; not as many tries as there is time for.
	assert_log_lines 2 'warning .* accepting pauses: Too many open files'
	wait_until 30 has_log_lines 2 'accepting again: [1-9][0-9]? times out of descriptors'
	assert_log_lines 0 'not served|cannot be reached'
}

@test "last descriptor: those who wait are served one after the other as others leave" {
	with_short <<-'END'
		tcp, unix = both()
		held = node.serve("tcp:")
		for address in tcp, unix:
		    others = [connect(held) for _ in range(4)]
		    node.until_open(held, 4)
		    leave(0)
		    clients = wait_short(address, 20)
		    for other in others:
		        other.close()
		    for client in clients:
		        served(client)
		    restore()
		    node.until_open(address, 0)
		    expect(counts(address)[0], [0, 20, 0])
	END
}

@test "last descriptor: the one that is kept is served by a stop, or refused by one that is forced" {
	with_short <<-'END'
		for address in both():
		    leave(1)
		    clients = wait_short(address, 3)
		    node.send('{"jsonrpc":"2.0","id":"stop","method":"stop_server",'
		              '"params":{"address":"%s","deadline_ms":60000}}' % address)
		    node.until_at(address, "phase", equals="draining")
		    restore()
		    for client in clients:
		        served(client)
		    stopped = node.reply()["result"]
		    expect([stopped[key] for key in ("outcome", "drained", "accepted_at_stop",
		                                     "refused_at_stop")], ["drained", 3, 3, 0])
		for address in both():
		    leave(1)
		    clients = wait_short(address, 3)
		    stopped = node.result("stop_server", address=address, force=True)
		    expect([stopped[key] for key in ("stopped", "drained", "killed", "accepted_at_stop",
		                                     "refused_at_stop")], [0, 0, 0, 0, 3])
		    for client in clients:
		        ended(client)
		    restore()
	END
}

@test "last descriptor: the one that is kept waits for a place, too" {
	with_short <<-'END'
		for address in both():
		    first = connect(address)
		    node.until_open(address, 1)
		    leave(1)
		    clients = wait_short(address, 2)
		    node.result("update_server", address=address, max_connections=1)
		    restore()
		    node.until_at(address, "listener.why", equals="full")
		    expect(counts(address)[0], [1, 1, 0])
		    first.close()
		    for client in clients:
		        served(client)
		    # Or what closes late would leave room for more.
		    node.until_open(address, 0)
	END
}
