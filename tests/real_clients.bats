# Clients nobody here wrote: socat, nc and bash through echo, python on the admin socket.
# shellcheck shell=bash disable=SC2094 # nobody writes to the file
load handler

setup() {
	setup_test
	start_noded
	head -c 5000000 /dev/urandom >"$T/file"
}

@test "clients: socat, over TCP, IPv6 and Unix" {
	local port
	port=$(port_of "$(serve tcp:127.0.0.1:0)")
	socat -t 60 - "TCP:127.0.0.1:$port" <"$T/file" | cmp - "$T/file"
	port=$(port_of "$(serve 'tcp:[::1]:0')")
	socat -t 60 - "TCP6:[::1]:$port" <"$T/file" | cmp - "$T/file"
	serve "$T/echo.sock"
	socat -t 60 - "UNIX-CONNECT:$T/echo.sock" <"$T/file" | cmp - "$T/file"
}

@test "clients: nc, over TCP and Unix" {
	local port
	port=$(port_of "$(serve tcp:127.0.0.1:0)")
	nc -N 127.0.0.1 "$port" <"$T/file" | cmp - "$T/file"
	if getent hosts localhost >/dev/null; then
		nc -N localhost "$port" <<<"by name"
	fi
	serve "$T/echo.sock"
	nc -N -U "$T/echo.sock" <"$T/file" | cmp - "$T/file"
}

@test "clients: bash alone" {
	local port line
	port=$(port_of "$(serve tcp:127.0.0.1:0)")
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	echo "what is said" >&5
	read -r -t 30 line <&5
	exec 5>&-
	[[ $line == "what is said" ]]
}

@test "clients: a forward in front of socat, a program that is socat" {
	local port address
	port=$(free_port)
	background server socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" PIPE
	wait_until 30 listening "tcp:127.0.0.1:$port"
	serve "$T/front.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:$port\"}"
	socat -t 60 - "UNIX-CONNECT:$T/front.sock" <"$T/file" | cmp - "$T/file"
	# exec as a forwarder of its own kind: socat relays its connection to the other server.
	address=$(serve_exec tcp:127.0.0.1:0 '' socat -t 60 - "UNIX-CONNECT:$T/front.sock")
	socat -t 60 - "TCP:${address#tcp:}" <"$T/file" | cmp - "$T/file"
}

@test "clients: the admin socket, with five lines of python" {
	run python3 - <<-'END'
		import json, os, socket
		noded = socket.socket(socket.AF_UNIX)
		noded.connect(os.environ["NODED_SOCKET"])
		noded.sendall(b'{"jsonrpc":"2.0","id":1,"method":"version"}\n')
		print(json.loads(noded.makefile().readline())["result"]["pid"])
	END
	assert_success
	assert_output "$NODED_PID"
}

@test "clients: the admin socket, with socat and with nc" {
	local request='{"jsonrpc":"2.0","id":1,"method":"version"}'
	[[ $(socat -t 60 - "UNIX-CONNECT:$NODED_SOCKET" <<<"$request" | jq .result.pid) == "$NODED_PID" ]]
	[[ $(nc -N -U "$NODED_SOCKET" <<<"$request" | jq .result.pid) == "$NODED_PID" ]]
	# Without a newline, as printf leaves it.
	[[ $(printf %s "$request" | nc -N -U "$NODED_SOCKET" | jq .result.pid) == "$NODED_PID" ]]
}
