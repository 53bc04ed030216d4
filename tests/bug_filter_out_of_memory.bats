# The library that made the filter of system calls did not survive that memory ran out in it: it went
# round for ever, freed twice, or loaded what lacked a part, so that noded could not even exit. The
# filter is made without memory now. noded starts, or says why not, and a second start succeeds.
# shellcheck shell=bash
load lib
load nth

@test "any allocation of a noded that runs no programs fails at its start" {
	[[ $NODED != */san/* ]] || skip "the sanitizer has an allocator of its own"
	run nth --scenes guarded --functions malloc,calloc,realloc
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
