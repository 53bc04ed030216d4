# For tests that let the Nth call of a function fail: see tests/nth/run.
# shellcheck shell=bash

# nth ARGS: runs those points; prints and fails as tests/nth/run does.
nth() {
	local shim=${TABLES:-$ROOT/build/release/tables}
	python3 "$ROOT/tests/nth/run" "$@" "$NODED" "${shim%/*}/fail_call.so"
}
