# make install puts everything where the system looks for it, and uninstall takes it all away.
# shellcheck shell=bash
load lib

# With the programs as they were built: -o all keeps this make, which knows nothing of the flags
# they were built with, from building them again.
make_it() {
	local san=
	[[ $NODED != */san/* ]] || san=SAN=1
	run env -u MAKEFLAGS -u MAKELEVEL make -s -o all -C "$ROOT" ${san:+"$san"} "$@"
}

@test "make install: programs, manual pages, completions and a unit, under DESTDIR and PREFIX" {
	make_it install DESTDIR="$T/root" PREFIX=/opt/noded
	assert_success
	run find "$T/root" -type f -printf '%m %P\n'
	assert_line "755 opt/noded/sbin/noded"
	assert_line "755 opt/noded/bin/nodectl"
	assert_line "644 opt/noded/share/man/man1/nodectl.1"
	assert_line "644 opt/noded/share/man/man7/noded-protocol.7"
	assert_line "644 opt/noded/share/man/man8/noded.8"
	assert_line "644 opt/noded/share/bash-completion/completions/nodectl"
	assert_line "644 opt/noded/share/zsh/site-functions/_nodectl"
	assert_line "644 opt/noded/share/fish/vendor_completions.d/nodectl.fish"
	assert_line "644 opt/noded/lib/systemd/system/noded.service"
	assert_equal "${#lines[@]}" 9
	run grep '^ExecStart=' "$T/root/opt/noded/lib/systemd/system/noded.service"
	assert_output "ExecStart=/opt/noded/sbin/noded --socket /run/noded/admin.sock"
	run "$T/root/opt/noded/bin/nodectl" --version
	assert_success

	make_it uninstall DESTDIR="$T/root" PREFIX=/opt/noded
	assert_success
	run find "$T/root" -type f
	assert_output ""
}

@test "make help: every target it names exists" {
	local name
	make_it help
	assert_success
	for name in all demo run check unit bats deps lint layers format install uninstall clean; do
		assert_line --regexp "^  $name +[a-z]"
	done
	for name in SAN WERROR V CC JOBS TESTS; do
		assert_line --regexp "^  $name=[^ ]+ +[A-Za-z]"
	done
}

@test "nodectl is linked without libev" {
	run ldd "$NODECTL"
	assert_success
	refute_output --partial libev
	run ldd "$NODED"
	assert_output --partial libev
}

@test "the release programs are hardened" {
	[[ $NODED != */san/* ]] || skip "the sanitized build is not for release"
	local program
	for program in "$NODED" "$NODECTL"; do
		run readelf -Wldh "$program"
		assert_output --partial "DYN (Position-Independent Executable"
		assert_output --partial GNU_RELRO
		assert_output --regexp '\(FLAGS\) +BIND_NOW'
		assert_output --regexp 'GNU_STACK +[0-9a-fx ]+RW '
		run nm -D "$program"
		assert_output --partial __stack_chk_fail
	done
}
