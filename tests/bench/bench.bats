# The bench runs from end to end on short rounds, its figures are there and plausible, and it believes
# nobody: wrong bytes and peers that fail are said. How long anything takes is no matter here.
# shellcheck shell=bash
load ../lib

setup() {
	setup_test
	local objects=${TABLES:-$ROOT/build/release/tables}
	BENCH=${objects%/*}/bench
}

# bench METRICS PEERS [OPTIONS]: little work in two rounds; the report goes to $T/out.
bench() {
	local metrics=$1 peers=$2
	shift 2
	"$ROOT/tests/bench/run" --programs "$BENCH" --metrics "$metrics" --peers "$peers" \
		--rounds 2 --scale 0.02 --output "$T/out" "$@"
}

# figures FILTER [ARGS]: whether jq finds it true of all that was measured.
figures() {
	local filter=$1
	shift
	jq -e "$@" "$filter" "$T/out/figures.json" >/dev/null || {
		cat "$T/out/figures.json"
		return 1
	}
}

@test "bench: every load gives figures of every round, for noded and for a peer" {
	run bench 'churn pingpong bulk/unix-unix bulk/tcp-tcp/8/both exec/cat' 'socat*'
	assert_success
	figures '.churn | keys == ["direct", "noded", "socat"]'
	figures '."bulk/unix-unix/8/up" | keys == ["direct", "noded", "socat"]'
	figures '."exec/cat" | keys == ["noded", "noded, 10 others", "noded, 9,000 others", "socat nofork"]'
	# Both rounds; of nobody in between there is no processor time.
	figures '[.[][][] | length == 2] | all'
	figures '[.[].direct | select(. != null) | has("cpu") | not] | all'
	figures '[.[].noded | has("cpu")] | all'
	# In us a connection or round trip, ms a GB: what a slow, busy and sanitized one stays in.
	figures '[.[][].cpu | select(. != null)[] | . > 0.1 and . < 1000000] | all'
	figures '[.[][] | select(.all != null and .cpu != null) | .all[0] > .cpu[0]] | all'
	figures '[.[][].rate | select(. != null)[] | . > 0 and . < 1000000] | all'
	figures '[.[][] | select(.p50 != null) | .p50[0] <= .p99[0]] | all'
}

@test "bench: the report has a row and a chart for what was measured, and says what was reached" {
	run --separate-stderr bench 'churn exec/tiny' 'none'
	assert_success
	assert_line "# What noded costs, beside its peers"
	assert_line --regexp '^\| 64 clients \| [0-9.,]+ \[[0-9.,]+\.\.[0-9.,]+\] \|'
	assert_line --regexp '^\| Programs, the tiny program: rate .* \| at least 0.9 \| [0-9.]+ \| .*met'
	assert_line --regexp '^\| noded \| [0-9.]+ \|'
	assert_equal "$(<"$T/out/RESULTS.md" grep -v '^!\[' | cat -s)" "$(cat -s <<<"$output")"
	for chart in churn-cpu exec-cpu; do
		grep -qF "](charts/$chart.svg)" "$T/out/RESULTS.md"
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' \
			"$T/out/charts/$chart.svg"
	done
}

@test "bench: system calls are counted, and not by a clock" {
	strace -o /dev/null true || skip "strace cannot trace here"
	run bench 'calls/pingpong-1 calls/churn' none
	assert_success
	# A round trip is read and written twice, and waited for; a connection is accepted besides.
	figures '."calls/pingpong-1".noded.calls[0] | . >= 2 and . < 20'
	figures '."calls/churn".noded.calls[0] | . >= 6 and . < 100'
}

@test "bench: noded is measured among many connections and many servers" {
	run bench scale/pingpong none
	assert_success
	figures '."scale/pingpong" | keys == ["10,000 connections", "500 servers", "alone"]'
}

@test "bench: a peer that fails is said to, and the others are measured" {
	mkdir "$T/bin"
	printf '#!/bin/sh\necho broken >&2\nexit 1\n' >"$T/bin/socat"
	chmod +x "$T/bin/socat"
	PATH=$T/bin:$PATH run bench churn socat
	assert_success
	assert_line "- churn, socat, failed: socat ended: broken"
	figures '.churn | keys == ["direct", "noded"]'
}

@test "bench: a noded that fails is a failure" {
	NODED=/bin/false run bench churn none
	assert_failure 1
	assert_line --regexp '^- churn, noded, failed: '
}

@test "bench: an answer of other bytes is no connection made" {
	start_noded
	local other
	other=$("$NODECTL" start tcp:127.0.0.1:0 exec head -c 64 /dev/zero)
	run "$BENCH/load" churn "$other" --count 1 <<<go
	assert_failure 1
	assert_line "churn: another answer than expected "
	run "$BENCH/load" churn "$other" --count 1 --size 0 --expect hello --to-end <<<go
	assert_failure 1
}

@test "bench: a stream of other bytes than were sent, or too few, is found" {
	start_noded
	local echo changed
	echo=$("$NODECTL" start tcp:127.0.0.1:0)
	run "$BENCH/load" bulk "$echo" --down 1000000 <<<go
	assert_failure 1
	assert_line "bulk: a stream holds other bytes than were sent "
	background backend "$BENCH/backend" bulk "unix:$T/foreign/back.sock"
	wait_until 10 test -s "$T/backend.log"
	# One byte of the second MiB is another: what --check is for.
	changed=$("$NODECTL" start tcp:127.0.0.1:0 exec sh -c \
		'nc -U "$1" | python3 -c "$2"' sh "$T/foreign/back.sock" '
import sys
stream, place = sys.stdin.buffer, 0
while piece := stream.read1(65536):
    if place <= 1500000 < place + len(piece):
        at = 1500000 - place
        piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1:]
    place += len(piece)
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
')
	run "$BENCH/load" bulk "$changed" --down 3000000 --check <<<go
	assert_failure 1
	assert_line "bulk: a stream holds other bytes than were sent "
}

@test "bench: the reference of the stop metrics closes what it accepted" {
	mkfifo "$T/input"
	# shellcheck disable=SC2016
	background closer sh -c 'exec "$1" tcp:127.0.0.1:0 50 <"$2"' sh "$BENCH/closer" "$T/input"
	exec 5>"$T/input"
	wait_until 10 test -s "$T/closer.log"
	# Whoever lets go of them at once, too: they were connected.
	"$BENCH/load" idle "$(head -n 1 "$T/closer.log")" --clients 50 --size 0 <<<go
	wait_until 10 grep -q ready "$T/closer.log"
	echo go >&5
	exec 5>&-
	wait_until 10 has_ended "$BACKGROUND_PID"
	run tail -n 1 "$T/closer.log"
	assert_output --regexp '^[0-9]+\.[0-9]$'
}

@test "bench: requests, whole programs, lists, memory, stops and stalls give figures of every round" {
	run bench 'control process list memory stop stall' 'none'
	assert_success
	figures '."control/one".noded | .p50[0] <= .p99[0] and .cpu[0] > 0.1'
	figures '."control/each".noded.rate | length == 2'
	figures '."control/ahead".noded | .rate[0] > 0 and (has("p50") | not)'
	figures '.process | keys == ["/bin/true", "nodectl stop-server", "nodectl version"]'
	figures '.process | [.[].min[]] | all(. > 10)'
	figures '.list | length == 4 and ([.[].p50[]] | all(. > 10))'
	figures '.memory.noded.descriptors == [2] and .memory."noded echo".descriptors == [1]'
	figures '.stop | length == 3 and ([.[].cpu[]] | all(. > 0.1))'
	figures '.stall | length == 6 and ([.[].max[]] | all(. > 1))'
	figures '[.[][][] | length >= 1] | all'
}
