# Some work was done to its end in one turn of the loop, however much there was, and everybody else
# stood still for seconds: waits were all looked at after every change, a batch ran as a whole, each
# of many servers had a budget of its own for ending, and a forced stop emptied the queue at once.
# All of it is now bounded in each turn.
load proto.bash

# many_servers N [MEMBERS]
many_servers() {
	local n
	for ((n = 1; n <= $1; n++)); do
		request "$n" start "{\"address\":\"$T/$n.sock\"${2:+,$2}}"
	done | nc -N -U "$NODED_SOCKET" | jq -e .result >/dev/null
}

@test "2,000 waits on a sum over 300 servers hold up neither requests nor the end" {
	start_noded
	many_servers 300
	script <<-'END'
		from admin_client import *
		import signal
		crowd = [Admin() for _ in range(40)]
		for admin in crowd:
		    admin.send(*[request("wait", n, path="transport.connection_pool.open", at_least=1)
		                 for n in range(50)], request("version", 50))
		for admin in crowd:
		    expect(admin.reply()["id"], 50)
		admin = Admin()
		began = time.monotonic()
		admin.result("stop_server", address=os.environ["T"] + "/1.sock")
		assert time.monotonic() - began < 10
		assert 0 < admin.state("process.loop.requests_in_a_turn") <= 256
		os.kill(int(os.environ["NODED_PID"]), signal.SIGQUIT)
	END
	wait_noded 25
}

@test "others are answered while a batch of 64 long lists is" {
	start_noded
	script <<-'END'
		from peers import *
		from admin_client import request
		node, batch = Node(), Admin()
		at = node.serve("unix:", max_connections=None)
		clients = [connect(at) for _ in range(2000)]
		node.until_open(at, 2000)
		batch.send("[%s]" % ",".join([request("list_connections", limit=1000)] * 64))
		for _ in range(20):
		    node.call("version")
		expect(batch.quiet(), True)
		expect([len(reply["result"]["connections"]) for reply in batch.reply()], [1000] * 64)
		assert 0 < node.state("process.loop.requests_in_a_turn") <= 256
	END
}

@test "100 servers that end together share what a turn allows" {
	start_noded
	many_servers 100 '"drain_ms":0'
	script <<-'END'
		from peers import *
		node, other = Node(), Node()
		at = node.serve("unix:")
		clients = [connect(f"{os.environ['T']}/{n}.sock") for n in range(1, 101) for _ in range(20)]
		stays = connect(at)
		node.wait("transport.connection_pool.open", equals=2001)
		other.send('{"jsonrpc":"2.0","id":1,"method":"shutdown"}')
		until(lambda: node.state("transport.connection_pool.open") == 1)
		assert 0 < node.state("process.loop.ended_in_a_turn") <= 32
		expect([ended(client) for client in clients], ["closed"] * 2000)
		stays.close()
		expect(other.reply()["id"], 1)
	END
	wait_noded
}

@test "a forced stop of a server with a long queue goes on in batches" {
	start_noded
	script <<-'END'
		from peers import *
		node = Node()
		at = node.serve("unix:", max_connections=1, backlog=4096)
		other = connect(node.serve("tcp:"))
		first = connect(at)
		node.until_at(at, "listener.why", equals="full")
		queue = []
		while len(queue) < 2000:
		    client = socket.socket(socket.AF_UNIX)
		    client.setblocking(False)
		    try:
		        client.connect(at[5:])
		    except BlockingIOError:
		        break
		    queue.append(client)
		turns = node.state("process.loop.turns")
		other.sendall(b"meanwhile")
		result = node.result("stop_server", address=at, force=True)
		expect(other.recv(9), b"meanwhile")
		expect([result["stopped"], result["refused_at_stop"]], [1, len(queue)])
		turns = node.state("process.loop.turns") - turns
		assert turns >= len(queue) / 64, turns
	END
}

@test "a page of state is written in slices, and cut short if its server goes" {
	start_noded
	script <<-'END'
		from peers import *
		from admin_client import request
		node, page = Node(), Admin()
		at = node.serve("unix:", max_connections=None)
		clients = [connect(at) for _ in range(1500)]
		node.until_open(at, 1500)
		path = f"transport.servers[{at}].connection_pool.connections"
		result = page.result("state", path=path, limit=1000)
		expect([len(result["value"]), result["total"]], [1000, 1500])
		rest = page.result("state", path=path, limit=1000, after=result["next"])
		expect([len(rest["value"]), rest["next"]], [500, None])
		expect(len(result["value"].keys() | rest["value"].keys()), 1500)
		assert 0 < node.state("process.loop.rows_in_a_turn") <= 256
		page.send(*[request("state", n, path=path, limit=1000) for n in range(60)])
		node.result("stop_server", address=at, force=True)
		for n in range(60):
		    reply = page.reply()
		    if "error" in reply:
		        expect(reply["error"]["data"]["name"], "no_such_path")
	END
}

@test "2,000 clients that leave at once are closed in slices" {
	start_noded
	script <<-'END'
		from peers import *
		import signal
		node = Node()
		at = node.serve("tcp:", max_connections=None)
		clients = [connect(at) for _ in range(2000)]
		other = connect(node.serve("tcp:"))
		node.until_open(at, 2000)
		expect(node.state("process.loop.ended_in_a_turn"), 0)
		os.kill(int(os.environ["NODED_PID"]), signal.SIGSTOP)
		for client in clients:
		    client.close()
		other.sendall(b"meanwhile")
		os.kill(int(os.environ["NODED_PID"]), signal.SIGCONT)
		expect(other.recv(9), b"meanwhile")
		node.until_ended(at, "client_closed", 2000)
		node.until_open(at, 0)
		assert 0 < node.state("process.loop.ended_in_a_turn") <= 32
	END
}

@test "a full queue that a stop refuses is heard out in slices" {
	start_noded
	script <<-'END'
		from peers import *
		import contextlib
		node = Node()
		at = node.serve("unix:", max_connections=1, backlog=300)
		inside = connect(at)
		node.until_open(at, 1)
		clients = [connect(at) for _ in range(300)]
		for client in clients:
		    client.setblocking(False)
		    with contextlib.suppress(BlockingIOError):
		        client.sendall(bytes(1 << 20))
		    client.setblocking(True)
		stopped = node.result("stop_server", address=at, force=True)
		expect([stopped["stopped"], stopped["refused_at_stop"]], [1, 300])
		for client in clients:
		    expect(client.recv(1), b"")
		# Counted with those that end, a share of each turn.
		assert 1 < node.state("process.loop.ended_in_a_turn") <= 32
	END
}
