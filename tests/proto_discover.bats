# rpc.discover describes every method, as the method table of the manual page does.
load proto.bash

@test "rpc.discover is an OpenRPC document" {
	start_noded
	result rpc.discover >"$T/document"
	run jq -e '(.openrpc | test("^1\\.[0-9]+\\.[0-9]+$")) and (.info.title | type == "string")
		and (.info.version | type == "string")
		and (.methods | length > 0 and (map(.name) | unique | length) == length)
		and all(.methods[]; (.name | type == "string") and (.summary | type == "string")
			and .paramStructure == "by-name" and (.result | has("name") and has("schema"))
			and all(.params[]; (.name | type == "string") and (.required | type == "boolean")
				and (.schema | type == "object"))
			and (.params | map(.name) | (unique | length) == length))' "$T/document"
	assert_success
	# Whatever it refers to is there.
	run jq -e '. as $document | [.. | objects | select(has("$ref")) | .["$ref"] | ltrimstr("#/") | split("/")]
		| length > 0 and all(.[]; . as $path | $document | getpath($path) != null)' "$T/document"
	assert_success
	run jq -e '.components.errors | length >= 25 and all(.[]; (.code | type == "number")
		and (.message | type == "string"))' "$T/document"
	assert_success
}

@test "its methods and parameters are those of the contract" {
	start_noded
	run jq -r '.methods | sort_by(.name)[] | "\(.name): \(.params | sort_by(.name)
		| map(.name + (if .required then "" else "?" end)) | join(" "))"' <<<"$(result rpc.discover)"
	assert_output 'close_connection: force? id
list_connections: after? limit? server?
list_servers: after? limit?
resume_server: address
rpc.discover: 
set_log_level: level
shutdown: deadline_ms? force? progress?
start: address backlog? drain_ms? handler? idle_timeout_ms? if_missing? kill_ms? max_connections? mode? restart?
state: after? limit? path?
stop_server: address deadline_ms? force? if_exists? progress? wait?
suspend_server: address
update_server: address drain_ms? idle_timeout_ms? kill_ms? max_connections? restart?
version: 
wait: absent? at_least? at_most? equals? exists? path timeout_ms?'
}

@test "every method can be called, and its errors are among those it names" {
	local name
	start_noded
	result rpc.discover >"$T/document"
	while read -r name; do
		run raw "$(request 1 "$name" "$(jq -c --arg name "$name" \
			'.methods[] | select(.name == $name) | ."x-example-params"' "$T/document")")"
		assert_success
		run jq -er --arg name "$name" --argjson reply "$output" '.components.errors as $errors
			| .methods[] | select(.name == $name)
			| ($reply | has("result")) or (.errors | map(.["$ref"] | split("/")[-1])
				| index($reply.error.data.name) != null)' "$T/document"
		assert_success || fail "$name: $output"
	done < <(jq -r '.methods[].name | select(. != "shutdown")' "$T/document")
	rpc shutdown '{"force":true}' | jq -e .result.servers
	wait_noded
}

@test "defaults it names are those used" {
	start_noded
	start_server a
	state "$T/a.sock" >"$T/server"
	run jq -e --slurpfile server "$T/server" '.methods[] | select(.name == "start") | .params
		| map(select(.name | IN("max_connections", "idle_timeout_ms", "drain_ms", "kill_ms", "restart", "mode"))
			| .schema.default == $server[0][.name]) | length == 6 and all' <<<"$(result rpc.discover)"
	assert_success
}

@test "ranges it names are those held to" {
	start_noded
	result rpc.discover >"$T/document"
	script "$T/document" <<-'END'
		from admin_client import *
		import sys
		document = json.load(open(sys.argv[1]))
		needed = {"list_servers": {}, "list_connections": {}, "state": {}, "close_connection": {"id": 1},
		          "wait": {"path": "pid", "exists": True}, "stop_server": {"address": "tcp:127.0.0.1:1"},
		          "update_server": {"address": "tcp:127.0.0.1:1"}}
		admin, checked = Admin(), 0
		for method in document["methods"]:
		    if method["name"] not in needed:
		        continue
		    for param in method["params"]:
		        schema = param["schema"]
		        for edge, step in (("minimum", -1), ("maximum", 1)):
		            if edge not in schema:
		                continue
		            params = dict(needed[method["name"]])
		            params[param["name"]] = schema[edge]
		            if param["name"] != "timeout_ms" or edge == "minimum":
		                reply = admin.call(method["name"], **params)
		                if reply.get("error", {}).get("data", {}).get("name") == "invalid_params":
		                    raise AssertionError(f"{method['name']} {params}: {reply}")
		            params[param["name"]] = schema[edge] + step
		            expect(admin.error(method["name"], **params)["name"], "invalid_params", (method["name"], params))
		            checked += 1
		assert checked >= 15, checked
	END
}
