# What every test shares: a directory of its own, a noded started and stopped in it, clients, and
# a teardown that finds what was left behind.
#
#   T                directory of the test: short, so that socket paths fit in sun_path
#   NODED, NODECTL   the programs under test; NODED_SOCKET, NODED_PID, LOG: of the last start_noded
#
# A test file that needs more in setup or teardown defines its own and calls setup_test and
# teardown_test. None of these may be called through `run` unless it says so.

ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
: "${NODED:=$ROOT/build/noded}" "${NODECTL:=$ROOT/build/nodectl}"
export NODED NODECTL

bats_require_minimum_version 1.5.0
# They ask for the directory of each of their files, in every test, which need not be a program's work.
# shellcheck disable=SC2317
dirname() {
	printf '%s\n' "${1%/*}"
}
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file
unset -f dirname

setup() {
	setup_test
}

teardown() {
	teardown_test
}

setup_test() {
	T=$(mktemp -d /tmp/nd.XXXXXX)
	# What may be left behind on purpose: sockets below it are nobody's fault.
	mkdir "$T/foreign"
	export T NODED_SOCKET=$T/admin.sock LOG=$T/log
	unset NODED_PID
	NODED_PIDS=() BACKGROUND_PIDS=()
	declare -gA SOCKET_OF=() LOG_OF=() STATUS_OF=()
	: >"$LOG"
	# Reports go to files, so that one of a nodectl whose output a test throws away is seen too.
	local common="log_path=$T/sanitizer:exitcode=99"
	export ASAN_OPTIONS="$common:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
	export UBSAN_OPTIONS="$common:print_stacktrace=1:halt_on_error=1"
	export LSAN_OPTIONS="exitcode=99"
	unset XDG_RUNTIME_DIR NOTIFY_SOCKET JOURNAL_STREAM NO_COLOR
}

# --- noded ------------------------------------------------------------------------------------

# start_noded [ARGS]: starts noded on NODED_SOCKET with its log in LOG and returns when it is ready
# (its own word on --ready-fd). For a second one change NODED_SOCKET and LOG before.
# LAUNCH, an array, is put in front of the program and must not fork: LAUNCH=(prlimit --nofile=64),
# LAUNCH=(strace -D -o "$T/trace").
start_noded() {
	local ready=$T/ready.$RANDOM
	mkfifo "$ready"
	(
		detach "$LOG"
		exec 9>"$ready"
		exec "${LAUNCH[@]}" "$NODED" --socket "$NODED_SOCKET" --ready-fd 9 "$@"
	) &
	NODED_PID=$!
	export NODED_PID
	NODED_PIDS+=("$NODED_PID")
	SOCKET_OF[$NODED_PID]=$NODED_SOCKET LOG_OF[$NODED_PID]=$LOG
	if ! read -r -t 30 _ <"$ready"; then
		rm "$ready"
		echo "noded did not become ready; its log:" >&2
		cat "$LOG" >&2
		return 1
	fi
	rm "$ready"
}

# In the subshell that becomes a background program: none of the descriptors of bats, which waits
# for their end; output is appended to LOG.
detach() {
	local fd
	exec </dev/null >>"$1" 2>&1
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || eval "exec $fd>&-"
	done
}

# stop_noded [SIGNAL]: TERM, or another signal, to the last noded; waits for its end. Returns its
# exit status.
stop_noded() {
	kill -s "${1:-TERM}" "$NODED_PID"
	wait_noded
}

# wait_noded [SECONDS]: waits for the last noded to end by itself, 60 s at most. Returns its exit
# status, 124 if it did not end.
wait_noded() {
	if [[ -z ${STATUS_OF[$NODED_PID]:-} ]]; then
		wait_until "${1:-60}" has_ended "$NODED_PID" || return 124
		local status=0
		wait "$NODED_PID" || status=$?
		STATUS_OF[$NODED_PID]=$status
	fi
	return "${STATUS_OF[$NODED_PID]}"
}

# ends_with STATUS: the last noded ends by itself, with that status. Not through `run`: a subshell has
# no children to wait for.
ends_with() {
	local status=0
	wait_noded || status=$?
	assert_equal "$status" "$1"
}

