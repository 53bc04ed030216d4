# exec: what the program finds in its environment: a few variables of noded's, and who is connected,
# named as tcpserver and ipcserver name it (UCSPI).
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

# visit ADDRESS [BOUND]: what the program prints, sorted; the client bound to that path.
visit() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests python3 - "$@" <<-'END' | sort
		from peers import *
		if len(sys.argv) > 2:
		    client = socket.socket(socket.AF_UNIX)
		    client.settimeout(PATIENCE)
		    client.bind(eval(sys.argv[2]))
		    client.connect(sys.argv[1].removeprefix("unix:"))
		else:
		    client = connect(sys.argv[1])
		    if client.family != socket.AF_UNIX:
		        with open(os.environ["T"] + "/port", "w") as file:
		            file.write(str(client.getsockname()[1]))
		print(read_all(client).decode(errors="surrogateescape"), end="")
	END
}

# UCSPI variables of what was printed.
ucspi() {
	grep -aE '^(PROTO|TCP|IPC)' <<<"$output"
}

@test "environment: only the named variables of noded are kept" {
	LAUNCH=(env SECRET=x LD_PRELOAD_X=1 NODED_X=1 BASH_ENV=/x IFS=y PROTO=UDP TCPREMOTEIP=1.2.3.4
		TCPREMOTEHOST=evil IPCREMOTEEUID=0 LC_ALL=C LC_TIME=POSIX LANG=C TZ=UTC USER=me
		LOGNAME=me SHELL=/bin/sh "HOME=$T" "TMPDIR=$T" PATHS=no LANGUAGE=no TZDIR=no)
	start_noded
	serve_exec "$T/env.sock" '' env
	run visit "$T/env.sock"
	assert_output "HOME=$T
IPCCONNNUM=1
IPCLOCALPATH=$T/env.sock
IPCREMOTEEGID=$(id -g)
IPCREMOTEEUID=$(id -u)
IPCREMOTEPATH=
LANG=C
LC_ALL=C
LC_TIME=POSIX
LOGNAME=me
PATH=$PATH
PROTO=IPC
SHELL=/bin/sh
TMPDIR=$T
TZ=UTC
USER=me"
}

@test "environment: an empty one is enough" {
	LAUNCH=(env -i "ASAN_OPTIONS=$ASAN_OPTIONS" "UBSAN_OPTIONS=$UBSAN_OPTIONS")
	start_noded
	serve_exec "$T/env.sock" '' env
	run visit "$T/env.sock"
	[[ $(cut -d = -f 1 <<<"$output" | tr '\n' ' ') == \
		"IPCCONNNUM IPCLOCALPATH IPCREMOTEEGID IPCREMOTEEUID IPCREMOTEPATH PROTO " ]]
}

@test "environment: TCP over IPv4" {
	start_noded
	address=$(serve_exec tcp:127.0.0.1:0 '' env)
	run visit "$address"
	[[ $(ucspi) == "PROTO=TCP
TCPCONNNUM=1
TCPLOCALIP=127.0.0.1
TCPLOCALPORT=${address##*:}
TCPREMOTEIP=127.0.0.1
TCPREMOTEPORT=$(cat "$T/port")" ]]
}

@test "environment: TCP over IPv6" {
	start_noded
	address=$(serve_exec 'tcp:[::1]:0' '' env)
	run visit "$address"
	[[ $(ucspi) == "PROTO=TCP
TCPCONNNUM=1
TCPLOCALIP=::1
TCPLOCALPORT=${address##*:}
TCPREMOTEIP=::1
TCPREMOTEPORT=$(cat "$T/port")" ]]
}

@test "environment: TCPLOCALIP is where the client connected to, not where noded listens" {
	start_noded
	address=$(serve_exec tcp:0.0.0.0:0 '' env)
	run visit "tcp:127.0.0.3:${address##*:}"
	ucspi | grep -x TCPLOCALIP=127.0.0.3
	ucspi | grep -x TCPREMOTEIP=127.0.0.1
}

@test "environment: Unix peers, bound to a path, to an odd one, to an abstract name, and not bound" {
	start_noded
	# shellcheck disable=SC2016 # for the program's shell
	serve_exec "$T/env.sock" '' sh -c 'printf %s "$IPCREMOTEPATH" | od -An -c'
	run visit "$T/env.sock" "os.environ['T'] + '/foreign/client'"
	[[ ${output//[[:space:]]/} == "$T/foreign/client" ]]
	run visit "$T/env.sock" "os.environ['T'] + '/foreign/a\\n\\x1b[31mb=\\xff'.encode('latin-1').decode('utf-8', 'surrogateescape')"
	[[ ${output//[[:space:]]/} == "$T/foreign/a\\n033[31mb=377" ]]
	run visit "$T/env.sock" "'\\0abstract-' + os.path.basename(os.environ['T'])"
	assert_output ''
	run visit "$T/env.sock"
	assert_output ''
}

@test "environment: the effective ids of a Unix peer" {
	start_noded
	serve_exec "$T/env.sock" '"mode":"0666"' env
	chmod 755 "$T"
	run setpriv --reuid 65534 --regid 65533 --clear-groups socat -u "UNIX-CONNECT:$T/env.sock" -
	assert_line IPCREMOTEEUID=65534
	assert_line IPCREMOTEEGID=65533
}

@test "environment: CONNNUM counts the open connections of that address or user on this server" {
	start_noded
	script <<-'END'
		from peers import *
		node = Node()
		argv = ["sh", "-c", "echo $TCPCONNNUM$IPCCONNNUM; exec cat >/dev/null"]
		def number(address, source="127.0.0.1"):
		    if address.startswith("tcp:"):
		        _, host, port = address.split(":")
		        client = socket.create_connection((host, int(port)), PATIENCE, (source, 0))
		    else:
		        client = connect(address)
		    clients.append(client)
		    return int(client.recv(10))
		for kind in ("tcp:", "unix:"):
		    clients = []
		    address, other = node.exec(kind, *argv), node.exec(kind, *argv)
		    expect([number(address) for _ in range(3)], [1, 2, 3])
		    expect(number(other), 1)
		    if kind == "tcp:":
		        expect([number(address, "127.0.0.2") for _ in range(2)], [1, 2])
		        clients.pop().close()
		        clients.pop().close()
		    clients.pop(0).close()
		    node.until_open(address, 2)
		    expect(number(address), 3)
	END
}
