# The permissions of a socket file.
# shellcheck shell=bash
load lib
load life

setup() {
	setup_test
	umask 077
	start_noded
}

mode_of() {
	stat -c %04a "$1"
}

@test "mode: 0600 unless told otherwise, whatever the umask" {
	serve "$T/s.sock"
	[[ $(mode_of "$T/s.sock") == 0600 ]]
	[[ $(at "$T/s.sock" mode) == 0600 ]]
}

@test "mode: what was asked for, whatever the umask" {
	local mode
	for mode in 0000 0666 0777 0640 660; do
		serve "$T/$mode.sock" "\"mode\":\"$mode\""
		[[ $(mode_of "$T/$mode.sock") == "$(printf %04o "0$mode")" ]]
		[[ $(at "$T/$mode.sock" mode) == "$(printf %04o "0$mode")" ]]
	done
}

@test "mode: anything but octal digits to 0777 is refused" {
	local bad
	for bad in '"1777"' '"0778"' '"8"' '""' '"rw"' '"0x1ff"' '" 600"' '"-1"' '"00600"' 384 null; do
		run error_name start "{\"address\":\"$T/s.sock\",\"mode\":$bad}"
		assert_output invalid_params
	done
	assert_not_exist "$T/s.sock"
}

@test "mode: a TCP server has none" {
	[[ $(at "$(serve tcp:127.0.0.1:0)" mode) == null ]]
}

# The file never has another mode than the one asked for: bind is what creates it.
@test "mode: it is set before the file exists" {
	inject bind:delay_exit=1000000
	ask start start "{\"address\":\"$T/s.sock\",\"mode\":\"0604\"}"
	wait_until 30 test -S "$T/s.sock"
	[[ $(mode_of "$T/s.sock") == 0604 ]]
	end_inject
	[[ $(answer start | jq .created) == true ]]
	[[ $(mode_of "$T/s.sock") == 0604 ]]
}

@test "mode: it comes back with the file after a suspension and after a loss" {
	serve "$T/s.sock" '"mode":"0660"'
	result suspend_server "{\"address\":\"$T/s.sock\"}"
	result resume_server "{\"address\":\"$T/s.sock\"}"
	[[ $(mode_of "$T/s.sock") == 0660 ]]
	rm "$T/s.sock"
	await "$T/s.sock" restarts '"equals":1'
	[[ $(mode_of "$T/s.sock") == 0660 ]]
}
