# The admin socket's file is removed or replaced: noded notices, says so once and listens again.
load proto.bash

@test "a removed admin socket is made again, with one line; open sessions go on" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		path = os.environ["NODED_SOCKET"]
		admin = Admin()
		os.unlink(path)
		until(lambda: os.path.exists(path))
		expect(os.stat(path).st_mode & 0o777, 0o600)
		expect(admin.call("version", 1)["id"], 1)
		expect(Admin().call("version", 2)["id"], 2)
		expect(admin.state("admin.phase"), "running")
	END
	assert_log_lines 1 '(info |warning|error|debug) +admin '
	assert_log_lines 1 'warning admin .*listening again'
}

@test "an admin socket whose path somebody else took is not taken back" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		path = os.environ["NODED_SOCKET"]
		admin = Admin()
		os.unlink(path)
		with open(path, "w") as file:
		    file.write("mine")
		admin.wait("admin.phase", equals="suspended", timeout_ms=5000)
		expect(admin.state("admin.listener"), None)
		expect(open(path).read(), "mine")
		os.unlink(path)
		admin.wait("admin.phase", equals="running", timeout_ms=20000)
		expect(Admin().call("version")["id"], 1)
	END
	assert_log_lines 1 'warning admin .*a regular file is at'
	assert_log_lines 1 ' admin .*listening again on'
	assert_log_lines 2 '(info |warning|error|debug) +admin '
}

@test "a moved directory is noticed and the admin socket made again" {
	mkdir "$T/run"
	NODED_SOCKET=$T/run/admin.sock
	start_noded
	mv "$T/run" "$T/moved"
	mkdir "$T/run"
	wait_until 25 listening "unix:$NODED_SOCKET"
	assert_equal "$(state pid)" "$NODED_PID"
	rm -f "$T/moved/admin.sock"
}
