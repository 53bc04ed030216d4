# Errors: a code, a message, and data.name that programs go by.
load proto.bash

# The table of the contract.
table='-32700 parse_error
-32603 internal_error
-32602 invalid_params
-32601 method_not_found
-32600 invalid_request
-32004 request_timeout
-32003 permission_denied
-32002 too_many_clients
-32001 request_too_large
-32000 shutting_down
1 no_such_server
2 already_exists
3 address_in_use
4 address_invalid
5 bind_denied
6 limit_reached
7 wrong_state
8 timeout
9 cancelled
10 no_such_path
11 no_such_connection
12 io_error
13 path_exists
14 unsafe_directory
15 program_not_found'

@test "every name has its code in rpc.discover" {
	start_noded
	run jq -r '.components.errors | to_entries | map({code: .value.code, name: .key}) | sort_by(.code)[]
		| "\(.code) \(.name)"' <<<"$(result rpc.discover)"
	assert_output "$(sort -n <<<"$table")"
}

# Not here: shutting_down and cancelled (proto_shutdown), request_too_large, too_many_clients and
# request_timeout (proto_limit_*), permission_denied (proto_access); internal_error is out of memory.
@test "errors come with their code, and detail, param, errno and path where they apply" {
	local port
	start_noded
	start_server a
	start_server draining
	connect_idle 1 "unix:$T/draining.sock"
	result stop_server "{\"address\":\"$T/draining.sock\",\"wait\":false}"
	touch "$T/file"
	mkdir -m 0777 "$T/open"
	port=$(free_port)
	background listener python3 -c 'import signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); signal.pause()' "$port"
	wait_until 25 listening "tcp:127.0.0.1:$port"
	raw '{' '{"jsonrpc":"2.0","id":1}' "$(request 1 nothing)" "$(request 1 version '{"x":1}')" \
		"$(request 1 update_server "{\"address\":\"$T/none.sock\"}")" \
		"$(request 1 start "{\"address\":\"$T/a.sock\"}")" \
		"$(request 1 start "{\"address\":\"tcp:127.0.0.1:$port\"}")" \
		"$(request 1 start '{"address":"tcp:localhost:1"}')" \
		"$(request 1 start '{"address":"tcp:192.0.2.1:0"}')" \
		"$(request 1 start "{\"address\":\"$T/draining.sock\"}")" \
		"$(request 1 wait '{"path":"nowhere","exists":true,"timeout_ms":0}')" \
		"$(request 1 state '{"path":"transport.nowhere"}')" \
		"$(request 1 close_connection '{"id":99}')" \
		"$(request 1 start "{\"address\":\"$T/no/such/directory.sock\"}")" \
		"$(request 1 start "{\"address\":\"$T/file\"}")" \
		"$(request 1 start "{\"address\":\"$T/open/a.sock\"}")" \
		"$(request 1 start "{\"address\":\"$T/x.sock\",\"handler\":{\"type\":\"exec\",\"argv\":[\"no-such-program\"]}}")" \
		>"$T/replies"
	run jq -r '.error | "\(.code) \(.data.name) \(.data.param // "-") \(.data.errno // "-")"' "$T/replies"
	assert_output '-32700 parse_error - -
-32600 invalid_request - -
-32601 method_not_found - -
-32602 invalid_params x -
1 no_such_server - -
2 already_exists - -
3 address_in_use - EADDRINUSE
4 address_invalid address -
4 address_invalid - EADDRNOTAVAIL
7 wrong_state - -
8 timeout - -
10 no_such_path - -
11 no_such_connection - -
12 io_error - ENOENT
13 path_exists - -
14 unsafe_directory - -
15 program_not_found - -'
	run jq -es 'all(.error | (.message | type == "string" and length > 0) and (keys == ["code", "data", "message"])
		and (.data | (keys - ["name", "detail", "param", "errno", "path"]) == [] and (.detail | type == "string"
			and length > 0 and (test("\\.$|\n") | not))))
		and (map(select(.error.data.path) | [.error.data.name, .error.data.path]) == [["no_such_path", "transport"]])
		and (map(select(.error.data.name == "path_exists"))[0].error.data.detail | test("file"))' "$T/replies"
	assert_success
	assert_equal "$(jq -rs 'map(.error.message)[0:4] | join(", ")' "$T/replies")" \
		'Parse error, Invalid Request, Method not found, Invalid params'
	result stop_server "{\"address\":\"$T/draining.sock\",\"force\":true}"
}

@test "a port the system denies is bind_denied" {
	start_noded
	chmod 0711 "$T"
	mkdir "$T/node"
	chown 65534 "$T/node"
	NODED_SOCKET=$T/node/admin.sock LOG=$T/node.log
	LAUNCH=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	install -m 0755 "$NODED" "$T/noded"
	chmod 0777 "$T"
	NODED=$T/noded start_noded
	chmod 0711 "$T"
	run raw "$(request 1 start '{"address":"tcp:127.0.0.1:9"}')" "$(request 2 start "{\"address\":\"$T/node/../x.sock\"}")"
	assert_equal "$(jq -c '[.error.code, .error.data.name, .error.data.errno]' <<<"$output")" '[5,"bind_denied","EACCES"]
[5,"bind_denied","EACCES"]'
}

@test "no descriptor left is limit_reached" {
	LAUNCH=(prlimit --nofile=60:60)
	start_noded
	start_server a '"max_connections":1000'
	connect_idle 40 "unix:$T/a.sock"
	run raw "$(request 1 state '{"path":"process.fds"}')"
	assert_success
	local n names=()
	for n in {1..60}; do names+=("$(request "$n" start "{\"address\":\"$T/$n.sock\"}")"); done
	run bash -c 'printf "%s\n" "$@" | nc -N -U "$NODED_SOCKET" | jq -r "[.error.code, .error.data.name] | tojson" | sort -u' - "${names[@]}"
	assert_line '[6,"limit_reached"]'
	clients_do "close 40"
}
