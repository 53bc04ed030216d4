# A line must be finished within 10 s from its first byte. A slow test.
load proto.bash

@test "an unfinished line is request_timeout after 10 s, dripping or skipped; idle and waiting clients stay" {
	start_noded
	script <<-'END'
		from admin_client import *
		idle, begun, dripping, behind, skipped, waiting, blank = (Admin() for _ in range(7))
		other = Admin()
		began = time.monotonic()
		begun.push("{")
		behind.push(request("version", 1) + "\n" + request("version", 2))
		expect(short(behind.reply()), [1, "result"])
		skipped.push("x" * 70000)
		expect(short(skipped.reply()), [None, "request_too_large"])
		waiting.send(request("wait", 1, path="nowhere", exists=True, timeout_ms=3600000))
		blank.push(" ")
		blank.push("\n\n")
		ends = {}
		def drip():
		    if time.monotonic() - drip.at > 0.5 and dripping not in ends:
		        dripping.push("[")
		        drip.at = time.monotonic()
		drip.at = began
		dripping.push("[")
		def all_ended():
		    drip()
		    for admin in (begun, dripping, behind, skipped):
		        if admin not in ends and not admin.quiet():
		            ends[admin] = time.monotonic() - began
		    return len(ends) == 4
		until(all_ended, 40)
		for admin, took in ends.items():
		    assert 9.5 <= took <= 25, took
		    reply = admin.reply()
		    expect([reply["id"], reply["error"]["code"], reply["error"]["data"]["name"]],
		           [None, -32004, "request_timeout"])
		    try:
		        expect(admin.line(), None)
		    except ConnectionResetError:
		        pass
		for admin in (idle, blank, waiting):
		    expect(admin.quiet(), True, "quiet")
		    expect(admin.call("version", 9)["id"], 9)
		other.wait("admin.sessions", equals=4, timeout_ms=10000)
	END
}
