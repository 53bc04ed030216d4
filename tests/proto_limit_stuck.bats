# Output that makes no progress for 30 s ends the connection, with one line. A slow test.
load proto.bash

@test "a client that reads nothing for 30 s is closed; one that reads a little is not" {
	start_noded
	script <<-'END'
		from admin_client import *
		stuck, slow, other = Admin(), Admin(), Admin()
		for admin in (stuck, slow):
		    admin.push_what_fits(b"".join((request("rpc.discover", n) + "\n").encode() for n in range(500)))
		began = time.monotonic()
		expect(other.state("admin.sessions"), 3)
		while other.call("wait", path="admin.sessions", at_most=2, timeout_ms=3000).get("error"):
		    assert time.monotonic() - began < 60
		    slow.socket.recv(300000)
		took = time.monotonic() - began
		assert took > 28, took
		for n in range(12):
		    slow.socket.recv(300000)
		expect(other.state("admin.sessions"), 2)
		try:
		    while stuck.socket.recv(1 << 20):
		        pass
		except ConnectionResetError:
		    pass
	END
	assert_log_lines 1 'admin.*(reads nothing|closed)'
}
