# server/noded.service: what systemd makes of it, and that noded lives with what it leaves.
# shellcheck shell=bash
load lib

UNIT=$ROOT/server/noded.service

@test "service: systemd calls its exposure 1.1 or less" {
	run systemd-analyze security --offline=true --threshold=11 "$UNIT"
	assert_success
	assert_output --partial "Overall exposure level for noded.service"
}

@test "service: systemd knows every line of it" {
	local unit=$T/noded.service
	sed -e "s|^ExecStart=[^ ]*|ExecStart=$NODED|" -e '/^Documentation=/d' "$UNIT" >"$unit"
	run systemd-analyze verify "$unit"
	assert_success
	assert_output ""
}

# What SystemCallFilter= lets through, as systemd-analyze lists it, is loaded before noded is run.
@test "service: noded needs no system call that the unit forbids" {
	[[ $NODED != */san/* ]] || skip "the sanitizers make system calls of their own"
	cat >"$T/filter.c" <<-'END'
		#include <errno.h>
		#include <seccomp.h>
		#include <stdio.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
			char name[64];
			int number;
			while (scanf("%63s", name) == 1)
				if ((number = seccomp_syscall_resolve_name(name)) >= 0)
					seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
			if (argc < 2 || seccomp_load(filter) != 0)
				return 99;
			execv(argv[1], argv + 1);
			return 98;
		}
	END
	gcc -o "$T/filter" "$T/filter.c" -lseccomp
	unit_calls >"$T/calls"
	assert [ "$(wc -l <"$T/calls")" -gt 300 ]
	cat >"$T/launch" <<-END
		#!/bin/bash
		exec 8<"$T/calls"
		exec "$T/filter" "\$@" <&8
	END
	chmod +x "$T/launch"
	LAUNCH=("$T/launch")
	start_noded --socket-dir "$T"
	! has_landlock || [[ $(state process.sandbox) == *landlock* ]]
	nodectl start "$T/echo.sock" echo
	nodectl start "$T/cat.sock" exec /bin/cat
	nodectl start "$T/forward.sock" forward "unix:$T/cat.sock"
	run timeout 60 nc -N -U "$T/forward.sock" <<<"through all three"
	assert_output "through all three"
	nodectl stop-server "$T/forward.sock" "$T/cat.sock" "$T/echo.sock"
	stop_noded
	assert_log_lines 0 ' (warning|error) '
}

# landlock_create_ruleset(2), asked for its version.
has_landlock() {
	python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)'
}

# The calls of @system-service without @privileged and @resources, one a line, as the unit asks.
unit_calls() {
	grep -q '^SystemCallFilter=@system-service$' "$UNIT"
	grep -q '^SystemCallFilter=~@privileged @resources$' "$UNIT"
	comm -23 <(calls_of @system-service | sort -u) <(calls_of @privileged @resources | sort -u)
	sed -n 's/^SystemCallFilter=\(landlock_.*\)/\1/p' "$UNIT" | tr ' ' '\n'
}

# Sets hold sets.
calls_of() {
	local name
	while read -r name; do
		case $name in
		@*) calls_of "$name" ;;
		*) echo "$name" ;;
		esac
	done < <(systemd-analyze syscall-filter "$@" | sed -n 's/^ \+\([@a-z_0-9-]\+\)$/\1/p')
}
