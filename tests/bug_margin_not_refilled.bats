# A descriptor of the margin that was given up while none were left was taken back by the next accept
# and not before: a noded at rest had one less than ever, as the chaos test saw.
# shellcheck shell=bash
load lib
load life

@test "the margin is whole again although nobody is accepted" {
	local before
	expect_tracer
	start_noded
	before=$(fds_at_rest)
	background backend socat "UNIX-LISTEN:$T/foreign/backend.sock" PIPE
	wait_until 30 test -S "$T/foreign/backend.sock"
	serve "$T/front.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"unix:$T/foreign/backend.sock\"}"
	# One is given up for the socket to the backend, and none is to be had instead.
	inject socket:error=EMFILE:when=1 -e trace=socket,openat -e inject=openat:error=EMFILE
	run timeout 60 nc -N -U "$T/front.sock" <<<hello
	assert_output hello
	wait_until 30 grep -q "openat.*INJECTED" "$T/strace.log"
	stop "$T/front.sock"
	end_inject
	wait_until 30 fds_are "$before"
}
