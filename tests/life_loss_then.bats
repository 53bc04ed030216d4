# What a lost server does when it is then stopped, suspended, resumed, started or changed.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
	P=$T/foreign/s.sock
}

# lost [RESTART]: a server at P that is lost, and while something else is at P stays so.
lost() {
	serve "$P" "\"restart\":\"${1:-always}\""
	connect_idle 2 "$P"
	# In one step: noded may be just about to look.
	echo precious >"$T/precious"
	mv -f "$T/precious" "$P"
	await "$P" why '"equals":"path_removed"'
}

@test "lost, then stopped: it is gone, its connections too, and what is at the path stays" {
	local before
	before=$(fds_at_rest)
	lost
	[[ $(stop "$P" '"force":true' | jq -c '[.outcome, .stopped]') == '["stopped",2]' ]]
	clients_open 0
	[[ $(cat "$P") == precious ]]
	[[ $(error_name state "{\"path\":\"$P\"}") == no_such_path ]]
	wait_until 25 fds_are "$before"
	rm "$P"
	# Nothing listens again behind the back of the stop.
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":1500}') == timeout ]]
	assert_not_exist "$P"
}

@test "lost, then stopped: connections may end by themselves" {
	lost
	ask stop stop_server "{\"address\":\"$P\"}"
	await "$P" phase '"equals":"draining"'
	[[ $(clients_do "echo still here") == 2 ]]
	clients_do quit
	[[ $(answer stop | jq -c '[.outcome, .drained]') == '["drained",2]' ]]
}

@test "lost, then suspended: requested takes its place, and attempts end" {
	lost
	run result suspend_server "{\"address\":\"$P\"}"
	[[ $(jq -c '.server | [.phase, .why, .error]' <<<"$output") == '["suspended","requested",null]' ]]
	rm "$P"
	[[ $(error_name wait "{\"path\":\"transport.servers[$P].phase\",\"equals\":\"running\",\"timeout_ms\":2500}") == timeout ]]
	assert_not_exist "$P"
	[[ $(clients_do "echo still here") == 2 ]]
	result resume_server "{\"address\":\"$P\"}"
	listening "$P"
}

@test "lost, then resumed: at once if that is possible, else the words why, and attempts go on" {
	lost
	[[ $(error_name resume_server "{\"address\":\"$P\"}") == path_exists ]]
	[[ $(at "$P" why) == path_removed ]]
	[[ $(cat "$P") == precious ]]
	rm "$P"
	# By the resume or by an attempt that came just before it.
	result resume_server "{\"address\":\"$P\"}"
	[[ $(at "$P" phase) == running ]]
	listening "$P"
	[[ $(at "$P" error) == null ]]
	assert_log_lines 1 "listening again$"
	# No attempt is left over that would listen twice.
	[[ $(error_name wait '{"path":"phase","equals":"stopped","timeout_ms":1500}') == timeout ]]
	assert_log_lines 1 "listening again$"
}

@test "lost, then started: the address is known" {
	lost
	[[ $(error_name start "{\"address\":\"$P\"}") == already_exists ]]
	[[ $(result start "{\"address\":\"$P\",\"if_missing\":true}" | jq -c '[.created, .server.phase]') == \
		'[false,"suspended"]' ]]
}

@test "lost, then stopped and started: as new" {
	lost
	stop "$P" '"force":true'
	rm "$P"
	serve "$P"
	clients_do "connect 1"
	[[ $(clients_do "echo new") == 1 ]]
	[[ $(at "$P" restarts) == 0 ]]
}

@test "lost, then told to restart, or not to any more" {
	lost never
	rm "$P"
	result update_server "{\"address\":\"$P\",\"restart\":\"always\"}"
	await "$P" phase '"equals":"running"'
	rm "$P"
	mkdir "$P"
	await "$P" why '"equals":"path_removed"'
	result update_server "{\"address\":\"$P\",\"restart\":\"never\"}"
	rmdir "$P"
	[[ $(error_name wait "{\"path\":\"transport.servers[$P].phase\",\"equals\":\"running\",\"timeout_ms\":2500}") == timeout ]]
	assert_not_exist "$P"
}

@test "lost, then the node ends: nothing is left, what is at the path stays" {
	lost
	clients_do quit
	stop_noded
	[[ $(cat "$P") == precious ]]
	assert_not_exist "$NODED_SOCKET"
}

@test "a suspended server has nothing to lose: a file that comes to its path means nothing" {
	serve "$P"
	result suspend_server "{\"address\":\"$P\"}"
	echo precious >"$P"
	[[ $(error_name wait "{\"path\":\"transport.servers[$P].why\",\"equals\":\"path_removed\",\"timeout_ms\":1200}") == timeout ]]
	assert_log_lines 3 .
	stop "$P"
	[[ $(cat "$P") == precious ]]
}
