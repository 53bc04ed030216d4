# After the client's half-close everything it sent is run and answered, then the connection ends.
load proto.bash

@test "all requests before a half-close are answered" {
	local n
	start_noded
	for n in {1..500}; do request "$n" version; done >"$T/requests"
	nc -N -U "$NODED_SOCKET" <"$T/requests" >"$T/replies"
	assert_equal "$(jq .id "$T/replies" | sort -n | uniq | wc -l)" 500
}

@test "calls in flight at a half-close are answered before the end" {
	start_noded
	start_server a '"drain_ms":300'
	connect_idle 1 "unix:$T/a.sock"
	run outcomes "$(request 1 wait '{"path":"nowhere","exists":true,"timeout_ms":400}')" \
		"$(request 2 stop_server "{\"address\":\"$T/a.sock\"}")" "$(request 3 version)"
	assert_output $'[3,"result"]\n[2,"result"]\n[1,"timeout"]'
}

@test "a half-closed client with a call in flight makes noded spin as little as an open one" {
	start_noded
	script <<-'END'
		from admin_client import *
		other = Admin()
		admin = Admin()
		admin.send(request("wait", path="transport.servers[/no/such]", exists=True))
		admin.finish()
		other.wait("admin.sessions", equals=2)
		before = other.state("process.loop.turns")
		other.error("wait", path="nowhere", exists=True, timeout_ms=1000)
		turns = other.state("process.loop.turns") - before
		assert turns < 100, f"{turns} turns in a second"
		expect(admin.quiet(), True, "quiet")
	END
}

@test "a client that half-closes without a word is let go" {
	start_noded
	run raw
	assert_success
	assert_output ""
	wait_until 25 state_is 1 admin.sessions
}
