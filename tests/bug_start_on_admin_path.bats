# The file of the admin socket was removed, and before noded had noticed, somebody had it start a
# server at that very path: it did, the admin socket could not come back, and every nodectl from then
# on talked to an echo server. A server is never started there now.
load proto.bash

@test "nothing is started at the path of the admin socket, not even while it is gone" {
	start_noded
	script "$NODED_SOCKET" <<-'END'
		from admin_client import *
		import sys
		admin = Admin()
		os.unlink(sys.argv[1])
		reply = admin.call("start", 1, address=sys.argv[1])
		expect(reply["error"]["data"]["name"], "path_exists")
		expect(reply["error"]["data"]["detail"].endswith("is noded's admin socket"), True)
		expect(short(admin.call("wait", 2, path="admin.phase", equals="running")), [2, "result"])
	END
	wait_until 25 test -S "$NODED_SOCKET"
	"$NODECTL" version
	assert_equal "$(state transport.servers)" '{}'
}
