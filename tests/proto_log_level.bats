# set_log_level works at once and answers with the level before.
load proto.bash

@test "set_log_level answers with the previous level, and lines follow it" {
	start_noded
	assert_equal "$(result set_log_level '{"level":"debug"}')" '{"previous":"info"}'
	assert_equal "$(state log.level)" debug
	start_server a
	echo hello | nc -N -U "$T/a.sock"
	wait_until 25 has_log_lines 1 debug
	assert_equal "$(result set_log_level '{"level":"error"}')" '{"previous":"debug"}'
	start_server b
	assert_log_lines 0 'b\.sock'
	assert_equal "$(result set_log_level '{"level":"warning"}')" '{"previous":"error"}'
	assert_equal "$(result set_log_level '{"level":"info"}')" '{"previous":"warning"}'
	start_server c
	assert_log_lines 1 'c\.sock'
	local level
	for level in '"loud"' '""' '"inf"' '"info|debug"' 1 null; do
		assert_equal "$(error_name set_log_level "{\"level\":$level}")" invalid_params
	done
	assert_equal "$(error_name set_log_level)" invalid_params
}
