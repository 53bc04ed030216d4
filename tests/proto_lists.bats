# list_servers and list_connections: whole, in order, and page by page while everything changes.
load proto.bash

@test "list_servers: every server as in state, ordered by address" {
	local name
	start_noded
	assert_equal "$(result list_servers)" '{"servers":[],"next":null,"total":0}'
	for name in c a b; do start_server "$name"; done
	result list_servers >"$T/list"
	assert_equal "$(jq -c '[.servers | map(.address)]' "$T/list")" \
		"[[\"unix:$T/a.sock\",\"unix:$T/b.sock\",\"unix:$T/c.sock\"]]"
	assert_equal "$(jq -c '[.next, .total]' "$T/list")" '[null,3]'
	assert_equal "$(jq -c '.servers[1]' "$T/list")" "$(state "$T/b.sock")"
}

@test "list_servers: pages by after and limit" {
	local name after=null seen=""
	start_noded
	for name in a b c d e; do start_server "$name"; done
	assert_equal "$(result list_servers '{"limit":5}' | jq -c '[(.servers | length), .next, .total]')" '[5,null,5]'
	while :; do
		result list_servers "{\"limit\":2$([[ $after == null ]] || printf ',"after":%s' "$after")}" >"$T/page"
		seen+=$(jq -r '.servers[].address | sub(".*/(?<name>.).sock"; "\(.name)")' "$T/page" | tr -d '\n')/
		assert_equal "$(jq .total "$T/page")" 5
		after=$(jq .next "$T/page")
		[[ $after != null ]] || break
	done
	assert_equal "$seen" ab/cd/e/
	# Any form of an address, and one that is not there (any more).
	assert_equal "$(result list_servers "{\"after\":\"$T/x/..//b.sock\",\"limit\":1}" | jq -r '.servers[].address')" \
		"unix:$T/c.sock"
	result stop_server "{\"address\":\"$T/b.sock\"}"
	assert_equal "$(result list_servers "{\"after\":\"$T/b.sock\",\"limit\":1}" | jq -r '.servers[].address')" \
		"unix:$T/c.sock"
	assert_equal "$(result list_servers "{\"after\":\"$T/e.sock\"}")" '{"servers":[],"next":null,"total":4}'
	assert_equal "$(error_name list_servers '{"after":"e"}')" address_invalid
}

@test "list_connections: all, or of one server, in ascending order of id" {
	start_noded
	start_server a
	start_server b
	connect_idle 3 "unix:$T/a.sock"
	connect_idle 2 "unix:$T/b.sock"
	wait_until 25 state_is 5 transport.connection_pool.open
	run jq -e '(.connections | map(.id)) as $ids | ($ids | sort | unique) == $ids and ($ids | length) == 5
		and .next == null and .total == 5' <<<"$(result list_connections)"
	assert_success
	run jq -e --arg b "unix:$T/b.sock" '(.connections | length == 2 and all(.server == $b)) and .total == 2' \
		<<<"$(result list_connections "{\"server\":\"$T/./b.sock\"}")"
	assert_success
}

@test "list_connections: an unknown server is no_such_server, a name that is no address address_invalid" {
	start_noded
	assert_equal "$(error_name list_connections "{\"server\":\"$T/a.sock\"}")" no_such_server
	assert_equal "$(error_name list_connections '{"server":"a"}')" address_invalid
	assert_equal "$(rpc list_connections '{"server":"a"}' | jq -r .error.data.param)" server
}

