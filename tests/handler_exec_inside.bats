# exec: what the program finds itself in: descriptors, signals, session, directory, limits.
# shellcheck shell=bash disable=SC2034 # LAUNCH is for start_noded
load handler

# start_cat: noded, an exec server of cat, one client whose program CHILD is.
start_cat() {
	start_noded
	ADDRESS=$(serve_exec tcp:127.0.0.1:0 '' cat)
	connect_idle 1 "$ADDRESS"
	await "$ADDRESS" connection_pool.open '"equals":1'
	CHILD=$(result list_connections | jq '.connections[0].pid')
}

# of_child KEY: of /proc/PID/status.
of_child() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$CHILD/status"
}

@test "inside: descriptors 0 and 1 are the connection, 2 a pipe, and there are no others" {
	# noded itself was started with some that are open.
	LAUNCH=(bash -c 'exec 5</dev/null 17</dev/null; exec "$@"' -)
	start_cat
	run bash -c "ls /proc/$CHILD/fd"
	assert_output $'0\n1\n2'
	[[ $(readlink "/proc/$CHILD/fd/0") == socket:* ]]
	[[ $(readlink "/proc/$CHILD/fd/0") == "$(readlink "/proc/$CHILD/fd/1")" ]]
	[[ $(readlink "/proc/$CHILD/fd/2") == pipe:* ]]
}

@test "inside: the connection blocks, and noded has closed its copy" {
	local flags inode
	start_cat
	for fd in 0 1 2; do
		flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$CHILD/fdinfo/$fd")
		(((8#$flags & 8#4000) == 0))
		(((8#$flags & 8#2000000) == 0))
	done
	inode=$(readlink "/proc/$CHILD/fd/0")
	run find "/proc/$NODED_PID/fd" -lname "$inode"
	assert_output ''
	[[ $(clients_do "echo through it") == 1 ]]
}

@test "inside: no signal is blocked or ignored, whatever noded was given" {
	LAUNCH=(python3 -c 'import os, signal, sys
for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGTSTP, signal.SIGWINCH, signal.SIGRTMIN):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD, 40})
os.execvp(sys.argv[1], sys.argv[1:])')
	start_cat
	[[ $(of_child SigBlk) == 0000000000000000 ]]
	[[ $(of_child SigIgn) == 0000000000000000 ]]
	# noded itself hears of its end all the same.
	clients_do quit
	await "$ADDRESS" connection_pool.open '"equals":0' 10000
}

@test "inside: session and group of its own, in /, umask 022, no new privileges" {
	local stat group session tty
	LAUNCH=(bash -c 'umask 0177; cd /tmp; exec "$@"' -)
	start_cat
	stat=$(cat "/proc/$CHILD/stat")
	read -r _ _ group session tty _ <<<"${stat##*) }"
	[[ $group == "$CHILD" && $session == "$CHILD" && $tty == 0 ]]
	[[ $(readlink "/proc/$CHILD/cwd") == / ]]
	[[ $(of_child Umask) == 0022 ]]
	[[ $(of_child NoNewPrivs) == 1 ]]
	[[ $(of_child PPid) == "$NODED_PID" ]]
}

@test "inside: the descriptor limit is the one noded was started with" {
	LAUNCH=(prlimit --nofile=200:5000)
	start_cat
	[[ $(awk '/^Max open files/ { print $4, $5 }' "/proc/$CHILD/limits") == "200 5000" ]]
	[[ $(awk '/^Max open files/ { print $4 }' "/proc/$NODED_PID/limits") == 5000 ]]
}

@test "inside: it dies when noded dies" {
	start_cat
	connect_idle 3 "$ADDRESS"
	await "$ADDRESS" connection_pool.open '"equals":4'
	run bash -c "ps -o pid= --ppid $NODED_PID"
	local children=$output
	[[ $(wc -w <<<"$children") == 4 ]]
	kill_noded
	for child in $children; do
		wait_until 25 has_ended "$child"
	done
	wait_until 25 clients_open 0
	rm "$NODED_SOCKET"
}
