# What the README and the manual pages point to exists.
# shellcheck shell=bash
load lib

# linked FILE...: prints what they link to here (Markdown), and what they name with its directory.
linked() {
	grep -ohE '\]\([^)#:]+\)' "$@" | sed 's/^](//; s/)$//'
	grep -ohE '\b(ctl|man|proto|server|tests)/[A-Za-z0-9_./*-]*[A-Za-z0-9_/*-]' "$@"
}

@test "every file that README.md, SECURITY.md and the manual pages name is there" {
	local name missing=()
	cd "$ROOT"
	run linked README.md SECURITY.md man/*.[178]
	((${#lines[@]} > 20))
	for name in "${lines[@]}"; do
		compgen -G "$name" >/dev/null || missing+=("$name")
	done
	((${#missing[@]} == 0)) || fail "missing: ${missing[*]}"
}
