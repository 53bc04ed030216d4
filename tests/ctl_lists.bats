# Lists of the real noded: tables, keys, and all pages of what does not fit in one.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

# with_clients N: a server at $T/s.sock with so many connections.
with_clients() {
	nodectl start "$T/s.sock" --max-connections none >/dev/null
	connect_idle "$1" "unix:$T/s.sock"
	nodectl -q wait "$T/s.sock" connection_pool open --is "$1"
}

# Three servers whose table is known but for the length of $T.
with_servers() {
	nodectl start "$T/b.sock" exec sh -c cat >/dev/null
	nodectl start "$T/a.sock" discard --max-connections none >/dev/null
	nodectl start "$T/c.sock" forward "$T/b.sock" --max-connections 7 >/dev/null
	nodectl -q suspend-server "$T/a.sock"
}

@test "a table of servers, in the order of their addresses" {
	local width
	with_servers
	width=$((${#T} + 12))
	says "$(
		printf "%-${width}s  %s\n" ADDRESS "PHASE      HANDLER$(printf "%$((width + 1))s")  OPEN  LIMIT  TOTAL  WHY"
		printf "%-${width}s  %s\n" "unix:$T/a.sock" "suspended  discard$(printf "%$((width + 1))s")     0      -      0  requested"
		printf "%-${width}s  %s\n" "unix:$T/b.sock" "running    exec sh -c cat$(printf "%$((width - 6))s")     0     40      0  -"
		printf "%-${width}s  %s\n" "unix:$T/c.sock" "running    forward unix:$T/b.sock     0      7      0  -"
	)" list-servers
	says "unix:$T/a.sock"$'\n'"unix:$T/b.sock"$'\n'"unix:$T/c.sock" -q list-servers
}

@test "columns, the number of rows and the header are chosen" {
	with_servers
	says $'PHASE      HANDLER.TYPE\nsuspended  discard\nrunning    exec' \
		list-servers --columns phase,handler.type --limit 2
	says $'LISTENER.BACKLOG  PHASE\n               -  suspended' \
		list-servers --columns=listener.backlog,phase --limit=1
	says $'0   -\n0  40\n0   7' list-servers --columns open,connection_pool.limit --no-header
}

# known LIST: the columns that --columns is said to take, but for what leads deeper.
known() {
	nodectl -j -n "$1" --columns xyzzy 2>/dev/null | jq -r '.error.data.detail' |
		sed 's/.*there are: //; s/, /\n/g' | sort
}

# nodectl knows them without asking, from a list of its own.
@test "the columns there are are the members of the rows" {
	local rows paths
	with_servers
	nodectl start tcp:127.0.0.1:0 >/dev/null
	connect_idle 1 "unix:$T/c.sock"
	nodectl -q wait transport connection_pool open --is 2
	rows=$(nodectl -j list-servers)
	assert_equal "$(known list-servers)" \
		"$(jq -r '[.servers[] | keys[]] + ["open", "limit", "total"] | unique[]' <<<"$rows")"
	paths=$(jq -r '[.servers[] | paths | select(all(.[]; type == "string")) | join(".")] | unique | join(",")' <<<"$rows")
	[[ $paths == *,listener.fd,* ]]
	run nodectl -n list-servers --columns "$paths"
	assert_success
	assert_equal "$(known list-connections)" \
		"$(nodectl -j list-connections | jq -r '[.connections[] | keys[]] | unique[]')"
}

@test "all connections of many pages, each once, by ascending id" {
	with_clients 1005
	run --separate-stderr nodectl -q list-connections
	assert_success
	assert_equal "${#lines[@]}" 1005
	assert_equal "$(sort -nu <<<"$output")" "$output"
	run nodectl list-connections
	assert_equal "${#lines[@]}" 1006
	run nodectl list-connections --no-header --server "$T/s.sock" --limit 1003
	assert_equal "${#lines[@]}" 1003
	run nodectl -j list-connections
	assert_equal "$(jq -c '[(.connections | length), .next, .total]' <<<"$output")" '[1005,null,1005]'
	# It did take more than one page.
	run --separate-stderr nodectl -qv list-connections
	assert_equal "$(grep -c '^> ' <<<"$stderr")" 2
	# One row more than a page is asked for as such.
	run --separate-stderr nodectl -qv list-connections --limit 1001
	assert_equal "${#lines[@]}" 1001
	assert_equal "$(sed -n 's/^> //p' <<<"$stderr" | jq -c .params.limit | tr '\n' ' ')" "1000 1 "
}

@test "state puts the pages of connections together" {
	local -a ids
	with_clients 405
	run --separate-stderr nodectl state "$T/s.sock" connection_pool connections --keys
	assert_success
	assert_equal "$output" "$(nodectl -q list-connections)"
	run nodectl state "$T/s.sock" connection_pool connections
	assert_equal "$(jq -c 'length' <<<"$output")" 405
	run nodectl -j state "$T/s.sock" connection_pool connections
	assert_equal "$(jq -c '[(.value | length), .next, .total]' <<<"$output")" '[405,null,405]'
	mapfile -t ids < <(nodectl -q list-connections)
	run nodectl close-connection "${ids[@]}"
	assert_success
	assert_equal "${#lines[@]}" 405
	assert_equal "$(cut -d ' ' -f 2 <<<"$output" | sort -u)" stopped
}

@test "a thousand servers and one: listed, and stopped with one command" {
	python3 - "$NODED_SOCKET" "$T" <<-'END'
		import json, socket, sys
		admin = socket.socket(socket.AF_UNIX)
		admin.connect(sys.argv[1])
		stream = admin.makefile("rw")
		for n in range(1001):
		    params = {"address": f"{sys.argv[2]}/{n:04}.sock", "backlog": 1}
		    json.dump({"jsonrpc": "2.0", "id": n, "method": "start", "params": params}, stream)
		    stream.write("\n")
		    stream.flush()
		    assert "result" in json.loads(stream.readline())
	END
	run --separate-stderr nodectl -q list-servers
	assert_equal "${#lines[@]}" 1001
	assert_equal "$(LC_ALL=C sort -u <<<"$output")" "$output"
	assert_equal "$(nodectl state transport.servers --keys)" "$output"
	run --separate-stderr nodectl stop-server --all
	assert_success
	assert_equal "$stderr" ""
	assert_equal "${#lines[@]}" 1001
	assert_equal "$(cut -d ' ' -f 2 <<<"$output" | sort -u)" drained
	says "" -q list-servers
	run find "$T" -name '0*.sock'
	assert_output ""
}
