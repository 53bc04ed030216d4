# version: who answers, and what it is held to.
load proto.bash

@test "version has name, version, protocol, pid, started_at, handlers and limits" {
	start_noded --name "node of mine"
	run jq -e --argjson pid "$NODED_PID" 'keys == ["handlers", "limits", "name", "pid", "protocol", "started_at", "version"]
		and .handlers == ["echo", "discard", "forward", "exec"]
		and .name == "node of mine" and (.version | test("^[0-9]+\\.[0-9]+\\.[0-9]+$")) and .pid == $pid
		and (.protocol | keys == ["major", "minor"] and .major == 1 and (.minor | type == "number"))
		and (.started_at | test("^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z$"))' \
		<<<"$(result version)"
	assert_success
	run jq -en --arg at "$(result version | jq -r .started_at)" \
		'($at | sub("\\.[0-9]+Z"; "Z") | fromdate) as $at | now - $at | . >= 0 and . < 60'
	assert_success
	assert_equal "$(result version | jq -r .version)" "$("$NODED" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')"
}

@test "version.limits are those of the contract" {
	LAUNCH=(prlimit --nofile=500:500)
	start_noded
	run jq -S . <<<"$(result version | jq .limits)"
	assert_output "$(jq -S . <<-'END'
		{"request_bytes": 65536, "request_depth": 32, "request_values": 4096, "batch_entries": 64,
		"id_string_bytes": 128, "id_number_characters": 64, "skip_bytes": 1048576, "calls_in_flight": 64,
		"output_high_bytes": 262144, "output_low_bytes": 65536, "output_stuck_ms": 30000,
		"partial_line_ms": 10000, "parse_errors_in_a_row": 16, "clients": 64, "page_rows": 1000,
		"duration_ms": 31536000000, "fds": 500, "reserved_fds": 32, "admin_slice_ms": 2}
	END
	)"
}