# kill_noded: SIGKILL, as a crash would be; the teardown then expects nothing of it.
kill_noded() {
	kill -s KILL "$NODED_PID"
	wait "$NODED_PID" || true
	STATUS_OF[$NODED_PID]=137
}

# has_ended PID: gone, or a zombie that only its parent still has to notice.
has_ended() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } == Z* ]]
}

# nodectl ARGS: the program under test; also through `run`.
nodectl() {
	"$NODECTL" "$@"
}

# --- the admin socket, without nodectl; all of these also through `run` -------------------------

# raw LINE...: sends the lines as they are, half-closes, prints every reply.
raw() {
	printf '%s\n' "$@" | timeout 60 nc -N -U "$NODED_SOCKET"
}

# rpc METHOD [PARAMS]: one request with id 1; prints the reply.
rpc() {
	raw "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\"${2:+,\"params\":$2}}"
}

# result METHOD [PARAMS]: prints its result in one line; fails on an error, printing that.
result() {
	one_reply "$@" | jq -ce 'if has("result") then .result else ., halt_error(1) end'
}

# error_name METHOD [PARAMS]: prints data.name of the error it must answer with.
error_name() {
	one_reply "$@" | jq -re .error.data.name
}

# What rpc prints; fails if that is nothing, which jq would call a success. null where the reply was
# to be, so that jq fails too.
one_reply() {
	local reply
	reply=$(rpc "$@")
	if [[ -z $reply ]]; then
		echo "no reply to $1" >&2
		echo null
		return 1
	fi
	printf '%s\n' "$reply"
}

# state [PATH]: prints one value, scalars without quotes.
state() {
	local found
	found=$(result state "$(jq -nc --arg path "${1:-}" '{path: $path}')") || return 1
	jq -r '.value | if type == "object" or type == "array" then tojson else . end' <<<"$found"
}

# state_is VALUE [PATH]: for wait_until, where the wait method is not what is tested.
state_is() {
	[[ $(state "${2:-}") == "$1" ]]
}

# --- waiting and looking ----------------------------------------------------------------------

# wait_until SECONDS COMMAND...: runs it until it succeeds; fails after so long.
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		if ((${EPOCHREALTIME/./} > deadline)); then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# log_lines PATTERN [LOG]: prints how many lines match the extended regular expression.
log_lines() {
	grep -cE -- "$1" "${2:-$LOG}" || true
}

# assert_log_lines N PATTERN: exactly N lines match.
assert_log_lines() {
	local n
	n=$(log_lines "$2")
	if ((n != $1)); then
		batslib_decorate "log: $n lines match $2, expected $1" <"$LOG" | fail
	fi
}

# has_log_lines N PATTERN: for wait_until; at least N lines match.
has_log_lines() {
	(($(log_lines "$2") >= $1))
}

# --- other programs ---------------------------------------------------------------------------

# background NAME COMMAND...: starts it with its output in $T/NAME.log; ended by the teardown.
# BACKGROUND_PID is its pid.
background() {
	(
		detach "$T/$1.log"
		exec "${@:2}"
	) &
	BACKGROUND_PID=$!
	BACKGROUND_PIDS+=("$BACKGROUND_PID")
}

# end_background PID: TERM, KILL after 10 s, and waits.
end_background() {
	kill "$1" 2>/dev/null || true
	wait_until 10 has_ended "$1" 2>/dev/null || kill -s KILL "$1"
	wait "$1" 2>/dev/null || true
}

# listening ADDRESS: for wait_until; true if a connect to tcp:HOST:PORT or unix:/PATH succeeds. It
# does connect, so not for a server whose connections are counted.
listening() {
	python3 "$ROOT/tests/clients.py" probe "$1" 2>/dev/null
}

