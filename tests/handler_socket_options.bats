# TCP sockets of clients and of backends have TCP_NODELAY and keepalive; a backend's, which is not
# accepted and so inherits nothing, when it shows that it stays. On loopback nothing is paced.
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

# A network of its own, so that the system's default may be changed: noded in it, and its clients.
inside() {
	nsenter --net="/proc/$NODED_PID/ns/net" "$@"
}

# enter NAME COMMAND...: the same in the background.
enter() {
	background "$1" nsenter --net="/proc/$NODED_PID/ns/net" "${@:2}"
}

# sockets_with NAME: how many of noded's connections have that congestion control.
sockets_with() {
	inside ss -Htnip state established | grep -A1 "pid=$NODED_PID," | grep -cw "$1"
}

# has_paced COUNT: for wait_until, of four connections in all.
has_paced() {
	[[ $(sockets_with cubic)$(sockets_with bbr)$(sockets_with reno) == "0$1$((4 - $1))" ]]
}

@test "socket options: what goes to loopback is not paced by BBR, whatever else is" {
	local echo front wild
	((EUID == 0)) || skip "needs root for a network of its own"
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	LAUNCH=(unshare -n bash -c 'ip link set lo up
		echo bbr >/proc/sys/net/ipv4/tcp_congestion_control; exec "$@"' -)
	start_noded
	[[ $(inside cat /proc/sys/net/ipv4/tcp_congestion_control) == bbr ]] || skip "no BBR here"
	echo=$(serve tcp:127.0.0.1:0)
	front=$(serve 'tcp:[::1]:0' "\"handler\":{\"type\":\"forward\",\"backend\":\"$echo\"}")
	wild=$(serve tcp:0.0.0.0:0)
	enter front socat -u "TCP6:${front#tcp:}" -
	enter wild socat -u "TCP:127.0.0.1:$(port_of "$wild")" -
	wait_until 30 has_paced 1
	# Its client, its backend's side, and that of echo.
	[[ $(sockets_with reno) == 3 ]]
}
