# The tables in the manual pages are what the programs run on.
# shellcheck shell=bash
load lib

: "${TABLES:=$ROOT/build/release/tables}"

@test "manual pages: the generated tables are up to date" {
	run "$ROOT/man/generate" --check "$TABLES" "$ROOT"/man/*.[178]
	assert_success
	assert_output ""
}

@test "manual pages: a table that is out of date is noticed, and mended" {
	sed '/^\.\\" BEGIN exit-status/a .It 99' "$ROOT/man/nodectl.1" >"$T/nodectl.1"
	run "$ROOT/man/generate" --check "$TABLES" "$T/nodectl.1"
	assert_failure 1
	assert_output "$T/nodectl.1: out of date; run make man"
	run "$ROOT/man/generate" "$TABLES" "$T/nodectl.1"
	assert_success
	run cmp "$T/nodectl.1" "$ROOT/man/nodectl.1"
	assert_success
}

@test "manual pages: a marker without an end, or of no table, is an error and changes nothing" {
	printf '.\\" BEGIN errors\n.It 1\n' >"$T/page"
	run "$ROOT/man/generate" "$TABLES" "$T/page"
	assert_failure
	assert_output "$T/page: errors has no end"
	printf '.\\" BEGIN nothing\n.\\" END nothing\n' >"$T/page"
	run "$ROOT/man/generate" "$TABLES" "$T/page"
	assert_failure
	assert_output --partial "$T/page: no table: nothing"
	assert_equal "$(cat "$T/page")" "$(printf '.\\" BEGIN nothing\n.\\" END nothing\n')"
}

@test "manual pages: mandoc finds nothing to warn about" {
	run mandoc -T lint -W warning "$ROOT"/man/*.[178]
	assert_success
	assert_output ""
}

@test "manual pages: no command's options are left out" {
	local name
	for name in $("$TABLES" methods | sed -n 's/^\.Ss //p'); do
		[[ -n $("$TABLES" options "$name") ]] || continue
		run grep -cxF ".\\\" BEGIN options $name" "$ROOT/man/nodectl.1"
		assert_output 1
	done
	for name in handlers errors phases reasons limits path-limits methods; do
		run grep -cxF ".\\\" BEGIN $name" "$ROOT/man/noded-protocol.7"
		assert_output 1
	done
}
