# A waitid(2) that failed left the zombie, and its connection, until another child ended; a SIGKILL
# that was refused once was never sent again, and the stop did not end.
# shellcheck shell=bash
load lib
load nth

@test "children are reaped and killed although it failed once" {
	run nth --functions waitid,kill --scenes exec --every 2
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
