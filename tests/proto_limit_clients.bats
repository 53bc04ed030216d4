# 64 clients: the next takes the place of an idle one; where none is idle it is told and closed.
load proto.bash

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

@test "a client with a call in flight, a line begun or output unread is not idle" {
	start_noded
	script <<-'END'
		from admin_client import *
		busy = []
		for n in range(64):
		    admin = Admin()
		    if n % 3 == 0:
		        admin.send(request("wait", n, path="log.level", equals="debug", timeout_ms=3600000))
		    elif n % 3 == 1:
		        admin.call("version")
		        admin.push(request("version", n)[:20])
		    else:
		        admin.push_what_fits(b"".join((request("rpc.discover", k) + "\n").encode() for k in range(60)))
		    busy.append(admin)
		for _ in range(5):
		    late = Admin()
		    late.finish()
		    reply = late.reply()
		    expect([reply["id"], reply["error"]["code"], reply["error"]["data"]["name"]],
		           [None, -32002, "too_many_clients"])
		    expect(late.line(), None)
		for n in range(64):
		    if n % 3 == 1:
		        busy[n].push(request("version", n)[20:] + "\n")
		        expect(short(busy[n].reply()), [n, "result"])
		Admin().result("set_log_level", level="debug")
		for n in range(64):
		    if n % 3 == 0:
		        expect(short(busy[n].reply()), [n, "result"])
		    elif n % 3 == 2:
		        expect([busy[n].reply()["id"] for _ in range(60)], list(range(60)))
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
