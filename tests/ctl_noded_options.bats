# noded's own command line: what each option does, and what is refused.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

setup() {
	setup_test
}

# refused SENTENCE ARGS: status 2, one or two lines on stderr, nothing on stdout, nothing claimed.
refused() {
	run --separate-stderr timeout 20 "$NODED" --socket "$NODED_SOCKET" "${@:2}"
	assert_equal "$status $output" "2 "
	((${#stderr_lines[@]} <= 2))
	[[ $stderr == *"$1"*"see noded --help"* ]] || fail "no \"$1\" in: $stderr"
	assert_not_exists "$NODED_SOCKET"
}

# cannot_start SENTENCE ARGS: status 1, one line of the log.
cannot_start() {
	run --separate-stderr timeout 20 "$NODED" "${@:2}"
	assert_equal "$status $output" "1 "
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr == *" error node cannot start: "*"$1"* ]] || fail "no \"$1\" in: $stderr"
}

@test "--version and --help" {
	run --separate-stderr "$NODED" -V
	assert_success
	assert_equal "$output$stderr" "noded $(nodectl -V | cut -d ' ' -f 2)"
	run --separate-stderr "$NODED" --help
	assert_success
	assert_equal "$stderr" ""
	local option
	for option in --socket --log-level --log-format --max-fds --drain --name --ready-fd \
		--admin-group --operators --observe-socket --user --group --low-ports --version --help; do
		assert_output --partial "$option"
	done
	assert_equal "$("$NODED" -h)" "$output"
	run bash -c '"$NODED" --version >/dev/full'
	assert_failure 1
}

@test "every option of the help is in noded(8), and the other way round" {
	run diff <("$NODED" --help | grep -oE -- '--[a-z-]+' | sort -u) \
		<(mandoc -T utf8 "$ROOT/man/noded.8" | col -bx | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
			sed 's/‐/-/g' | grep -oE -- '--[a-z-]+' | sort -u)
	if [[ $status != 0 && $output == *'> '* ]]; then
		fail "$output"
	fi
}

@test "usage errors are status 2" {
	refused "unexpected argument \"start\": noded takes options only, commands are nodectl's" start
	refused "unrecognized option" --nonsense
	refused "invalid option" -x
	refused "requires an argument" --log-level
	refused "--log-level loud: not one of" --log-level loud
	refused "--log-format xml: not text or json" --log-format xml
	local word
	for word in 63 x 1e3 -1 '' 9999999999; do
		refused "--max-fds $word: not a whole number of 64 or more" --max-fds "$word"
	done
	# 36 is not open when noded starts, and one of its own when it is ready.
	for word in 2 -1 x 36; do
		refused "--ready-fd $word: not an open descriptor of 3 or more" --ready-fd "$word"
	done
	for word in -1 nan inf 1e300 366000h 5x ''; do
		refused "--drain: " --drain "$word"
	done
}

# The last one counted, in silence: whoever had appended to a command line let others in than the
# first part of it said.
@test "what says who may do what is given once; of other options the last one counts" {
	local option
	for option in --admin-group --operators --observe-socket --user --group; do
		refused "$option is given twice" "$option" 1 "$option" 1
	done
	start_noded --name first --name second
	assert_equal "$(state name)" second
}

@test "an admin socket that cannot be one is a usage error" {
	local word
	for word in '' tcp:127.0.0.1:80 @abstract "/$(printf 'a%.0s' {1..110})" $'/tmp/a\nb'; do
		run --separate-stderr timeout 20 "$NODED" --socket "$word"
		assert_equal "$status" 2
		assert_equal "${#stderr_lines[@]}" 1
		NODED_SOCKET=${word:-@} run timeout 20 "$NODED"
		assert_failure 2
	done
}

@test "a socket that cannot be claimed is status 1 and one line" {
	cannot_start "no such directory: $T/none" -s "$T/none/admin.sock"
	: >"$T/file"
	cannot_start "$T/file" -s "$T/file"
	cannot_start "$T" -s "$T"
	start_noded
	cannot_start "$NODED_SOCKET"
	says running state phase
}

@test "a relative socket, as an option and as a variable" {
	local admin=$NODED_SOCKET
	cd "$T"
	NODED_SOCKET=admin.sock start_noded --name one
	NODED_SOCKET=$admin
	SOCKET_OF[$NODED_PID]=$admin
	says one state name
	says "unix:$admin" state admin address
}

@test "--name, --max-fds, --drain and --log-level take effect" {
	start_noded --name "a name" --max-fds 100 --drain 1500ms --log-level warning
	says "a name" state name
	says 100 state process fd_limit
	says warning state log level
	grep -qE '^Max open files +100 ' "/proc/$NODED_PID/limits"
	start_held "$T/s.sock"
	assert_log_lines 0 .
	nodectl -q set-log-level info
	stop_noded
	assert_log_lines 1 'node draining: .*draining 1 connection, 1.5 s; again to stop now'
	assert_log_lines 1 's\.sock stopped: deadline, drained=0 stopped=1 killed=0 ms=1[5-9][0-9]{2}'
}

@test "the descriptor limit is raised to the hard limit by itself" {
	# shellcheck disable=SC2034
	LAUNCH=(prlimit --nofile=200:300)
	start_noded
	says 300 state process fd_limit
	nodectl start "$T/s.sock" exec sh -c 'ulimit -n' >/dev/null
	run socat -t 5 - "UNIX-CONNECT:$T/s.sock"
	assert_output 200
}

@test "--log-format json: the same keys in every line" {
	start_noded --log-format json --log-level debug
	nodectl start "$T/s.sock" >/dev/null
	nodectl -q stop-server "$T/s.sock"
	stop_noded
	run jq -sc 'map(keys_unsorted) | unique' "$LOG"
	assert_output '[["time","level","subject","event"]]'
	run jq -r 'select(.level == "info") | .subject' "$LOG"
	assert_output $'node\n'"unix:$T/s.sock"$'\n'"unix:$T/s.sock"$'\nnode\nnode'
	run jq -r '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$")' "$LOG"
	assert_equal "$(sort -u <<<"$output")" true
}

@test "text: time, level, subject, event" {
	start_noded
	nodectl start "$T/s.sock" >/dev/null
	stop_noded
	run grep -vE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z (error|warning|info |debug) (node|unix:[^ ]*) .' "$LOG"
	assert_output ""
	assert_log_lines 1 " info  node running, admin socket unix:$NODED_SOCKET, version "
}

@test "under systemd there are priorities instead of times" {
	local log=$T/journal
	: >"$log"
	LOG=$log
	JOURNAL_STREAM=$(stat -c %d:%i "$log") start_noded --log-level debug
	nodectl start "$T/s.sock" >/dev/null
	rm "$T/s.sock"
	wait_until 20 has_log_lines 1 '^<4>warning unix:'
	assert_log_lines 1 '^<6>info  node running, '
	(($(log_lines '^<7>debug ') > 0))
	assert_log_lines 0 '^<?[0-9]{4}-'
	nodectl -q wait "$T/s.sock" phase --is running
	stop_noded
	# A standard error redirected since is not the journal.
	LOG=$T/other.log
	: >"$LOG"
	JOURNAL_STREAM=$(stat -c %d:%i "$log") start_noded
	assert_log_lines 1 '^[0-9]{4}-.* node running'
}
