# exec: 500 programs at once are started, served, and reaped; none stays a zombie.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

zombies() {
	ps -o stat= --ppid "$NODED_PID" | awk '/^Z/ { n++ } END { print n + 0 }'
}

@test "crowd: 500 programs at once, ended by their clients" {
	serve_exec "$T/exec.sock" '"max_connections":500' cat
	connect_idle 500 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":500' 60000
	[[ $(state process.children) == 500 ]]
	[[ $(clients_do "echo hello") == 500 ]]
	clients_do "close 500"
	await "$T/exec.sock" connection_pool.open '"equals":0' 60000
	[[ $(at "$T/exec.sock" connection_pool.closed | jq -c .) == '{"exit:0":500}' ]]
	[[ $(state process.children) == 0 ]]
	[[ $(zombies) == 0 ]]
}

@test "crowd: 500 programs at once, stopped" {
	serve_exec "$T/exec.sock" '"max_connections":500' cat
	connect_idle 500 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":500' 60000
	[[ $(stop "$T/exec.sock" '"force":true' | jq -c '[.outcome, .stopped, .killed]') == '["stopped",500,0]' ]]
	[[ $(state process.children) == 0 ]]
	[[ $(zombies) == 0 ]]
}

@test "crowd: 500 programs that end by themselves at once, with others in between" {
	serve_exec "$T/exec.sock" '"max_connections":500' true
	serve "$T/echo.sock"
	connect_idle 1 "$T/echo.sock"
	background crowd python3 "$ROOT/tests/clients.py" hold "$T/crowd" 500 "$T/exec.sock"
	wait_until 60 test -S "$T/crowd"
	[[ $(clients_do "echo served") == 1 ]]
	await "$T/exec.sock" 'connection_pool.closed[exit:0]' '"equals":500' 60000
	[[ $(at "$T/exec.sock" connection_pool.open) == 0 ]]
	[[ $(zombies) == 0 ]]
	assert_log_lines 0 'warning|error'
}

@test "crowd: at max_connections programs are not started" {
	serve "$T/exec.sock" '"max_connections":3,"handler":{"type":"exec","argv":["sh","-c","echo $$; exec cat"]}'
	script <<-'END'
		from peers import *
		node, address = Node(), "unix:" + os.environ["T"] + "/exec.sock"
		clients = [connect(address) for _ in range(5)]
		pids = {client.recv(10) for client in clients[:3]}
		expect(len(pids), 3)
		expect(node.state("process.children"), 3)
		expect(node.pool(address)["open"], 3)
		clients.pop(0).close()
		expect(clients[2].recv(10) in pids, False)
		expect(node.state("process.children"), 3)
	END
}
