# A client that goes away altogether: its waits end, what it set in motion goes on.
load proto.bash

@test "the waits of a client that is gone are dropped" {
	start_noded
	script <<-'END'
		from admin_client import *
		other = Admin()
		for half_closed in (False, True):
		    admin = Admin()
		    admin.send(*[request("wait", n, path="nowhere", exists=True, timeout_ms=3600000)
		                 for n in range(5)])
		    expect(admin.call("version", 9)["id"], 9)
		    expect(other.state("admin.sessions"), 2)
		    if half_closed:
		        admin.finish()
		    admin.close()
		    other.wait("admin.sessions", equals=1, timeout_ms=10000)
	END
}

# It is not read from any more, so its end is not seen by reading.
@test "a client that is gone with 64 calls in flight is noticed too" {
	start_noded
	script <<-'END'
		from admin_client import *
		other = Admin()
		for extra in (0, 10):
		    admin = Admin()
		    admin.send(*[request("wait", n, path="nowhere", exists=True, timeout_ms=3600000)
		                 for n in range(64 + extra)])
		    expect(other.state("admin.sessions"), 2)
		    admin.close()
		    other.wait("admin.sessions", equals=1, timeout_ms=10000)
	END
}

@test "a stop goes on when the client that asked is gone" {
	start_noded
	start_server a '"drain_ms":500'
	connect_idle 2 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		address = os.environ["T"] + "/a.sock"
		admin, other = Admin(), Admin()
		admin.send(request("stop_server", 1, address=address))
		other.wait(f"transport.servers[{address}].phase", equals="draining")
		admin.close()
		other.wait(f"transport.servers[{address}]", absent=True, timeout_ms=20000)
	END
	assert_not_exists "$T/a.sock"
	assert_log_lines 1 'a\.sock stopped'
}

@test "notifications of a client that is gone at once are run" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		admin = Admin()
		admin.send(request("start", None, address=os.environ["T"] + "/n.sock"),
		           request("set_log_level", None, level="warning"))
		admin.close()
		other = Admin()
		other.wait("log.level", equals="warning")
		other.wait("transport.servers[" + os.environ["T"] + "/n.sock].phase", equals="running")
	END
}

@test "a client that leaves in the middle of a line or a reply is no trouble" {
	start_noded
	script <<-'END'
		from admin_client import *
		other = Admin()
		for n in range(50):
		    admin = Admin()
		    admin.send(*[request("rpc.discover", k) for k in range(n)])
		    admin.push(request("version")[:n])
		    if n % 2:
		        admin.finish()
		    admin.close()
		other.wait("admin.sessions", equals=1, timeout_ms=10000)
	END
	assert_log_lines 0 'warning|error'
}
