# Nobody who had connected is cut off when a server stops listening: connect succeeded, bytes were
# sent, the same bytes come back.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

# churned N ADDRESS COMMAND: runs it N times while 32 clients reconnect, each time when 50 more have
# been served.
churned() {
	local n=$1 address=$2 i
	shift 2
	background churn python3 "$ROOT/tests/churn.py" 32 "$address"
	for ((i = 0; i < n; i++)); do
		await "$address" connection_pool.total '"at_least":50'
		"$@" "$address" >/dev/null
	done
	end_background "$BACKGROUND_PID"
	run cat "$T/churn.log"
	[[ $(jq -c .cut <<<"$output") == "[]" ]] || fail "$output"
	(($(jq .served <<<"$output") >= n * 50))
}

stop_and_start() {
	[[ $(stop "$1" | jq -r .outcome) == drained ]]
	serve "$1"
}

@test "lossless: 20 stops in front of 32 clients reconnecting, TCP" {
	churned 20 "$(serve tcp:127.0.0.1:0)" stop_and_start
}

@test "lossless: 5 stops in front of 32 clients reconnecting, TCP over IPv6" {
	churned 5 "$(serve 'tcp:[::1]:0')" stop_and_start
}

@test "lossless: 20 stops in front of 32 clients reconnecting, Unix" {
	churned 20 "$(serve "$T/s.sock")" stop_and_start
}

# The pool's total goes on: counted from the last time.
suspend_and_resume() {
	WANTED=$((${WANTED:-0} + 50))
	await "$1" connection_pool.total "\"at_least\":$WANTED"
	result suspend_server "{\"address\":\"$1\"}"
	result resume_server "{\"address\":\"$1\"}"
}

@test "lossless: 20 suspensions in front of 32 clients reconnecting, TCP" {
	churned 20 "$(serve tcp:127.0.0.1:0)" suspend_and_resume
}

@test "lossless: 20 suspensions in front of 32 clients reconnecting, Unix" {
	churned 20 "$(serve "$T/s.sock")" suspend_and_resume
}
