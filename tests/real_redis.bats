# redis behind forward: its own benchmark and client, through TCP to its Unix socket and its port.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	PORT=$(free_port)
	mkdir "$T/redis"
	background redis redis-server --bind 127.0.0.1 --port "$PORT" --unixsocket "$T/foreign/redis.sock" \
		--save '' --appendonly no --dir "$T/redis"
	wait_until 60 listening "unix:$T/foreign/redis.sock"
	wait_until 60 listening "tcp:127.0.0.1:$PORT"
	head -c 6000000 /dev/urandom >"$T/value"
}

forward() {
	serve "$1" "\"handler\":{\"type\":\"forward\",\"backend\":\"$2\"}"
}

# try_redis OPTION VALUE...: of redis-cli and redis-benchmark, to reach it.
try_redis() {
	run redis-cli "$@" ping
	assert_output PONG
	run redis-cli "$@" -x set value <"$T/value"
	assert_output OK
	run redis-cli "$@" strlen value
	assert_output 6000000
	redis-cli "$@" get value | head -c 6000000 | cmp - "$T/value"
	run redis-benchmark "$@" -n 20000 -c 50 -P 8 -d 200 -t set,get,lrange_100 --csv
	assert_success
	assert_line --regexp '^"SET","[0-9.]+"'
	assert_line --regexp '^"GET","[0-9.]+"'
	refute_output --partial rror
}

@test "redis: TCP in front of its Unix socket" {
	local address
	address=$(forward tcp:127.0.0.1:0 "$T/foreign/redis.sock")
	try_redis -p "${address##*:}"
	await "$address" connection_pool.open '"equals":0'
	await_path transport.client_connection_pool.open '"equals":0'
	[[ $(state transport.client_connection_pool.failed) == 0 ]]
	assert_log_lines 0 'warning|error'
}

@test "redis: TCP in front of its port" {
	local address
	address=$(forward tcp:127.0.0.1:0 "tcp:127.0.0.1:$PORT")
	try_redis -p "${address##*:}"
	await "$address" connection_pool.open '"equals":0'
	assert_log_lines 0 'warning|error'
}

@test "redis: Unix in front of its port" {
	forward "$T/front.sock" "tcp:127.0.0.1:$PORT"
	try_redis -s "$T/front.sock"
	await "$T/front.sock" connection_pool.open '"equals":0'
}

@test "redis: a subscriber hears through it; redis goes, and it is told; redis comes back" {
	local address
	address=$(forward tcp:127.0.0.1:0 "tcp:127.0.0.1:$PORT")
	background subscriber redis-cli -p "${address##*:}" subscribe news
	wait_until 30 grep -q subscribe "$T/subscriber.log"
	[[ $(redis-cli -p "$PORT" publish news "it works") == 1 ]]
	wait_until 30 grep -q "it works" "$T/subscriber.log"
	redis-cli -p "$PORT" shutdown nosave
	await "$address" connection_pool.open '"equals":0'
	# redis-cli connects again and again until somebody is there.
	background redis redis-server --bind 127.0.0.1 --port "$PORT" --save '' --dir "$T/redis"
	wait_until 30 redis_answers "${address##*:}"
}

redis_answers() {
	[[ $(redis-cli -p "$1" ping 2>&1) == PONG ]]
}
