# Signals: what each does, once, twice, three times.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

ended() {
	wait_noded
}

# begun N SIGNAL: a server with N clients, and noded draining.
begun() {
	A=$(serve tcp:127.0.0.1:0 '"kill_ms":60000')
	connect_idle "$1" "$A"
	await "$A" connection_pool.open "\"equals\":$1"
	kill -s "$2" "$NODED_PID"
	wait_until 30 state_is draining phase
}

@test "signals: TERM, INT and HUP drain, and noded ends with status 0" {
	local signal
	for signal in TERM INT HUP; do
		begun 2 "$signal"
		[[ $(clients_do "echo still here") == 2 ]]
		assert_log_lines 1 "node draining: requested, draining 2 connections, 30 s; again to stop now"
		clients_do quit
		ended
		assert_log_lines 1 "$A stopped: requested, drained=2 stopped=0 killed=0"
		assert_log_lines 5 .
		assert_not_exist "$NODED_SOCKET"
		: >"$LOG"
		start_noded
	done
}

@test "signals: a second one, of any of them, stops what is left" {
	begun 3 TERM
	kill -s INT "$NODED_PID"
	ended
	clients_open 0
	assert_log_lines 1 "$A stopped: stopped, drained=0 stopped=3 killed=0"
	assert_log_lines 5 .
}

@test "signals: a third one kills" {
	local child
	A=$(serve "$T/s.sock" '"kill_ms":60000,"handler":{"type":"exec","argv":["sh","-c","trap \"\" TERM; echo ready; while :; do sleep 1000; done"]}')
	connect_idle 1 "$A"
	wait_until 30 received_is 6
	child=$(state "transport.servers[$A].connection_pool.connections" | jq '.[].pid')
	kill -s TERM "$NODED_PID"
	wait_until 30 state_is draining phase
	kill -s TERM "$NODED_PID"
	wait_until 30 state_is stopping phase
	kill -0 "$child"
	kill -s TERM "$NODED_PID"
	ended
	wait_until 25 has_ended "$child"
	assert_log_lines 1 "stopped: killed, drained=0 stopped=0 killed=1"
}

received_is() {
	[[ $(clients_do received) == "$1" ]]
}

@test "signals: QUIT kills at once" {
	A=$(serve "$T/s.sock" '"kill_ms":60000')
	connect_idle 3 "$A"
	await "$A" connection_pool.open '"equals":3'
	kill -s QUIT "$NODED_PID"
	ended
	clients_open 0
	assert_not_exist "$T/s.sock"
	assert_not_exist "$NODED_SOCKET"
}

@test "signals: QUIT while a full server drains sends those away, too, who wait for a place" {
	local groups=()
	for A in tcp:127.0.0.1:0 "$T/s.sock"; do
		A=$(serve "$A" '"max_connections":1,"drain_ms":60000')
		connect_idle 4 "$A"
		groups+=("$CLIENTS")
		await "$A" connection_pool.open '"equals":1'
		ask "stop.${#groups[@]}" stop_server "{\"address\":\"$A\"}"
		await "$A" phase '"equals":"draining"'
	done
	kill -s QUIT "$NODED_PID"
	ended
	clients_open 0 "${groups[0]}"
	clients_open 0 "${groups[1]}"
	assert_not_exist "$T/s.sock"
}

@test "signals: USR1, USR2 and PIPE are ignored" {
	local i signal
	A=$(serve tcp:127.0.0.1:0)
	connect_idle 1 "$A"
	for ((i = 0; i < 20; i++)); do
		for signal in USR1 USR2 PIPE; do
			kill -s "$signal" "$NODED_PID"
		done
	done
	[[ $(clients_do "echo unmoved") == 1 ]]
	[[ $(state phase) == running ]]
	assert_log_lines 2 .
}

@test "signals: --drain is the total deadline, for servers that would drain longer too" {
	stop_noded
	: >"$LOG"
	start_noded --drain 300ms
	A=$(serve tcp:127.0.0.1:0 '"drain_ms":600000')
	connect_idle 2 "$A"
	await "$A" connection_pool.open '"equals":2'
	kill "$NODED_PID"
	ended
	clients_open 0
	assert_log_lines 1 "node draining: requested, draining 2 connections, 0.3 s; again to stop now"
	assert_log_lines 1 "$A stopped: deadline, drained=0 stopped=2 killed=0"
	# One line for its start, one for the server's, then two and one at the end.
	assert_log_lines 5 .
}

@test "signals: --drain 0 stops at once" {
	stop_noded
	start_noded --drain 0
	A=$(serve tcp:127.0.0.1:0)
	connect_idle 2 "$A"
	await "$A" connection_pool.open '"equals":2'
	kill "$NODED_PID"
	ended
	clients_open 0
}

@test "signals: stopped for a while, it goes on as if nothing had been" {
	A=$(serve tcp:127.0.0.1:0)
	connect_idle 1 "$A"
	kill -s STOP "$NODED_PID"
	wait_until 25 is_stopped
	# Longer than two of its checks.
	read -r -t 1.2 <> <(:) || true
	kill -s CONT "$NODED_PID"
	[[ $(clients_do "echo back") == 1 ]]
	assert_log_lines 2 .
}

is_stopped() {
	[[ $(cat "/proc/$NODED_PID/stat") == *") T "* ]]
}

@test "signals: a storm of them in any phase ends it in order" {
	local i
	A=$(serve "$T/s.sock")
	connect_idle 20 "$A"
	for ((i = 0; i < 50; i++)); do
		kill -s TERM "$NODED_PID" 2>/dev/null || break
		kill -s HUP "$NODED_PID" 2>/dev/null || break
	done
	ended
	assert_not_exist "$T/s.sock"
	clients_open 0
}
