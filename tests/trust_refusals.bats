# Refusals in the log: one line a user, then a count, whatever is refused. The minutes themselves are
# tests/unit/test_refusals.c's.
load trust.bash

@test "a flood of refusals is one line a user, and a count at the end" {
	start_noded --admin-group "$WATCHERS"
	chmod 0666 "$NODED_SOCKET"
	script <<-END
		from admin_client import *
		for uid in (34020, 34021, 34022):
		    with as_user(uid, uid):
		        for _ in range(200):
		            admin = Admin()
		            reply = admin.reply()
		            expect([reply["id"], reply["error"]["data"]["detail"]],
		                   [None, f"uid {uid} has no role here: observe is for group $WATCHERS, operate is for root"])
		            expect(admin.line(), None)
		            admin.close()
		with as_user(34023, $WATCHERS):
		    admin = Admin()
		for _ in range(20):
		    admin.send(*[request("shutdown", n) for n in range(50)])
		    expect([short(admin.reply()) for n in range(50)], [[n, "permission_denied"] for n in range(50)])
		expect(Admin().state("admin.sessions"), 2)
	END
	assert_log_lines 4 'warning admin refused'
	assert_log_lines 1 'warning admin refused: shutdown takes the role operate, and uid 34023 has observe: operate is for root$'
	local uid
	for uid in 34020 34021 34022; do
		assert_log_lines 1 "warning admin refused: uid $uid has no role here: observe is for group $WATCHERS, operate is for root\$"
	done
	stop_noded
	assert_log_lines 3 'warning admin refused: uid 3402[0-2], 199 more times$'
	assert_log_lines 1 'warning admin refused: uid 34023, 999 more times$'
	assert_log_lines 8 'refused'
}

@test "many users do not flood the log either" {
	start_noded
	chmod 0666 "$NODED_SOCKET"
	script <<-END
		from admin_client import *
		for uid in range(35000, 35100):
		    with as_user(uid, uid):
		        admin = Admin()
		        assert admin.reply()["error"]["code"] == -32003
		        admin.close()
	END
	assert_log_lines 33 'refused'
	stop_noded
	assert_log_lines 1 'refused: 67 more times, users beyond the 32 counted apart'
	assert_log_lines 34 'refused'
}

@test "a refusal is said before a byte is read" {
	start_noded
	chmod 0666 "$NODED_SOCKET"
	LAUNCH=()
	background trace strace -f -qq -s 400 -p "$NODED_PID" -e trace=accept4,getsockopt,recvfrom,sendto -o "$T/trace"
	wait_until 20 grep -q "^TracerPid:[[:space:]]*[1-9]" "/proc/$NODED_PID/status"
	run as "$GUEST" "$GUEST" "" nc -N -U "$NODED_SOCKET" <<<"$(request 1 version)"
	assert_output --partial permission_denied
	wait_until 20 grep -q 'sendto(' "$T/trace"
	# What is read after the answer is thrown away, so that the client reads it (tcp(7)).
	run awk '/SO_PEERCRED/ { asked = NR } /sendto\(.*permission_denied/ { told = NR }
		/recvfrom\(/ && !told { read_before = NR }
		END { print (asked && asked < told && !read_before) }' <(grep -v 'SO_DOMAIN' "$T/trace")
	assert_output 1
	end_background "$BACKGROUND_PID"
}
