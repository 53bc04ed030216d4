# What an observer may do, and that nothing happens of what it may not.
load trust.bash

@test "rpc.discover tells the role of every method" {
	start_noded
	run jq -c '[.methods[] | select(."x-role" == "observe") | .name] | sort' <<<"$(result rpc.discover)"
	assert_output '["list_connections","list_servers","rpc.discover","state","version","wait"]'
	run jq -e '.methods | all(."x-role" == "observe" or ."x-role" == "operate")' <<<"$(result rpc.discover)"
	assert_success
}

# The methods and their parameters are those of rpc.discover: one that is added is tried too.
@test "an observer calls every method: those that change something are refused and change nothing" {
	start_noded --admin-group "$WATCHERS"
	start_server a
	connect_idle 2 "unix:$T/a.sock"
	wait_until 25 state_is 2 transport.connection_pool.open
	script <<-END
		from admin_client import *
		import os
		def timeless(value):
		    if isinstance(value, dict):
		        return {k: timeless(v) for k, v in value.items() if k not in ("idle_ms", "rss", "loop", "listener")}
		    return value
		boss = Admin()
		with as_user($GUEST, $WATCHERS):
		    admin = Admin()
		def all_of_it():
		    return [timeless(boss.state("")), boss.state("transport.servers")["unix:$T/a.sock"]["connection_pool"]["open"],
		            sorted(os.listdir("$T"))]
		before = all_of_it()
		ids = [row["id"] for row in boss.result("list_connections")["connections"]]
		real = {"address": "unix:$T/a.sock", "id": ids[0]}
		methods = admin.result("rpc.discover")["methods"]
		refused = []
		for method in methods:
		    example = dict(method["x-example-params"])
		    # As in the example, and about what is really there.
		    tries = [example, {**example, **{k: v for k, v in real.items() if k in example}}]
		    # However wrong it is, what is missing is the role.
		    if method["x-role"] == "operate":
		        tries += [{}, {"unknown": 1}, {k: [[]] for k in example}]
		    if method["name"] == "start":
		        tries.append({"address": "unix:$T/new.sock"})
		    for params in tries:
		        if method["x-role"] == "operate":
		            error = admin.call(method["name"], 7, **params)["error"]
		            expect([error["code"], error["data"]["name"]], [-32003, "permission_denied"])
		            expect(error["data"]["detail"], method["name"] + " takes the role operate, and uid $GUEST has observe: operate is for root")
		            # Nobody hears of a notification, and neither does anything happen.
		            admin.send(request(method["name"], None, **params))
		            refused.append(method["name"])
		        elif method["name"] != "wait":
		            reply = admin.call(method["name"], **params)
		            assert "result" in reply or reply["error"]["data"]["name"] in ("no_such_server", "no_such_path"), reply
		expect(admin.wait("phase", equals="running"), "running")
		assert len(set(refused)) >= 8, refused
		expect(all_of_it(), before)
	END
	assert_equal "$(state phase)" running
	clients_do "echo still" | grep -qx 2
	assert_log_lines 1 'warning admin refused'
}

@test "in a batch an observer's entries are refused one by one" {
	start_noded --admin-group "$WATCHERS"
	script <<-END
		from admin_client import *
		with as_user($GUEST, $WATCHERS):
		    admin = Admin()
		admin.send("[" + ",".join([request("version", 1), request("shutdown", 2), request("shutdown", None),
		                           request("state", 3, path="phase"), request("set_log_level", 4, level="debug")]) + "]")
		expect(short(admin.reply()), [[1, "result"], [2, "permission_denied"], [3, "result"], [4, "permission_denied"]])
	END
	assert_equal "$(state log.level)" info
}

@test "an observer is told of the role before what else is wrong, and of that where there is none" {
	start_noded --admin-group "$WATCHERS"
	script <<-END
		from admin_client import *
		with as_user($GUEST, $WATCHERS):
		    admin = Admin()
		expect(admin.error("set_log_level")["name"], "permission_denied")
		expect(admin.error("set_log_level", level="loud")["name"], "permission_denied")
		expect(admin.error("stop_server", address="tcp:x")["name"], "permission_denied")
		expect(admin.error("no_such_method")["name"], "method_not_found")
		expect(admin.error("state", path=7)["name"], "invalid_params")
		expect(admin.error("list_connections", server="tcp:x")["name"], "address_invalid")
		expect(admin.error("stop_server", address="/none")["name"], "permission_denied")
		expect(short(admin.call("shutdown", 5)), [5, "permission_denied"])
		admin.send("nonsense")
		expect(short(admin.reply()), [None, "parse_error"])
	END
	assert_log_lines 1 'warning admin refused'
}

@test "nodectl tells an observer which role is missing and who has it, with status 5" {
	need_acls
	start_noded --admin-group "$WATCHERS" --operators "$CREW"
	run -5 guest "$WATCHERS" "" start "$T/x.sock"
	assert_output "nodectl: unix:$T/x.sock: start takes the role operate, and uid $GUEST has observe: operate is for root, group $CREW (permission_denied)"
	run -5 guest "$WATCHERS" "" shutdown
	assert_output "nodectl: shutdown: takes the role operate, and uid $GUEST has observe: operate is for root, group $CREW (permission_denied)"
	run -0 --separate-stderr guest "$WATCHERS" "" state phase
	assert_output running
	run -0 guest "$WATCHERS" "" wait phase --is running
	run -0 guest "$WATCHERS" "" list-servers
	# Before anything is sent nobody is asked for a role.
	run -0 guest "$WATCHERS" "" --dry-run shutdown
	start_server a
	run -5 --separate-stderr guest "$WATCHERS" "" --json stop-server --all --now
	assert_equal "$(jq -r '.results[0].error.data.name' <<<"$output")" permission_denied
	assert_equal "$(state 'transport.servers["unix:'"$T"'/a.sock"].phase')" running
}
