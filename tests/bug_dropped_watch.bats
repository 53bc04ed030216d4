# Where epoll_ctl(2) has no memory libev stops the watcher and says so in a flag, which nobody looked
# at: connections, listeners and admin sessions hung. One that was started again before it was told
# stayed deaf, since for libev nothing had changed. And the wake-up of signals was lost for good.
# shellcheck shell=bash
load lib
load nth

@test "descriptors that cannot be watched are refused or tried again" {
	run nth --functions epoll_ctl --scenes forward,life --errors ENOMEM --every 4
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
