# Starting on a port the kernel chooses takes two sockets for a moment, and neither was allowed to
# use the descriptors that are kept for administration: with none left such a start was refused.
# shellcheck shell=bash
load lib
load life

@test "a server starts on a port the kernel chooses while descriptors are short" {
	local address
	start_noded
	prlimit --pid "$NODED_PID" --nofile="$(fds)":
	address=$(serve tcp:127.0.0.1:0)
	[[ $(at "$address" phase) == running ]]
	prlimit --pid "$NODED_PID" --nofile=1024:
}
