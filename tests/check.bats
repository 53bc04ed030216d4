# tests/check counts what passed and what failed, and takes no silence for success.
# shellcheck shell=bash
load lib

# program NAME BODY: a unit test that is a shell script.
program() {
	printf '#!/bin/bash\n%s\n' "$2" >"$T/test_$1"
	chmod +x "$T/test_$1"
	UNITS+=" $T/test_$1"
}

setup() {
	setup_test
	export UNITS=
	program good 'echo 1..2; echo ok 1 - a; echo ok 2 - b'
}

check_units() {
	run "$ROOT/tests/check" "$T/objects" build unit
}

@test "check: what passed is counted" {
	check_units
	assert_success
	assert_line --index -1 "2 passed, 0 failed"
}

@test "check: a failure is named and counted" {
	program bad 'echo ok 1 - a; echo not ok 2 - b; echo 1..2; exit 1'
	check_units
	assert_failure 1
	assert_line "failed: unit-bad: 2 - b"
	assert_line --index -1 "3 passed, 1 failed"
}

@test "check: a program that dies half-way has failed the rest" {
	program dead 'echo 1..4; echo ok 1 - a; kill -SEGV $$'
	check_units
	assert_failure 1
	assert_line "failed: unit-dead: 1 of 4 tests gave a result"
	assert_line --index -1 "3 passed, 3 failed"
}

@test "check: a program that says nothing has failed" {
	program mute ''
	check_units
	assert_failure 1
	assert_line --index -1 "2 passed, 1 failed"
}

@test "check: a failing exit status behind good results is a failure" {
	program leaky 'echo 1..1; echo ok 1 - a; exit 99'
	check_units
	assert_failure 1
	assert_line "failed: unit-leaky: every test passed, yet exit status 99"
}

@test "check: what is skipped has not passed" {
	program skip 'echo 1..1; echo "ok 1 a # skip no such kernel"'
	check_units
	assert_success
	assert_line --index -2 "1 skipped"
	assert_line --index -1 "2 passed, 0 failed"
}

# A name that ended in the first byte of a UTF-8 sequence took the line after it along, which was
# then missing from the count.
@test "check: names of any bytes are counted" {
	program bytes 'echo 1..2; printf "ok 1 \\xe2\\nok 2 \\xff\\n"'
	LC_ALL=C.UTF-8 check_units
	assert_success
	assert_line --index -1 "4 passed, 0 failed"
}

@test "check: nothing that ran is a failure" {
	UNITS=
	check_units
	assert_failure 1
	assert_line --index -1 "0 passed, 0 failed"
}

@test "check: a file that is chosen and does not exist is an error, and nothing runs" {
	UNITS='' TESTS="tests/check.bats nosuch" run "$ROOT/tests/check" "$T/objects" build bats
	assert_failure 2
	assert_output "tests/check: no such file: nosuch"
	assert [ ! -e "$T/objects" ]
}

@test "check: sums over both variants, and one that never ran is a failure" {
	check_units
	cp -r "$T/objects" "$T/other"
	run "$ROOT/tests/check" --sum "$T/objects" "$T/other"
	assert_success
	assert_output "4 passed, 0 failed"
	run "$ROOT/tests/check" --sum "$T/objects" "$T/third"
	assert_failure 1
	assert_line --index -1 "2 passed, 1 failed"
}

@test "check: a part of lint that finds something has failed, and what it found is shown" {
	cat >"$T/make" <<-'END'
		#!/bin/sh
		[ "$2" != lint-man ] || { echo "ok 1 - line 3: a finding"; exit 2; }
	END
	chmod +x "$T/make"
	MAKE=$T/make run "$ROOT/tests/check" "$T/objects" build lint
	assert_failure 1
	assert_line "# ok 1 - line 3: a finding"
	assert_line "failed: lint-man: 1 make lint-man finds nothing"
	assert_line --index -1 "4 passed, 1 failed"
}

# What lint is made of stands in the Makefile; layers is a part of check.
@test "check: no part of lint is left out" {
	local parts
	parts=$(sed -nE 's/^lint: layers (.*) ##.*/\1/p' "$ROOT/Makefile" | tr ' ' '\n' | sort)
	[[ -n $parts ]]
	echo '[ -n "$2" ]' >"$T/make"
	chmod +x "$T/make"
	MAKE=$T/make run "$ROOT/tests/check" "$T/objects" build lint
	assert_equal "$(basename -a -s .tap "$T"/objects/tap/*.tap)" "$parts"
}

@test "check: what is the same in every build is not run again" {
	run env AGAIN=1 FUZZERS= "$ROOT/tests/check" "$T/objects" build layers unit
	assert_success
	assert_line --index -1 "2 passed, 0 failed"
	run env FUZZERS= "$ROOT/tests/check" "$T/objects" build layers unit
	assert_success
	assert_line --index -1 "3 passed, 0 failed"
}

@test "check: of what may be left out, and of what is begun first, every name exists" {
	local name names
	for names in $(sed -nE "s/^(LONGEST|SAME)='(.*)'/\2/p" "$ROOT/tests/check"); do
		for name in $names; do
			[[ -e $ROOT/tests/$name.bats || -d $ROOT/tests/$name ]] || fail "no such test: $name"
		done
	done
	[[ -n ${name:-} ]]
}
