# The file of a Unix server is removed, replaced, or its directory moved away: the socket lives, and
# nobody can reach it.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
	mkdir "$T/foreign/d"
	P=$T/foreign/d/s.sock
}

@test "path lost: a removed file is noticed, and comes back" {
	serve "$P"
	connect_idle 2 "$P"
	ask away wait "{\"path\":\"transport.servers[$P].why\",\"equals\":\"path_removed\",\"timeout_ms\":5000}"
	await_path admin.sessions '"at_least":2'
	rm "$P"
	await "$P" restarts '"equals":1' 5000
	[[ $(answer away | jq -r .value) == path_removed ]]
	[[ -S $P ]]
	[[ $(clients_do "echo lives on") == 2 ]]
	clients_do "connect 1"
	[[ $(clients_do "echo all") == 3 ]]
	assert_log_lines 1 "warn.*$P suspended: path_removed"
	assert_log_lines 1 "info.*$P running, listening again"
	assert_log_lines 4 .
}

@test "path lost: a file that replaced it is never touched, and the path is taken when it is free" {
	local before
	serve "$P"
	echo precious >"$T/foreign/file"
	mv "$T/foreign/file" "$P"
	before=$(stat -c '%i %Y %Z' "$P")
	await "$P" why '"equals":"path_removed"' 5000
	# It tries at once, and finds what is there.
	wait_until 30 detail_says "a regular file"
	[[ $(stat -c '%i %Y %Z' "$P") == "$before" ]]
	[[ $(cat "$P") == precious ]]
	assert_log_lines 3 .
	rm "$P"
	await "$P" phase '"equals":"running"'
	listening "$P"
	assert_log_lines 4 .
}

detail_says() {
	[[ $(at "$P" error.detail) == *"$1"* ]]
}

@test "path lost: another's live socket that replaced it is never touched" {
	serve "$P"
	background other python3 -c 'if True:
		import os, signal, socket, sys
		other = socket.socket(socket.AF_UNIX)
		other.bind(sys.argv[1] + ".new")
		other.listen()
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		signal.pause()' "$P"
	await "$P" why '"equals":"path_removed"'
	wait_until 30 detail_says "a live socket"
	[[ $(stop "$P" | jq -r .outcome) == drained ]]
	listening "$P"
}

@test "path lost: a moved directory is noticed; what was moved is left alone" {
	serve "$P"
	mv "$T/foreign/d" "$T/foreign/e"
	await "$P" why '"equals":"path_removed"' 5000
	[[ $(at "$P" listener) == null ]]
	[[ -S $T/foreign/e/s.sock ]]
	mkdir "$T/foreign/d"
	await "$P" phase '"equals":"running"'
	listening "$P"
	[[ -S $T/foreign/e/s.sock ]]
	assert_log_lines 1 "warn.*suspended: path_removed"
	assert_log_lines 4 .
}

@test "path lost: with restart never nothing is made again until it is resumed" {
	serve "$P" '"restart":"never"'
	connect_idle 1 "$P"
	rm "$P"
	await "$P" phase '"equals":"suspended"' 5000
	[[ $(at "$P" listener) == null ]]
	[[ $(error_name wait "{\"path\":\"transport.servers[$P].restarts\",\"at_least\":1,\"timeout_ms\":1500}") == timeout ]]
	assert_not_exist "$P"
	[[ $(clients_do "echo lives on") == 1 ]]
	result resume_server "{\"address\":\"$P\"}"
	clients_do "connect 1"
	[[ $(clients_do "echo all") == 2 ]]
}

@test "path lost: attempts come after 1, 2 and more seconds, and only the first and the last are logged" {
	serve "$P"
	rm -r "$T/foreign/d"
	await "$P" why '"equals":"path_removed"'
	wait_until 30 detail_says "no such directory"
	result set_log_level '{"level":"debug"}'
	# The second and the third attempt.
	wait_until 30 has_log_lines 2 "cannot listen again"
	local first second
	first=$(attempt_at 1)
	second=$(attempt_at 2)
	(($(date -d "$second" +%s%3N) - $(date -d "$first" +%s%3N) >= 1900))
	result set_log_level '{"level":"info"}'
	mkdir "$T/foreign/d"
	await "$P" phase '"equals":"running"'
	assert_log_lines 1 "listening again$"
	assert_log_lines 1 " warn"
}

# attempt_at N: when the Nth logged attempt was.
attempt_at() {
	grep "cannot listen again" "$LOG" | sed -n "$1s/ .*//p"
}
