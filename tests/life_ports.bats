# TCP ports: free again at once, never shared, never lost.
# shellcheck shell=bash disable=SC2034
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "ports: 100 starts and stops of one port without a pause" {
	local address i
	address=$(serve tcp:127.0.0.1:0)
	stop "$address"
	for ((i = 0; i < 50; i++)); do
		printf '{"jsonrpc":"2.0","id":%d,"method":"start","params":{"address":"%s"}}\n' \
			"$i" "$address"
		printf '{"jsonrpc":"2.0","id":%d,"method":"stop_server","params":{"address":"%s"}}\n' \
			"$i" "$address"
	done | jq -sc . >"$T/batch"
	# In batches of 50 entries, which wait for each other.
	for ((i = 0; i < 200; i += 50)); do
		raw "$(jq -c ".[$i % 100:$i % 100 + 50]" "$T/batch")"
	done >"$T/replies"
	[[ $(jq -s '[.[][] | select(.result)] | length' "$T/replies") == 200 ]]
	listening "$address" && fail "still listening"
	serve "$address"
}

@test "ports: 20 starts and stops of one port, a client served in each" {
	local address i
	address=$(serve tcp:127.0.0.1:0)
	for ((i = 0; i < 20; i++)); do
		exchange "$address"
		stop "$address" >/dev/null
		serve "$address" >/dev/null
	done
}

# exchange ADDRESS: one echo without a process more than bash.
exchange() {
	local port line fd
	port=$(port_of "$1")
	exec {fd}<>"/dev/tcp/127.0.0.1/$port"
	echo hello >&"$fd"
	read -r -t 30 line <&"$fd"
	[[ $line == hello ]]
	exec {fd}>&-
}

@test "ports: a port with connections in TIME_WAIT is listened on at once, from the first run" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 5 "$address"
	# The server closes first, so its side is the one that waits.
	[[ $(stop "$address" '"force":true' | jq .stopped) == 5 ]]
	wait_until 25 clients_open 0
	wait_until 25 has_time_wait "$address"
	stop_noded
	start_noded
	serve "$address"
	listening "$address"
}

has_time_wait() {
	ss -Htan state time-wait "src = ${1#tcp:}" | grep -q .
}

@test "ports: nobody shares a listener's port" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	run python3 -c 'if True:
		import socket, sys
		other = socket.socket()
		other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
		other.bind(("127.0.0.1", int(sys.argv[1])))
		other.listen()' "$(port_of "$address")"
	assert_failure
	assert_output --partial "Address already in use"
	[[ $(option "$address" SO_REUSEADDR) == 1 ]]
	[[ $(option "$address" SO_REUSEPORT) == 0 ]]
}

# option ADDRESS NAME: a socket option of its listener.
option() {
	python3 "$ROOT/tests/sharer.py" "$NODED_PID" "$(at "$1" listener.fd)" option "$2"
}

@test "ports: another noded cannot have the port, not even while the server is suspended" {
	local address first=$NODED_SOCKET
	address=$(serve tcp:127.0.0.1:0)
	NODED_SOCKET=$T/second.sock LOG=$T/second.log
	start_noded
	[[ $(error_name start "{\"address\":\"$address\"}") == address_in_use ]]
	NODED_SOCKET=$first result suspend_server "{\"address\":\"$address\"}"
	[[ $(error_name start "{\"address\":\"$address\"}") == address_in_use ]]
	NODED_SOCKET=$first stop "$address"
	serve "$address"
}

@test "ports: one that the system denies is bind_denied" {
	NODED_SOCKET=$T/second.sock LOG=$T/second.log
	LAUNCH=(setpriv --bounding-set=-all --inh-caps=-all --nnp --reuid=65534 --regid=65534
		--clear-groups)
	chmod 0777 "$T"
	chmod +t "$T"
	((EUID == 0)) || LAUNCH=()
	start_noded
	[[ $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) -le 7 ]] &&
		skip "every user may listen on port 7 here"
	[[ $(error_name start '{"address":"tcp:127.0.0.1:7"}') == bind_denied ]]
}
