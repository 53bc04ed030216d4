# Help exists for every command and comes from the tables.

load lib.bash

# The commands, as help lists them.
commands() {
	nodectl help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

@test "help goes to standard output, status 0" {
	local form
	for form in help --help -h; do
		run --separate-stderr nodectl "$form"
		assert_success
		assert_equal "$stderr" ""
		[[ $output == "usage: nodectl "* ]]
	done
}

@test "every method is a command" {
	local name
	for name in $(sed -n 's/^\t*X([A-Z_]*, \([a-z_]*\)).*/\1/p' "$ROOT/proto/method.h"); do
		case $name in
		discover) name=schema ;;
		echo | discard | forward | exec) continue ;;
		esac
		run commands
		assert_line "${name//_/-}"
	done
}

@test "every command has help with usage and an example, asked for either way" {
	local name
	for name in $(commands); do
		run nodectl help "$name"
		assert_success
		assert_line --index 0 --regexp "^usage: nodectl \[GLOBAL\] $name"
		assert_line --partial "  nodectl $name"
		[[ $(nodectl "$name" --help) == "$output" ]]
		[[ $(nodectl -h "$name") == "$output" ]]
	done
}

@test "examples are command lines that are understood" {
	local name example
	for name in $(commands); do
		example=$(nodectl help "$name" | sed -n '/^Example:/{n;s/^  nodectl //p}')
		[[ -n $example ]] || fail "$name has no example"
		case $name in
		help | completion) continue ;;
		esac
		run bash -c "set -- ${example%%[|>]*}; \"\$NODECTL\" -n \"\$@\""
		assert_success
	done
}

@test "options are documented with their defaults, as they are written on the command line" {
	run nodectl help start
	assert_line --partial "--max-connections N|none"
	assert_line --partial "(default 30s)"
	assert_line --partial "(default 0600)"
	refute_output --partial "_ms"
	refute_output --partial "--handler"
}

@test "what nodectl sets by itself is no option" {
	run nodectl help stop-server
	refute_output --partial "--progress"
	run nodectl help list-servers
	refute_output --partial "--after"
}

@test "no line of help is wider than 80 columns, but for usage" {
	local name
	for name in "" $(commands); do
		# shellcheck disable=SC2086
		run bash -c '"$NODECTL" help $1 | sed 1d | awk "length > 80"' - "$name"
		assert_output ""
	done
}

# The names behind one status, as help lists them, in one line.
help_names() {
	nodectl help | sed -n '/^Exit status:/,/^$/p' |
		awk -v status="$1" '/^  [0-9]/ { on = $1 == status; $1 = "" } on' | tr -s ' \n' ' '
}

@test "exit status table of help: every error of the table is behind its status" {
	local name status
	sed -n 's/^\tX([A-Z_]*, -\?[0-9]*, "\([a-z_]*\)", \([0-9]\),.*/\1 \2/p' \
		"$ROOT/proto/error.h" >"$T/errors"
	(($(wc -l <"$T/errors") > 15))
	while read -r name status; do
		((status != 1)) || continue
		[[ $(help_names "$status") =~ (^|[ ,])$name([ ,;]|$) ]] ||
			fail "$name is not behind status $status: $(help_names "$status")"
	done <"$T/errors"
	for status in 0 1 2 3 4 5 6 7 8; do
		[[ -n $(help_names "$status") ]] || fail "no status $status"
	done
	run nodectl help
	assert_line --regexp '^  1 +any other error'
	assert_line --regexp '^  2 +usage'
	assert_line --regexp '^  3 +no_noded; '
	assert_line --regexp '^  130, 141, 143 '
}

@test "the version" {
	run nodectl -V
	assert_success
	assert_output --regexp '^nodectl [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "help of what does not exist" {
	run nodectl help stpo-server
	assert_failure 2
	assert_output --partial "did you mean stop-server?"
}

@test "help says what GLOBAL is, and its examples are understood" {
	local name
	for name in "" start help; do
		# shellcheck disable=SC2086
		run nodectl help $name
		assert_line --regexp '^GLOBAL: options of every command'
	done
	nodectl help | sed -n '/^Examples:/,/^$/s/^  nodectl //p' | sed 's/   .*//' >"$T/examples"
	assert_equal "$(wc -l <"$T/examples")" 3
	while read -ra words; do
		nodectl "${words[@]}" -n
	done <"$T/examples"
}

@test "help names the handler that is the default, and the one condition of wait" {
	run nodectl help start
	assert_line --regexp '^  HANDLER .*one of'
	assert_output --partial "(default echo)"
	run nodectl help wait
	assert_line "Exactly one of these is needed."
}
