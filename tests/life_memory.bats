# What an idle connection costs: the growth of resident memory by 10,000 of them, after one round to
# warm up.
# shellcheck shell=bash disable=SC2034,SC2153
load lib
load life

setup() {
	setup_test
	# Red zones and quarantines cost more than a connection: there only the rounds are run.
	SANITIZED=$(grep -qa __asan_init "$NODED" && echo yes) || true
	LAUNCH=(prlimit --nofile="$(ulimit -Hn)")
	start_noded
}

rss() {
	awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$NODED_PID/status"
}

# cost ADDRESS N [MORE CONDITION]: prints bytes a connection.
cost() {
	local before after
	connect_idle "$2" "$1"
	await "$1" connection_pool.open "\"equals\":$2"
	[[ $(clients_do "echo warm up") == "$2" ]]
	clients_do quit >/dev/null
	await "$1" connection_pool.open '"equals":0'
	await_path transport.client_connection_pool.open '"equals":0'
	before=$(rss)
	connect_idle "$2" "$1"
	await "$1" connection_pool.open "\"equals\":$2"
	await_path transport.client_connection_pool.connecting '"equals":0'
	after=$(rss)
	clients_do quit >/dev/null
	await "$1" connection_pool.open '"equals":0'
	echo $(((after - before) / $2))
}

@test "memory: an idle echo connection costs at most 512 bytes" {
	local n bytes
	n=$(($(ulimit -Hn) - 500))
	n=$((n < 10000 ? n : 10000))
	bytes=$(cost "$(serve "$T/s.sock" '"max_connections":null,"backlog":4096')" "$n")
	echo "# $bytes bytes with $n connections"
	[[ -n $SANITIZED ]] || ((bytes <= 512))
}

@test "memory: an idle forwarded connection costs at most 768 bytes" {
	local n bytes backend=$T/foreign/backend.sock
	# Each takes two descriptors.
	n=$((($(ulimit -Hn) - 500) / 2))
	n=$((n < 10000 ? n : 10000))
	NODED_SOCKET=$T/backend-admin.sock LOG=$T/backend.log
	start_noded
	serve "$backend" '"max_connections":null,"backlog":4096'
	NODED_SOCKET=$T/admin.sock LOG=$T/log NODED_PID=${NODED_PIDS[0]}
	bytes=$(cost "$(serve "$T/s.sock" "\"max_connections\":null,\"backlog\":4096,\
\"handler\":{\"type\":\"forward\",\"backend\":\"unix:$backend\"}")" "$n")
	echo "# $bytes bytes with $n connections"
	[[ -n $SANITIZED ]] || ((bytes <= 768))
}
