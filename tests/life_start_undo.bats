# A start that fails leaves nothing: no file, no descriptor, no entry, no line.
# shellcheck shell=bash disable=SC2034
load lib
load life

setup() {
	setup_test
	start_noded
	serve "$T/other.sock"
	BEFORE=$(fds_at_rest) FILES=$(find "$T" | sort)
}

# fails NAME ADDRESS: start fails with that error, and all is as it was.
fails() {
	run error_name start "{\"address\":\"$2\"}"
	assert_output "$1"
	nothing_left
}

nothing_left() {
	wait_until 25 fds_are "$BEFORE"
	[[ $(find "$T" | sort) == "$FILES" ]]
	[[ $(result list_servers | jq .total) == 1 ]]
	assert_log_lines 2 .
}

@test "start fails: the port is in use" {
	python_listener 1
	fails address_in_use "$HELD"
	run rpc start "{\"address\":\"$HELD\"}"
	assert_output --partial "another process listens there"
}

@test "start fails: the port is bound by somebody who does not listen" {
	python_listener 0
	fails address_in_use "$HELD"
	run rpc start "{\"address\":\"$HELD\"}"
	assert_output --partial "another process listens there"
}

# With SO_REUSEADDR on both sides bind(2) succeeds and listen(2) finds who was faster.
@test "start fails: somebody else listens between bind and listen" {
	inject listen:error=EADDRINUSE
	FILES=$(find "$T" | sort)
	fails address_in_use tcp:127.0.0.1:0
	run rpc start '{"address":"tcp:127.0.0.1:0"}'
	assert_output --partial "another process listens there"
	fails address_in_use "$T/s.sock"
	end_inject
	serve "$T/s.sock"
}

# python_listener LISTENS: a process that is bound, and listens or not; HELD is its
# address.
python_listener() {
	background holder python3 -c 'if True:
		import signal, socket, sys
		holder = socket.socket()
		holder.bind(("127.0.0.1", 0))
		holder.listen() if sys.argv[1] == "1" else None
		print("tcp:127.0.0.1:%d" % holder.getsockname()[1], flush=True)
		signal.pause()' "$1"
	wait_until 30 test -s "$T/holder.log"
	FILES=$(find "$T" | sort)
	HELD=$(cat "$T/holder.log")
}

@test "start fails: the address is not of this machine" {
	fails address_invalid tcp:192.0.2.1:4711
	fails address_invalid 'tcp:[2001:db8::1]:4711'
}

@test "start fails: no such directory, and what should be one is not" {
	: >"$T/file"
	FILES=$(find "$T" | sort)
	fails io_error "$T/missing/s.sock"
	fails io_error "$T/file/s.sock"
}

@test "start fails: a directory everybody may write to without the sticky bit" {
	mkdir -m 0777 "$T/open"
	FILES=$(find "$T" | sort)
	fails unsafe_directory "$T/open/s.sock"
	chmod 1777 "$T/open"
	serve "$T/open/s.sock"
}

@test "start fails: no descriptor is left, even for administration" {
	BEFORE=$(fds_at_rest)
	prlimit --pid "$NODED_PID" --nofile=5:
	run error_name start "{\"address\":\"$T/s.sock\"}"
	assert_output limit_reached
	prlimit --pid "$NODED_PID" --nofile=1024:
	assert_not_exist "$T/s.sock"
	[[ $(result list_servers | jq .total) == 1 ]]
	serve "$T/s.sock"
}

@test "start fails: a full file system" {
	mkdir "$T/full"
	# shellcheck disable=SC2016
	as_own_mounts 'mount -t tmpfs -o size=4k,nr_inodes=2 none "$1" && : >"$1/takes the last"'
	fails_inside
}

@test "start fails: a read-only file system" {
	mkdir "$T/full"
	# shellcheck disable=SC2016
	as_own_mounts 'mount -t tmpfs -o ro none "$1"'
	fails_inside
}

# as_own_mounts COMMAND: a noded with a mount of its own at $T/full; $1 of the command is that.
as_own_mounts() {
	# In a chroot the root is no mount point, and no mount can be kept private.
	unshare "${NAMESPACES[@]}" --mount true 2>/dev/null || skip "no mount namespaces here"
	NODED_SOCKET=$T/second.sock LOG=$T/second.log
	LAUNCH=(unshare "${NAMESPACES[@]}" --mount sh -c "$1"' || exit 9; shift; exec "$@"' - "$T/full")
	start_noded
}

fails_inside() {
	local before
	before=$(fds_at_rest)
	run rpc start "{\"address\":\"$T/full/s.sock\"}"
	assert_output --regexp '"name":"(io_error|bind_denied)".*"errno":"(ENOSPC|EROFS)"'
	wait_until 25 fds_are "$before"
	[[ $(result list_servers | jq .total) == 0 ]]
}
