# Property: whatever the pieces, pauses, half-closes and slow readers, what arrives is what was sent,
# then its end; and a reset, if there is one, reaches the other side. Through forward and echo, where
# bulk passes through pipes and where it is copied.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
}

# property KIND BACKEND PIPES: BACKEND is an address's kind, or echo; PIPES is "pipes" or "copies".
property() {
	script "$@" <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		import random, sys, threading, time
		node, kind, other, how = Node(), *sys.argv[1:]
		seed = int(os.environ.get("SEED") or random.getrandbits(32))
		print(f"property: SEED={seed}", file=sys.stderr)
		chance = random.Random(seed)
		if other == "echo":
		    address = node.serve(kind, {"type": "echo"})
		else:
		    backend = Listener(other)
		    address = node.forward(kind, backend.address)

		pairing = threading.Lock()

		def pair():
		    with pairing:
		        client = connect(address)
		        return client, client if other == "echo" else backend.accept()

		def pause(chance):
		    if chance.random() < 0.05:
		        time.sleep(chance.random() * 0.02)

		def speak(peer, seed, size):
		    """Pieces of any length, with pauses, then the end; the hash of it all."""
		    chance, digest = random.Random(seed), hashlib.sha256()
		    block = chance.randbytes(1 << 20)
		    while size:
		        n = min(size, chance.choice((1, 9, 1000, 60_000, 500_000)))
		        at = chance.randrange(len(block) - n + 1)
		        peer.sendall(block[at:at + n])
		        digest.update(block[at:at + n])
		        size -= n
		        pause(chance)
		    peer.shutdown(SHUT_WR)
		    return digest.hexdigest()

		def hear(peer, seed):
		    chance, digest, size = random.Random(seed), hashlib.sha256(), 0
		    while data := peer.recv(chance.choice((1, 4000, 100_000, 1_000_000))):
		        digest.update(data)
		        size += len(data)
		        pause(chance)
		    return size, digest.hexdigest()

		def converse(number, seed):
		    """Both ways at once, or one after the end of the other."""
		    chance = random.Random(seed)
		    up, down = (chance.choice((0, 1, 70_000, 3_000_000)) for _ in "ab")
		    client, peer = pair()
		    with ThreadPoolExecutor(4) as pool:
		        heard = pool.submit(hear, peer, seed + 1)
		        said = pool.submit(speak, client, seed + 2, up)
		        if other == "echo":
		            expect(heard.result(), (up, said.result()), f"echo, seed {seed}")
		        else:
		            if chance.random() < 0.5:
		                expect(heard.result(), (up, said.result()), f"up first, seed {seed}")
		            back = pool.submit(hear, client, seed + 3)
		            answer = pool.submit(speak, peer, seed + 4, down)
		            expect(back.result(), (down, answer.result()), f"down, seed {seed}")
		            expect(heard.result(), (up, said.result()), f"up, seed {seed}")
		    client.close()
		    peer.close()

		def pump(peer, stop):
		    block = b"x" * 1_000_000
		    while not stop.is_set():
		        peer.sendall(block)

		def drain(peer):
		    while peer.recv(1_000_000):
		        pass

		def until_bulk():
		    """One stream flows until it surely is a bulk, then ends as it is told."""
		    client, peer = pair()
		    stop = threading.Event()
		    with ThreadPoolExecutor(2) as pool:
		        drained = pool.submit(drain, peer)
		        pumped = pool.submit(pump, client, stop)
		        try:
		            if how == "pipes":
		                until(lambda: node.state("process.pipes") > 0, 60)
		            else:
		                until(lambda: node.pool(address)["bytes_in"] > 50_000_000, 60)
		                expect(node.state("process.pipes"), 0)
		        finally:
		            stop.set()
		            pumped.result()
		            client.shutdown(SHUT_WR)
		        drained.result()
		    client.close()
		    peer.close()

		def reset_full():
		    """The reader stops, everything on the way fills up, and the sender is gone with a reset."""
		    client, peer = pair()
		    fill(client)
		    reset(client)
		    try:
		        while peer is not client and peer.recv(1_000_000):
		            pass
		    except ConnectionResetError:
		        pass
		    if peer is not client:
		        peer.close()

		until_bulk()
		with ThreadPoolExecutor(6) as pool:
		    seeds = [chance.getrandbits(30) for _ in range(18)]
		    list(pool.map(converse, range(18), seeds))
		for _ in range(3):
		    if kind == "tcp:":
		        reset_full()
		node.until_open(address, 0)
		# Nothing is kept for long.
		until(lambda: node.state("process.pipes") == 0, 60)
	END
}

@test "bulk: TCP to TCP passes through pipes" {
	property tcp: tcp: pipes
}

