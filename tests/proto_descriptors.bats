# Descriptors passed over the admin socket are dropped, not kept.
load proto.bash

@test "passed descriptors are closed and the request is run" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		pid = os.environ["NODED_PID"]
		admin = Admin()
		fds = lambda: sorted(os.listdir(f"/proc/{pid}/fd"))
		admin.call("version")
		before, known = fds(), admin.state("process.fds")
		for n in range(20):
		    ends = [os.pipe() for _ in range(20)]
		    message = (request("version", n) + "\n").encode()
		    socket.send_fds(admin.socket, [message[:20]], [write for _, write in ends])
		    socket.send_fds(admin.socket, [message[20:]], [write for _, write in ends])
		    for _, write in ends:
		        os.close(write)
		    expect(short(admin.reply()), [n, "result"])
		    for read, _ in ends:
		        until(lambda: select.select([read], [], [], 0)[0])
		        expect(os.read(read, 1), b"", "nobody holds the other end")
		        os.close(read)
		expect(fds(), before)
		expect(admin.state("process.fds"), known)
	END
}
