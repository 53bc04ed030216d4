# What the life_*.bats tests share: servers, by requests without nodectl. Load after lib.
# shellcheck shell=bash

# For unshare(1): a user needs a user namespace around the others; root does not, and in a chroot
# cannot have one.
NAMESPACES=()
((EUID == 0)) || NAMESPACES=(--map-root-user)

# serve ADDRESS [MEMBERS]: starts a server, prints its bound address. MEMBERS: more of the request,
# '"backlog":5,"mode":"0660"'.
serve() {
	local started
	started=$(result start "{\"address\":\"$1\"${2:+,$2}}") || return 1
	jq -r .server.address <<<"$started"
}

# stop ADDRESS [MEMBERS]: stops it and prints the result.
stop() {
	result stop_server "{\"address\":\"$1\"${2:+,$2}}"
}

# at ADDRESS KEYS: prints one value of a server's state.
at() {
	state "transport.servers[$1].$2"
}

# await ADDRESS KEYS CONDITION [MS]: waits in noded until '"equals":"running"' or the like holds for
# a server's key, 30 s at most.
await() {
	await_path "transport.servers[$1]${2:+.$2}" "$3" "${4:-30000}"
}

await_path() {
	result wait "{\"path\":\"$1\",$2,\"timeout_ms\":${3:-30000}}" >/dev/null
}

# ask NAME METHOD PARAMS: sends a request that may be answered late; ASKED_PID is its client. What
# it prints is JSON.
ask() {
	rm -f "$T/$1.log"
	# shellcheck disable=SC2016
	background "$1" bash -c 'exec "$@" 2>/dev/null' - "$NODECTL" --json --timeout none call "$2" "$3"
	ASKED_PID=$BACKGROUND_PID
	declare -gA ASKED
	ASKED[$1]=$ASKED_PID
}

# answer NAME: waits for the answer of `ask` and prints it.
answer() {
	wait_until 60 has_ended "${ASKED[$1]}" || return 1
	cat "$T/$1.log"
}

# has_answer NAME: true if it is there already.
has_answer() {
	has_ended "${ASKED[$1]}"
}

# port_of ADDRESS: prints the port of a TCP address.
port_of() {
	printf '%s\n' "${1##*:}"
}

# fds: prints how many descriptors noded has open, as the kernel counts them.
fds() {
	find "/proc/$NODED_PID/fd" -mindepth 1 | wc -l
}

# fds_at_rest: the same between requests. noded says so itself: at that moment it has closed what it
# told to be ready on, and sessions that ended before; the one that asks is left out.
fds_at_rest() {
	echo $(($(state process.fds) - 1))
}

# fds_are N: for wait_until.
fds_are() {
	[[ $(fds) == "$1" ]]
}

# Makes the sanitizers' checks of the next noded possible where a tracer is attached: the leak check
# needs to trace the process itself. Call before start_noded.
expect_tracer() {
	ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}
}

# in_noded EXPRESSION: evaluates it inside the process.
in_noded() {
	timeout 60 gdb -p "$NODED_PID" -batch -nx -ex "print $1" >"$T/gdb.out" 2>&1
	grep -q '^\$1 = ' "$T/gdb.out" || fail "$(cat "$T/gdb.out")"
}

# when_in FUNCTION EXPRESSION: evaluates it when noded comes to the function; returns before. Then
# evaluated waits until that has happened.
when_in() {
	rm -f "$T/armed" "$T/gdb.log"
	background gdb gdb -p "$NODED_PID" -batch -nx -ex "break $1" -ex "shell touch $T/armed" \
		-ex continue -ex "print $2" -ex detach
	DEBUGGER=$BACKGROUND_PID
	wait_until 60 test -e "$T/armed"
}

evaluated() {
	wait_until 60 has_ended "$DEBUGGER" || return 1
	grep -q '^\$1 = ' "$T/gdb.log" || fail "$(cat "$T/gdb.log")"
}

# inject CALL:error=ERROR[:when=N] [OPTIONS]: lets a system call of noded fail, by strace, until
# end_inject. Options of strace's: -P PATH of calls on that path alone.
inject() {
	background strace strace -q -o "$T/strace.log" -p "$NODED_PID" -e "trace=${1%%:*}" \
		-e "inject=$1" "${@:2}"
	INJECTOR=$BACKGROUND_PID
	wait_until 30 is_traced
}

end_inject() {
	end_background "$INJECTOR"
	wait_until 30 is_not_traced
}

is_traced() {
	grep -q "^TracerPid:[[:space:]]*$INJECTOR$" "/proc/$NODED_PID/status"
}

is_not_traced() {
	grep -q '^TracerPid:[[:space:]]*0$' "/proc/$NODED_PID/status"
}

# Clients leave first, so that the end of noded need not wait for them.
teardown() {
	local group
	for group in "$T"/clients.*; do
		[[ ! -S $group ]] || clients_do quit "$group" >/dev/null || true
	done
	teardown_test
}
