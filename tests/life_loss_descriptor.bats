# The descriptor of a listener is closed inside noded, by whatever code shares the process: no event
# tells, and libev aborts when it is told to watch such a number.
# shellcheck shell=bash disable=SC2016
load lib
load life

setup() {
	setup_test
	expect_tracer
	start_noded
}

@test "loss: the closed descriptor of a TCP listener is noticed, and the server comes back" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	connect_idle 2 "$address"
	in_noded "((int (*)(int))close)($(at "$address" listener.fd))"
	await "$address" restarts '"equals":1' 5000
	[[ $(clients_do "echo lives on") == 2 ]]
	clients_do "connect 1"
	[[ $(clients_do "echo all") == 3 ]]
	assert_log_lines 1 "warn.*$address suspended: listener_lost.*descriptor was closed"
	assert_log_lines 1 "listening again$"
	assert_log_lines 4 .
}

@test "loss: the closed descriptor of a Unix listener is noticed, and the server comes back" {
	local address
	address=$(serve "$T/s.sock")
	in_noded "((int (*)(int))close)($(at "$address" listener.fd))"
	await "$address" restarts '"equals":1' 5000
	listening "$address"
	assert_log_lines 4 .
}

@test "loss: a number that is somebody else's by now is not closed" {
	local address fd
	address=$(serve tcp:127.0.0.1:0 '"restart":"never"')
	fd=$(at "$address" listener.fd)
	# In one go the number becomes that of /dev/null.
	in_noded "((int (*)(int, int))dup2)(0, $fd)"
	await "$address" listener '"equals":null' 5000
	[[ $(at "$address" why) == listener_lost ]]
	[[ $(readlink "/proc/$NODED_PID/fd/$fd") == /dev/null ]]
	stop "$address"
	[[ $(readlink "/proc/$NODED_PID/fd/$fd") == /dev/null ]]
}

# replace_at FUNCTION FD: when noded comes to the function, the number becomes that of /dev/null.
replace_at() {
	when_in "$1" "((int (*)(int, int))dup2)(0, $2)"
}

# The check of every half second has not seen it yet when the request comes.
@test "loss: a stop does not touch a number that became somebody else's a moment before" {
	local address fd
	address=$(serve "$T/s.sock")
	fd=$(at "$address" listener.fd)
	replace_at server_stop "$fd"
	[[ $(stop "$address" | jq -r .outcome) == drained ]]
	evaluated
	[[ $(readlink "/proc/$NODED_PID/fd/$fd") == /dev/null ]]
	assert_not_exist "$T/s.sock"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "loss: a suspension does not touch a number that became somebody else's a moment before" {
	local address fd
	address=$(serve tcp:127.0.0.1:0)
	fd=$(at "$address" listener.fd)
	replace_at server_suspend "$fd"
	[[ $(result suspend_server "{\"address\":\"$address\"}" | jq -r .server.phase) == suspended ]]
	evaluated
	[[ $(readlink "/proc/$NODED_PID/fd/$fd") == /dev/null ]]
	result resume_server "{\"address\":\"$address\"}"
	listening "$address"
}
