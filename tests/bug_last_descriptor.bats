# The last descriptor went to a client, and there was none for its backend's socket or its
# program's pipe: it was closed, and so were all behind it, one after the other, while the
# log promised that clients wait. Then such a client was kept, which could leave unnoticed,
# and two servers that kept one each had the last two descriptors. What serves a client is
# put by now before it is accepted: all who are accepted are served, the others wait in the
# backlog.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	cat >"$T/short.py" <<-'END'
		import pathlib, resource, threading
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
		    """So many clients, when there is nothing left for one of them."""
		    clients = [connect(address) for _ in range(count)]
		    for client in clients:
		        client.sendall(b"hello")
		    node.until_at(address, "listener.why", equals="fd_limit")
		    return clients

		def heard(client):
		    expect(client.recv(100), b"hello")

		def served(client):
		    heard(client)
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

		def one():
		    """The one that is asked for."""
		    cat = {"type": "exec", "argv": ["cat"]}
		    kind, handler = os.environ["SERVER"].split()
		    return node.serve(kind, handler=cat) if handler == "exec" else \
		        both()[kind == "unix:"]
	END
}

# with_short: as script, what comes after short.py.
with_short() {
	cat "$T/short.py" - | script
}

# with_each: the same for one server of each kind, as one(), and each with a noded of its own: what is
# taken back of what is kept has higher numbers, for which a lower limit leaves no room.
with_each() {
	local script
	script=$(cat)
	for SERVER in 'tcp: forward' 'unix: forward' 'tcp: exec' 'unix: exec'; do
		export SERVER
		with_short <<<"$script"
		stop_noded
		: >"$LOG"
		start_noded
	done
}

@test "last descriptor: whoever gets it is served, the others are when there is room" {
	with_each <<-'END'
		address = one()
		leave(1)
		first, *others = wait_short(address, 20)
		heard(first)
		# Two pauses later nothing has changed.
		node.call("wait", path="phase", equals="stopped", timeout_ms=2200)
		expect(counts(address), ([1, 1, 0], {}))
		expect(node.at(address, "listener.accepted"), 1)
		restore()
		for client in others:
		    served(client)
		first.close()
		node.until_open(address, 0)
		expect(counts(address)[0], [0, 20, 0])
		backends = node.state("transport.client_connection_pool")
		expect((backends["total"], backends["failed"]), (20 * ("forward" in os.environ["SERVER"]), 0))
		# One in and one out; not as many tries as there is time for.
		node.until_at(address, "listener.phase", equals="running")
		lines = pathlib.Path(os.environ["LOG"]).read_text().splitlines()
		expect(sum("accepting pauses: Too many open files" in line for line in lines), 1)
		expect([line for line in lines if "not served" in line or "cannot be reached" in line], [])
	END
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

@test "last descriptor: two servers do not keep the last from each other" {
	with_short <<-'END'
		tcp, unix = both()
		leave(2)
		mine = connect(tcp)
		mine.sendall(b"hello")
		heard(mine)
		gone, other = connect(tcp), connect(unix)
		other.sendall(b"hello")
		for address in tcp, unix:
		    node.until_at(address, "listener.why", equals="fd_limit")
		# Nobody holds a descriptor for one who waits, nor for one who does so no more.
		gone.close()
		mine.close()
		served(other)
		node.until_open(unix, 0)
		expect(counts(unix)[0], [0, 1, 0])
	END
}

@test "last descriptor: those who wait are served by a stop" {
	with_each <<-'END'
		address = one()
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
		                                 "refused_at_stop")], ["drained", 3, 2, 0])
	END
}

@test "last descriptor: those who wait are refused by a stop that is forced" {
	with_each <<-'END'
		address = one()
		leave(1)
		clients = wait_short(address, 3)
		heard(clients[0])
		stopped = node.result("stop_server", address=address, force=True)
		expect([stopped[key] for key in ("stopped", "drained", "killed", "accepted_at_stop",
		                                 "refused_at_stop")], [1, 0, 0, 0, 2])
		for client in clients:
		    ended(client)
		restore()
	END
}

@test "last descriptor: those who wait for one wait for a place, too" {
	with_short <<-'END'
		for address in both():
		    first = connect(address)
		    node.until_open(address, 1)
		    leave(0)
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
