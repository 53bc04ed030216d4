# Durations are whole milliseconds from 0 to 365 days, whatever a number can be made to look like.
load proto.bash

@test "durations out of range are refused, and nothing is done" {
	local value name where
	start_noded
	start_server a
	for value in -1 -0.5 0.5 1e300 -1e300 1e999 9223372036854775808 9223372036854775807 18446744073709551616 \
		4294967296000 31536000001 '"1"' '"1s"' null true '[]' '{}' "$(printf '9%.0s' {1..63})" \
		"$(printf '9%.0s' {1..400})"; do
		for where in \
			"stop_server {\"address\":\"$T/a.sock\",\"deadline_ms\":$value}" \
			"update_server {\"address\":\"$T/a.sock\",\"drain_ms\":$value}" \
			"update_server {\"address\":\"$T/a.sock\",\"kill_ms\":$value}" \
			"update_server {\"address\":\"$T/a.sock\",\"idle_timeout_ms\":$value}" \
			"start {\"address\":\"$T/b.sock\",\"drain_ms\":$value}" \
			"start {\"address\":\"$T/b.sock\",\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:9\",\"connect_timeout_ms\":$value}}" \
			"wait {\"path\":\"nowhere\",\"exists\":true,\"timeout_ms\":$value}" \
			"shutdown {\"deadline_ms\":$value}"; do
			request 1 "${where%% *}" "${where#* }"
		done
	done >"$T/requests"
	nc -N -U "$NODED_SOCKET" <"$T/requests" >"$T/replies"
	assert_equal "$(wc -l <"$T/replies")" "$(wc -l <"$T/requests")"
	assert_equal "$(jq -r '.error.data.name' "$T/replies" | sort | uniq -c | tr -s ' ')" \
		" $(wc -l <"$T/requests") invalid_params"
	run outcomes "$(request 1 shutdown '{"deadline_ms":NaN}')" "$(request 1 shutdown '{"deadline_ms":inf}')" \
		"$(request 1 shutdown '{"deadline_ms":-Infinity}')"
	assert_equal "$(sort -u <<<"$output")" '[null,"parse_error"]'
	assert_equal "$(state "$T/a.sock" | jq -c '[.phase, .drain_ms, .kill_ms, .idle_timeout_ms]')" '["running",30000,2000,0]'
	assert_equal "$(state transport.servers | jq length)" 1
}

@test "the longest and the shortest are kept, however they are written" {
	start_noded
	start_server a '"drain_ms":31536000000,"kill_ms":0'
	result update_server "{\"address\":\"$T/a.sock\",\"idle_timeout_ms\":3.1536e10,\"kill_ms\":1.0e1}" >/dev/null
	assert_equal "$(state "$T/a.sock" | jq -c '[.drain_ms, .kill_ms, .idle_timeout_ms]')" '[31536000000,10,31536000000]'
	run outcomes "$(request 1 update_server "{\"address\":\"$T/a.sock\",\"kill_ms\":-0}")"
	assert_output '[1,"result"]'
	assert_equal "$(error_name start "{\"address\":\"$T/b.sock\",\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:127.0.0.1:9\",\"connect_timeout_ms\":0}}")" \
		invalid_params
}
