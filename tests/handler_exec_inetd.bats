# exec: programs written for inetd (nowait) and tcpserver run unchanged: descriptor 0 is a socket they
# can ask, the environment tells them who is there.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	# What such programs do: ask the socket, use it as a stream, and believe the environment.
	cat >"$T/inetd" <<-'END'
		#!/usr/bin/env python3
		import os, socket, sys
		peer = socket.socket(fileno=os.dup(0))
		kind = peer.family.name
		if kind != "AF_UNIX":
		    host, port = peer.getpeername()[:2]
		    local_host, local_port = peer.getsockname()[:2]
		    env = os.environ
		    assert (env["PROTO"], env["TCPREMOTEIP"], env["TCPREMOTEPORT"]) == ("TCP", host, str(port))
		    assert (env["TCPLOCALIP"], env["TCPLOCALPORT"]) == (local_host, str(local_port))
		    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		print("220", kind, "ready", flush=True)
		for line in sys.stdin:
		    if line.strip() == "QUIT":
		        print("221 bye", flush=True)
		        break
		    print("250", line.strip()[::-1], flush=True)
	END
	chmod 755 "$T/inetd"
}

@test "inetd: a dialogue over TCP, IPv6 and Unix" {
	local kind address
	for kind in tcp:127.0.0.1:0=AF_INET 'tcp:[::1]:0=AF_INET6' "unix:$T/inetd.sock=AF_UNIX"; do
		address=$(serve "${kind%=*}" "\"handler\":{\"type\":\"exec\",\"argv\":[\"$T/inetd\"]}")
		case $address in
		tcp:*) target=TCP${address#tcp} ;;
		*) target=UNIX-CONNECT:${address#unix:} ;;
		esac
		run bash -c 'printf "hello\nQUIT\n" | socat -t 30 - "$1"' - "$target"
		assert_success
		assert_output "220 ${kind#*=} ready
250 olleh
221 bye"
		await "$address" 'connection_pool.closed[exit:0]' '"equals":1'
	done
	assert_log_lines 0 '\[pid '
}
