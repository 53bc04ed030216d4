# close_connection: one connection is ended, and the reply comes when it has.
load proto.bash

# Id of the first connection.
the_id() {
	result list_connections | jq '.connections[0].id'
}

@test "the reply has id and reason, the client sees the end, others live on" {
	start_noded
	start_server a
	connect_idle 3 "unix:$T/a.sock"
	wait_until 25 state_is 3 transport.connection_pool.open
	local id
	id=$(the_id)
	assert_equal "$(result close_connection "{\"id\":$id}")" "{\"id\":$id,\"reason\":\"stopped\"}"
	wait_until 25 clients_open 2
	assert_equal "$(clients_do "echo hello")" 2
	assert_equal "$(state "transport.servers[$T/a.sock].connection_pool.closed.stopped")" 1
	assert_equal "$(error_name close_connection "{\"id\":$id}")" no_such_connection
}

@test "the reply comes when the connection has ended: a program that ignores TERM is killed first" {
	start_noded
	cat >"$T/stubborn" <<-'END'
		#!/bin/bash
		trap "" TERM
		echo ready
		while :; do read -r -t 60 _ <>"$1"; done
	END
	chmod +x "$T/stubborn"
	mkfifo "$T/never"
	start_server a "\"kill_ms\":400,\"handler\":{\"type\":\"exec\",\"argv\":[\"$T/stubborn\",\"$T/never\"]}"
	script <<-'END'
		from admin_client import *
		import os
		admin = Admin()
		for params, reason, least in (({}, "killed", 0.39), ({"force": True}, "stopped", 0)):
		    client = socket.socket(socket.AF_UNIX)
		    client.settimeout(PATIENCE)
		    client.connect(os.environ["T"] + "/a.sock")
		    expect(client.recv(6), b"ready\n")
		    connection = admin.result("list_connections")["connections"][0]
		    began = time.monotonic()
		    expect(admin.result("close_connection", id=connection["id"], **params),
		           {"id": connection["id"], "reason": reason})
		    took = time.monotonic() - began
		    assert least <= took < 30, took
		    expect(client.recv(1), b"")
		    assert not os.path.exists(f"/proc/{connection['pid']}"), "the program lives"
		    expect(admin.result("list_connections")["total"], 0)
	END
}

@test "force closes a connection that does not read" {
	start_noded
	start_server a '"kill_ms":3600000'
	script <<-'END'
		from admin_client import *
		import os
		client = socket.socket(socket.AF_UNIX)
		client.connect(os.environ["T"] + "/a.sock")
		client.setblocking(False)
		try:
		    while True:
		        client.send(bytes(65536))
		except BlockingIOError:
		    pass
		admin = Admin()
		admin.wait("transport.connection_pool.bytes_in", at_least=65536)
		id = admin.result("list_connections")["connections"][0]["id"]
		admin.send(request("close_connection", 1, id=id))
		admin.call("version", 2)
		other = Admin()
		reply = other.result("close_connection", id=id, force=True)
		expect(reply["id"], id)
		expect(reply["reason"] in ("stopped", "killed"), True, reply)
		expect(admin.reply(), {"jsonrpc": "2.0", "id": 1, "result": reply})
	END
}

@test "an unknown id is no_such_connection, a wrong one invalid_params" {
	start_noded
	assert_equal "$(error_name close_connection '{"id":1}')" no_such_connection
	assert_equal "$(error_name close_connection '{"id":9007199254740991}')" no_such_connection
	local id
	for id in 0 -1 1.5 '"1"' null true 9007199254740992 1e300 '[1]'; do
		assert_equal "$(error_name close_connection "{\"id\":$id}")" invalid_params
	done
	assert_equal "$(error_name close_connection)" invalid_params
}
