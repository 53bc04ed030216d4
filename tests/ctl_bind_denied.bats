# What the system denies noded is status 5, in words, and noded goes on.

load ctl.bash

setup() {
	setup_test
	((EUID == 0)) || skip "needs root to be somebody else"
	install -m 755 "$NODED" "$T/noded"
	chmod 777 "$T"
	chmod +t "$T"
	mkdir -m 777 "$T/own"
	chown 65534 "$T/own"
	chmod 755 "$T/own"
	NODED_SOCKET=$T/own/admin.sock
	# shellcheck disable=SC2034
	LAUNCH=(setpriv --reuid 65534 --clear-groups)
	NODED=$T/noded start_noded
}

@test "a port or a directory that is not for this user" {
	(($(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) > 80)) || skip "every port is free here"
	exits 5 bind_denied start tcp:127.0.0.1:80
	mkdir "$T/roots"
	exits 5 bind_denied start "$T/roots/a.sock"
	says "" -q list-servers
}
