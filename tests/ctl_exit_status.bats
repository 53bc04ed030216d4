# The exit status of nodectl in front of the real noded, for every status there is. That each error
# of the table has its status is shown by tests/cli_replies.bats.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

@test "0: done, whatever the outcome of a stop; empty lists; what is absent and may be" {
	nodectl start "$T/a.sock" >/dev/null
	nodectl start "$T/a.sock" --if-missing >/dev/null
	says "" -q list-connections
	start_held "$T/b.sock" exec sh -c 'trap "" TERM; cat; cat' --kill 50ms
	says_like '.* killed .*' stop-server "$T/b.sock" --now
	says_like '.* absent .*' stop-server "$T/b.sock" --if-exists
	says null wait "$T/a.sock" error --exists --timeout 0
}

@test "1: what noded refuses for other reasons" {
	exits 1 invalid_params call state '{"nonsense":1}'
	exits 1 invalid_params call stop_server
	exits 1 address_invalid start tcp:192.0.2.1:0
	exits 1 program_not_found start "$T/e.sock" exec "$T/no-such-program"
	mkdir "$T/unsafe"
	chmod 777 "$T/unsafe"
	exits 1 unsafe_directory start "$T/unsafe/a.sock"
	start_held "$T/a.sock"
	nodectl stop-server "$T/a.sock" --no-wait >/dev/null
	exits 1 wrong_state start "$T/a.sock"
	exits 1 wrong_state suspend-server "$T/a.sock"
}

@test "1: noded is ending" {
	start_held "$T/a.sock"
	ask wait wait nothing --exists
	local waiting=$ASKED
	wait_until 25 state_is 2 admin.sessions
	ask shutdown shutdown
	wait_until 25 state_is draining phase
	answered 1 "$waiting"
	[[ $(cat "$T/wait.log") == *"(cancelled)" ]]
	exits 1 shutting_down start "$T/b.sock"
	clients_do 'close 1'
	answered 0 "$ASKED"
	wait_noded
}

@test "2: usage" {
	exits 2 invalid_params stop-server "$T/a.sock" --deadline never
	exits 2 address_invalid start a.sock
	run nodectl
	assert_failure 2
}

@test "3: nobody there, or gone before the answer" {
	exits 3 no_noded -s "$T/none" version
	start_held "$T/a.sock"
	ask stop stop-server "$T/a.sock"
	wait_until 25 is_draining "$T/a.sock"
	kill_noded
	answered 3 "$ASKED"
	assert_equal "$(tail -n 1 "$T/stop.log")" \
		"nodectl: stop-server: noded at $NODED_SOCKET went away; whether it was done is unknown (no_noded)"
	exits 3 no_noded version
	rm "$NODED_SOCKET"
}

@test "4: no such server, connection, path" {
	exits 4 no_such_server stop-server "$T/none"
	exits 4 no_such_server list-connections --server "$T/none"
	exits 4 no_such_server resume-server tcp:127.0.0.1:1
	exits 4 no_such_connection close-connection 9007199254740991
	exits 4 no_such_path state nothing
	exits 4 no_such_path state "$T/none"
	exits 4 no_such_path state log level deeper
}

@test "5: not permitted" {
	((EUID == 0)) || skip "needs root to be somebody else"
	cp "$NODECTL" "$T/nodectl"
	chmod 755 "$T"
	NODECTL=(setpriv --reuid 65534 --clear-groups "$T/nodectl")
	nodectl() { "${NODECTL[@]}" "$@"; }
	exits 5 permission_denied version
	[[ $(nodectl version 2>&1) == *"permission denied (owner root:root, mode 0600; you are nobody)"* ]]
	chmod 666 "$NODED_SOCKET"
	exits 5 permission_denied version
	[[ $(nodectl version 2>&1) == *"has no role here: operate is for root"* ]]
}

@test "6: something is there" {
	local port
	nodectl start "$T/a.sock" >/dev/null
	exits 6 already_exists start "$T/a.sock"
	: >"$T/file"
	exits 6 path_exists start "$T/file"
	exits 6 path_exists start "$NODED_SOCKET"
	background taken python3 -c '
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(600)'
	wait_until 25 test -s "$T/taken.log"
	port=$(cat "$T/taken.log")
	exits 6 address_in_use start "tcp:127.0.0.1:$port"
}

@test "7: the time ran out" {
	exits 7 timeout wait phase --is suspended --timeout 0
	exits 7 timeout wait nothing --exists --timeout 20ms
}

@test "8: not understood" {
	exits 8 method_not_found call nonsense
	exits 8 request_too_large call state "{\"path\":\"$(head -c 70000 /dev/zero | tr '\0' a)\"}"
	exits 8 invalid_request call state 5
}

@test "141: standard output is a pipe nobody reads" {
	run python3 -c '
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
print(subprocess.run([*sys.argv[1:]], stdout=writer).returncode)' "$NODECTL" state
	assert_output -13
}

@test "1: standard output is a full disk, after noded did it" {
	run --separate-stderr bash -c '"$NODECTL" start "$T/a.sock" >/dev/full'
	assert_equal "$status" 1
	assert_equal "$stderr" \
		"nodectl: output: cannot write standard output: No space left on device (io_error)"
	says running state "$T/a.sock" phase
	run --separate-stderr bash -c '"$NODECTL" -j list-servers >/dev/full'
	assert_equal "$status" 1
}

@test "143: ended by SIGTERM, while a drain is watched and elsewhere" {
	start_held "$T/a.sock"
	ask stop stop-server "$T/a.sock"
	wait_until 25 is_draining "$T/a.sock"
	kill "$ASKED"
	answered 143 "$ASKED"
	[[ $(tail -n 1 "$T/stop.log") == *"; detached, the drain goes on (interrupted)" ]]
	is_draining "$T/a.sock"
	ask wait wait nothing --exists
	wait_until 25 state_is 2 admin.sessions
	kill "$ASKED"
	answered 143 "$ASKED"
}
