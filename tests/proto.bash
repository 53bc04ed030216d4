# What the tests of the protocol share beside lib.bash.
# shellcheck shell=bash
source "${BASH_SOURCE[0]%/*}/lib.bash"

# request ID METHOD [PARAMS]: prints one request; ID and PARAMS are JSON.
request() {
	printf '{"jsonrpc":"2.0","id":%s,"method":"%s"%s}\n' "$1" "$2" "${3:+,\"params\":$3}"
}

# notification METHOD [PARAMS]
notification() {
	printf '{"jsonrpc":"2.0","method":"%s"%s}\n' "$1" "${2:+,\"params\":$2}"
}

# short: each reply of its input as [ID,"result"] or [ID,NAME OF THE ERROR], a batch as a list.
short() {
	jq -c 'def short: [.id, (if has("result") then "result" else .error.data.name end)];
		if type == "array" then map(short) else short end'
}

# outcomes LINE...: sends the lines and prints the replies so.
outcomes() {
	raw "$@" | short
}

# script [ARGS]: runs the Python program of its input, with tests/admin_client.py at hand.
script() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests timeout 150 python3 - "$@"
}

# start_server NAME [PARAMS]: starts a server on $T/NAME.sock; PARAMS are further members.
start_server() {
	result start "{\"address\":\"unix:$T/$1.sock\"${2:+,$2}}" >/dev/null
}
