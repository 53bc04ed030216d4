# Whatever is at a Unix path, and is no dead socket of ours, is refused and untouched.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
	P=$T/foreign/s.sock
}

# what PATH: all there is to know of a file and its directory; the time of the last look aside.
what() {
	stat -c '%n %i %f %u %g %s %Y %Z' "$1" "$(dirname "$1")"
	[[ ! -f $1 ]] || sha256sum "$1"
	[[ ! -L $1 ]] || readlink "$1"
	ls -A "$(dirname "$1")"
}

# refused WORDS [ERROR]: start at P says so, and nothing has changed.
refused() {
	local before
	before=$(what "$P")
	run rpc start "{\"address\":\"$P\"}"
	[[ $(jq -r .error.data.name <<<"$output") == "${2:-path_exists}" ]] || fail "$output"
	[[ $(jq -r .error.data.detail <<<"$output") == *"$1"* ]] || fail "$output"
	[[ $(what "$P") == "$before" ]]
	[[ $(result list_servers | jq .total) == 0 ]]
	assert_log_lines 1 .
}

# holder CODE: a process that runs a line of Python with the path as `path` and lives on.
holder() {
	background holder python3 -c "if True:
		import os, signal, socket, sys
		path = sys.argv[1]
		$1
		print('ready', flush=True)
		signal.pause()" "$P"
	wait_until 30 grep -q ready "$T/holder.log"
}

@test "path: a regular file" {
	echo precious >"$P"
	refused "a regular file"
	: >"$P"
	refused "a regular file"
}

@test "path: a directory, empty or not" {
	mkdir "$P"
	refused "a directory"
	: >"$P/file"
	refused "a directory"
}

@test "path: a FIFO, with and without a reader" {
	mkfifo "$P"
	refused "a FIFO"
	holder 'fifo = os.open(path, os.O_RDWR)'
	refused "a FIFO"
}

@test "path: a symbolic link, dangling or to a file, a directory, a dead or a live socket" {
	local target
	mkdir "$T/foreign/dir"
	: >"$T/foreign/file"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/foreign/dead"
	serve "$T/foreign/live"
	for target in missing dir file dead live; do
		ln -sfn "$target" "$P"
		run error_name start "{\"address\":\"$P\"}"
		assert_output path_exists
		[[ $(readlink "$P") == "$target" ]]
	done
	assert_not_exist "$T/foreign/missing"
	[[ -S $T/foreign/dead ]]
	listening "$T/foreign/live"
}

@test "path: a device" {
	((EUID == 0)) || skip "only root can make one"
	mknod "$P" c 1 3 || skip "devices are not allowed here"
	refused "a device"
}

@test "path: a live stream socket, and nobody is queued at it" {
	holder 's = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(); s.settimeout(0)'
	refused "a live socket"
	# A client would stand in the queue.
	[[ $(ss -Hlx "src = $P" | awk '{ print $3 }') == 0 ]]
}

@test "path: a socket that is bound and does not listen yet" {
	holder 's = socket.socket(socket.AF_UNIX); s.bind(path)'
	refused "a live socket"
}

@test "path: a live datagram socket, which gets nothing" {
	holder 's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path)'
	refused "a live socket"
	[[ $(ss -Hax "src = $P" | awk '{ print $3 }') == 0 ]]
}

@test "path: a live packet socket" {
	holder 's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(path); s.listen()'
	refused "a live socket"
}

@test "path: a live socket whose queue is full" {
	holder 's = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(0)
		c = socket.socket(socket.AF_UNIX); c.connect(path)'
	refused "a live socket"
}

@test "path: a dead socket of another user" {
	((EUID == 0)) || skip "only root can make one"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$P"
	chown 65534 "$P"
	refused "another user"
}

@test "path: a dead socket in a directory of somebody else" {
	((EUID == 0)) || skip "only root can make one"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$P"
	chown 65534 "$T/foreign"
	refused "belongs to another user" unsafe_directory
}

@test "path: anything in a directory everybody may write to" {
	echo precious >"$P"
	chmod 0777 "$T/foreign"
	refused "no sticky bit" unsafe_directory
}

@test "path: a server of this noded under another name of the directory" {
	ln -s foreign "$T/link"
	serve "$T/link/s.sock"
	local before
	before=$(what "$P")
	run rpc start "{\"address\":\"$P\"}"
	[[ $(jq -r .error.data.name <<<"$output") == path_exists ]]
	[[ $(what "$P") == "$before" ]]
	listening "$P"
}

@test "path: what a stop finds at the path stays, if it is not the socket that was bound" {
	serve "$P" '"restart":"never"'
	rm "$P"
	echo precious >"$P"
	local before
	before=$(what "$P")
	[[ $(stop "$P" | jq -r .outcome) == drained ]]
	[[ $(what "$P") == "$before" ]]
}

@test "path: another's live socket at the path outlives our stop" {
	serve "$P" '"restart":"never"'
	rm "$P"
	holder 's = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()'
	stop "$P"
	listening "$P"
}

@test "path: no other name is left beside a served path, nor after its end" {
	serve "$P"
	[[ $(ls -A "$T/foreign") == s.sock ]]
	stop "$P"
	[[ $(ls -A "$T/foreign") == "" ]]
}
