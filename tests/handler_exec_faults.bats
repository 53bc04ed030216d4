# exec: what of starting and killing programs may fail in noded itself, by injection. (What may fail
# in the child, before the program, is let fail by tests/nth.)
# shellcheck shell=bash
load handler

setup() {
	setup_test
	expect_tracer
}

# injected FAULT [OPTIONS] -- COMMAND...: runs it while a call of noded's fails, which it did.
injected() {
	local fault=()
	while [[ $1 != -- ]]; do
		fault+=("$1")
		shift
	done
	inject "${fault[@]}"
	"${@:2}"
	end_inject
	grep -q INJECTED "$T/strace.log"
}

# not_served TEXT: a client is sent away, and one line says why.
not_served() {
	run timeout 60 nc -N -U "$T/exec.sock" <<<hello
	assert_output ""
	assert_log_lines 1 "warning .*exec.sock connection not served: $1"
}

served() {
	run timeout 60 nc -N -U "$T/exec.sock" <<<hello
	assert_output hello
	assert_log_lines 0 " error "
}

@test "exec: noded cannot adopt orphans: no program runs until it can" {
	start_noded
	serve_exec "$T/exec.sock" '' cat
	injected prctl:error=EINVAL -- not_served "orphans cannot be adopted: Invalid argument"
	served
}

@test "exec: the children noded has already cannot be listed: no program runs until they can" {
	# Without any there is nothing to list.
	# shellcheck disable=SC2016
	LAUNCH=(bash -c 'sleep 600 9>&- & exec "$@"' -)
	start_noded
	LAUNCH=()
	serve_exec "$T/exec.sock" '' cat
	injected openat:error=EACCES -P "/proc/self/task/$NODED_PID/children" -P /proc -- \
		not_served "the children noded has already cannot be listed: Permission denied"
	served
	# shellcheck disable=SC2046
	kill $(ps -o pid= --ppid "$NODED_PID")
}

@test "exec: more children than noded can spare: no program runs" {
	# shellcheck disable=SC2016
	LAUNCH=(bash -c 'for ((i = 0; i < 129; i++)); do sleep 600 9>&- & done; exec "$@"' -)
	start_noded
	LAUNCH=()
	serve_exec "$T/exec.sock" '' cat
	not_served "noded has more than 128 children that are no programs of its own"
	# shellcheck disable=SC2046
	kill $(ps -o pid= --ppid "$NODED_PID")
	wait_until 30 served
}

@test "exec: no standard error for the program" {
	start_noded
	serve_exec "$T/exec.sock" '' cat
	injected fcntl:error=EINVAL -- \
		not_served "no pipe for the program's standard error: Invalid argument"
	served
}

# refused NAME TEXT: a server whose program is another user's does not start.
refused() {
	run rpc start "{\"address\":\"$T/exec.sock\",\"handler\":{\"type\":\"exec\",\"argv\":[\"cat\"],\"user\":65534,\"group\":65534}}"
	assert_equal "$(jq -r .error.data.name <<<"$output")" "$1"
	assert_output --partial "$2"
	assert_not_exist "$T/exec.sock"
}

@test "exec: whether another user can run the program cannot be found out: refused" {
	((EUID == 0)) || skip "only root can become another user"
	start_noded
	injected prlimit64:error=EPERM -- refused io_error "the descriptor limit cannot be read"
	injected '/^(clone3?|fork)$:error=EAGAIN' -- refused limit_reached "no process to look at /usr/bin/cat"
	injected pipe2:error=ENFILE -- refused limit_reached "no process to look at /usr/bin/cat"
}

# A program that ignores TERM, and says so.
STUBBORN=(sh -c 'trap "" TERM; echo ready; exec sleep 600')

connect_stubborn() {
	serve_exec "$T/exec.sock" '"drain_ms":0,"kill_ms":200' "${STUBBORN[@]}"
	connect_idle 1 "$T/exec.sock"
	wait_until 60 received_ready
}

received_ready() {
	[[ $(clients_do received) == 6 ]]
}

@test "exec: a SIGKILL that is refused is sent again" {
	start_noded
	connect_stubborn
	# TERM and CONT come before.
	inject kill:error=EPERM:when=3
	run stop "$T/exec.sock"
	end_inject
	grep -q 'SIGKILL.*INJECTED' "$T/strace.log"
	assert_equal "$(jq -c '[.outcome, .killed]' <<<"$output")" '["killed",1]'
	run ps -o pid= --ppid "$NODED_PID"
	assert_output ""
}
