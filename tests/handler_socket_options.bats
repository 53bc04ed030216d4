# TCP sockets of clients and of backends have TCP_NODELAY and keepalive; a backend's, which is not
# accepted and so inherits nothing, when it shows that it stays.
# shellcheck shell=bash
load handler

# connected_fds: descriptors of noded that are established TCP connections.
connected_fds() {
	ss -Htnp state established | grep -o "pid=$NODED_PID,fd=[0-9]*" | sed 's/.*=//'
}

# has FD OPTION: for wait_until.
has() {
	[[ $(option "$1" "$2") == 1 ]]
}

option() {
	python3 "$ROOT/tests/sharer.py" "$NODED_PID" "$1" option "$2"
}

@test "socket options: no delay and keepalive on both sides" {
	local fd echo forward sockets=0
	start_noded
	echo=$(serve tcp:127.0.0.1:0)
	forward=$(serve tcp:127.0.0.1:0 "\"handler\":{\"type\":\"forward\",\"backend\":\"$echo\"}")
	connect_idle 1 "$forward"
	[[ $(clients_do "echo through both") == 1 ]]
	for fd in $(connected_fds); do
		wait_until 10 has "$fd" TCP_NODELAY
		wait_until 10 has "$fd" SO_KEEPALIVE
		sockets=$((sockets + 1))
	done
	# The client, the backend's side of forward, and echo's.
	((sockets == 3))
}
