# A reader of the log that is slow or gone never holds up or ends noded; what it misses is counted
# and told. The terminal or pipe noded shares with others keeps its flags.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

setup() {
	setup_test
}

# start_logging_to WORDS: noded with its standard error as the redirection says ('2>&-',
# '2>/dev/full'), in a shell of its own.
start_logging_to() {
	(
		detach /dev/null
		eval "exec \"\$NODED\" --socket \"\$NODED_SOCKET\" --log-level debug $1"
	) &
	adopt_noded "$!" "$NODED_SOCKET"
	"$NODECTL" -q wait phase --is running --timeout 30s
}

# holder: a reader of the pipe $T/pipe that does what it is told: `read` reads all there is into
# $T/read, `close` closes it.
holder() {
	mkfifo "$T/pipe" "$T/told"
	background holder python3 -c '
import os, sys
pipe = os.open(sys.argv[1] + "/pipe", os.O_RDONLY | os.O_NONBLOCK)
print("open", flush=True)
with open(sys.argv[1] + "/told") as told, open(sys.argv[1] + "/read", "ab", buffering=0) as file:
    for line in told:
        if line == "close\n":
            os.close(pipe)
            print("done", flush=True)
            continue
        try:
            while data := os.read(pipe, 65536):
                file.write(data)
        except BlockingIOError:
            pass
        print("done", flush=True)' "$T"
	exec {TOLD}>"$T/told"
	wait_until 25 grep -q open "$T/holder.log"
}

tell() {
	local before
	before=$(grep -c "done" "$T/holder.log") || true
	echo "$1" >&"$TOLD"
	wait_until 25 is_done "$((before + 1))"
}

is_done() {
	(($(grep -c "done" "$T/holder.log") == $1))
}

# has_read PATTERN: for wait_until; the reader, who reads on, has it.
has_read() {
	tell read
	grep -aqE -- "$1" "$T/read"
}

# many_lines: a thousand lines at debug and more.
many_lines() {
	python3 - "$NODED_SOCKET" <<-'END'
		import socket, sys
		for _ in range(500):
		    admin = socket.socket(socket.AF_UNIX)
		    admin.connect(sys.argv[1])
		    admin.sendall(b'{"jsonrpc":"2.0","method":"version","id":1}\n')
		    assert admin.recv(1)
		    admin.close()
	END
}

loses_lines() {
	many_lines
	(($(state log.lost) > 0))
}

@test "a pipe nobody reads: noded goes on, the lines lost are counted, and told when it is read" {
	holder
	start_logging_to "2>$T/pipe"
	wait_until 60 loses_lines
	local lost
	says running state phase
	nodectl -q set-log-level info
	lost=$(state log.lost)
	wait_until 30 has_read "warning log $lost lines lost: standard error took none\$"
	nodectl start "$T/s.sock" >/dev/null
	wait_until 30 has_read 's.sock running, echo'
	says "$lost" state log lost
	# No line is torn.
	run grep -avE '^[0-9]{4}-[0-9-]+T[0-9:.]+Z (info |debug|warning) ' "$T/read"
	assert_output ""
	exec {TOLD}>&-
}

@test "a pipe whose reader is gone" {
	holder
	start_logging_to "2>$T/pipe"
	tell close
	nodectl start "$T/s.sock" >/dev/null
	many_lines
	(($(state log.lost) > 0))
	says running state phase
	exec {TOLD}>&-
}

@test "a full disk" {
	start_logging_to '2>/dev/full'
	many_lines
	(($(state log.lost) > 0))
	says running state phase
}

@test "started without descriptors 0 to 2" {
	local fd
	start_logging_to '<&- >&- 2>&-'
	for fd in 0 1 2; do
		assert_equal "$(readlink "/proc/$NODED_PID/fd/$fd")" /dev/null
	done
	nodectl start "$T/s.sock" exec sh -c 'echo said; echo words >&2' >/dev/null
	run socat -t 5 - "UNIX-CONNECT:$T/s.sock"
	assert_output said
	stop_noded
}

# sharing pipe|terminal: noded's standard error is one that another program has, too, and nobody
# reads; `same` if its flags are what they were, while noded lives and after.
sharing() {
	mkfifo "$T/go"
	background sharing python3 -c '
import fcntl, os, pty, subprocess, sys
_, shared = pty.openpty() if sys.argv[1] == "terminal" else os.pipe()
before = fcntl.fcntl(shared, fcntl.F_GETFL)
tell = lambda: print("same" if fcntl.fcntl(shared, fcntl.F_GETFL) == before else "changed", flush=True)
noded = subprocess.Popen([sys.argv[2], "--socket", sys.argv[3], "--log-level", "debug"], stderr=shared)
open(sys.argv[4]).read()
tell()
noded.terminate()
print("status", noded.wait(), flush=True)
tell()' "$1" "$NODED" "$NODED_SOCKET" "$T/go"
	"$NODECTL" -q wait phase --is running --timeout 30s
	wait_until 60 loses_lines
	says running state phase
	: >"$T/go"
	wait_until 30 has_ended "$BACKGROUND_PID"
	assert_equal "$(cat "$T/sharing.log")" $'same\nstatus 0\nsame'
}

@test "the flags of a shared terminal are not changed, and one that nobody reads holds nothing up" {
	sharing terminal
}

@test "the flags of a shared pipe are not changed" {
	sharing pipe
}
