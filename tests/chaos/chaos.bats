# Random faults and kills, for a short time; `make chaos` and `make restarts` take longer.
# shellcheck shell=bash
load ../lib
load ../life

CHAOS=$ROOT/tests/chaos/chaos

@test "chaos: 12 s of one seed are clean" {
	run "$CHAOS" --seconds 12 --seed 1 --report "$T/report" --whole 13
	assert_success
	assert_not_exist "$T/report"
	assert_line --index 0 "chaos: seed 1, 12 s"
	assert_line "chaos: clean"
	assert_line --regexp '^verified: [1-9][0-9]{4,} bytes; looked [1-9]'
}

@test "chaos: a seed is a sequence of acts" {
	[[ $("$CHAOS" --plan 500 --seed 5) == "$("$CHAOS" --plan 500 --seed 5)" ]]
	[[ $("$CHAOS" --plan 500 --seed 5) != "$("$CHAOS" --plan 500 --seed 6)" ]]
	run "$CHAOS" --plan 500 --seed 5
	assert_equal "${#lines[@]}" 500
}

# strace makes some calls of a noded say that they have sent what they have not. Some, as the one may
# belong to a client that something else cuts.
@test "chaos: bytes that are lost are found" {
	cat >"$T/noded" <<-'END'
		#!/bin/sh
		exec strace -D -qq -o /dev/null -e trace=sendto -e inject=sendto:retval=1:when=50+50 "$REAL" "$@"
	END
	chmod +x "$T/noded"
	expect_tracer
	export REAL=$NODED
	"$T/noded" --version >"$T/out" 2>&1 || skip "strace cannot trace here: $(cat "$T/out")"
	NODED=$T/noded run "$CHAOS" --seconds 30 --seed 1
	assert_failure 1
	assert_line --regexp "^failed: "
}

@test "restarts: 20 kills leave nothing" {
	printf '%s\n' '# Head' '' '## chaos' '' '| seed | 7 |' '' '## restarts' '' '| seed | 8 |' >"$T/report"
	run "$ROOT/tests/chaos/restarts" --count 20 --seed 1 --report "$T/report" --whole 20
	assert_success
	assert_line "restarts: seed 1, 20 kills"
	assert_line "restarts: clean"
	assert_line --regexp '^replaced: [1-9][0-9]* dead sockets'
	# Published in its own section.
	run grep -E '^(#|\| (seed|kills|violations) )' "$T/report"
	assert_output "# Random faults, and kills at random instants
## chaos
| seed | 7 |
## restarts
| seed | 1 |
| kills | 20 of 20 |
| violations | none |"
	run sed -nE 's/^\| (commit|machine|date) \| .+ \|$/\1/p' "$T/report"
	assert_output $'date\ncommit\nmachine'
}
