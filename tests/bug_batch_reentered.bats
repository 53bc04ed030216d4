# A batch whose first request was a wait, and whose second ended what the wait was about, aborted
# noded: the wait was answered in the middle of the phase change, and the next request ran right
# there, under the feet of the code that was changing the phase. Requests now begin on their own.
load proto.bash

# both_answered FIRST SECOND TRIGGER: starts $ADDRESS and sends a batch of the two requests, Python
# that may use the address as `at`; when the first waits, does TRIGGER. Both must be answered and
# noded must live.
both_answered() {
	script "$ADDRESS" "$@" <<-'END'
		from admin_client import *
		import sys
		from clients import connect
		at = f"transport.servers[{sys.argv[1]}]"
		batch, admin = Admin(), Admin()
		batch.send("[%s,%s]" % tuple(eval(text) for text in sys.argv[2:4]), request("version", 3))
		# Answered behind the batch's first request, which then waits.
		expect(short(batch.reply()), [3, "result"])
		trigger = eval(sys.argv[4])
		expect(short(batch.reply()), [[1, "result"], [2, "result"]])
		expect(admin.call("version", 7)["id"], 7)
	END
}

@test "a wait for a suspension, then a stop; the socket file is removed" {
	start_noded
	ADDRESS=unix:$T/s.sock
	start_server s
	both_answered 'request("wait", 1, path=at + ".phase", equals="suspended")' \
		'request("stop_server", 2, address=sys.argv[1], force=True)' 'os.unlink(sys.argv[1][5:])'
	assert_equal "$(state transport.servers)" '{}'
}

@test "a wait for a connection, then its end; a client comes" {
	start_noded
	ADDRESS=unix:$T/s.sock
	start_server s
	both_answered \
		'request("wait", 1, path=at + ".connection_pool.connections[1].phase", equals="running")' \
		'request("close_connection", 2, id=1, force=True)' 'connect(sys.argv[1])'
}

@test "a wait for a connection, then a suspension; a client takes the only place" {
	start_noded
	ADDRESS=$(result start '{"address":"tcp:127.0.0.1:0","max_connections":1,"drain_ms":100}' | jq -r .server.address)
	both_answered \
		'request("wait", 1, path=at + ".connection_pool.connections[1].phase", equals="running")' \
		'request("suspend_server", 2, address=sys.argv[1])' 'connect(sys.argv[1])'
	assert_equal "$(state "transport.servers[$ADDRESS].phase")" suspended
}
