# exec: how a program ended is the reason its connection did, and its status.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

@test "status: exit statuses and signals are reasons, in counters and last_closed" {
	script <<-'END'
		from peers import *
		node = Node()
		for words, status in (("exit 0", "exit:0"), ("exit 1", "exit:1"), ("exit 127", "exit:127"),
		                      ("exit 255", "exit:255"), ("kill -9 $$", "signal:9"),
		                      ("kill -TERM $$", "signal:15"), ("kill -SEGV $$", "signal:11")):
		    address = node.exec("tcp:", "sh", "-c", "ulimit -c 0; " + words)
		    expect(read_all(connect(address)), b"", words)
		    last = node.until_ended(address, status)
		    expect((last["status"], last["bytes_in"], last["bytes_out"]), (status, None, None))
		    expect(node.pool(address)["closed"], {status: 1})
		    expect(node.pool(address)["refused"], 0)
	END
	assert_log_lines 0 'warning|error'
}

@test "status: noded does not see bytes: bytes_in, bytes_out and idle_ms are null" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.exec("tcp:", "cat")
		client = connect(address)
		client.sendall(b"hello")
		expect(client.recv(10), b"hello")
		one, = node.connections(address)
		expect([one[key] for key in ("bytes_in", "bytes_out", "idle_ms", "status")], [None] * 4)
		expect(one["phase"], "running")
		expect(os.readlink(f"/proc/{one['pid']}/exe").endswith("/cat"), True)
		at = f"connection_pool.connections[{one['id']}]"
		expect(node.at(address, at + ".bytes_in"), None)
		expect(node.at(address, at + ".pid"), one["pid"])
		pool = node.pool(address)
		expect((pool["bytes_in"], pool["bytes_out"]), (0, 0))
		expect(node.state("process.children"), 1)
		client.shutdown(SHUT_WR)
		expect(read_all(client), b"")
		node.until_ended(address, "exit:0")
		expect(node.state("process.children"), 0)
	END
}

@test "status: what a program left behind in its group is killed when it ends" {
	script <<-'END'
		from peers import *
		node = Node()
		for kind in ("tcp:", "unix:"):
		    # The sleeping one holds the connection open: the client's end of file shows its death.
		    address = node.exec(kind, "sh", "-c", "sleep 600 & echo $!; exit 3")
		    left = int(read_all(connect(address)))
		    node.until_ended(address, "exit:3")
		    until(lambda: not os.path.exists(f"/proc/{left}"))
	END
}

@test "status: a client that leaves without a word ends a program that reads" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.exec("tcp:", "cat")
		for count, leave in enumerate((socket.socket.close, reset), 1):
		    client = connect(address)
		    node.until_open(address, 1)
		    leave(client)
		    node.until_open(address, 0)
		pool = node.pool(address)
		expect(pool["total"], 2)
		expect(all(reason.startswith("exit:") for reason in pool["closed"]), True, pool["closed"])
	END
}

@test "status: bytes pass through a program unchanged, both ways" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		node = Node()
		for kind in ("tcp:", "unix:"):
		    client = connect(node.exec(kind, "cat"))
		    with ThreadPoolExecutor(2) as pool:
		        sent = pool.submit(send_all, client, 3_000_017, 5)
		        got = pool.submit(receive, client, 6)
		        expect(got.result(), (3_000_017, sent.result()), kind)
	END
}
