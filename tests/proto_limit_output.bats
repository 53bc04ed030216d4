# Output that nobody reads: over 256 KiB nothing more is read or written until 64 KiB are left.
load proto.bash

@test "a client that does not read is not read from, costs little, and then gets every reply in order" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		before = other.state("process.rss")
		data = b"".join((request("rpc.discover", n) + "\n").encode() for n in range(20000))
		sent, times = admin.push_what_fits(data), 0
		while times < 20:
		    other.call("version")
		    more = admin.push_what_fits(data[sent:])
		    sent, times = sent + more, 0 if more else times + 1
		assert sent < len(data), "all of it was read"
		grown = other.state("process.rss") - before
		assert grown < 20000000, f"{grown} bytes"
		last = data[:sent].count(b"\n")
		if data[sent - 1:sent] != b"\n":
		    # The rest of a line must go when there is room again.
		    for n in range(last):
		        expect(admin.reply()["id"], n)
		    admin.push(data[sent:data.find(b"\n", sent) + 1])
		    expect(admin.reply()["id"], last)
		else:
		    for n in range(last):
		        expect(admin.reply()["id"], n)
		assert last > 10, last
		expect(admin.call("version", "end")["id"], "end")
	END
}

@test "one huge reply is written as it is read; others are answered meanwhile" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		T = os.environ["T"]
		other = Admin()
		count = 700
		other.send(*[request("start", n, address=f"{T}/{n:04}.sock") for n in range(count)])
		for n in range(count):
		    expect(short(other.reply())[1], "result")
		before = other.state("process.rss")
		readers = [Admin() for _ in range(30)]
		for reader in readers:
		    reader.send(request("state", 1), request("version", 2), request("list_servers", 3, limit=1000))
		slowest = 0
		for n in range(200):
		    began = time.monotonic()
		    expect(other.call("version", n)["id"], n)
		    slowest = max(slowest, time.monotonic() - began)
		assert slowest < 10, slowest
		grown = other.state("process.rss") - before
		assert grown < 60000000, f"{grown} bytes"
		for reader in readers:
		    reply = reader.reply()
		    expect(short(reply), [1, "result"])
		    expect(len(reply["result"]["value"]["transport"]["servers"]), count)
		    expect(reply["result"]["value"]["log"]["lost"], 0)
		    expect(short(reader.reply()), [2, "result"])
		    expect(len(reader.reply()["result"]["servers"]), count)
		# What changes while it is written is no trouble: no server twice, JSON to the end.
		reader = Admin()
		reader.send(request("state", 1))
		for n in range(0, count, 2):
		    other.result("stop_server", address=f"{T}/{n:04}.sock", force=True)
		servers = reader.reply()["result"]["value"]["transport"]["servers"]
		assert len(servers) >= count // 2, len(servers)
		for n in range(1, count, 2):
		    assert f"unix:{T}/{n:04}.sock" in servers, n
	END
}

@test "replies to other calls keep whole lines while a huge one is written" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		T = os.environ["T"]
		other = Admin()
		for n in range(400):
		    other.result("start", address=f"{T}/{n:04}.sock")
		admin = Admin()
		admin.send(*[request("wait", n, path="log.level", equals="debug") for n in range(20)],
		           "[" + ",".join(request("state", n) for n in range(3)) + "]",
		           *[request("state", n) for n in range(100, 104)])
		other.call("version")
		other.result("set_log_level", level="debug")
		seen = []
		for _ in range(25):
		    reply = admin.reply()
		    seen.append(-1 if isinstance(reply, list) else reply["id"])
		expect(sorted(seen), [-1] + list(range(20)) + [100, 101, 102, 103])
	END
}
