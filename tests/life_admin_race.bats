# Of any number of noded started on one admin path exactly one runs.
# shellcheck shell=bash
load lib

# race N: starts N noded at the same time; leaves their pids in RACERS.
race() {
	local i
	RACERS=()
	for ((i = 0; i < $1; i++)); do
		background "racer.$i" "$NODED" --socket "$NODED_SOCKET"
		RACERS+=("$BACKGROUND_PID")
	done
}

# All but one have ended, and the one answers.
is_decided() {
	local pid n=0
	WINNER=
	for pid in "${RACERS[@]}"; do
		has_ended "$pid" || { n=$((n + 1)) && WINNER=$pid; }
	done
	((n == 1)) && [[ $(result version 2>/dev/null | jq .pid) == "$WINNER" ]]
}

settle() {
	local pid status
	wait_until 60 is_decided
	for pid in "${RACERS[@]}"; do
		[[ $pid == "$WINNER" ]] && continue
		status=0
		wait "$pid" || status=$?
		((status == 1))
	done
}

@test "one admin path: of 2 noded exactly one runs, 40 times, half of them over a dead socket" {
	local i
	for ((i = 0; i < 40; i++)); do
		race 2
		settle
		[[ $(cat "$T"/racer.*.log | grep -c "cannot start") == 1 ]]
		[[ $(cat "$T"/racer.*.log | grep -c "node running") == 1 ]]
		rm "$T"/racer.*.log
		kill -s "$( ((i % 2)) && echo TERM || echo KILL)" "$WINNER"
		wait "$WINNER" || ((i % 2 == 0))
	done
	[[ $(find "$T" -name '.*') == "" ]]
	rm -f "$NODED_SOCKET"
}

@test "one admin path: of 12 noded exactly one runs" {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$NODED_SOCKET"
	race 12
	settle
	[[ $(cat "$T"/racer.*.log | grep -c "cannot start: .*a live socket") -ge 1 ]]
	kill "$WINNER"
	wait "$WINNER"
	assert_not_exist "$NODED_SOCKET"
}

@test "one admin path: a second noded says who is there, in one line, and the first goes on" {
	start_noded
	run -1 --separate-stderr "$NODED" --socket "$NODED_SOCKET"
	assert_output ""
	# shellcheck disable=SC2154
	[[ $(wc -l <<<"$stderr") == 1 ]]
	[[ $stderr == *"a live socket is at $NODED_SOCKET"* ]]
	[[ $(result version | jq .pid) == "$NODED_PID" ]]
}
