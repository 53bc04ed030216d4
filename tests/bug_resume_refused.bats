# Listening again on a port that was kept: where setsockopt(2) failed, the refusal had no error in it,
# and writing it down aborted noded.
# shellcheck shell=bash
load lib
load nth

@test "a port that cannot be listened on again is an error" {
	run nth --functions setsockopt --scenes suspend --errors EPERM --every 2
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
