# When noded says that it is ready, its admin socket answers.

load ctl.bash

setup() {
	setup_test
}

# by_fifo: starts noded with descriptor 7 on $T/ready.
by_fifo() {
	mkfifo "$T/ready"
	(
		detach "$LOG"
		exec 7>"$T/ready"
		exec "$NODED" --socket "$NODED_SOCKET" --ready-fd 7
	) &
	adopt_noded "$!" "$NODED_SOCKET"
}

@test "one newline on the ready descriptor, which is then closed" {
	by_fifo
	# To the end of file: nothing else has it open.
	run timeout 30 cat "$T/ready"
	assert_success
	says running state phase
	run find "/proc/$NODED_PID/fd" -lname "$T/ready"
	assert_output ""
}

@test "the newline, and nothing else" {
	by_fifo
	run bash -c 'timeout 30 od -An -tx1 <"$T/ready"'
	assert_output " 0a"
}

@test "the programs of exec servers do not have it" {
	by_fifo
	timeout 30 cat "$T/ready" >/dev/null
	nodectl start "$T/s.sock" exec ls /proc/self/fd >/dev/null
	run socat -t 5 - "UNIX-CONNECT:$T/s.sock"
	assert_output $'0\n1\n2\n3'
}

@test "no newline comes from a noded that cannot start" {
	: >"$NODED_SOCKET"
	by_fifo
	run timeout 30 cat "$T/ready"
	assert_success
	assert_output ""
	ends_with 1
}

# manager NAME: a datagram socket of that name, which may be abstract; it prints what it gets and
# whether the admin socket answers then.
manager() {
	background manager python3 -c '
import json, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1].replace("@", "\0", 1))
print("bound", flush=True)
said = manager.recv(4096)
admin = socket.socket(socket.AF_UNIX)
admin.connect(sys.argv[2])
admin.sendall(b"{\"jsonrpc\":\"2.0\",\"method\":\"version\",\"id\":1}\n")
print(said, json.loads(admin.makefile().readline())["result"]["name"], flush=True)' "$1" "$NODED_SOCKET"
	MANAGER=$BACKGROUND_PID
	wait_until 20 test -s "$T/manager.log"
}

@test "READY=1 to NOTIFY_SOCKET once the admin socket answers" {
	manager "$T/foreign/notify"
	NOTIFY_SOCKET=$T/foreign/notify start_noded --name here
	wait_until 20 has_ended "$MANAGER"
	assert_equal "$(cat "$T/manager.log")" $'bound\nb\'READY=1\' here'
}

@test "the same with an abstract one" {
	manager "@noded-test-$BASHPID"
	NOTIFY_SOCKET=@noded-test-$BASHPID start_noded --name here
	wait_until 20 has_ended "$MANAGER"
	assert_equal "$(tail -n 1 "$T/manager.log")" "b'READY=1' here"
}

@test "a NOTIFY_SOCKET whose queue is full does not hold noded up, and hears of it when there is room" {
	cat >"$T/full.py" <<-'END'
		import os, pathlib, socket
		directory = pathlib.Path(os.environ["T"])
		manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		manager.bind(str(directory / "foreign/full"))
		sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		sender.setblocking(False)
		try:
		    while True:
		        sender.sendto(b"x", manager.getsockname())
		except BlockingIOError:
		    (directory / "is_full").touch()
		with open(directory / "go", encoding="ascii") as go:
		    go.read()
		while (text := manager.recv(100)) == b"x":
		    pass
		(directory / "heard").write_bytes(text)
	END
	mkfifo "$T/go"
	background python3 python3 "$T/full.py"
	wait_until 20 test -e "$T/is_full"
	NOTIFY_SOCKET=$T/foreign/full start_noded
	says running state phase
	: >"$T/go"
	wait_until 20 grep -qx READY=1 "$T/heard"
	assert_log_lines 0 NOTIFY
}

@test "a NOTIFY_SOCKET nobody has is a warning, and noded runs" {
	NOTIFY_SOCKET=$T/none start_noded
	wait_until 20 has_log_lines 1 'warning node cannot tell NOTIFY_SOCKET'
	says running state phase
}
