# A TCP listener that is destroyed or shut down under noded.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

# destroy ADDRESS: as an administrator or a container's end would.
destroy() {
	ss -K -Hltn "src = ${1#tcp:}" >/dev/null
}

shut_down() {
	python3 "$ROOT/tests/sharer.py" "$NODED_PID" "$(at "$1" listener.fd)" shutdown
}

# comes_back HOW ADDRESS: with clients before and after, and the lines that may be logged.
comes_back() {
	local address=$2
	connect_idle 3 "$address"
	ask away wait "{\"path\":\"transport.servers[$address].listener\",\"equals\":null,\"timeout_ms\":5000}"
	ask why wait "{\"path\":\"transport.servers[$address].why\",\"equals\":\"listener_lost\",\"timeout_ms\":5000}"
	waits_pending 2
	"$1" "$address"
	await "$address" restarts '"equals":1'
	[[ $(answer away | jq .value) == null ]]
	[[ $(answer why | jq -r .value) == listener_lost ]]
	[[ $(at "$address" phase) == running ]]
	[[ $(at "$address" why) == null ]]
	[[ $(at "$address" error) == null ]]
	[[ $(at "$address" address) == "$address" ]]
	[[ $(clients_do "echo lives on") == 3 ]]
	clients_do "connect 2"
	[[ $(clients_do "echo all") == 5 ]]
	assert_log_lines 1 "warn.*:$(port_of "$address") suspended: listener_lost"
	assert_log_lines 1 "info.*:$(port_of "$address") running, listening again"
	assert_log_lines 4 .
}

# Requests of others that are waiting: each holds a session, beside the one that asks.
waits_pending() {
	await_path admin.sessions "\"at_least\":$(($1 + 1))"
}

@test "loss: a destroyed TCP listener is seen, and comes back on its port" {
	comes_back destroy "$(serve "tcp:127.0.0.1:$(free_port)")"
}

@test "loss: a destroyed TCP listener comes back on the port that 0 had chosen" {
	comes_back destroy "$(serve tcp:127.0.0.1:0)"
}

@test "loss: a destroyed IPv6 listener comes back" {
	comes_back destroy "$(serve 'tcp:[::1]:0')"
}

@test "loss: a TCP listener shut down by a sharer comes back" {
	comes_back shut_down "$(serve tcp:127.0.0.1:0)"
}

@test "loss: again and again" {
	local address i
	address=$(serve tcp:127.0.0.1:0)
	for ((i = 1; i <= 10; i++)); do
		destroy "$address"
		await "$address" restarts "\"equals\":$i"
		await "$address" phase '"equals":"running"'
	done
	listening "$address"
	assert_log_lines 10 "suspended: listener_lost"
	assert_log_lines 10 "listening again$"
}

@test "loss: with restart never it stays suspended, shows why, and does not spin" {
	local address turns
	address=$(serve tcp:127.0.0.1:0 '"restart":"never"')
	connect_idle 2 "$address"
	destroy "$address"
	await "$address" phase '"equals":"suspended"' 5000
	run state "$address"
	[[ $(jq -c '[.why, .listener, .error.name, .connection_pool.open]' <<<"$output") == \
		'["listener_lost",null,"listener_lost",2]' ]]
	[[ $(jq -r .error.detail <<<"$output") == *socket* ]]
	turns=$(state process.loop.turns)
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":1500}') == timeout ]]
	(($(state process.loop.turns) - turns < 40))
	[[ $(at "$address" phase) == suspended ]]
	[[ $(at "$address" restarts) == 0 ]]
	[[ $(clients_do "echo lives on") == 2 ]]
	assert_log_lines 1 "warn.*until resume_server"
	assert_log_lines 3 .
	result resume_server "{\"address\":\"$address\"}"
	clients_do "connect 1"
	[[ $(clients_do "echo all") == 3 ]]
	[[ $(at "$address" error) == null ]]
}

@test "loss: while the listener is full it is seen too" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"max_connections":1')
	connect_idle 2 "$address"
	await "$address" listener.why '"equals":"full"'
	destroy "$address"
	await "$address" restarts '"equals":1'
	[[ $(at "$address" connection_pool.open) == 1 ]]
	assert_log_lines 4 .
}

@test "loss: a port that somebody else took meanwhile is left alone, and taken when it is free" {
	local address
	address=$(serve tcp:127.0.0.1:0 '"restart":"never"')
	destroy "$address"
	await "$address" phase '"equals":"suspended"'
	background other python3 -c 'if True:
		import signal, socket, sys
		other = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		print("ready", flush=True)
		signal.pause()' "$(port_of "$address")"
	wait_until 30 grep -q ready "$T/other.log"
	[[ $(error_name resume_server "{\"address\":\"$address\"}") == address_in_use ]]
	result update_server "{\"address\":\"$address\",\"restart\":\"always\"}"
	await "$address" error.errno '"equals":"EADDRINUSE"'
	[[ $(at "$address" phase) == suspended ]]
	kill -0 "$BACKGROUND_PID"
	end_background "$BACKGROUND_PID"
	await "$address" phase '"equals":"running"'
	listening "$address"
	assert_log_lines 1 "listening again$"
}
