# A send(2) that a signal interrupted (EINTR) was taken for the loss of the admin client: its session
# ended without an answer.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	expect_tracer
	start_noded
}

@test "an answer whose sending is interrupted is sent again" {
	inject sendto:error=EINTR:when=1+2
	[[ $(result version | jq .pid) == "$NODED_PID" ]]
	[[ $(state phase) == running ]]
	end_inject
}