@test "list_connections: pages by after and limit" {
	start_noded
	start_server a
	connect_idle 25 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		admin = Admin()
		admin.wait("transport.connection_pool.open", equals=25)
		everything = [c["id"] for c in admin.result("list_connections")["connections"]]
		for limit in (1, 4, 5, 24, 25, 26, 1000):
		    after, seen, pages = 0, [], 0
		    while after is not None:
		        page = admin.result("list_connections", after=after, limit=limit)
		        ids = [c["id"] for c in page["connections"]]
		        assert 0 < len(ids) <= limit, ids
		        expect(page["total"], 25)
		        expect(page["next"], None if ids[-1] == everything[-1] else ids[-1], "next")
		        seen += ids
		        after = page["next"]
		        pages += 1
		    expect(seen, everything)
		    expect(pages, -(-25 // limit))
		expect(admin.result("list_connections", after=everything[-1])["connections"], [])
		expect(admin.error("list_connections", limit=0)["name"], "invalid_params")
		expect(admin.error("list_connections", limit=1001)["name"], "invalid_params")
	END
}

@test "a connection alive throughout appears exactly once while others come and go" {
	start_noded
	start_server a '"max_connections":5000'
	script <<-'END'
		from admin_client import *
		import os
		import random
		rng = random.Random(3)
		def connect():
		    client = socket.socket(socket.AF_UNIX)
		    client.connect(os.environ["T"] + "/a.sock")
		    return client
		admin, moving, stable = Admin(), [], []
		for n in range(300):
		    (stable if n % 3 == 0 else moving).append(connect())
		admin.wait("transport.connection_pool.open", equals=300)
		listed = admin.result("list_connections", limit=1000)["connections"]
		lasting = {c["id"] for c in listed[::3]}
		expect(len(lasting), 100)
		for _ in range(10):
		    after, seen = 0, []
		    while after is not None:
		        page = admin.result("list_connections", after=after, limit=7)
		        seen += [c["id"] for c in page["connections"]]
		        after = page["next"]
		        for _ in range(5):
		            moving.pop(rng.randrange(len(moving))).close()
		            if len(seen) < 400:
		                moving.append(connect())
		            if len(moving) < 60:
		                moving += [connect() for _ in range(60)]
		        if len(seen) > 3000:
		            break
		    expect(seen, sorted(set(seen)), "ascending, none twice")
		    expect(lasting - set(seen), set(), "missed")
	END
}

@test "state pages connections and servers by key as well" {
	start_noded
	start_server a
	start_server b
	start_server c
	connect_idle 12 "unix:$T/a.sock"
	script <<-'END'
		from admin_client import *
		import os
		A = os.environ["T"] + "/a.sock"
		admin = Admin()
		admin.wait("transport.connection_pool.open", equals=12)
		path = f"transport.servers[{A}].connection_pool.connections"
		everything = [str(c["id"]) for c in admin.result("list_connections")["connections"]]
		for as_key in (str, int):
		    seen, after = [], {}
		    while True:
		        page = admin.result("state", path=path, limit=5, **after)
		        expect(page["total"], 12)
		        seen += list(page["value"])
		        if page["next"] is None:
		            break
		        expect(page["next"], seen[-1])
		        after = {"after": as_key(page["next"])}
		    expect(seen, everything)
		page = admin.result("state", path="transport.servers", limit=2)
		expect(page["next"], "unix:" + os.environ["T"] + "/b.sock")
		expect(page["total"], 3)
		rest = admin.result("state", path="transport.servers", limit=2, after=os.environ["T"] + "//b.sock")
		expect([list(rest["value"]), rest["next"]], [["unix:" + os.environ["T"] + "/c.sock"], None])
		whole = admin.result("state", path="transport")
		assert "next" not in whole and "total" not in whole
		expect(len(whole["value"]["servers"]), 3)
	END
}

@test "listing 10,000 connections does bounded work in a turn and holds nobody up" {
	start_noded
	start_server a '"max_connections":null'
	connect_idle 10000 "unix:$T/a.sock"
	start_server b
	script <<-'END'
		from admin_client import *
		import os
		import threading
		admin, other = Admin(), Admin()
		admin.wait("transport.connection_pool.open", equals=10000)
		echo = socket.socket(socket.AF_UNIX)
		echo.connect(os.environ["T"] + "/b.sock")
		stop, slowest = threading.Event(), [0.0]
		def lister():
		    while not stop.is_set():
		        after, ids = 0, []
		        while after is not None:
		            page = admin.result("list_connections", after=after, limit=1000)
		            ids += [c["id"] for c in page["connections"]]
		            after = page["next"]
		        if not stop.is_set():
		            expect(len(set(ids)), 10001)
		thread = threading.Thread(target=lister)
		thread.start()
		for n in range(100):
		    began = time.monotonic()
		    echo.sendall(b"x")
		    expect(echo.recv(1), b"x")
		    other.result("version")
		    slowest[0] = max(slowest[0], time.monotonic() - began)
		stop.set()
		thread.join()
		assert slowest[0] < 10, slowest
		assert other.state("process.loop.requests_in_a_turn") <= 256
	END
}
