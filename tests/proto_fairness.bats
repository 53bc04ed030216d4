# Slow, huge or many admin clients hold up neither servers nor each other.
load proto.bash

@test "60 clients of the worst kinds, and one that is served as if alone" {
	start_noded
	start_server a
	local n
	for n in {1..300}; do request "$n" start "{\"address\":\"$T/$n.sock\"}"; done | nc -N -U "$NODED_SOCKET" >/dev/null
	script <<-'END'
		from admin_client import *
		import os
		import threading
		crowd = [Admin() for _ in range(60)]
		stop = threading.Event()
		def flood(admin, line):
		    """Asks and reads as fast as it can."""
		    while not stop.is_set():
		        admin.send(*[line] * 20)
		        for _ in range(20):
		            admin.line()
		for n, admin in enumerate(crowd[:50]):
		    if n % 5 == 0:
		        admin.push_what_fits((request("state") + "\n").encode() * 50)
		    elif n % 5 == 1:
		        admin.push("[" * 50000)
		    elif n % 5 == 2:
		        admin.push("x" * 1000000)
		    elif n % 5 == 3:
		        admin.send(*[request("wait", k, path="nowhere", exists=True) for k in range(64)])
		threads = [threading.Thread(target=flood, args=(admin, request("state")), daemon=True)
		           for admin in crowd[50:54]]
		for thread in threads:
		    thread.start()
		admin = Admin()
		echo = socket.socket(socket.AF_UNIX)
		echo.settimeout(PATIENCE)
		echo.connect(os.environ["T"] + "/a.sock")
		slowest = {"admin": 0, "echo": 0}
		for n in range(100):
		    began = time.monotonic()
		    echo.sendall(b"x")
		    expect(echo.recv(1), b"x")
		    slowest["echo"] = max(slowest["echo"], time.monotonic() - began)
		    began = time.monotonic()
		    expect(admin.call("version", n)["id"], n)
		    slowest["admin"] = max(slowest["admin"], time.monotonic() - began)
		stop.set()
		for thread in threads:
		    thread.join(60)
		assert max(slowest.values()) < 10, slowest
	END
}

@test "64 idle clients are no hindrance to the next ones" {
	start_noded
	script <<-'END'
		from admin_client import *
		idle = [Admin() for _ in range(64)]
		for n in range(200):
		    expect(Admin().call("version", n)["id"], n)
	END
}

@test "a flood of requests from one client is run in turns with those of others" {
	start_noded
	script <<-'END'
		from admin_client import *
		import threading
		greedy, modest = Admin(), Admin()
		thread = threading.Thread(target=lambda: greedy.send(*[request("version", n) for n in range(30000)]))
		reader = threading.Thread(target=lambda: [greedy.line() for _ in range(30000)])
		thread.start()
		reader.start()
		count, slowest = 0, 0
		while reader.is_alive():
		    began = time.monotonic()
		    modest.call("version")
		    slowest = max(slowest, time.monotonic() - began)
		    count += 1
		thread.join()
		assert count >= 5, count
		assert slowest < 10, slowest
	END
}
