# A sample of what `make nth` does with every call: the Nth call of a function fails, once and for ever,
# and noded answers, refuses, and serves as before when it is over.
# shellcheck shell=bash
load lib
load nth

@test "noded survives the failure of any call: a sample" {
	run nth --every 20 --scenes echo,exec,stale,life \
		--functions malloc,realloc,socket,bind,connect,recv,send,open,pipe2,clone,lstat,fstat,close,waitid,kill
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}

@test "noded survives the failure of calls it seldom makes" {
	run nth --every 3 --functions getpeername,sendto,mkdir,opendir,getcwd,fdopendir,nanosleep
	assert_success
	assert_output --regexp '[1-9][0-9]* points tried'
}
