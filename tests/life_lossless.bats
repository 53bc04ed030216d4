# Nobody who had connected is cut off when a server stops listening: connect succeeded, bytes were
# sent, the same bytes come back.
# shellcheck shell=bash
load lib
load life
load proto

setup() {
	setup_test
	start_noded
}

# churned N ADDRESS ACT: acts N times while 32 clients reconnect, each time when 50 more have been
# served: ACT is "stop", which starts again too, or "suspend", which resumes.
churned() {
	background churn python3 "$ROOT/tests/churn.py" 32 "$2"
	script "$@" <<-'END'
		import sys
		from admin_client import Admin, expect
		times, address, act = int(sys.argv[1]), sys.argv[2], sys.argv[3]
		admin, total = Admin(), 0
		for _ in range(times):
		    total = admin.wait(f"transport.servers[{address}].connection_pool.total",
		                       at_least=total + 50, timeout_ms=30000)
		    if act == "suspend":
		        admin.result("suspend_server", address=address)
		        admin.result("resume_server", address=address)
		    else:
		        expect(admin.result("stop_server", address=address)["outcome"], "drained")
		        admin.result("start", address=address)
		        total = 0 # the new one's
	END
	end_background "$BACKGROUND_PID"
	run cat "$T/churn.log"
	[[ $(jq -c .cut <<<"$output") == "[]" ]] || fail "$output"
	(($(jq .served <<<"$output") >= $1 * 50))
}

@test "lossless: 20 stops in front of 32 clients reconnecting, TCP" {
	churned 20 "$(serve tcp:127.0.0.1:0)" stop
}

@test "lossless: 5 stops in front of 32 clients reconnecting, TCP over IPv6" {
	churned 5 "$(serve 'tcp:[::1]:0')" stop
}

@test "lossless: 20 stops in front of 32 clients reconnecting, Unix" {
	churned 20 "$(serve "$T/s.sock")" stop
}

@test "lossless: 20 suspensions in front of 32 clients reconnecting, TCP" {
	churned 20 "$(serve tcp:127.0.0.1:0)" suspend
}

@test "lossless: 20 suspensions in front of 32 clients reconnecting, Unix" {
	churned 20 "$(serve "$T/s.sock")" suspend
}
