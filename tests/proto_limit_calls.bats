# 64 calls of a connection may be in flight; then it is not read until one is answered.
load proto.bash

@test "the 65th request is run when one of 64 is answered; nobody else waits" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		waits = [request("wait", n, path="log.level", equals="debug" if n == 7 else "error", timeout_ms=3600000)
		         for n in range(64)]
		admin.send(*waits, request("version", "late"), request("version", "later"))
		for _ in range(20):
		    expect(other.result("version")["protocol"]["major"], 1)
		expect(admin.quiet(), True, "64 are in flight")
		other.result("set_log_level", level="debug")
		expect([short(admin.reply()) for _ in range(3)], [[7, "result"], ["late", "result"], ["later", "result"]])
		other.result("set_log_level", level="error")
		expect(sorted(admin.reply()["id"] for _ in range(63)), [n for n in range(64) if n != 7])
		expect(admin.call("version", 1)["id"], 1)
	END
}

@test "with 64 in flight it is not read from, and afterwards nothing is lost" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		admin.send(*[request("wait", n, path="log.level", equals="debug", timeout_ms=3600000) for n in range(64)])
		other.wait("admin.sessions", equals=2)
		data = b"".join((request("version", n) + "\n").encode() for n in range(64, 100000))
		sent = admin.push_what_fits(data)
		assert sent < 2000000, f"{sent} bytes were read"
		other.call("version")
		sent += admin.push_what_fits(data[sent:])
		assert sent < 2000000, f"{sent} bytes were read"
		other.result("set_log_level", level="debug")
		last = 63 + data[:sent].count(b"\n")
		expect(sorted(admin.reply()["id"] for _ in range(last + 1)), list(range(last + 1)))
		if data[sent - 1:sent] != b"\n":
		    admin.push(data[sent:data.find(b"\n", sent) + 1])
		    expect(admin.reply()["id"], last + 1)
		admin.finish()
		expect(admin.line(), None)
	END
}

@test "a batch counts as the one call it has in flight" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		wait = request("wait", 1, path="log.level", equals="debug", timeout_ms=3600000)
		admin.send(*["[" + ",".join([wait] * 64) + "]"] * 63)
		expect(admin.call("version", 2)["id"], 2)
		admin.send(wait, request("version", 3))
		other.call("version")
		expect(admin.quiet(), True, "64 are in flight")
		other.result("set_log_level", level="debug")
		replies = [admin.reply() for _ in range(65)]
		expect(sorted(len(r) for r in replies if isinstance(r, list)), [64] * 63)
	END
}

@test "calls that were too many at a half-close are run after all" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		admin.send(*[request("wait", n, path="log.level", equals="debug", timeout_ms=3600000) for n in range(200)])
		admin.finish()
		other.wait("admin.sessions", equals=2)
		expect(admin.quiet(), True, "quiet")
		other.result("set_log_level", level="debug")
		expect(sorted(reply["id"] for reply in admin.replies()), list(range(200)))
	END
}
