# Batches: one line of 1 to 64 entries, run one after the other, answered in one line.
load proto.bash

# batch ENTRY...: prints them as one line.
batch() {
	local IFS=,
	printf '[%s]\n' "$*"
}

@test "the replies are one line in the order of the entries, without notifications" {
	start_noded
	run raw "$(batch "$(request 3 version)" "$(notification version)" "$(request 1 nothing)" \
		"$(notification nothing)" "$(request 2 state '{"path":"pid"}')" 7 "$(request null version)")"
	assert_equal "${#lines[@]}" 1
	assert_equal "$(short <<<"$output")" \
		'[[3,"result"],[1,"method_not_found"],[2,"result"],[null,"invalid_request"],[null,"result"]]'
}

@test "an entry starts when the one before is answered" {
	start_noded
	start_server a
	connect_idle 1 "unix:$T/a.sock"
	run raw "$(batch "$(request 1 wait '{"path":"nowhere","exists":true,"timeout_ms":300}')" \
		"$(request 2 stop_server "{\"address\":\"$T/a.sock\",\"deadline_ms\":300}")" \
		"$(request 3 start "{\"address\":\"$T/a.sock\",\"handler\":{\"type\":\"discard\"}}")" \
		"$(notification suspend_server "{\"address\":\"$T/a.sock\"}")" \
		"$(request 4 state "{\"path\":\"transport.servers[$T/a.sock].phase\"}")" \
		"$(request 5 stop_server "{\"address\":\"$T/a.sock\"}")")"
	assert_equal "$(short <<<"$output")" \
		'[[1,"timeout"],[2,"result"],[3,"result"],[4,"result"],[5,"result"]]'
	assert_equal "$(jq -c '[.[1].result.outcome, .[3].result.value]' <<<"$output")" \
		'["stopped","suspended"]'
}

@test "other lines go on while a batch waits, other batches too" {
	start_noded
	script <<-'END'
		from admin_client import *
		def batch(*requests):
		    return "[" + ",".join(requests) + "]"
		admin, other = Admin(), Admin()
		admin.send(batch(request("wait", 1, path="log.level", equals="debug"), request("version", 2)),
		           request("version", 3),
		           batch(request("wait", 4, path="log.level", equals="error"), request("version", 5)),
		           batch(request("version", 6)))
		expect([short(admin.reply()), short(admin.reply())], [[3, "result"], [[6, "result"]]])
		expect(admin.quiet(), True, "both batches wait")
		other.result("set_log_level", level="error")
		expect(short(admin.reply()), [[4, "result"], [5, "result"]])
		expect(admin.quiet(), True, "the first batch waits")
		other.result("set_log_level", level="debug")
		expect(short(admin.reply()), [[1, "result"], [2, "result"]])
	END
}

@test "a batch of notifications is run and not answered at all" {
	start_noded
	run raw "$(batch "$(notification set_log_level '{"level":"debug"}')" "$(notification nothing)")"
	assert_success
	assert_output ""
	assert_equal "$(state log.level)" debug
}

@test "an empty batch is one invalid_request" {
	start_noded
	run outcomes '[]' '[ ]' "$(request 1 version)"
	assert_output '[null,"invalid_request"]
[null,"invalid_request"]
[1,"result"]'
}

@test "64 entries are run, 65 are one invalid_request and none is run" {
	local n entries=()
	start_noded
	for n in {1..63}; do entries+=("$(request "$n" version)"); done
	run outcomes "$(batch "${entries[@]}" "$(request 64 set_log_level '{"level":"debug"}')")"
	assert_equal "$(jq length <<<"$output")" 64
	assert_equal "$(jq -c 'map(.[0]) == [range(1; 65)]' <<<"$output")" true
	assert_equal "$(state log.level)" debug
	run outcomes "$(batch "$(request 0 set_log_level '{"level":"error"}')" "${entries[@]}" \
		"$(request 65 set_log_level '{"level":"error"}')")" "$(request 66 version)"
	assert_output $'[null,"invalid_request"]\n[66,"result"]'
	assert_equal "$(state log.level)" debug
}

@test "entries that are no requests get an invalid_request each" {
	start_noded
	run outcomes "$(batch 1 '"x"' null '[]' '{}' "[$(request 9 version)]" "$(request 2 version)" \
		'{"id":3}')"
	assert_output '[[null,"invalid_request"],[null,"invalid_request"],[null,"invalid_request"],[null,"invalid_request"],[null,"invalid_request"],[null,"invalid_request"],[2,"result"],[3,"invalid_request"]]'
}

@test "one malformed entry refuses the whole line" {
	start_noded
	run outcomes "$(batch "$(request 1 set_log_level '{"level":"debug"}')" '{"jsonrpc":"2.0",}')"
	assert_output '[null,"parse_error"]'
	run outcomes "$(batch "$(request 1 set_log_level '{"level":"debug"}')" '{"id":1,"id":2}')"
	assert_output '[null,"invalid_request"]'
	assert_equal "$(state log.level)" info
}

@test "the batches of a client that leaves end with it" {
	start_noded
	script <<-'END'
		from admin_client import *
		admin, other = Admin(), Admin()
		entry = request("wait", 1, path="nowhere", exists=True, timeout_ms=3600000)
		admin.send(*["[" + ",".join([entry] * 60) + "]"] * 20)
		expect(admin.call("version", 2)["id"], 2)
		admin.close()
		other.wait("admin.sessions", equals=1, timeout_ms=10000)
	END
}
