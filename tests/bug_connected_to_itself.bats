# forward told whether it had reached itself (TCP connects a socket to itself where the kernel chooses
# the backend's port for it) only where ports are usually chosen, from 32768 on. Where
# ip_local_port_range begins lower, a client of a backend that was gone talked to itself.
# shellcheck shell=bash
load handler

# inside COMMAND...: runs it in the network that noded is in.
inside() {
	nsenter --net="/proc/$NODED_PID/ns/net" "$@"
}

# Prints what comes back from $T/front when it is spoken to.
speak() {
	echo secret | timeout 30 socat -t 30 - "UNIX-CONNECT:$T/front.sock"
}

@test "forward: a backend that is gone is not replaced by itself, whatever ports the kernel chooses" {
	((EUID == 0)) || skip "needs root for a network of its own"
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	LAUNCH=(unshare -n bash -c 'ip link set lo up
		echo 20000 20003 >/proc/sys/net/ipv4/ip_local_port_range; exec "$@"' -)
	start_noded
	[[ $(inside cat /proc/sys/net/ipv4/ip_local_port_range) == 20000*20003 ]]
	serve "$T/front.sock" '"handler":{"type":"forward","backend":"tcp:127.0.0.1:20002"}'
	for _ in {1..40}; do
		run speak
		refute_output --partial secret
	done
	[[ $(state transport.client_connection_pool | jq -c '[.total, .failed]') == '[40,40]' ]]
}
