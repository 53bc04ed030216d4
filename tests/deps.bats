# tests/deps decides what to install; apt-get and its friends are stood in for, so nothing is.
# shellcheck shell=bash disable=SC2016 # what a stand-in is to expand itself
load lib

setup() {
	setup_test
	mkdir "$T/bin"
	# Each stand-in writes down how it was called.
	stand_in apt-get 'exit 0'
	stand_in systemctl 'exit 0'
	stand_in sudo 'exec "$@"'
	stand_in dpkg-query 'case ${*: -1} in have-*) echo installed ;; *) exit 1 ;; esac' quiet
	export PATH=$T/bin:$PATH SYSTEMD_RUN=$T/no-systemd CALLS=$T/calls
	: >"$CALLS"
}

# stand_in NAME BODY [quiet]
stand_in() {
	{
		echo '#!/bin/bash'
		[[ -n ${3:-} ]] || echo 'echo "${0##*/} $*" >>"$CALLS"'
		echo "$2"
	} >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

@test "deps: with everything installed it says one line and does nothing" {
	run "$ROOT/tests/deps" trying it: have-a have-b
	assert_success
	assert_output "deps: all 2 packages for trying it are installed"
	assert_equal "$(cat "$CALLS")" ""
}

@test "deps: it installs only what is missing, after an update" {
	run "$ROOT/tests/deps" trying: have-a need-b need-c
	assert_success
	assert_line --index 0 "deps: installing for trying: need-b need-c"
	run grep -c . "$CALLS"
	assert_equal "$(sed -n '/^apt-get/p' "$CALLS" | head -n 1)" "apt-get update -qq"
	run grep '^apt-get install' "$CALLS"
	assert_success
	assert_output --partial " need-b need-c"
	refute_output --partial have-a
}

@test "deps: the services of test programs are masked while installing, then disabled" {
	mkdir "$T/no-systemd"
	run "$ROOT/tests/deps" trying: redis-server
	assert_success
	run grep -nE '^(systemctl|apt-get install)' "$CALLS"
	assert_line --index 0 --partial "systemctl --quiet --runtime mask redis-server.service"
	assert_line --index 1 --partial "apt-get install"
	assert_line --index 2 --partial "systemctl --quiet --runtime unmask redis-server.service"
	assert_line --index 3 --partial "systemctl --quiet disable redis-server.service"
}

@test "deps: a failed installation unmasks too and fails" {
	mkdir "$T/no-systemd"
	stand_in apt-get '[[ $1 != install ]]'
	run "$ROOT/tests/deps" trying: redis-server
	assert_failure
	run tail -n 1 "$CALLS"
	assert_output "systemctl --quiet --runtime unmask redis-server.service"
}

@test "deps: not root, it uses sudo" {
	((EUID == 0)) || skip "needs root to become somebody else"
	chmod 755 "$T" && chmod 666 "$CALLS"
	# A copy: the sources may be where that user cannot read.
	cp "$ROOT/tests/deps" "$T/deps"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$T/deps" trying: need-a
	assert_success
	run grep -c '^sudo' "$CALLS"
	assert_output 2
}

@test "deps: without apt-get it prints the list and stops" {
	mkdir "$T/only"
	ln -s "$(command -v bash)" "$(command -v env)" "$T/only/"
	PATH=$T/only run "$ROOT/tests/deps" trying: libev-dev jq
	assert_failure 1
	assert_line "  libev-dev"
	assert_line "  jq"
	DEPS_ASSUME=1 PATH=$T/only run "$ROOT/tests/deps" trying: libev-dev jq
	assert_success
}
