# What the tests of handlers share: Python scripts with both sides at hand (tests/peers.py), and
# servers by requests without nodectl.
# shellcheck shell=bash
# shellcheck source=tests/proto.bash
source "${BASH_SOURCE[0]%/*}/proto.bash"
# shellcheck source=tests/life.bash
source "${BASH_SOURCE[0]%/*}/life.bash"

# serve_exec ADDRESS MEMBERS PROGRAM ARG...: as serve of life.bash, with a program.
serve_exec() {
	local argv
	argv=$(jq -nc '$ARGS.positional' --args -- "${@:3}")
	serve "$1" "${2:+$2,}\"handler\":{\"type\":\"exec\",\"argv\":$argv}"
}

# make_leaver: makes $T/leaver, a program that prints the pid of one it leaves behind, which is in a
# session of its own and has let go of the descriptors named as arguments.
make_leaver() {
	cat >"$T/leaver" <<-'END'
		#!/usr/bin/env python3
		import os, sys
		told, tell = os.pipe()
		pid = os.fork()
		if pid == 0:
		    os.setsid()
		    null = os.open("/dev/null", os.O_RDWR)
		    for fd in map(int, sys.argv[1:]):
		        os.dup2(null, fd)
		    os.write(tell, b".")
		    os.execvp("sleep", ["sleep", "600"])
		os.read(told, 1)
		print(pid)
	END
	chmod 755 "$T/leaver"
}
