# The tree of state: every documented key is there with its type, and it agrees with the kernel.
load proto.bash

# What every part that lives has.
engine='has("phase") and has("why") and has("since") and (.phase | IN("starting", "running", "suspended",
	"draining", "stopping", "stopped")) and (.why | . == null or type == "string")
	and (.since | test("^20[0-9-]{8}T[0-9:]{8}\\.[0-9]{3}Z$"))'

@test "the node, process, admin and log" {
	start_noded
	run jq -e "($engine)"' and (.name | type == "string") and (.version | type == "string") and (.pid | type == "number")
		and (.process | [.fds, .fd_limit, .children, .adopted, .rss] | all(type == "number"))
		and .process.rss > 100000 and .process.fds > 3
		and .process.user == '"$EUID"' and .process.socket_dirs == null
		and (.admin | '"$engine"' and (.address | startswith("unix:/")) and .sessions == 1)
		and (.log | .level == "info" and .lost == 0) and .phase == "running"' <<<"$(state)"
	assert_success
}

@test "the transport and its pools" {
	start_noded
	start_server a
	run jq -e "($engine)"' and (.servers | type == "object" and length == 1)
		and (.connection_pool | [.open, .total, .refused, .bytes_in, .bytes_out] == [0, 0, 0, 0, 0]
			and .closed == {} and has("limit"))
		and .client_connection_pool == {open: 0, connecting: 0, total: 0, failed: 0}' <<<"$(state transport)"
	assert_success
}

@test "a server and its listener, whatever its handler" {
	start_noded
	start_server echo
	start_server discard '"handler":{"type":"discard"},"max_connections":null,"mode":"0640"'
	start_server forward '"handler":{"type":"forward","backend":"tcp:127.0.0.1:9","connect_timeout_ms":77},"restart":"never"'
	start_server exec '"handler":{"type":"exec","argv":["cat","-u"]},"backlog":5'
	result start '{"address":"tcp:127.0.0.1:0"}'
	state transport.servers >"$T/servers"
	run jq -e 'length == 5 and all(.[]; '"$engine"' and .phase == "running" and .why == null and .error == null
		and (.address | type == "string") and (.handler.type | type == "string")
		and (.listener | '"$engine"' and (.fd | type == "number") and (.backlog | type == "number") and .accepted == 0)
		and (.connection_pool | .open == 0 and has("limit") and .total == 0 and .refused == 0 and .bytes_in == 0
			and .bytes_out == 0 and .closed == {} and .last_closed == [] and (has("connections") | not))
		and (.restart | IN("always", "never")) and .restarts == 0 and has("max_connections")
		and ([.drain_ms, .kill_ms, .idle_timeout_ms] | all(type == "number")))
		and all(to_entries[]; .key == .value.address)' "$T/servers"
	assert_success
	run jq -c --arg T "unix:$T/" '[.[$T + "echo.sock"], .[$T + "discard.sock"], .[$T + "forward.sock"], .[$T + "exec.sock"]]
		| map([.handler.type, .max_connections, .connection_pool.limit, .restart, .mode])[]' "$T/servers"
	assert_output '["echo",1024,1024,"always","0600"]
["discard",null,null,"always","0640"]
["forward",1024,1024,"never","0600"]
["exec",40,40,"always","0600"]'
	run jq -c --arg T "unix:$T/" '.[$T + "forward.sock"].handler.backend, .[$T + "exec.sock"].handler.argv[1],
		.[$T + "exec.sock"].listener.backlog' "$T/servers"
	assert_output $'"tcp:127.0.0.1:9"\n"-u"\n5'
}

