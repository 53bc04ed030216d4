# The last moments of the admin socket: a long answer was cut in the middle of a line when noded
# ended, a second shutdown that came when all servers had gone was never answered, and once the
# socket had been made again its file outlived the sessions, so that a restart found it in use.
load proto.bash

@test "an answer under way when noded ends is not cut" {
	start_noded
	local n
	for n in {1..300}; do request "$n" start "{\"address\":\"$T/$n.sock\"}"; done |
		nc -N -U "$NODED_SOCKET" >/dev/null
	script <<-'END'
		from admin_client import *
		reader, other = Admin(), Admin()
		reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		reader.send(*[request("state", n) for n in range(6)])
		until(lambda: not reader.quiet())
		other.send(request("shutdown"))
		got = b""
		while data := reader.socket.recv(4096):
		    got += data
		assert got.endswith(b"\n"), got[-80:]
		lines = got.splitlines()
		assert lines
		for line in lines:
		    json.loads(line)
		expect(other.reply()["id"], 1)
	END
	wait_noded
}

@test "a second shutdown is answered, also when nothing is left to end" {
	start_noded
	run outcomes "$(request 1 shutdown)" "$(request 2 shutdown)"
	assert_success
	assert_equal "$(sort <<<"$output")" '[1,"result"]'$'\n''[2,"result"]'
	wait_noded
}

@test "the admin socket's file is gone before any client reads the end, also one made again" {
	start_noded
	script <<-'END'
		from admin_client import *
		path = os.environ["NODED_SOCKET"]
		crowd = [Admin() for _ in range(20)]
		crowd[0].call("version")
		os.unlink(path)
		until(lambda: os.path.exists(path))
		crowd += [Admin() for _ in range(20)]
		crowd[-1].call("version")
		crowd[0].send(request("shutdown"))
		select.select([admin.socket for admin in crowd[1:]], [], [], PATIENCE)
		expect(os.path.exists(path), False)
		for admin in crowd[1:]:
		    expect(admin.line(), None)
	END
	wait_noded
}
