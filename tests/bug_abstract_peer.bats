# A client bound to an abstract name was listed and logged as one without a name, so that nobody could
# tell such clients apart. The name may hold any byte, NUL too: it is shown escaped.
load ctl.bash

setup() {
	setup_test
	start_noded --log-level debug
}

@test "the abstract name of a peer is shown, escaped" {
	local peer shown='unix:@hostile\x00\x0a\x1b[31m\xff'
	nodectl start "$T/s.sock" >/dev/null
	background peer python3 -c '
import socket, sys, time
client = socket.socket(socket.AF_UNIX)
client.bind(b"\0hostile\0\n\x1b[31m\xff" + sys.argv[1].encode())
client.connect(sys.argv[2])
print("connected", flush=True)
time.sleep(600)' "${T##*/}" "$T/s.sock"
	wait_until 25 test -s "$T/peer.log"
	nodectl -q wait "$T/s.sock" connection_pool open --is 1
	run nodectl list-connections --columns peer
	assert_output "PEER"$'\n'"$shown${T##*/}"
	run nodectl -j list-connections
	peer=$(jq -r '.connections[0].peer' <<<"$output")
	assert_equal "$peer" "$shown${T##*/}"
	nodectl -q close-connection "$(nodectl -q list-connections)"
	run nodectl state "$T/s.sock" connection_pool last_closed 0 peer
	assert_output "$shown${T##*/}"
	run grep -acP '[\x00-\x08\x0b-\x1f\x7f-\xff]' "$LOG"
	assert_output 0
	run grep -cF "$shown" "$LOG"
	assert_output 2
}
