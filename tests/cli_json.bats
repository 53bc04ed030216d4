# With --json standard output is exactly one JSON document in every case.

load lib.bash

# document STATUS ARGS: the status, and one document on stdout, left in $document.
document() {
	run --separate-stderr nodectl "${@:2}"
	assert_equal "$status" "$1"
	document=$output
	assert_equal "$(jq -s length <<<"$document")" 1
}

@test "usage errors" {
	local args
	for args in "-j bogus" "bogus -j" "--bogus --json" "-j" "-j start" "-j start x.sock" \
		"-j stop-server /x --deadline 5x" "stop-server /x --deadline 5x -j" "-j help bogus" \
		"-qj bogus" "bogus -qj" "bogus -vjt 5s" "-xj" "-jx" "version -qxj" "--bogus -t 5s -qj" \
		"bogus start x exec -j cat"; do
		# shellcheck disable=SC2086
		document 2 $args
		assert_equal "$(jq -r '.error.data.name' <<<"$document")" \
			"$(sed -n 's/.*(\([a-z_]*\))$/\1/p' <<<"$stderr")"
		assert_equal "$(jq -r '.error | [has("code"), has("message"), .data.detail != ""] | all' \
			<<<"$document")" true
	done
}

@test "-j of a program behind exec is the program's" {
	run --separate-stderr nodectl start x.sock exec cat -j
	assert_failure 2
	assert_equal "$output" ""
}

@test "what only looks like -j behind a mistake is a value or a word" {
	local args
	for args in "bogus -sj" "bogus -s -j" "bogus --socket -j" "--bogus -t5j" "bogus -- -j" \
		"bogus start x.sock exec cat -j" "bogus -qvs j"; do
		# shellcheck disable=SC2086
		run --separate-stderr nodectl $args
		assert_failure 2
		assert_equal "$output" ""
	done
}

@test "no noded" {
	document 3 -j version
	assert_equal "$(jq -r .error.data.name <<<"$document")" no_noded
	document 3 -j stop-server /x /y
	assert_equal "$(jq -r .error.data.name <<<"$document")" no_noded
	document 3 -j list-servers
	document 3 -j wait phase --exists --timeout 0
}

@test "help, version and completion" {
	document 0 -j help
	assert_equal "$(jq -r .help <<<"$document")" "$(nodectl help)"
	document 0 -j -V
	assert_equal "nodectl $(jq -r .version <<<"$document")" "$(nodectl -V)"
	document 0 -j completion bash
	assert_equal "$(jq -r .completion <<<"$document")" "$(nodectl completion bash)"
}

@test "a dry run" {
	document 0 -j -n version
	document 0 -j -n stop-server /x /y
	document 0 -j -n stop-server --all
}
