# Every connection ends for one reason, and the counters and last_closed say which.
# shellcheck shell=bash disable=SC2030,SC2031
load lib
load life

setup() {
	setup_test
	start_noded
	A=$(serve "$T/s.sock")
}

# closed_as REASON [ADDRESS]: the last one that ended did so for this reason, which was counted once.
closed_as() {
	local address=${2:-$A}
	await "$address" connection_pool.open '"equals":0'
	[[ $(at "$address" connection_pool.last_closed | jq -r '.[0].reason') == "$1" ]]
	[[ $(at "$address" connection_pool.closed | jq ".[\"$1\"]") == 1 ]]
	[[ $(at "$address" connection_pool.closed | jq '[.[]] | add') == \
		"$(at "$address" connection_pool.total)" ]]
}

# programmed COMMAND: a server that runs it for its clients, in A.
programmed() {
	A=$(serve "$T/program.sock" "\"kill_ms\":500,\"handler\":{\"type\":\"exec\",\"argv\":[\"sh\",\"-c\",\"$1\"]}")
	connect_idle 1 "$A"
}

last() {
	at "$A" connection_pool.last_closed | jq -c ".[0].$1"
}

@test "reason: client_closed" {
	connect_idle 1 "$A"
	[[ $(clients_do "echo hello") == 1 ]]
	clients_do quit
	closed_as client_closed
	[[ $(last bytes_in) == 5 && $(last bytes_out) == 5 && $(last status) == null ]]
}

@test "reason: reset" {
	A=$(serve tcp:127.0.0.1:0)
	connect_idle 1 "$A"
	clients_do "reset 1"
	closed_as reset
}

@test "reason: idle" {
	A=$(serve tcp:127.0.0.1:0 '"idle_timeout_ms":50')
	connect_idle 1 "$A"
	closed_as idle
}

@test "reason: backend_closed" {
	local backend
	background backend python3 -c 'if True:
		import socket
		listener = socket.create_server(("127.0.0.1", 0))
		print("tcp:127.0.0.1:%d" % listener.getsockname()[1], flush=True)
		client, _ = listener.accept()
		client.recv(1)
		client.close()
		import signal
		signal.pause()'
	wait_until 30 test -s "$T/backend.log"
	backend=$(head -n 1 "$T/backend.log")
	A=$(serve "$T/f.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"$backend\"}")
	connect_idle 1 "$A"
	clients_do "send 1 1"
	wait_until 30 clients_open 0
	closed_as backend_closed
}

@test "reason: error, with the name of the error" {
	A=$(serve "$T/f.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:$(free_port)\"}")
	connect_idle 1 "$A"
	closed_as error:ECONNREFUSED
}

@test "reason: stopped, by close_connection" {
	local id
	connect_idle 1 "$A"
	await "$A" connection_pool.open '"equals":1'
	id=$(result list_connections | jq '.connections[0].id')
	[[ $(result close_connection "{\"id\":$id}") == "{\"id\":$id,\"reason\":\"stopped\"}" ]]
	closed_as stopped
	clients_open 0
	[[ $(error_name close_connection "{\"id\":$id}") == no_such_connection ]]
}

@test "reason: exit and its number" {
	programmed "exit 3"
	closed_as exit:3
	[[ $(last status) == '"exit:3"' ]]
}

@test "reason: signal and its number" {
	programmed "kill -9 \$\$"
	closed_as signal:9
}

@test "reason: what noded did wins over how the program ended, whose status is kept" {
	local id
	programmed "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
	wait_until 30 received_is 6
	id=$(result list_connections | jq '.connections[0].id')
	[[ $(result close_connection "{\"id\":$id}" | jq -r .reason) == stopped ]]
	closed_as stopped
	[[ $(last status) == '"exit:7"' ]]
}

received_is() {
	[[ $(clients_do received) == "$1" ]]
}

@test "reason: killed, when it does not end in time" {
	local id
	programmed "trap '' TERM; echo ready; while :; do sleep 1000; done"
	wait_until 30 received_is 6
	id=$(result list_connections | jq '.connections[0].id')
	[[ $(result close_connection "{\"id\":$id}" | jq -r .reason) == killed ]]
	closed_as killed
	[[ $(last status) == '"signal:9"' ]]
}

@test "reason: deadline and stopped, in the log at debug" {
	result set_log_level '{"level":"debug"}'
	connect_idle 1 "$A"
	await "$A" connection_pool.open '"equals":1'
	stop "$A" '"deadline_ms":0'
	assert_log_lines 1 "debug.*#1 stopped: deadline"
	serve "$A"
	clients_do "connect 1"
	await "$A" connection_pool.open '"equals":1'
	stop "$A" '"force":true'
	assert_log_lines 1 "debug.*#2 stopped: stopped"
}

@test "reason: last_closed is short, newest first, the counters are complete" {
	connect_idle 60 "$A"
	clients_do quit
	await "$A" connection_pool.open '"equals":0'
	[[ $(at "$A" connection_pool.closed) == '{"client_closed":60}' ]]
	run at "$A" connection_pool.last_closed
	(($(jq length <<<"$output") < 60))
	[[ $(jq '[.[].closed_at] | . == (sort | reverse)' <<<"$output") == true ]]
}
