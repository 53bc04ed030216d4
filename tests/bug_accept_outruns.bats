# 64 clients were accepted in a turn even while those of earlier turns, who had left, were yet to be
# closed: where closing is slow, or noded shares its processor, they stood open beside those who came
# until descriptors ran out, with a quarter of as many clients there.
# shellcheck shell=bash
load handler

@test "clients who have left are closed before many more are accepted" {
	expect_tracer
	start_noded
	# A turn has time for few of these.
	inject close:delay_exit=60
	script <<-'END'
		from peers import *
		import contextlib, resource, signal
		node, pid = Node(), int(os.environ["NODED_PID"])
		at = node.serve("unix:", max_connections=None, backlog=4096)
		with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
		    count = min(2000, int(file.read()))
		os.kill(pid, signal.SIGSTOP)
		for _ in range(count):
		    connect(at).close()
		used = max(map(int, os.listdir(f"/proc/{pid}/fd")))
		_, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
		resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 200, most))
		os.kill(pid, signal.SIGCONT)
		node.until_ended(at, "client_closed", count)
		node.until_open(at, 0)
	END
	end_inject
	assert_log_lines 0 'accepting pauses'
}
