# suspend_server without memory for its deadline: the listener ended at once, and noded went on to end
# it through a pointer that its going had cleared. SIGSEGV.
# shellcheck shell=bash
load lib
load nth

@test "suspending lives through each failed allocation" {
	[[ $NODED != */san/* ]] || skip "the sanitizers have an allocator of their own"
	run nth --functions calloc --scenes suspend
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
