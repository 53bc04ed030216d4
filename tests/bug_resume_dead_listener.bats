# A server was suspended just when its TCP listener had been destroyed, and so kept the dead socket to
# hold the port. Resumed, it listened on that socket again: the kernel lets it, but every connection
# it then accepts is shut down from birth (tcp_done sets sk_shutdown, and clones inherit it). The
# server was running, and each client read the end of file at once. Chaos found it.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

destroy() {
	ss -K -Hltn "src = ${1#tcp:}" >/dev/null
}

shut_down() {
	python3 "$ROOT/tests/sharer.py" "$NODED_PID" "$(at "$1" listener.fd)" shutdown
}

# survives HOW: suspended before noded has noticed, which it does twice a second; mostly, that is.
survives() {
	local address i
	for ((i = 0; i < 5; i++)); do
		address=$(serve tcp:127.0.0.1:0 '"max_connections":1')
		connect_idle 1 "$address"
		await "$address" listener.why '"equals":"full"'
		"$1" "$address"
		result suspend_server "{\"address\":\"$address\"}"
		await "$address" why '"equals":"requested"'
		result resume_server "{\"address\":\"$address\"}"
		result update_server "{\"address\":\"$address\",\"max_connections\":10}"
		clients_do "connect 1"
		[[ $(clients_do "echo still here") == 2 ]]
		clients_do quit
		stop "$address"
	done
}

@test "resume: clients are served after the listener was destroyed on the way to a suspend" {
	survives destroy
}

@test "resume: clients are served after the listener was shut down on the way to a suspend" {
	survives shut_down
}
