# Every form of an address names the same server; what is no address is refused and named.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	start_noded
}

@test "addresses: every form of a path is one server" {
	local form
	mkdir "$T/a"
	run serve "$T/a/s.sock"
	assert_output "unix:$T/a/s.sock"
	for form in "$T/a/s.sock" "unix:$T/a/s.sock" "$T//a///s.sock" "$T/./a/s.sock" \
		"$T/a/../a/s.sock" "unix:/../$T/a/x/../s.sock" "unix:$T/a/./s.sock"; do
		[[ $(at "$form" address) == "unix:$T/a/s.sock" ]]
		[[ $(state "transport.servers[\"$form\"].phase") == running ]]
		[[ $(error_name start "{\"address\":\"$form\"}") == already_exists ]]
		[[ $(result list_connections "{\"server\":\"$form\"}" | jq .total) == 0 ]]
	done
	[[ $(state "$T//a/s.sock" | jq -r .address) == "unix:$T/a/s.sock" ]]
	stop "$T/./a//s.sock"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "addresses: every form of a TCP address is one server" {
	local port form
	port=$(port_of "$(serve 'tcp:[::1]:0')")
	[[ $port != 0 ]]
	for form in "tcp:[::1]:$port" "tcp:[0:0:0:0:0:0:0:1]:$port" "tcp:[0000::0001]:$port"; do
		[[ $(at "$form" address) == "tcp:[::1]:$port" ]]
		[[ $(error_name start "{\"address\":\"$form\"}") == already_exists ]]
	done
	stop "tcp:[0::1]:$port"
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "addresses: with port 0 the server is known by the port it got" {
	local address
	address=$(serve tcp:127.0.0.1:0)
	[[ $address =~ ^tcp:127\.0\.0\.1:[1-9][0-9]*$ ]]
	[[ $(at "$address" address) == "$address" ]]
	listening "$address"
	[[ $(error_name stop_server '{"address":"tcp:127.0.0.1:0"}') == no_such_server ]]
	[[ $(error_name state '{"path":"transport.servers[tcp:127.0.0.1:0]"}') == no_such_path ]]
	# Port 0 is never taken already.
	[[ $(serve tcp:127.0.0.1:0) != "$address" ]]
}

@test "addresses: links are not followed for the name" {
	mkdir "$T/real"
	ln -s real "$T/link"
	serve "$T/link/s.sock"
	[[ $(at "$T/link/s.sock" address) == "unix:$T/link/s.sock" ]]
	[[ $(error_name stop_server "{\"address\":\"$T/real/s.sock\"}") == no_such_server ]]
	# As text, /link/.. is the directory of the link, not that of what it points to.
	[[ $(serve "$T/link/../t.sock") == "unix:$T/t.sock" ]]
	[[ -S $T/t.sock ]]
}

@test "addresses: what is no address is address_invalid, with the parameter" {
	local bad long
	long=/$(printf 'x%.0s' {1..107})
	for bad in '' 'unix:' 'unix:relative' relative ./x tcp: tcp:1 tcp:localhost:1 tcp:127.0.0.1 \
		tcp:127.0.0.1: tcp:127.0.0.1:x tcp:127.0.0.1:65536 tcp:127.0.0.1:-1 tcp:127.1:1 \
		tcp:127.0.0.1:+1 'tcp:127.0.0.1: 1' tcp:256.0.0.1:1 tcp:::1:1 'tcp:[::1]' 'tcp:[::1]:' \
		'tcp:[::g]:1' 'tcp:[127.0.0.1]:1' 127.0.0.1:1 udp:127.0.0.1:1 @abstract unix:@abstract \
		/ // '/a\nb' '/a\u001bb' "$long"; do
		run rpc start "{\"address\":\"$bad\"}"
		[[ $(jq -c '[.error.data.name, .error.data.param]' <<<"$output") == \
			'["address_invalid","address"]' ]] || fail "$bad: $output"
	done
	# Not UTF-8: the line is refused before anybody looks at it.
	run rpc start '{"address":"/tmp/'$'\xff''"}'
	[[ $(jq -r .error.data.name <<<"$output") == parse_error ]]
	[[ $(result list_servers | jq .total) == 0 ]]
}

@test "addresses: a path of 107 bytes is served, one more is not" {
	local path
	path=$T/$(printf 'x%.0s' {1..107})
	path=${path:0:107}
	[[ $(serve "$path") == "unix:$path" ]]
	listening "$path"
	[[ $(error_name start "{\"address\":\"${path}x\"}") == address_invalid ]]
}

@test "addresses: IPv4 and IPv6 have a port each" {
	local port
	port=$(port_of "$(serve 'tcp:[::]:0')")
	[[ $(serve "tcp:0.0.0.0:$port") == "tcp:0.0.0.0:$port" ]]
	connect_idle 1 "tcp:127.0.0.1:$port"
	[[ $(clients_do "echo four") == 1 ]]
	[[ $(at "tcp:0.0.0.0:$port" connection_pool.open) == 1 ]]
	[[ $(at "tcp:[::]:$port" connection_pool.open) == 0 ]]
}
