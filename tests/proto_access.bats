# Who may speak: root and the user noded runs as; where the socket is, and with which permissions.
load proto.bash

# as_nobody COMMAND...: runs it as a user who is neither root nor noded's.
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

@test "the socket is 0600 before anybody can reach it" {
	# A tracer leaves no place for LeakSanitizer's own.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	LAUNCH=(strace -D -f -qq -e "trace=bind,listen,chmod,fchmod,fchmodat,umask,unlink,rename" -o "$T/trace")
	umask 0
	start_noded
	umask 022
	assert_equal "$(stat -c %a:%F "$NODED_SOCKET")" 600:socket
	wait_until 25 grep -q 'listen(' "$T/trace"
	# The mode is set on the socket before it is bound.
	run awk '/fchmod\([0-9]+, 0600\)/ { mode = NR } /bind\(.*admin\.sock/ { bound = NR } /listen\(/ { listens = NR }
		END { print (mode && mode < bound && bound < listens) }' "$T/trace"
	assert_output 1
}

@test "another user cannot connect" {
	start_noded
	chmod 0755 "$T"
	run as_nobody nc -N -U "$NODED_SOCKET" </dev/null
	assert_failure
	assert_output --partial "Permission denied"
}

@test "another user who can is told permission_denied before a byte is read, and disconnected" {
	start_noded
	chmod 0755 "$T"
	chmod 0666 "$NODED_SOCKET"
	run as_nobody nc -N -U "$NODED_SOCKET" <<<"$(request 1 set_log_level '{"level":"debug"}')"
	assert_equal "$(jq -c '[.jsonrpc, .id, .error.code, .error.data.name]' <<<"$output")" \
		'["2.0",null,-32003,"permission_denied"]'
	assert_equal "${#lines[@]}" 1
	assert_equal "$(state log.level)" info
	# Without a word from the client too.
	run as_nobody timeout 20 nc -U "$NODED_SOCKET" </dev/null
	assert_output --partial permission_denied
	assert_equal "$(state admin.sessions)" 1
}

@test "refusals of another user fill neither the log nor the places" {
	start_noded
	chmod 0755 "$T"
	chmod 0666 "$NODED_SOCKET"
	cat >"$T/refused.py" <<-'END'
		import os
		import socket
		import sys
		os.setresgid(65534, 65534, 65534)
		os.setresuid(65534, 65534, 65534)
		for _ in range(200):
		    client = socket.socket(socket.AF_UNIX)
		    client.connect(sys.argv[1])
		    data = b""
		    while more := client.recv(1000):
		        data += more
		    assert b"permission_denied" in data, data
	END
	script <<-'END'
		from admin_client import *
		import os
		import subprocess
		import sys
		admins = [Admin() for _ in range(40)]
		subprocess.run([sys.executable, os.environ["T"] + "/refused.py", os.environ["NODED_SOCKET"]], check=True)
		for admin in admins:
		    expect(admin.call("version")["id"], 1)
	END
	assert_log_lines 1 'warning .*uid 65534'
}

@test "root may, and so may the user noded runs as" {
	install -m 0755 "$NODED" "$T/noded"
	LAUNCH=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	chown 65534 "$T" "$LOG"
	chmod 0755 "$T"
	NODED=$T/noded start_noded
	assert_equal "$(stat -c %u:%a "$NODED_SOCKET")" 65534:600
	run as_nobody nc -N -U "$NODED_SOCKET" <<<"$(request 1 version)"
	assert_equal "$(short <<<"$output")" '[1,"result"]'
	assert_equal "$(outcomes "$(request 2 version)")" '[2,"result"]'
	run setpriv --reuid 65533 --regid 65533 --clear-groups nc -N -U "$NODED_SOCKET" </dev/null
	assert_failure
}

@test "the default directory is made 0700" {
	chmod 0755 "$T"
	install -m 0755 "$NODED" "$T/noded"
	mkdir -m 0700 "$T/run"
	chown 65534 "$T/run"
	umask 0
	background noded env -u NODED_SOCKET XDG_RUNTIME_DIR="$T/run" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$T/noded"
	umask 022
	local socket
	wait_until 20 grep -q running "$T/noded.log"
	socket=$(find "$T/run" -type s)
	assert_equal "$(stat -c %a:%u "$(dirname "$socket")" "$socket" | xargs)" "700:65534 600:65534"
	end_background "$BACKGROUND_PID"
	assert_not_exists "$socket"
}

@test "--socket is held to the rules of socket files: nothing that is not a stale socket is replaced" {
	echo precious >"$T/file"
	ln -s "$T/file" "$T/link"
	mkfifo "$T/fifo"
	mkdir "$T/directory"
	local name
	for name in file link fifo directory; do
		run -1 "$NODED" --socket "$T/$name"
		assert_equal "${#lines[@]}" 1
	done
	assert_equal "$(cat "$T/file" "$T/link")" $'precious\nprecious'
	[[ -L $T/link && -p $T/fifo && -d $T/directory ]]
	# A live one of another noded: exactly one wins. A stale one is replaced.
	start_noded
	run -1 "$NODED" --socket "$NODED_SOCKET"
	assert_equal "$(state pid)" "$NODED_PID"
	kill_noded
	[[ -S $NODED_SOCKET ]]
	start_noded
	assert_equal "$(state pid)" "$NODED_PID"
	mkdir -m 0777 "$T/open"
	run -1 "$NODED" --socket "$T/open/admin.sock"
	assert_not_exists "$T/open/admin.sock"
}
