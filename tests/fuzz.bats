# tests/fuzz/run tells a target that broke from one that did not, and where to find what broke it.
# shellcheck shell=bash
load lib

# target NAME BODY: a fuzz target that is a shell script; $prefix is where it writes what broke it.
target() {
	mkdir -p "$T/work/fuzz"
	cat >"$T/work/fuzz/$1" <<-EOF
		#!/bin/bash
		for word; do
			[[ \$word != -artifact_prefix=* ]] || prefix=\${word#*=}
		done
		echo "#7 DONE cov: 42 ft: 43 corp: 5/20b lim: 4 exec/s: 0 rss: 31Mb"
		echo "stat::number_of_executed_units: 1234"
		$2
	EOF
	chmod +x "$T/work/fuzz/$1"
}

fuzz() {
	run "$ROOT/tests/fuzz/run" "$T/work/fuzz" "$@"
}

@test "fuzz: a target that holds is told with its numbers" {
	target sound exit
	fuzz 1 sound
	assert_success
	assert_output --regexp "^fuzz: sound +1234 inputs run, +42 places reached, no failure$"
}

@test "fuzz: one that breaks fails the run, which goes on, and its input is named" {
	target broken "echo x >\${prefix}crash-1; exit 77"
	target sound exit
	fuzz 1 broken sound
	assert_failure 1
	assert_line --partial "FAILED, log: $T/work/broken.log"
	assert_line "fuzz: to see it again: $T/work/fuzz/broken $T/work/crashes/broken/crash-1"
	assert_line --regexp "^fuzz: sound .* no failure$"
}

# fuzz_published ARGS: the same, and its report.
fuzz_published() {
	run "$ROOT/tests/fuzz/run" --report "$T/report" "$T/work/fuzz" "$@"
}

@test "fuzz: each target's row is published, and those of others stay" {
	target broken "echo x >\${prefix}crash-1; exit 77"
	target sound exit
	fuzz_published 600 sound broken
	assert_failure 1
	run grep '^| [a-z]' "$T/report"
	assert_equal "${#lines[@]}" 3
	assert_line --index 0 --partial "| target | seconds |"
	assert_line --index 1 --regexp '^\| broken \| [0-9]+ \| 1234 \| 5 \| 42 \| 43 \| 1( \| [^|]+){3} \|$'
	assert_line --index 2 --regexp '^\| sound \| [0-9]+ \| 1234 \| 5 \| 42 \| 43 \| 0( \| [^|]+){3} \|$'
	local sound=${lines[2]} size
	size=$(wc -l <"$T/report")
	target broken exit
	fuzz_published 600 broken
	assert_success
	run grep '^| [a-z]' "$T/report"
	assert_equal "${#lines[@]}" 3
	assert_line --index 1 --regexp '^\| broken .* 43 \| 0 \|'
	assert_line --index 2 "$sound"
	assert_equal "$(wc -l <"$T/report")" "$size"
}

@test "fuzz: a run that is no whole one leaves the report as it is" {
	target sound exit
	echo kept >"$T/report"
	fuzz_published 599 sound
	assert_success
	assert_equal "$(<"$T/report")" kept
}

@test "fuzz: a time that is none is refused" {
	fuzz 1m sound
	assert_failure 2
	assert_output "fuzz: T must be a whole number of seconds: 1m"
}
