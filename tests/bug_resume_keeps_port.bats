# When a resume failed, the bound socket that keeps the port of a suspended server was left such
# that any other program could bind the port as well, and the next resume failed for good.
# shellcheck shell=bash
load lib
load life

# Prints the name of the error another program meets that wants the port of ADDRESS.
take_port() {
	python3 -c 'import errno, socket, sys
try:
    socket.create_server(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    print(errno.errorcode[error.errno])' "$(port_of "$1")"
}

@test "a resume that fails keeps the port" {
	local address
	expect_tracer
	start_noded
	address=$(serve tcp:127.0.0.1:0)
	result suspend_server "{\"address\":\"$address\"}"
	inject listen:error=EADDRINUSE
	[[ $(error_name resume_server "{\"address\":\"$address\"}") == address_in_use ]]
	end_inject
	[[ $(at "$address" phase) == suspended ]]
	[[ $(take_port "$address") == EADDRINUSE ]]
	result resume_server "{\"address\":\"$address\"}"
	listening "$address"
}
