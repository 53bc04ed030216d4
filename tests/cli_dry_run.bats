# --dry-run prints the request that a command line stands for, and needs no noded. So it also shows
# how words become parameters.

load lib.bash

# params ARGS: the method and parameters of the one request, keys sorted.
params() {
	nodectl -n "$@" | jq -cS '[.method, .params]'
}

# sends EXPECTED ARGS
sends() {
	run params "${@:2}"
	assert_success
	assert_output "$1"
}

@test "a request line is printed and nothing is sent" {
	run --separate-stderr nodectl --dry-run version
	assert_success
	assert_equal "$(jq -cS . <<<"$output")" \
		'{"id":1,"jsonrpc":"2.0","method":"version","params":{}}'
	assert_equal "$stderr" ""
	assert_not_exists "$NODED_SOCKET"
}

@test "several arguments are several requests with ids of their own" {
	run nodectl -n stop-server /x /y
	assert_success
	assert_equal "${#lines[@]}" 2
	run jq -c '[.id, .params.address]' <<<"$output"
	assert_line --index 0 '[1,"unix:/x"]'
	assert_line --index 1 '[2,"unix:/y"]'
}

@test "with --json several requests are one document" {
	run nodectl -jn stop-server /x /y
	assert_equal "$(jq -c '[.[].id]' <<<"$output")" '[1,2]'
}

@test "options stand anywhere, the last of one name counts" {
	sends '["stop_server",{"address":"unix:/x","deadline_ms":5000,"progress":true}]' \
		stop-server --deadline 5s /x
	sends '["stop_server",{"address":"unix:/x","deadline_ms":5000,"progress":true}]' \
		stop-server /x --deadline=1s -q --deadline=5s
}

@test "-- ends the options" {
	sends '["state",{"path":"a.--keys"}]' state a -- --keys
}

@test "short options are joined, their value follows or is attached" {
	run nodectl -njs /nowhere version
	assert_success
	run nodectl -nt5s version
	assert_success
	run nodectl -nt none version
	assert_success
}

@test "durations" {
	local word
	for word in 1500ms 1.5s 1.5 0.025m; do
		sends '["shutdown",{"deadline_ms":1500,"progress":true}]' shutdown --deadline "$word"
	done
	sends '["shutdown",{"deadline_ms":7200000,"progress":true}]' shutdown --deadline 2h
	sends '["shutdown",{"deadline_ms":0,"progress":true}]' shutdown --deadline 0
	sends '["shutdown",{"deadline_ms":1,"progress":true}]' shutdown --deadline 0.0001
}

@test "--now is force, --no-wait is wait: false and asks for no progress, none is null" {
	sends '["stop_server",{"address":"unix:/x","force":true,"progress":true}]' stop-server /x --now
	sends '["stop_server",{"address":"unix:/x","wait":false}]' stop-server /x --no-wait
	sends '["update_server",{"address":"unix:/x","max_connections":null}]' \
		update-server /x --max-connections none
}

@test "every option of start" {
	sends '["start",{"address":"unix:/x","backlog":5,"drain_ms":1,"handler":{"backend":"unix:/y","connect_timeout_ms":7,"type":"forward"},"idle_timeout_ms":2000,"if_missing":true,"kill_ms":3,"max_connections":9,"mode":"0660","restart":"never"}]' \
		start /x forward /y --backlog 5 --drain 1ms --kill 3ms --idle-timeout 2 --mode 0660 \
		--restart never --max-connections 9 --if-missing --connect-timeout 7ms
}

@test "without a handler there is none in the request" {
	sends '["start",{"address":"unix:/x"}]' start /x
	sends '["start",{"address":"unix:/x","handler":{"type":"discard"}}]' start /x discard
}

@test "behind exec PROGRAM only the long options of start are nodectl's" {
	sends '["start",{"address":"unix:/x","handler":{"argv":["cat","-n","-j","--json","--","--unknown=1","--help"],"type":"exec"},"mode":"0640"}]' \
		start /x exec cat -n -j --mode 0640 --json -- --unknown=1 --help
	sends '["start",{"address":"unix:/x","backlog":5,"handler":{"argv":["cat","a"],"type":"exec"},"if_missing":true}]' \
		start /x exec --if-missing cat --backlog=5 a
}

@test "behind exec -- PROGRAM nothing is" {
	sends '["start",{"address":"unix:/x","handler":{"argv":["cat","--mode","0640","--"],"type":"exec"},"mode":"0600"}]' \
		start /x --mode 0600 exec -- cat --mode 0640 --
	sends '["start",{"address":"unix:/x","handler":{"argv":["cat","--mode","0640"],"type":"exec"}}]' \
		start -- /x exec cat --mode 0640
	sends '["start",{"address":"unix:/x","handler":{"argv":["cat"],"type":"exec"}}]' \
		start -- /x exec -- cat
}

