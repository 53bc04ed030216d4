# nginx behind forward: files of some MB, kept connections, pipelined and parallel requests.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	mkdir -p "$T/www" "$T/nginx"
	chmod 755 "$T" "$T/www"
	head -c 8000000 /dev/urandom >"$T/www/big"
	for n in 1 2 3 4 5; do
		head -c $((n * 1000)) /dev/urandom >"$T/www/file$n"
	done
	PORT=$(free_port)
	cat >"$T/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $T/nginx/pid;
		error_log stderr warn;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $T/nginx/body;
			proxy_temp_path $T/nginx/proxy;
			fastcgi_temp_path $T/nginx/fastcgi;
			uwsgi_temp_path $T/nginx/uwsgi;
			scgi_temp_path $T/nginx/scgi;
			keepalive_requests 10000;
			server {
				listen 127.0.0.1:$PORT;
				listen unix:$T/foreign/nginx.sock;
				root $T/www;
				client_max_body_size 1m;
			}
		}
	END
	background nginx nginx -p "$T/nginx" -c "$T/nginx.conf" -e stderr
	wait_until 60 listening "tcp:127.0.0.1:$PORT"
	wait_until 60 listening "unix:$T/foreign/nginx.sock"
	ADDRESS=$(serve tcp:127.0.0.1:0 "\"handler\":{\"type\":\"forward\",\"backend\":\"$T/foreign/nginx.sock\"}")
	URL=http://${ADDRESS#tcp:}
}

curl() {
	command curl --silent --show-error --fail --noproxy '*' --max-time 60 "$@"
}

@test "nginx: a file of 8 MB, as it is, through TCP and Unix" {
	curl "$URL/big" | cmp - "$T/www/big"
	serve "$T/front.sock" "\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:$PORT\"}"
	curl --unix-socket "$T/front.sock" http://host/big | cmp - "$T/www/big"
	run curl --range 1000000-1000099 --output "$T/part" "$URL/big"
	cmp "$T/part" <(tail -c +1000001 "$T/www/big" | head -c 100)
}

@test "nginx: one connection serves many requests" {
	local n urls=()
	for n in 1 2 3 4 5 1 2 3 4 5; do
		urls+=(--output "$T/got$n" "$URL/file$n")
	done
	run curl --write-out '%{num_connects} %{http_code}\n' "${urls[@]}"
	[[ $(sort <<<"$output" | uniq -c | tr -s ' ') == " 9 0 200
 1 1 200" ]]
	for n in 1 2 3 4 5; do
		cmp "$T/got$n" "$T/www/file$n"
	done
	await "$ADDRESS" connection_pool.open '"equals":0'
	[[ $(at "$ADDRESS" connection_pool.total) == 1 ]]
}

@test "nginx: pipelined requests are answered in order" {
	script "$ADDRESS" <<-'END'
		from peers import *
		import re
		with connect(sys.argv[1]) as client:
		    names = [f"file{1 + n % 5}" for n in range(200)]
		    wanted = b""
		    for name in names:
		        with open(f"{os.environ['T']}/www/{name}", "rb") as file:
		            wanted += file.read()
		    lines = [f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n" for name in names]
		    lines[-1] = lines[-1].replace("Host: x", "Host: x\r\nConnection: close")
		    client.sendall("".join(lines).encode())
		    answer, got = read_all(client), b""
		    for _ in names:
		        head, _, answer = answer.partition(b"\r\n\r\n")
		        expect(head.startswith(b"HTTP/1.1 200 "), True, head)
		        size = int(re.search(rb"Content-Length: (\d+)", head)[1])
		        got, answer = got + answer[:size], answer[size:]
		    expect((got == wanted, answer), (True, b""))
	END
}

@test "nginx: 16 at once" {
	local n urls=()
	for n in {1..16}; do
		urls+=(--output "$T/got$n" "$URL/big?$n")
	done
	curl --parallel --parallel-immediate --parallel-max 16 "${urls[@]}"
	for n in {1..16}; do
		cmp "$T/got$n" "$T/www/big"
	done
	await "$ADDRESS" connection_pool.open '"equals":0'
	(($(at "$ADDRESS" connection_pool.bytes_out) > 16 * 8000000))
	assert_log_lines 0 'warning|error'
}

@test "nginx: an upload refused halfway gets its answer" {
	run command curl --silent --noproxy '*' --max-time 60 --output /dev/null \
		--write-out '%{http_code}' --header 'Expect:' --data-binary "@$T/www/big" "$URL/file1"
	assert_output 413
}
