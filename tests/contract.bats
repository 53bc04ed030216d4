# tests/CONTRACT.md has a test for every rule, and every test it names exists.

load lib.bash

# Prints "ID<TAB>TESTS" for each row.
rows() {
	awk -F ' *\\| *' '$2 ~ /^[LPC][0-9]+$/ { print $2 "\t" $(NF - 1) }' "$ROOT/tests/CONTRACT.md"
}

@test "rules have different ids" {
	rows >"$T/rows"
	[[ -s $T/rows ]]
	run bash -c 'cut -f 1 "$1" | sort | uniq -d' - "$T/rows"
	assert_output ""
}

@test "every test that is named exists" {
	local id tests name
	while IFS=$'\t' read -r id tests; do
		for name in ${tests//,/ }; do
			[[ -f $ROOT/$name ]] || fail "$id: no such test: $name"
		done
	done < <(rows)
}

@test "every rule has a test" {
	run awk -F '\t' '$2 == "" { print $1 }' <(rows)
	assert_output ""
}