@test "an address as a state path stands for its server" {
	local server
	server='transport.servers[\"unix:/tmp/a b.sock\"].listener'
	sends "[\"state\",{\"path\":\"$server\"}]" state '/tmp/a b.sock' listener
	sends "[\"state\",{\"path\":\"$server\"}]" state '/tmp//x/../a b.sock' listener
	sends '["state",{"path":"transport.servers[\"tcp:127.0.0.1:80\"]"}]' state tcp:127.0.0.1:80
}

@test "further arguments are literal keys" {
	sends '["state",{"path":"transport.servers[\"a.b\"][\"c\\\"]\"][12].d_e"}]' \
		state transport.servers a.b 'c"]' 12 d_e
	sends '["state",{"path":""}]' state ''
	sends '["state",{}]' state
}

@test "users and groups are numbers in a request, whatever they are called" {
	local user group other
	user=$(id -u nobody) group=$(id -g nobody) other=$(getent group daemon | cut -d : -f 3)
	sends_handler "{\"argv\":[\"a\"],\"group\":$group,\"type\":\"exec\",\"user\":$user}" --user nobody a
	sends_handler "{\"argv\":[\"a\"],\"group\":$other,\"type\":\"exec\",\"user\":$user}" \
		--group=daemon --user nobody a
	sends_handler '{"argv":["a"],"group":9,"type":"exec","user":7}' --user 7 --group 9 -- a
	sends_handler '{"argv":["a","--user","b"],"type":"exec"}' -- a --user b
	refuses 'there is no user no-such-user' --user no-such-user a
	refuses 'there is no group no-such-group' --group no-such-group a
	refuses 'user 4294967294 has no name, and so no group of its own: give --group' --user 4294967294 a
	refuses '--group needs --user beside it' --group 5 a
	refuses '--user: "4294967295" is out of range: 0 to 4294967294' --user 4294967295 --group 1 a
}

# sends_handler OBJECT WORD...: what "start /x exec WORD..." has for a handler.
sends_handler() {
	run nodectl -n start /x exec "${@:2}"
	assert_success
	assert_equal "$(jq -cS .params.handler <<<"$output")" "$1"
}

# refuses TEXT WORD...
refuses() {
	run nodectl -n start /x exec "${@:2}"
	assert_failure 2
	assert_output "nodectl: start: $1 (invalid_params)"
}

@test "values of wait are JSON scalars where they can be, else strings" {
	sends '["wait",{"equals":"running","path":"phase","timeout_ms":60000}]' wait phase --is running
	sends '["wait",{"equals":5,"path":"a","timeout_ms":60000}]' wait a --is 5
	sends '["wait",{"equals":"5","path":"a","timeout_ms":60000}]' wait a --is '"5"'
	sends '["wait",{"equals":null,"path":"a","timeout_ms":60000}]' wait a --is null
	sends '["wait",{"equals":"-x","path":"a","timeout_ms":60000}]' wait a --is -x
	sends '["wait",{"exists":true,"path":"a","timeout_ms":0}]' wait a --exists -t 0
	sends '["wait",{"absent":true,"path":"a","timeout_ms":31536000000}]' wait a --absent -t none
	sends '["wait",{"at_least":1.5,"path":"a","timeout_ms":500}]' wait a --at-least 1.5 -t 500ms
}

@test "lists ask for as many rows as are wanted, up to a page" {
	sends '["list_servers",{"limit":1000}]' list-servers
	sends '["list_servers",{"limit":7}]' list-servers --limit 7
	sends '["list_connections",{"limit":1000,"server":"unix:/x"}]' \
		list-connections --limit 5000 --server /x
}

@test "call sends parameters as they are written" {
	run nodectl -n call anything '{ "n": 9007199254740993, "e": 1E+2 }'
	assert_success
	[[ $output == *'"params":{ "n": 9007199254740993, "e": 1E+2 }}' ]]
	run nodectl -n call version
	[[ $output != *params* ]]
}

@test "call reads standard input only for -, of several lines too" {
	run nodectl -n call state - <<<$'{\n"path":\n"a"}'
	assert_success
	assert_equal "${#lines[@]}" 1
	assert_equal "$(jq -c .params <<<"$output")" '{"path":"a"}'
	run nodectl -n call state <<<'{"path":"a"}'
	[[ $output != *params* ]]
}
