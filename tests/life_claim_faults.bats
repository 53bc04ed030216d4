# What of the way to a socket file may fail, by itself or by others who are as fast: what is said,
# and that nothing is left.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	expect_tracer
	start_noded
}

# dead_socket: at $T/s.sock.
dead_socket() {
	rm -f "$T/s.sock"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/s.sock"
}

# serves_with FAULT [OPTIONS]: it replaces a dead socket all the same, and says so once.
serves_with() {
	: >"$LOG"
	dead_socket
	inject "$@"
	serve "$T/s.sock"
	end_inject
	grep -q INJECTED "$T/strace.log"
	listening "$T/s.sock"
	assert_log_lines 0 ' (warning|error) '
	stop "$T/s.sock"
	run find "$T" -name '*s.sock*'
	assert_output ""
}

# fails_with NAME TEXT FAULT [OPTIONS]: start is refused so, and what was there stays.
fails_with() {
	local before
	before=$(find "$T" -name '*s.sock*' -printf '%p %i\n')
	inject "${@:3}"
	run rpc start "{\"address\":\"$T/s.sock\"}"
	end_inject
	grep -q INJECTED "$T/strace.log"
	assert_equal "$(jq -r .error.data.name <<<"$output")" "$1"
	assert_output --partial "$2"
	assert_equal "$(find "$T" -name '*s.sock*' -printf '%p %i\n')" "$before"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "claim: a filesystem without locks" {
	serves_with flock:error=ENOLCK
	serves_with flock:error=EINTR:when=1
}

@test "claim: a lock that somebody keeps is not waited for for ever" {
	dead_socket
	background locker flock "$T" sleep 600
	wait_until 30 bash -c '! flock -n "$1" true' - "$T"
	serve "$T/s.sock"
	assert_log_lines 1 "s.sock replaced a dead socket file of ours"
}

@test "claim: a dead socket that is gone when it is looked at, moved or removed" {
	serves_with openat:error=ENOENT:when=1 -P "$T/s.sock"
	serves_with renameat2:error=ENOENT:when=1
	serves_with '/^(newfstatat|lstat)$:error=ENOENT:when=1' -P "$T/.s.sock.noded-0"
	serves_with '/^unlink(at)?$:error=ENOENT:when=1'
}

@test "claim: a dead socket that comes back each time it is gone" {
	dead_socket
	fails_with path_exists "others keep taking $T/s.sock" renameat2:error=ENOENT
	rm "$T/s.sock"
}

@test "claim: a dead socket that cannot be seen, moved, or removed stays where it was" {
	dead_socket
	fails_with io_error "cannot see what is at $T/s.sock" openat:error=EIO -P "$T/s.sock"
	fails_with io_error "cannot move the dead socket at $T/s.sock aside" renameat2:error=EIO
	fails_with io_error "$T/.s.sock.noded-0" '/^(newfstatat|lstat)$:error=EIO' -P "$T/.s.sock.noded-0"
	fails_with io_error "cannot remove the dead socket at $T/s.sock" '/^unlink(at)?$:error=EIO'
	rm "$T/s.sock"
}

@test "claim: a mode that cannot be set" {
	fails_with io_error "cannot set the mode of $T/s.sock" fchmod:error=EIO
}
