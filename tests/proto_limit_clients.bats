# 64 clients: the next takes the place of an idle one; where none is idle it is told and closed.
load proto.bash

setup() {
	setup_test
	cat >"$T/may.py" <<-'END'
		from admin_client import *
		def may(method, **params):
		    """Whether a newcomer has a place, and does that."""
		    try:
		        return "result" in Admin().call(method, **params)
		    except (EOFError, BrokenPipeError, ConnectionResetError):
		        return False
	END
}

@test "the client that has been idle longest makes room" {
	start_noded
	script <<-'END'
		from admin_client import *
		admins = []
		for n in range(64):
		    admins.append(Admin())
		    admins[n].call("version")
		admins[0].call("version", 2)
		newcomer = Admin()
		expect(newcomer.state("admin.sessions"), 64)
		expect(admins[1].line(), None)
		expect([n for n in range(64) if n != 1 and not admins[n].quiet()], [])
		for n in (0, 2, 63):
		    expect(admins[n].call("version", 3)["id"], 3)
	END
}

@test "a client with a call in flight keeps its place: where all have one the next is told" {
	start_noded
	cat "$T/may.py" - <<-'END' | script
		busy = [Admin() for _ in range(64)]
		for n, admin in enumerate(busy):
		    admin.send(request("wait", n, path="log.level", equals="debug", timeout_ms=3600000))
		for _ in range(5):
		    late = Admin()
		    late.finish()
		    reply = late.reply()
		    expect([reply["id"], reply["error"]["code"], reply["error"]["data"]["name"]],
		           [None, -32002, "too_many_clients"])
		    expect(late.line(), None)
		busy.pop().close()
		until(lambda: may("set_log_level", level="debug"))
		for n, admin in enumerate(busy):
		    expect(short(admin.reply()), [n, "result"])
	END
}

@test "where nobody is idle the longest line begun or answer unread gives way, and no call in flight" {
	start_noded
	cat "$T/may.py" - <<-'END' | script
		crowd = [Admin() for _ in range(64)]
		answers = b"".join((request("rpc.discover", k) + "\n").encode() for k in range(60))
		for n, admin in enumerate(crowd):
		    if n == 20:
		        admin.push('{"jsonrpc"')
		    elif n == 40:
		        admin.push_what_fits(answers)
		    elif n != 60:
		        admin.send(request("wait", n, path="log.level", equals="debug", timeout_ms=3600000))
		def newcomer(n):
		    time.sleep(0.2)
		    admin = Admin()
		    admin.call("version")
		    admin.send(request("wait", n, path="log.level", equals="debug", timeout_ms=3600000))
		    return admin
		def timed_out(admin):
		    reply = admin.reply()
		    expect([reply["id"], reply["error"]["code"]], [None, -32004])
		    expect(admin.line(), None)
		# Whether it reads is only known a moment later.
		until(lambda: not crowd[40].push_what_fits(b"\n"))
		time.sleep(2.2)
		crowd[60].push("  x")
		late = [newcomer(100)]
		timed_out(crowd[20])
		late.append(newcomer(101))
		while crowd[40].socket.recv(1 << 20):
		    pass
		late.append(newcomer(102))
		timed_out(crowd[60])
		last = Admin()
		expect(last.reply()["error"]["data"]["name"], "too_many_clients")
		late.pop().close()
		until(lambda: may("set_log_level", level="debug"))
		for n, admin in [*enumerate(crowd), (100, late[0]), (101, late[1])]:
		    if n not in (20, 40, 60):
		        expect(short(admin.reply()), [n, "result"])
	END
}

@test "the place of a client that left can be taken" {
	start_noded
	script <<-'END'
		from admin_client import *
		admins = [Admin() for _ in range(64)]
		for n, admin in enumerate(admins):
		    admin.send(request("wait", n, path="nowhere", exists=True, timeout_ms=3600000))
		def refused():
		    try:
		        admin = Admin()
		        return admin.call("version").get("error", {}).get("data", {}).get("name") == "too_many_clients"
		    except (EOFError, BrokenPipeError, ConnectionResetError):
		        return True
		until(refused)
		admins.pop().close()
		until(lambda: not refused())
	END
}

# A request that noded has not read yet makes its client busy all the same.
@test "of many clients that come at once each is answered or told, none is dropped" {
	start_noded
	script <<-'END'
		from admin_client import *
		def alone():
		    try:
		        return Admin().state("admin.sessions") == 1
		    except (EOFError, BrokenPipeError, ConnectionResetError):
		        return False
		for _ in range(10):
		    admins = []
		    for n in range(120):
		        admin = Admin()
		        try:
		            admin.send(request("version", n))
		        except (BrokenPipeError, ConnectionResetError):
		            pass
		        admins.append(admin)
		    answers = [admin.reply() for admin in admins]
		    for n, answer in enumerate(answers):
		        assert answer is not None, f"client {n} was dropped"
		        assert short(answer) in ([n, "result"], [None, "too_many_clients"]), answer
		    served = sum(answer["id"] is not None for answer in answers)
		    assert served >= 63, served
		    for admin in admins:
		        admin.close()
		    # The place of this one may be taken still when the next ones come.
		    until(alone)
	END
}
