# Every example of README.md and the manual pages runs as printed, and prints what they say.

load lib.bash

# The programs under test by their names, in a directory where examples may make files.
prepare() {
	mkdir -p "$T/bin" "$T/examples"
	ln -sf "$NODED" "$T/bin/noded"
	ln -sf "$NODECTL" "$T/bin/nodectl"
	PATH=$T/bin:$PATH
}

# What differs from run to run: numbers, directories made for the run, widths of columns.
normalize() {
	sed -E 's#/tmp/[A-Za-z0-9_.-]+(/work|/tmp\.[A-Za-z0-9]+)?#DIR#g; s/[0-9]+/N/g; s/[[:space:]]+/ /g; s/ $//' "$1"
}

same_output() {
	if ! diff -u <(normalize "$1") <(normalize "$2") >&2; then
		echo "$1 is what the page says, $2 what was printed:" >&2
		cat "$2" >&2
		return 1
	fi
}

# run_example NAME: in a directory of its own, with a noded of its own unless it brings its own.
run_example() {
	local name=$1 script=$T/examples/$1.sh status=0
	rm -rf "$T/work"
	mkdir "$T/work"
	if [[ ! -e $T/examples/$name.alone ]]; then
		start_noded
	fi
	(cd "$T/work" && exec 3>&- && timeout 60 bash -euo pipefail "$script" >"$T/printed" 2>"$T/stderr") ||
		status=$?
	if ((status != 0)); then
		echo "example $name ended with status $status:" >&2
		cat "$script" "$T/printed" "$T/stderr" >&2
		return 1
	fi
	[[ ! -e $T/examples/$name.out ]] || same_output "$T/examples/$name.out" "$T/printed"
	[[ -e $T/examples/$name.alone ]] || leave
}

# An example may have shut its noded down.
leave() {
	wait_until 0 has_ended "$NODED_PID" 2>/dev/null || nodectl shutdown --now
	wait_noded
}

run_page() {
	local name
	prepare
	"$ROOT/tests/extract" -v dir="$T/examples" "$ROOT/man/$1" >"$T/names"
	[[ -s $T/names ]]
	while read -r name; do
		run_example "$name"
	done <"$T/names"
}

@test "nodectl(1)" {
	run_page nodectl.1
}

@test "noded(8)" {
	run_page noded.8
}

@test "noded-protocol(7)" {
	run_page noded-protocol.7
}

# One shell for all of it, begun where the reader begins: where the programs were just built.
@test "README.md" {
	local name session=$T/session
	prepare
	mkdir -p "$T/build"
	ln -s "$NODED" "$NODECTL" "$T/build"
	"$ROOT/tests/extract" -v dir="$T/examples" "$ROOT/README.md" >"$T/names"
	while read -r name; do
		printf '. %q >%q 2>%q\n' "$T/examples/$name.sh" "$T/examples/$name.printed" \
			"$T/examples/$name.stderr"
	done <"$T/names" >"$session"
	(
		cd "$T" && exec 3>&-
		unset NODED_SOCKET
		TMPDIR=$T timeout 120 bash -euo pipefail "$session"
	) || {
		tail -n +1 "$T"/examples/*.printed "$T"/examples/*.stderr >&2
		return 1
	}
	while read -r name; do
		[[ ! -e $T/examples/$name.out ]] ||
			same_output "$T/examples/$name.out" "$T/examples/$name.printed"
	done <"$T/names"
}

# Pasted as they are, but for how long the client stays. Their directory goes away with noded.
@test "the commands that make run suggests" {
	NODED_SOCKET='' TMPDIR=$T background suggested "$ROOT/tests/run-node" "${NODED%/*}"
	wait_until 25 grep -q '^  nodectl help' "$T/suggested.log"
	sed -n 's/^  //p' "$T/suggested.log" | sed 's/sleep 15/sleep 1/' >"$T/pasted"
	NODED_SOCKET=$(sed -n 's/^export NODED_SOCKET=\([^;]*\);.*/\1/p' "$T/pasted")
	wait_until 25 test -S "$NODED_SOCKET"
	run timeout 60 bash -euo pipefail "$T/pasted" 3>&-
	assert_success
	assert_line hello
	assert_line --regexp '^tcp:127\.0\.0\.1:[0-9]+ drained '
	assert_line --partial "$(date +%Y)"
	nodectl shutdown
	wait "$BACKGROUND_PID"
	run find "$T" -name 'noded-run.*'
	assert_output ""
}

# shutdown comes last, whatever its place on the page.
@test "every request shown in noded-protocol(7) is one noded understands" {
	local line name
	start_noded
	sed -n 's/^{"jsonrpc":"2.0","id":1,"method":.*/&/p' "$ROOT/man/noded-protocol.7" >"$T/requests"
	assert [ "$(wc -l <"$T/requests")" -ge 10 ]
	while IFS= read -r line; do
		[[ $line != *'"shutdown"'* ]] || continue
		name=$(raw "$line" | jq -r '.error.data.name // "none"')
		case $name in
		none | no_such_server | no_such_path | no_such_connection) ;;
		*) fail "$name: $line" ;;
		esac
	done <"$T/requests"
	run raw "$(grep '"shutdown"' "$T/requests")"
	assert_output --partial '"result":{'
	wait_noded
}

# Members of objects, but not keys of collections: addresses, ids, reasons.
keys_of_state() {
	jq -r 'def keys_in: if type == "object" then (to_entries[] | .key, (.value | keys_in))
			elif type == "array" then (.[] | keys_in) else empty end;
		.result.value | keys_in'
}

@test "noded-protocol(7) has every key that state shows" {
	local key address
	start_noded
	address=$(nodectl start "$T/exec.sock" exec cat)
	echo ended | nc -N -U "$T/exec.sock"
	nodectl wait "$address" connection_pool closed exit:0 --is 1
	connect_idle 1 "$address"
	{
		rpc state
		rpc state "{\"path\": \"$address\"}"
		raw '{"jsonrpc":"2.0","id":1,"method":"list_connections"}' |
			jq '.result.value = .result.connections'
	} | keys_of_state | grep -E '^[a-z_]+$' | sort -u >"$T/keys"
	assert [ "$(wc -l <"$T/keys")" -ge 50 ]
	mandoc -T ascii "$ROOT/man/noded-protocol.7" | col -b >"$T/page"
	while read -r key; do
		grep -qw -- "$key" "$T/page" || fail "not in noded-protocol(7): $key"
	done <"$T/keys"
	clients_do quit
}

# fds alone differs from one noded to another.
@test "noded-protocol(7) has the limits that version shows" {
	start_noded
	sed -En 's/^\.It Va ([a-z_]+) No = ([0-9]+)$/\1 \2/p' "$ROOT/man/noded-protocol.7" |
		sort >"$T/said"
	result version |
		jq -r '.limits | del(.fds) | to_entries[] | "\(.key) \(.value)"' | sort >"$T/shown"
	assert [ "$(wc -l <"$T/shown")" -ge 15 ]
	run diff "$T/said" "$T/shown"
	assert_success
	assert_output ""
}

@test "a literal block of a manual page without a mark is refused" {
	printf '.Bd -literal\nnodectl version\n.Ed\n' >"$T/page.1"
	run "$ROOT/tests/extract" -v dir="$T" "$T/page.1"
	assert_failure 1
	assert_output --partial "literal block without a mark"
}
