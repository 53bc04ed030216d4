# Phases: every part shows its own, why, and since when; stopped is final.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "phases: every part of the tree has phase, why and since" {
	local path
	serve "$T/s.sock"
	connect_idle 1 "$T/s.sock"
	await "$T/s.sock" connection_pool.open '"equals":1'
	for path in "" transport admin "$T/s.sock" "transport.servers[$T/s.sock].listener" \
		"transport.servers[$T/s.sock].connection_pool.connections[1]"; do
		run state "$path"
		[[ $(jq -c '[.phase, .why]' <<<"$output") == '["running",null]' ]]
		[[ $(jq -r .since <<<"$output") =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$ ]]
	done
}

@test "phases: since is the time of the last change" {
	local first second
	serve "$T/s.sock"
	first=$(at "$T/s.sock" since)
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	second=$(at "$T/s.sock" since)
	[[ ! $second < $first ]]
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	[[ $(at "$T/s.sock" since) == "$second" ]]
}

@test "phases: starting and running, then draining, stopping and stopped, in the log at debug" {
	result set_log_level '{"level":"debug"}'
	serve "$T/s.sock"
	connect_idle 1 "$T/s.sock"
	await "$T/s.sock" connection_pool.open '"equals":1'
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	result resume_server "{\"address\":\"$T/s.sock\"}"
	ask stop stop_server "{\"address\":\"$T/s.sock\"}"
	await "$T/s.sock" phase '"equals":"draining"'
	clients_do quit
	answer stop
	[[ $(sed -nE "s|.* unix:$T/s.sock (starting\|running\|suspended\|draining\|stopping\|stopped)[:,].*|\1|p" "$LOG" | tr '\n' ' ') == \
		"running suspended running draining stopping stopped " ]]
}

@test "phases: without anything to drain a forced stop goes straight to stopping" {
	result set_log_level '{"level":"debug"}'
	serve "$T/s.sock"
	stop "$T/s.sock" '"force":true'
	assert_log_lines 0 "$T/s.sock draining"
	assert_log_lines 1 "$T/s.sock stopped"
}

@test "phases: a wait sees one that lasts less than a turn" {
	serve "$T/s.sock"
	ask seen wait "{\"path\":\"transport.servers[$T/s.sock].phase\",\"equals\":\"stopping\"}"
	await_path admin.sessions '"at_least":2'
	stop "$T/s.sock"
	[[ $(answer seen | jq -r .value) == stopping ]]
}

@test "phases: stopped is final, a new start makes a new server" {
	serve "$T/s.sock"
	connect_idle 1 "$T/s.sock"
	await "$T/s.sock" connection_pool.total '"equals":1'
	stop "$T/s.sock" '"force":true'
	[[ $(error_name state "{\"path\":\"$T/s.sock\"}") == no_such_path ]]
	[[ $(error_name resume_server "{\"address\":\"$T/s.sock\"}") == no_such_server ]]
	serve "$T/s.sock"
	[[ $(at "$T/s.sock" connection_pool.total) == 0 ]]
}
