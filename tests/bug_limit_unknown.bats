# Where getrlimit(2) failed at the start, noded took the limit for 0, set it to that for good, and could
# open nothing any more. A limit that is not known is now left alone.
# shellcheck shell=bash
load lib
load nth

@test "noded starts although it cannot learn its descriptor limit" {
	run nth --functions getrlimit --scenes life
	assert_success
	assert_output --regexp 'getrlimit: [1-9][0-9]* points'
	refute_output --partial "did not start"
}