@test "a connection has its keys and those of its handler" {
	start_noded
	start_server echo
	start_server exec '"handler":{"type":"exec","argv":["cat"]}'
	start_server forward "\"handler\":{\"type\":\"forward\",\"backend\":\"$T/echo.sock\"}"
	result start '{"address":"tcp:127.0.0.1:0","handler":{"type":"discard"}}' >"$T/tcp"
	connect_idle 1 "unix:$T/exec.sock"
	connect_idle 1 "$(jq -r .server.address "$T/tcp")"
	connect_idle 1 "unix:$T/forward.sock"
	clients_do "echo hello"
	wait_until 25 state_is 4 transport.connection_pool.open
	result list_connections | jq .connections >"$T/list"
	run jq -e 'length == 4 and all(.[]; '"$engine"' and (.id | type == "number") and (.server | type == "string")
		and .phase == "running" and (.peer | type == "string") and (.local | type == "string")
		and (.opened_at | test("^20.*Z$")))' "$T/list"
	assert_success
	run jq -e 'map({(.server | sub(".*/"; "") | sub("tcp:.*"; "tcp")): .}) | add
		| (.["exec.sock"] | .idle_ms == null and .bytes_in == null and .bytes_out == null and (.pid | . > 1)
			and has("status"))
		and (.["tcp"] | (.peer | startswith("tcp:127.0.0.1:")) and .local == .server and (.idle_ms | . >= 0)
			and .bytes_in == 0)
		and (.["forward.sock"] | (.backend | type == "string" or type == "object") and .bytes_in == 5 and .bytes_out == 5)
		and (.["echo.sock"] | .bytes_in == 5 and .bytes_out == 5)' "$T/list"
	assert_success
	# Only below their path.
	run jq -e '[paths | map(tostring) | select(index("connections"))] == []' <<<"$(state)"
	assert_success
	local path="transport.servers[$T/exec.sock].connection_pool.connections" id
	id=$(state "$path" | jq -r 'keys[0]')
	assert_equal "$(state "$path" | jq -c ".[\"$id\"].pid")" "$(state "${path}[$id].pid")"
	assert_equal "$(state transport.client_connection_pool | jq -c '[.open, .total]')" '[1,1]'
}

@test "the transport's pool is the sum over its servers, closed ones included in the counts by reason" {
	start_noded
	start_server a
	start_server b
	connect_idle 3 "unix:$T/a.sock"
	clients_do "echo abc"
	clients_do "close 1"
	connect_idle 2 "unix:$T/b.sock"
	clients_do "echo de"
	wait_until 25 state_is 4 transport.connection_pool.open
	run jq -e '.connection_pool as $sum | [.servers[].connection_pool]
		| (map(.open) | add) == $sum.open and (map(.total) | add) == $sum.total and $sum.total == 5
		and (map(.bytes_in) | add) == $sum.bytes_in and $sum.bytes_in == 13 and $sum.bytes_out == 13
		and $sum.closed == {client_closed: 1}
		and (.[0].last_closed[0] | .reason == "client_closed" and .bytes_in == 3)' <<<"$(state transport)"
	assert_success
	result stop_server "{\"address\":\"$T/b.sock\",\"force\":true}"
	assert_equal "$(state transport.connection_pool.open)" 2
}

@test "state agrees with the kernel" {
	start_noded
	start_server a
	start_server x '"handler":{"type":"exec","argv":["cat"]}'
	connect_idle 5 "unix:$T/a.sock"
	connect_idle 3 "unix:$T/x.sock"
	wait_until 25 state_is 8 transport.connection_pool.open
	"$ROOT/tests/leakcheck" "$NODED_PID" "$NODED_SOCKET"
	assert_equal "$(state process.children)" 3
	assert_equal "$(ps -o pid= --ppid "$NODED_PID" | wc -l)" 3
	local inode
	inode=$(stat -L -c %i "/proc/$NODED_PID/fd/$(state "transport.servers[$T/a.sock].listener.fd")")
	grep -qE " $inode $T/a.sock$" "/proc/$NODED_PID/net/unix"
	script <<-'END'
		from admin_client import *
		import os
		pid, admin = os.environ["NODED_PID"], Admin()
		def same():
		    return admin.state("process.fds") == len(os.listdir(f"/proc/{pid}/fd"))
		until(same)
		with open(f"/proc/{pid}/statm") as statm:
		    rss = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
		assert rss / 2 < admin.state("process.rss") < rss * 2
		with open(f"/proc/{pid}/limits") as limits:
		    line = next(line for line in limits if line.startswith("Max open files"))
		expect(str(admin.state("process.fd_limit")), line.split()[3])
	END
}
