# `make demo` shows the main job from start to end and checks it on the way.
load lib.bash

@test "the demo ends well and leaves nothing" {
	export TMPDIR=$T
	run "$ROOT/tests/demo" "${NODED%/*}"
	assert_success
	assert_line --index -1 --regexp '^All of it held, in [0-9]+\.[0-9] s\.$'
	run find "$T" -name 'noded-demo.*'
	assert_output ""
}
