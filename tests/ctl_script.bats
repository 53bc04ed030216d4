# nodectl as a script uses it, under `set -euo pipefail`.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr

load ctl.bash

@test "the script of the contract" {
	nodectl start "$T/app.sock" >/dev/null
	cat >"$T/job" <<-'END'
		set -euo pipefail
		: "${NODED_SOCKET:?}"
		addr=$(nodectl start tcp:127.0.0.1:0 forward "unix:$T/app.sock"); trap 'nodectl -q stop-server "$addr" --now --if-exists' EXIT
		nodectl -j list-connections --server "$addr" | jq -e '.total == 0'
		exec {client}<>"/dev/tcp/127.0.0.1/${addr##*:}"
		nodectl wait "$addr" connection_pool open --at-least 1 --timeout 5s
		exec {client}>&-
		nodectl stop-server "$addr" --deadline 10s
		printf '%s' '{"jsonrpc":"2.0","method":"version","id":1}' | nc -N -U "$NODED_SOCKET" | jq -e .result.protocol.major
	END
	mkdir "$T/bin"
	ln -s "$NODECTL" "$T/bin/nodectl"
	PATH=$T/bin:$PATH run --separate-stderr bash "$T/job"
	assert_success
	assert_equal "$stderr" ""
	assert_line --index 0 true
	assert_line --index 1 1
	assert_line --index 2 --regexp '^tcp:127\.0\.0\.1:[0-9]+ drained drained=[01] stopped=0 killed=0 ms=[0-9]+$'
	assert_line --index 3 1
	assert_equal "${#lines[@]}" 4
	assert_equal "$(nodectl -q list-servers)" "unix:$T/app.sock"
}

@test "a script that fails in the middle takes its server away" {
	run bash -c 'set -euo pipefail
		addr=$("$NODECTL" start tcp:127.0.0.1:0)
		trap '\''"$NODECTL" -q stop-server "$addr" --now --if-exists'\'' EXIT
		"$NODECTL" wait "$addr" connection_pool open --at-least 1 --timeout 0
		echo never'
	assert_failure 7
	refute_output --partial never
	says "" -q list-servers
}

@test "a start that fails leaves the variable empty and ends the script" {
	: >"$T/file"
	run bash -c 'set -e; addr=$("$NODECTL" start "$T/file" 2>/dev/null); echo "never $addr"'
	assert_failure 6
	assert_output ""
}

@test "a pipe that ends early ends nodectl, not the script" {
	run bash -c 'set -eu; "$NODECTL" state | head -c 1; echo; echo on'
	assert_success
	assert_output $'{\non'
}

@test "five lines of Python on the admin socket" {
	run python3 -c '
import json, os, socket
admin = socket.socket(socket.AF_UNIX)
admin.connect(os.environ["NODED_SOCKET"])
admin.sendall(b"{\"jsonrpc\":\"2.0\",\"method\":\"state\",\"params\":{\"path\":\"phase\"},\"id\":1}\n")
print(json.loads(admin.makefile().readline())["result"]["value"])'
	assert_output running
}

@test "socat and jq on the admin socket" {
	run bash -c 'echo "{\"jsonrpc\":\"2.0\",\"method\":\"list_servers\",\"id\":7}" |
		socat - "UNIX-CONNECT:$NODED_SOCKET" | jq -c "[.id, .result.total]"'
	assert_output '[7,0]'
}