# free_port: prints a TCP port of 127.0.0.1 nobody has now. For programs that cannot take port 0.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# connect_idle N ADDRESS: opens N connections and holds them until clients_do or the teardown ends
# them. CLIENTS names the group for clients_do, which takes the last one unless told.
connect_idle() {
	CLIENTS=$T/clients.${#BACKGROUND_PIDS[@]}
	background "${CLIENTS##*/}" python3 "$ROOT/tests/clients.py" hold "$CLIENTS" "$1" "$2"
	wait_until 60 clients_settled "$BACKGROUND_PID" || return 1
	if [[ ! -S $CLIENTS ]]; then
		cat "$CLIENTS.log" >&2
		return 1
	fi
}

clients_settled() {
	[[ -S $CLIENTS ]] || has_ended "$1"
}

# clients_do COMMAND [GROUP]: prints the answer; also through `run`. Commands, of a connection group
# that is numbered from the oldest:
#   open            how many the server has not closed
#   echo TEXT       sends TEXT on every open one; how many got it back, byte for byte
#   send N BYTES    sends so many bytes on the first N without reading
#   close N, reset N, finish N    close, close with a reset, or half-close the first N
#   connect N       opens N more
#   received        bytes received in all, what `echo` read left out
#   quit            closes all and ends
clients_do() {
	printf '%s\n' "$1" | timeout 120 nc -N -U "${2:-$CLIENTS}"
}

# clients_open N [GROUP]: for wait_until; exactly N are open.
clients_open() {
	[[ $(clients_do open "${2:-$CLIENTS}") == "$1" ]]
}

# --- the end ----------------------------------------------------------------------------------

# Says what is wrong and remembers it: the teardown does all of its work before it fails.
complain() {
	echo "teardown: $*" >&2
	COMPLAINTS=$((COMPLAINTS + 1))
}

teardown_test() {
	local pid
	COMPLAINTS=0
	for pid in "${NODED_PIDS[@]}"; do
		[[ -n ${STATUS_OF[$pid]:-} ]] || check_leaks "$pid"
	done
	for pid in "${NODED_PIDS[@]}"; do
		end_noded "$pid"
	done
	check_sockets
	for pid in "${BACKGROUND_PIDS[@]}"; do
		end_background "$pid"
	done
	check_sanitizer
	if [[ -z ${BATS_TEST_COMPLETED:-} ]] || ((COMPLAINTS > 0)); then
		tail -n 40 "$LOG" | sed 's/^/log: /' >&2
	fi
	[[ -n ${KEEP:-} ]] || rm -rf "$T"
	((COMPLAINTS == 0))
}

check_leaks() {
	kill -s CONT "$1" 2>/dev/null || true
	has_ended "$1" || "$ROOT/tests/leakcheck" "$1" "${SOCKET_OF[$1]}" >&2 ||
		complain "leakcheck failed"
}

# Ends one noded in order: a second TERM cuts a drain short. Its exit status must be 0 unless the
# test saw it itself.
end_noded() {
	local children child
	NODED_PID=$1 NODED_SOCKET=${SOCKET_OF[$1]} LOG=${LOG_OF[$1]}
	[[ -z ${STATUS_OF[$1]:-} ]] || return 0
	children=$(ps -o pid= --ppid "$1") || true
	kill "$1" 2>/dev/null || true
	wait_until 3 has_ended "$1" 2>/dev/null || kill "$1" 2>/dev/null || true
	local status=0
	wait_noded 30 || status=$?
	if ((status == 124)); then
		kill -s KILL "$1"
		wait "$1" 2>/dev/null
	fi
	((status == 0)) || complain "noded $1 ended with status $status"
	for child in $children; do
		wait_until 25 has_ended "$child" 2>/dev/null ||
			complain "child $child outlived noded: $(tr '\0' ' ' <"/proc/$child/cmdline")"
	done
}

# Every noded has ended, and what tests start in the background still lives: a socket file that
# nobody listens on was left by noded.
check_sockets() {
	local path
	while IFS= read -r -d '' path; do
		listening "unix:$path" || complain "socket left behind: $path"
	done < <(find "$T" -path "$T/foreign" -prune -o -type s -print0)
}

check_sanitizer() {
	local report
	for report in "$T"/sanitizer.*; do
		[[ -e $report ]] || continue
		cat "$report" >&2
		complain "sanitizer report"
	done
	if grep -lE 'AddressSanitizer|LeakSanitizer|runtime error:' "$T"/*log >&2; then
		complain "sanitizer report in a log"
	fi
}
