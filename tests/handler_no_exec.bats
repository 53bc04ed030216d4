# noded --no-exec: no program is run, and everything that tells what noded can do says so.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded --no-exec
}

@test "no exec: the handler is refused, in words, also by nodectl" {
	run rpc start "{\"address\":\"$T/exec.sock\",\"handler\":{\"type\":\"exec\",\"argv\":[\"cat\"]}}"
	[[ $(jq -c '[.error.code, .error.data.name]' <<<"$output") == '[-32003,"permission_denied"]' ]]
	assert_not_exists "$T/exec.sock"
	run nodectl start "$T/exec.sock" exec cat
	assert_failure 5
	assert_output "nodectl: unix:$T/exec.sock: this noded runs no programs: it was started with --no-exec (permission_denied)"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "no exec: the other handlers work" {
	serve "$T/echo.sock"
	serve "$T/forward.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"$T/echo.sock\"}"
	connect_idle 2 "$T/forward.sock"
	[[ $(clients_do "echo hello") == 2 ]]
}

@test "no exec: version, state and rpc.discover name the others only" {
	[[ $(result version | jq -c .handlers) == '["echo","discard","forward"]' ]]
	[[ $(nodectl version) == "noded "*" handlers echo,discard,forward (no exec)" ]]
	[[ $(state transport.handlers) == '["echo","discard","forward"]' ]]
	[[ $(result rpc.discover | jq -c '[.components.schemas.handler.oneOf[].title]') == \
		'["echo","discard","forward"]' ]]
	[[ $(state process | jq -c '[.children, .adopted, .killed]') == '[0,0,0]' ]]
	stop_noded
	start_noded
	[[ $(state transport.handlers) == '["echo","discard","forward","exec"]' ]]
}
