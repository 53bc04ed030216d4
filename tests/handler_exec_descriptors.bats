# exec: a child that shares noded's descriptors changes none of them, and its program gets three,
# however it is started and whether or not it runs.
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

SOMEBODY=64123 THEIRS=64124 # numbers that nobody has

setup() {
	setup_test
	chmod 755 "$T"
	cp "$(command -v cat)" "$T/fleeting"
}

# start_some: noded, which itself was started with descriptors that are open and inherited, with
# servers of a program that runs, one that cannot be run any more, and one of another user.
start_some() {
	LAUNCH=(bash -c 'exec 5</dev/null 17</dev/null 299</dev/null; exec "$@"' - "$@")
	start_noded
	serve_exec "$T/cat.sock" '' cat
	serve_exec "$T/fleeting.sock" '' "$T/fleeting"
	rm "$T/fleeting"
	USERS=()
	if ((EUID == 0)) && setpriv --reuid "$SOMEBODY" --regid "$THEIRS" --clear-groups true; then
		serve "$T/user.sock" "\"handler\":{\"type\":\"exec\",\"argv\":[\"cat\"],\"user\":$SOMEBODY,\"group\":$THEIRS}"
		USERS=("$T/user.sock")
	fi
}

# at_rest: for wait_until; the sessions of those who asked are closed.
at_rest() {
	fds_are "$(fds_at_rest)"
}

# descriptors: prints what noded has open, number by number, with its flags, once it is at rest.
descriptors() {
	wait_until 30 at_rest || return 1
	find "/proc/$NODED_PID/fd" -mindepth 1 -printf '%f %l\n' | sort -n
	grep '^flags:' "/proc/$NODED_PID/fdinfo"/*
}

# they_have_three: every program that runs has descriptors 0 to 2 and no others.
they_have_three() {
	local pid
	for pid in $(result list_connections | jq '.connections[].pid'); do
		run bash -c "ls /proc/$pid/fd"
		assert_output $'0\n1\n2'
	done
}

# serve_all: programs that run, and one that cannot, at every server.
serve_all() {
	local address n=0
	for address in "$T/cat.sock" "${USERS[@]}"; do
		connect_idle 3 "$address"
		await "$address" connection_pool.open '"equals":3'
		[[ $(clients_do "echo $address") == 3 ]]
		they_have_three
		run nc -N -U "$T/fleeting.sock" </dev/null
		assert_output ''
		clients_do quit
		await "$address" connection_pool.open '"equals":0'
	done
}

# table_stands: what all of that leaves is what the first of it left.
table_stands() {
	local before
	serve_all
	before=$(descriptors)
	[[ $before != *socket*socket*socket*socket*socket* ]] # three servers, the admin socket
	serve_all
	serve_all
	run descriptors
	assert_output "$before"
	[[ $(at "$T/fleeting.sock" connection_pool.closed | jq -c .) == "{\"error:ENOENT\":$((3 * (1 + ${#USERS[@]})))}" ]]
}

# denied NUMBER ERRNO: DENIED, in front of a command, runs it under a filter that refuses the call (seccomp(2)).
denied() {
	DENIED=(python3 -c 'import ctypes, os, struct, sys
def op(code, value, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, value)
code = (op(0x20, 0) + op(0x15, int(sys.argv[1]), 0, 1) +   # the number of the call; is it that?
        op(0x06, 0x50000 | int(sys.argv[2])) + op(0x06, 0x7fff0000))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 # PR_SET_NO_NEW_PRIVS
if libc.prctl(22, 2, program, 0, 0): # PR_SET_SECCOMP
    sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[3], sys.argv[3:])' "$1" "$2")
}

CLOSE_RANGE=436 # its number on every machine

@test "descriptors: noded's stand, whatever becomes of the child" {
	start_some
	table_stands
}

@test "descriptors: noded's stand on a kernel without close_range" {
	denied "$CLOSE_RANGE" 38 # ENOSYS
	start_some "${DENIED[@]}"
	table_stands
}

@test "descriptors: noded's stand under a filter that refuses close_range" {
	denied "$CLOSE_RANGE" 1 # EPERM
	start_some "${DENIED[@]}"
	table_stands
}

@test "descriptors: noded's stand where they cannot be put in place" {
	expect_tracer
	start_some
	inject dup3:error=EBADF
	table_stands
	end_inject
	grep -q INJECTED "$T/strace.log"
}

# Else what it opens or closes first is opened or closed in noded.
@test "descriptors: the first call of a child parts them" {
	local pid
	expect_tracer
	start_noded
	serve_exec "$T/cat.sock" '' cat
	background strace strace -f -q -o "$T/strace.log" -p "$NODED_PID"
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	connect_idle 1 "$T/cat.sock"
	pid=$(result list_connections | jq '.connections[0].pid')
	end_inject
	grep -q '[^a-z]clone(.*CLONE_VM|CLONE_FILES|CLONE_VFORK' "$T/strace.log"
	run bash -c "sed -nE 's/^$pid +//p' '$T/strace.log' | head -n 1"
	assert_output --regexp '^close_range\([0-9]+, 4294967295, CLOSE_RANGE_UNSHARE\) = 0$'
}

@test "descriptors: a kernel that cannot part them is asked once" {
	expect_tracer
	start_noded
	serve_exec "$T/cat.sock" '' cat
	background strace strace -f -q -o "$T/strace.log" -p "$NODED_PID" -e trace=clone,close_range \
		-e inject=close_range:error=ENOSYS
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
	for _ in 1 2 3; do
		[[ $(echo works | timeout 60 nc -N -U "$T/cat.sock") == works ]]
	done
	end_inject
	[[ $(grep -c '[^a-z]clone(' "$T/strace.log") == 4 ]]
	[[ $(grep -c '[^a-z]clone(.*CLONE_FILES' "$T/strace.log") == 1 ]]
}
