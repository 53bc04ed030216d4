# While accept4(2) kept failing for a reason that is none of ours (ECONNABORTED, EPROTO, a firewall),
# noded tried again at once and for ever: a spin of 100,000 turns a second, and a stop that had to
# know whether anybody was waiting never returned from it. A batch that failed as a whole is now
# tried again a little later.
# shellcheck shell=bash
load lib
load nth

@test "accept4 that only fails costs no processor and no stop" {
	run nth --functions accept4 --scenes drain --errors ECONNABORTED --every 3
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
