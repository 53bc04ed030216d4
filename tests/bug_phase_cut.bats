# A phase of a progress notification that nodectl did not know, and that was too long for its line,
# was cut in the middle of a character, and the half of it went to the terminal raw. It is now cut
# between characters.
load lib.bash

@test "a phase too long to be shown is cut between characters" {
	local long
	printf -v long '%0.sé' {1..20}
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" \
		'cut {"jsonrpc":"2.0","method":"progress","params":{"id":1,"phase":"'"$long"'","done":1,"total":5,"elapsed_ms":2000}}
{"jsonrpc":"2.0","id":ID,"result":{"servers":0,"drained":0,"stopped":0,"killed":0,"elapsed_ms":1}}
'
	wait_until 25 test -S "$NODED_SOCKET"
	run --separate-stderr nodectl shutdown
	assert_success
	assert_equal "$stderr" "nodectl: shutdown: ééééééé, 4 connections left"
}