@test "bulk: echo on TCP is copied" {
	property tcp: echo copies
}

@test "bulk: TCP to Unix passes through pipes" {
	property tcp: unix: pipes
}

@test "bulk: Unix to Unix passes through pipes" {
	property unix: unix: pipes
}

@test "bulk: Unix to TCP is copied" {
	property unix: tcp: copies
}

@test "bulk: echo on Unix is copied" {
	property unix: echo copies
}

# urgent THEN: a bulk with an urgent byte in it, of which splice(2) says that no input is left, or
# that it has ended, where recv(2) goes on. THEN it "ends", or "rests" and goes on later.
urgent() {
	script "$@" <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		import random, threading, time
		node, backend, ends = Node(), Listener("tcp:"), sys.argv[1] == "ends"
		address = node.forward("tcp:", backend.address)
		client, peer = connect(address), backend.accept()
		said, heard, enough = hashlib.sha256(), hashlib.sha256(), threading.Event()
		tail = random.randbytes(1 << 16)

		def say(data):
		    client.sendall(data)
		    said.update(data)

		def speak():
		    block = random.randbytes(1 << 20)
		    while not enough.is_set():
		        say(block)
		    client.send(b"!", socket.MSG_OOB)
		    say(tail)
		    if ends:
		        client.shutdown(SHUT_WR)

		def hear():
		    """Until the end, or the last bytes of the tail."""
		    last = b""
		    while ends or last != tail[-16:]:
		        data = peer.recv(1 << 20)
		        if not data:
		            return
		        heard.update(data)
		        last = (last + data)[-16:]

		def is_stuck():
		    before = node.pool(address)["bytes_in"]
		    time.sleep(0.2)
		    return node.pool(address)["bytes_in"] == before

		with ThreadPoolExecutor(1) as pool:
		    speaking = pool.submit(speak)
		    while node.state("process.pipes") == 0:
		        heard.update(peer.recv(1 << 20))
		    # All that is under way is full, so what comes is in large pieces until the urgent byte.
		    until(is_stuck)
		    enough.set()
		    hear()
		    speaking.result()
		expect(heard.hexdigest(), said.hexdigest(), "all but the urgent byte")
		if not ends:
		    # Nothing can be read, be it behind the urgent byte or before another one.
		    client.send(b"!", socket.MSG_OOB)
		    turns = node.state("process.loop.turns")
		    expect(node.error("wait", path="phase", equals="stopped", timeout_ms=1000)["name"], "timeout")
		    turns = node.state("process.loop.turns") - turns
		    assert turns < 40, f"{turns} turns"
		    say(b"later")
		    expect(peer.recv(100), b"later")
		client.close()
		peer.close()
	END
}

@test "bulk: nothing is lost behind an urgent byte" {
	urgent ends
}

@test "bulk: the loop rests behind an urgent byte, and the stream goes on" {
	urgent rests
}

# A pipe used to come and go without a word: who waited for it heard of it when something else changed.
@test "bulk: who waits for pipes and descriptors to go is told when they do" {
	script <<-'END'
		from peers import *
		from concurrent.futures import ThreadPoolExecutor
		import threading
		node, waiting, backend, enough = Node(), Node(), Listener("tcp:"), threading.Event()
		address = node.forward("tcp:", backend.address)
		client, peer = connect(address), backend.accept()

		def speak():
		    while not enough.is_set():
		        client.sendall(bytes(1 << 20))
		    client.sendall(b"!")

		def is_stuck():
		    before = node.pool(address)["bytes_in"]
		    threading.Event().wait(0.2)
		    return node.pool(address)["bytes_in"] == before

		with ThreadPoolExecutor(1) as pool:
		    speaking = pool.submit(speak)
		    while node.state("process.pipes") == 0:
		        peer.recv(1 << 20)
		    until(is_stuck)
		    expect(node.state("process.pipes"), 1)
		    fewer = node.state("process.fds") - 2
		    waiting.send('{"jsonrpc":"2.0","id":1,"method":"wait","params":'
		                 '{"path":"process.pipes","equals":0,"timeout_ms":3600000}}',
		                 '{"jsonrpc":"2.0","id":2,"method":"wait","params":'
		                 '{"path":"process.fds","at_most":%d,"timeout_ms":3600000}}' % fewer)
		    enough.set()
		    while not peer.recv(1 << 20).endswith(b"!"):
		        pass
		    speaking.result()
		# The stream rests, nothing else changes, and within two seconds the pipe is closed.
		expect([waiting.reply()["result"]["path"] for _ in range(2)], ["process.pipes", "process.fds"])
		client.close()
		peer.close()
	END
}
