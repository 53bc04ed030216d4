# A listener that was suspended as full, its descriptor closed by other code in the process: when
# the next connection ended, noded watched that number again, and libev aborted. The number is now
# looked at before it is watched.
# shellcheck shell=bash
load lib
load life

@test "the closed descriptor of a full listener is noticed when a place comes free" {
	local address
	expect_tracer
	start_noded
	address=$(serve tcp:127.0.0.1:0 '"max_connections":1')
	connect_idle 2 "$address"
	await "$address" listener.why '"equals":"full"'
	when_in listener_resume "((int (*)(int))close)($(at "$address" listener.fd))"
	clients_do "close 1"
	evaluated
	await "$address" restarts '"equals":1' 5000
	connect_idle 1 "$address"
	[[ $(clients_do "echo back again") == 1 ]]
	assert_log_lines 1 "warn.*$address suspended: listener_lost.*descriptor was closed"
	assert_log_lines 1 "listening again$"
}
