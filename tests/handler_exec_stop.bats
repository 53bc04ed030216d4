# exec: programs are asked to leave (TERM, and CONT for those that are stopped), then killed with
# their group; a connection ends when its program is reaped.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# A program that says it is ready and then ignores TERM, as its child does.
STUBBORN=(sh -c 'trap "" TERM; echo ready; sleep 600 & exec sleep 600')

# connect_ready N ADDRESS: N clients, each of which has heard "ready".
connect_ready() {
	connect_idle "$1" "$2"
	wait_until 60 ready_are "$1"
}

ready_are() {
	[[ $(clients_do received) == $(($1 * 6)) ]]
}

# no_children: every process noded had started is gone.
no_children() {
	[[ -z $(ps -o pid= --ppid "$NODED_PID") ]]
}

@test "exec stop: programs that heed TERM end by it" {
	serve_exec "$T/exec.sock" '' cat
	connect_idle 5 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":5'
	run stop "$T/exec.sock" '"force":true'
	[[ $(jq -c '[.outcome, .drained, .stopped, .killed]' <<<"$output") == '["stopped",0,5,0]' ]]
	no_children
	[[ $(clients_do open) == 0 ]]
	[[ $(state transport.connection_pool.open) == 0 ]]
	[[ $(state process.children) == 0 ]]
}

@test "exec stop: 20 that ignore it are killed with their groups, within one deadline" {
	local group groups
	serve_exec "$T/exec.sock" '"drain_ms":100,"kill_ms":500' "${STUBBORN[@]}"
	connect_ready 20 "$T/exec.sock"
	groups=$(ps -o pid= --ppid "$NODED_PID")
	run stop "$T/exec.sock"
	[[ $(jq -c '[.outcome, .drained, .stopped, .killed]' <<<"$output") == '["killed",0,0,20]' ]]
	# One after the other would be ten seconds.
	[[ $(jq '.elapsed_ms >= 600 and .elapsed_ms < 9000' <<<"$output") == true ]]
	no_children
	for group in $groups; do
		run ! pgrep -g "$group"
	done
	assert_log_lines 1 'exec\.sock stopped: .*killed=20'
}

@test "exec stop: a drain waits for programs, and counts those that end by themselves" {
	serve_exec "$T/exec.sock" '' cat
	connect_idle 3 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":3'
	ask stop stop_server "{\"address\":\"$T/exec.sock\",\"deadline_ms\":60000}"
	await "$T/exec.sock" phase '"equals":"draining"'
	[[ $(clients_do "echo still served") == 3 ]]
	clients_do "close 2"
	await "$T/exec.sock" connection_pool.open '"equals":1'
	run ! has_answer stop
	clients_do quit
	run answer stop
	[[ $(jq -c '[.outcome, .drained, .stopped, .killed]' <<<"$output") == '["drained",3,0,0]' ]]
}

@test "exec stop: a stopped program is continued, so that it can leave" {
	local child
	serve_exec "$T/exec.sock" '"kill_ms":60000' cat
	connect_idle 1 "$T/exec.sock"
	await "$T/exec.sock" connection_pool.open '"equals":1'
	child=$(ps -o pid= --ppid "$NODED_PID")
	kill -STOP "$child"
	run stop "$T/exec.sock" '"force":true'
	[[ $(jq -c '[.outcome, .stopped]' <<<"$output") == '["stopped",1]' ]]
	[[ $(jq '.elapsed_ms < 30000' <<<"$output") == true ]]
}

@test "exec stop: the whole group hears TERM and CONT" {
	# The program and its child have to hear both before they leave.
	serve_exec "$T/exec.sock" '"kill_ms":60000' python3 -c 'import os, signal
heard = []
for number in (signal.SIGTERM, signal.SIGCONT):
    signal.signal(number, lambda number, _: heard.append(int(number)))
child = os.fork() == 0
if child:
    os.write(1, b"ready\n")
while len(set(heard)) < 2:
    signal.sigtimedwait([], 0.05)
if child:
    os.write(1, repr(sorted(heard)).encode())
else:
    os.wait()'
	script <<-'END'
		from peers import *
		node, address = Node(), "unix:" + os.environ["T"] + "/exec.sock"
		client = connect(address)
		expect(client.recv(6), b"ready\n")
		one, = node.connections(address)
		expect(node.close_connection(one["id"]), "stopped")
		expect(client.recv(100), b"[15, 18]")
		expect(read_all(client), b"")
		last = node.pool(address)["last_closed"][0]
		expect((last["reason"], last["status"]), ("stopped", "exit:0"))
	END
}

@test "exec stop: close_connection asks, and kills after kill_ms; force kills at once" {
	script <<-'END'
		from peers import *
		node = Node()
		def client_of(address):
		    client = connect(address)
		    expect(client.recv(6), b"ready\n")
		    one, = node.connections(address)
		    return client, one["id"]
		address = node.exec("tcp:", "sh", "-c", "echo ready; exec cat", kill_ms=60000)
		client, number = client_of(address)
		expect(node.close_connection(number), "stopped")
		expect(ended(client), "closed")
		expect(node.until_ended(address, "stopped")["status"], "signal:15")
		client, number = client_of(address)
		expect(node.close_connection(number, force=True), "stopped")
		expect(ended(client), "closed")
		expect(node.until_ended(address, "stopped", 2)["status"], "signal:9")

		stubborn = node.exec("tcp:", "sh", "-c", "trap '' TERM; echo ready; exec sleep 600", kill_ms=300)
		client, number = client_of(stubborn)
		expect(node.close_connection(number), "killed")
		expect(ended(client), "closed")
		expect(node.until_ended(stubborn, "killed")["status"], "signal:9")
		expect(node.pool(address)["closed"], {"stopped": 2})
		expect(node.state("process.children"), 0)
	END
}

@test "exec stop: the reason is what noded did, the status how the program then ended" {
	script <<-'END'
		from peers import *
		node = Node()
		address = node.exec("tcp:", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
		client = connect(address)
		client.recv(6)
		one, = node.connections(address)
		expect(node.close_connection(one["id"]), "stopped")
		last = node.pool(address)["last_closed"][0]
		expect((last["reason"], last["status"]), ("stopped", "exit:7"))
	END
}

@test "exec stop: the end of noded ends programs, first asked, then killed" {
	local children
	serve_exec "$T/exec.sock" '"drain_ms":100,"kill_ms":300' "${STUBBORN[@]}"
	serve_exec "$T/cat.sock" '"drain_ms":100' cat
	connect_ready 3 "$T/exec.sock"
	connect_idle 3 "$T/cat.sock"
	await "$T/cat.sock" connection_pool.open '"equals":3'
	children=$(ps -o pid= --ppid "$NODED_PID")
	[[ $(wc -w <<<"$children") == 6 ]]
	stop_noded
	for child in $children; do
		wait_until 25 has_ended "$child"
		run ! pgrep -g "$child"
	done
	assert_log_lines 1 'exec\.sock stopped: .*killed=3'
	assert_log_lines 1 'cat\.sock stopped: .*stopped=3'
}
