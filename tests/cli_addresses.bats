# Addresses as people write them: relative paths and host names become what noded takes, and what is
# nearly an address gets a suggestion.

load lib.bash

# becomes ADDRESS WORD
becomes() {
	run bash -c '"$NODECTL" -n start "$1" | jq -r .params.address' - "$2"
	assert_success
	assert_output "$1"
}

refused() {
	run --separate-stderr nodectl start "$2"
	assert_equal "$status" 2
	[[ $stderr == *"$1"*"(address_invalid)" ]] || fail "no \"$1\" in: $stderr"
}

@test "absolute paths, in both forms, folded" {
	becomes unix:/tmp/x.sock /tmp/x.sock
	becomes unix:/tmp/x.sock unix:/tmp/x.sock
	becomes unix:/tmp/x.sock /tmp//y/../x.sock
}

@test "relative paths are made absolute" {
	cd "$T"
	mkdir sub
	becomes "unix:$T/x.sock" ./x.sock
	becomes "unix:$T/x.sock" unix:x.sock
	becomes "unix:$T/x.sock" unix:./x.sock
	cd sub
	becomes "unix:$T/x.sock" ../x.sock
}

@test "numeric addresses" {
	becomes tcp:127.0.0.1:80 tcp:127.0.0.1:80
	becomes 'tcp:[::1]:80' 'tcp:[0:0::1]:80'
}

@test "host names are resolved, IPv4 first" {
	getent hosts localhost >/dev/null || skip "localhost has no address here"
	becomes tcp:127.0.0.1:80 tcp:localhost:80
}

@test "a host name that does not exist" {
	refused "host name no-such-host.invalid" tcp:no-such-host.invalid:80
}

@test "half an address is not looked up as a name" {
	refused "tcp:1.2.3:80" tcp:1.2.3:80
	refused "tcp:0x7f.1:80" tcp:0x7f.1:80
	refused "tcp:127.0.0.1:65536" tcp:127.0.0.1:65536
	refused "tcp:localhost:http" tcp:localhost:http
}

@test "a bare host:port, port or file name gets a suggestion" {
	refused "did you mean tcp:127.0.0.1:80?" 127.0.0.1:80
	refused "did you mean tcp:localhost:80?" localhost:80
	refused "did you mean tcp:[::1]:80?" '[::1]:80'
	refused "did you mean tcp:127.0.0.1:80?" :80
	refused "did you mean tcp:127.0.0.1:8080?" 8080
	refused "did you mean ./x.sock?" x.sock
	refused "did you mean ./run/x.sock?" run/x.sock
	refused '"udp:80" is not an address: give' udp:80
}

@test "what would be a URL, or is in upper case, gets one too" {
	refused "tcp://127.0.0.1:80 is not an address; did you mean tcp:127.0.0.1:80?" tcp://127.0.0.1:80
	refused "did you mean tcp:localhost:80?" tcp://localhost:80/
	refused "did you mean tcp:[::1]:80?" 'tcp://[::1]:80'
	refused "did you mean tcp:127.0.0.1:80?" TCP:127.0.0.1:80
	refused "did you mean unix:/run/x.sock?" UNIX:/run/x.sock
	refused '"tcp://127.0.0.1" is not an address: give tcp:HOST:PORT' tcp://127.0.0.1
	run --separate-stderr nodectl state tcp://127.0.0.1:80 phase
	assert_equal "$status" 2
	[[ $stderr == *"did you mean tcp:127.0.0.1:80?"* ]] || fail "$stderr"
	# A path may begin with any number of slashes.
	becomes unix:/tmp/x.sock unix:///tmp/x.sock
	becomes unix:/tmp/x.sock unix://tmp/x.sock
}

@test "what cannot be an address" {
	refused "not an address" ''
	refused "http:" http://localhost
	refused "abstract" unix:@abstract
	refused "107" "/$(printf 'a%.0s' {1..108})"
	refused '\x0a' $'/tmp/a\nb'
	refused '\xff' $'/tmp/\xff'
}

@test "backends and --server are addresses too" {
	cd "$T"
	run bash -c '"$NODECTL" -n start /x forward ./y.sock | jq -r .params.handler.backend'
	assert_output "unix:$T/y.sock"
	run bash -c '"$NODECTL" -n list-connections --server ./y.sock | jq -r .params.server'
	assert_output "unix:$T/y.sock"
	run nodectl start /x forward y.sock
	assert_failure 2
}
