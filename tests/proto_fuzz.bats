# Thousands of requests that are slightly wrong: every one is answered or refused, none ends noded.
load proto.bash

# Only a loopback port is ever started: a mangled path would be a file somewhere. No "shutdown". The
# seed is fixed so that a failure comes again; FUZZ_SEED and FUZZ_ROUNDS choose others.
@test "mutated requests never crash noded, and the line after is answered" {
	start_noded
	start_server a
	start_server b '"handler":{"type":"exec","argv":["cat"]}'
	connect_idle 3 "unix:$T/a.sock"
	script "${FUZZ_SEED:-1}" "${FUZZ_ROUNDS:-200}" <<-'END'
		from admin_client import *
		import os
		import random
		import sys
		T = os.environ["T"]
		rng = random.Random(int(sys.argv[1]))
		A = T + "/a.sock"
		seeds = [
		    request("rpc.discover"), request("version"), request("state"), request("list_servers", limit=2),
		    request("state", path=f"transport.servers[{A}].connection_pool.connections", after=1, limit=2),
		    request("state", path=f'transport.servers["unix:{A}"].handler.type'),
		    request("state", path=A), request("state", path="transport.servers[tcp:[::1]:9000].listener"),
		    request("state", path=f"transport.servers[{A}].connection_pool.last_closed[0].id"),
		    request("list_connections", server=A, after=0, limit=10), request("list_servers", after=A, limit=1000),
		    request("start", address="tcp:127.0.0.1:0", handler={"type": "echo"}, max_connections=None,
		            backlog=5, idle_timeout_ms=10, drain_ms=0, kill_ms=0, restart="never", if_missing=True),
		    request("start", address="tcp:127.0.0.1:0", handler={"type": "forward", "backend": "tcp:127.0.0.1:9",
		            "connect_timeout_ms": 50}),
		    request("start", address="tcp:127.0.0.1:0", handler={"type": "exec", "argv": ["cat", "-n"]}),
		    request("update_server", address=A, max_connections=7, idle_timeout_ms=0, restart="always"),
		    request("suspend_server", address=f"{T}//x/../b.sock"), request("resume_server", address=f"unix:{T}/b.sock"),
		    request("stop_server", address="tcp:127.0.0.1:1", deadline_ms=10, force=True, wait=True, if_exists=True),
		    request("stop_server", address="tcp:127.0.0.1:2", deadline_ms=0, wait=False, progress=True),
		    request("close_connection", id=2, force=False), request("close_connection", id=4294967296),
		    request("wait", path="transport.connection_pool.open", at_least=0, timeout_ms=0),
		    request("wait", path="nowhere[0]", exists=True, timeout_ms=5),
		    request("wait", path="admin.phase", equals="stopped", timeout_ms=5),
		    request("set_log_level", level="info"),
		    "[" + request("version", 1.5) + "," + request("state", None) + ",3]", "[]", "{}", '"\\u00e9\\ud83d\\ude00"',
		]
		tokens = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"-1", b"1e999", b"0.5", b"\\u0000",
		          b"\\ud800", b"\\", b"\xff", b"\xc3\xa9", b"\x00", b"\r", b"\n", b" ", b"9" * 70, b"[" * 40, b'"id":2,',
		          b'"jsonrpc":"2.0",', b"9223372036854775808", b"-0", b'{"a":1,"a":2}', b"%s%n", b"unix:", b"..", b"x" * 300]
		def mutate(line):
		    data = bytearray(line.encode())
		    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
		        at, to = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
		        kind = rng.randrange(6)
		        if kind == 0 and at < len(data):
		            data[at] ^= 1 << rng.randrange(8)
		        elif kind == 1:
		            data[at:at] = rng.choice(tokens)
		        elif kind == 2:
		            del data[at:min(to, at + rng.randrange(1, 20))]
		        elif kind == 3:
		            data[at:at] = data[at:to][:200]
		        elif kind == 4 and at < len(data):
		            data[at] = rng.randrange(256)
		        else:
		            other = rng.choice(seeds).encode()
		            data[at:] = other[rng.randrange(len(other)):]
		    return bytes(data)
		def round_of(size):
		    """Lines and a last request; a line feed among them may cut the connection off after 16
		    parse errors, and then there is an end instead of the last reply."""
		    admin = Admin()
		    lines = []
		    for n in range(size):
		        lines += [mutate(rng.choice(seeds)), request("version", n)]
		    try:
		        admin.send(*lines, request("version", "last"))
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    answered = 0
		    while (reply := admin.reply()) is not None:
		        answered += 1
		        if isinstance(reply, dict) and reply.get("id") == "last":
		            break
		    admin.close()
		    assert answered >= size, f"{answered} replies to {size} lines"
		for _ in range(int(sys.argv[2])):
		    round_of(50)
		admin = Admin()
		expect(admin.result("version")["pid"], int(os.environ["NODED_PID"]))
		expect(admin.state("phase"), "running")
		for address in list(admin.state("transport.servers")):
		    admin.call("stop_server", address=address, force=True)
		expect(admin.state("transport.servers"), {})
	END
}

@test "bytes that are no protocol at all never crash noded" {
	start_noded
	script <<-'END'
		from admin_client import *
		import os
		import random
		rng = random.Random(2)
		for n in range(300):
		    admin = Admin()
		    data = rng.choice((rng.randbytes(rng.randrange(1, 3000)), b"\x00" * 5000, b"[" * 70000, b'"' * 9999,
		                       b"\n" * 5000, b"{}\n" * 100, b"[]\n" * 100, b'{"' + b"a" * 65531 + b"\n" + b"b" * 99,
		                       b"\x16\x03\x01" * 100, b"GET / HTTP/1.1\r\n\r\n", b"1\n2\n" * 40))
		    try:
		        admin.push(data)
		        admin.finish()
		        admin.replies()
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    admin.close()
		expect(Admin().result("version")["pid"], int(os.environ["NODED_PID"]))
	END
}
