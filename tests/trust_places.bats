# Observers never keep an operator out: not by number, not by being busy, not by descriptors.
load trust.bash

@test "64 idle clients: an idle observer gives way to an operator before an idle operator does" {
	start_noded --admin-group "$WATCHERS"
	script <<-END
		from admin_client import *
		boss = [Admin() for _ in range(20)]
		for admin in boss:
		    admin.call("version")
		with as_user($GUEST, $WATCHERS):
		    watchers = [Admin() for _ in range(44)]
		for admin in watchers:
		    admin.call("version")
		expect(boss[0].state("admin.sessions"), 64)
		late = Admin()
		expect(late.state("admin.sessions"), 64)
		# The observer that was idle for longest, although every operator was idle for longer.
		expect(watchers[0].line(), None)
		expect([n for n in range(1, 44) if not watchers[n].quiet()], [])
		expect([n for n in range(20) if not boss[n].quiet()], [])
		# One more observer takes the place of an observer.
		with as_user($GUEST, $WATCHERS):
		    another = Admin()
		expect(another.state("admin.sessions"), 64)
		expect(watchers[1].line(), None)
		expect([n for n in range(20) if not boss[n].quiet()], [])
	END
}

@test "an observer never takes the place of an operator, even an idle one" {
	start_noded --admin-group "$WATCHERS"
	script <<-END
		from admin_client import *
		boss = [Admin() for _ in range(64)]
		for admin in boss:
		    admin.call("version")
		with as_user($GUEST, $WATCHERS):
		    watcher = Admin()
		watcher.finish()
		expect(short(watcher.reply()), [None, "too_many_clients"])
		expect(watcher.line(), None)
		expect([n for n in range(64) if not boss[n].quiet()], [])
	END
}

@test "busy observers take 48 places, and 16 operators still come in" {
	start_noded --admin-group "$WATCHERS"
	script <<-END
		from admin_client import *
		boss = Admin()
		watchers = []
		with as_user($GUEST, $WATCHERS):
		    for n in range(60):
		        watcher = Admin()
		        try:
		            watcher.send(request("wait", n, path="nowhere", exists=True, timeout_ms=3600000))
		        except (BrokenPipeError, ConnectionResetError):
		            pass
		        if n < 48:
		            boss.wait("admin.sessions", equals=n + 2)
		        watchers.append(watcher)
		expect([short(watcher.reply()) for watcher in watchers[48:]], [[None, "too_many_clients"]] * 12)
		more = [Admin() for _ in range(15)]
		for n, admin in enumerate(more):
		    admin.send(request("wait", n, path="nowhere", exists=True, timeout_ms=3600000))
		    expect(short(admin.call("version", 99)), [99, "result"])
		expect(boss.state("admin.sessions"), 64)
		roles = [client["role"] for client in boss.state("admin.clients")]
		expect([roles.count("observe"), roles.count("operate")], [48, 16])
		# 16 busy operators beside them: only now one is told that there is no place.
		boss.send(request("wait", 1, path="nowhere", exists=True, timeout_ms=3600000))
		expect(short(boss.call("version", 99)), [99, "result"])
		def refused():
		    admin = Admin()
		    try:
		        admin.send(request("version"))
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    return short(admin.reply()) == [None, "too_many_clients"]
		until(refused)
		expect([n for n in range(48) if not watchers[n].quiet()], [])
		more.pop().close()
		until(lambda: not refused())
	END
}

# Data clients hold every descriptor noded may have but those it keeps back. On both sockets more
# observers come than these could serve; operators are let in, one after the other and many at once.
@test "out of descriptors: neither data clients nor observers keep operators out" {
	LAUNCH=(prlimit --nofile=200:200)
	start_noded --admin-group "$WATCHERS" --observe-socket "$T/observe.sock"
	result start "{\"address\":\"unix:$T/data.sock\",\"handler\":{\"type\":\"echo\"},\"max_connections\":null}" >/dev/null
	LAUNCH=()
	connect_idle 400 "unix:$T/data.sock"
	wait_until 20 state_is fd_limit "transport.servers[\"unix:$T/data.sock\"].listener.why"
	script <<-END
		from admin_client import *
		def serves(admin):
		    try:
		        return "result" in admin.call("version")
		    except (EOFError, BrokenPipeError, ConnectionResetError):
		        return False
		watchers = []
		for path in ("$T/observe.sock", None):
		    with as_user(0 if path else $GUEST, $WATCHERS):
		        for n in range(40):
		            watcher = Admin(path)
		            try:
		                watcher.send(request("wait", n, path="nowhere", exists=True, timeout_ms=3600000))
		            except (BrokenPipeError, ConnectionResetError):
		                pass
		            watchers.append(watcher)
		boss = Admin()
		assert serves(boss)
		# Sixteen of the reserve are not for observers, wherever they come in.
		inside = boss.state("admin.observers") + boss.state("admin.observe.sessions")
		assert 1 <= inside <= 16, inside
		# Each gives back what it took, however long this goes on.
		for n in range(200):
		    admin = Admin()
		    assert serves(admin), n
		    admin.close()
		# And when all stay, idle ones give way.
		stay = []
		for n in range(60):
		    stay.append(Admin())
		    assert serves(stay[-1]), n
		expect(stay[-1].result("list_servers")["total"], 1)
		expect(stay[-1].result("start", address="unix:$T/new.sock")["created"], True)
		expect(stay[-1].result("stop_server", address="unix:$T/new.sock")["outcome"], "drained")
	END
	clients_do quit
}
