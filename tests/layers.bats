# tests/layers says who may include whom; here it is shown to notice when somebody does not.
# shellcheck shell=bash disable=SC2030,SC2031
load lib

setup() {
	setup_test
	mkdir "$T/tree"
	cp -r "$ROOT/proto" "$ROOT/server" "$ROOT/ctl" "$T/tree/"
}

# refuses FILE LINE MESSAGE: with LINE added to FILE the check fails and says MESSAGE.
refuses() {
	run "$ROOT/tests/layers" "$T/tree"
	assert_success
	printf '%s\n' "$2" >>"$T/tree/$1"
	run "$ROOT/tests/layers" "$T/tree"
	assert_failure 1
	assert_output "layers: $3"
}

@test "layers: the tree holds the dependency direction" {
	run "$ROOT/tests/layers"
	assert_success
	assert_output ""
}

@test "layers: proto may not include libev" {
	refuses proto/wire.h '#include <ev.h>' \
		"proto/wire.h includes ev.h: only server runs on libev"
}

@test "layers: proto may not include the server" {
	refuses proto/wire.h '#include "../server/log.h"' \
		"proto/wire.h includes ../server/log.h: proto knows no server"
}

@test "layers: ctl may not include the server" {
	echo '/* A file of its own, so that the test depends on no other. */' >"$T/tree/ctl/extra.c"
	refuses ctl/extra.c '# include "server/log.h"' \
		"ctl/extra.c includes server/log.h: ctl knows no server"
}

@test "layers: a handler may not include the server it serves" {
	: >"$T/tree/server/server.h"
	: >"$T/tree/server/echo.c"
	refuses server/echo.c '#include "server.h"' \
		"server/echo.c includes server.h, which is above it"
}

@test "layers: the engine may not include a connection" {
	refuses server/engine.h '	#include "conn.h"' \
		"server/engine.h includes conn.h, which is above it"
}

@test "layers: a JSON tree stays out of the relay" {
	refuses server/relay.h 'struct cJSON;' \
		"server/relay.h names cJSON: JSON trees belong to proto, ctl and admin session call methods wait state"
}

@test "layers: every file of the server has its place" {
	echo '/* nothing */' >"$T/tree/server/stray.c"
	run "$ROOT/tests/layers" "$T/tree"
	assert_failure 1
	assert_output "layers: server/stray.c has no place in the order of tests/layers"
}
