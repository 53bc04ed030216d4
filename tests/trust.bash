# What the tests of roles and users share beside proto.bash: being somebody else.
# shellcheck shell=bash
source "${BASH_SOURCE[0]%/*}/proto.bash"

# Numbers that no file of the system needs to know.
WATCHERS=34001 CREW=34002 GUEST=34010

# Only root becomes others; a container may have no such numbers.
setup() {
	setpriv --reuid "$GUEST" --regid "$GUEST" --groups "$WATCHERS,$CREW" true 2>/dev/null ||
		skip "takes root, and user $GUEST to become"
	setup_test
	# Others must reach the socket, and the programs, which may stand where they must not look.
	chmod 0755 "$T"
	mkdir "$T/bin"
	install -m 0755 "$NODECTL" "$T/bin/nodectl"
}

# as USER GROUP GROUPS COMMAND...: runs it as that user with that group of its own, and those
# supplementary ones, numbers with commas; "" for none.
as() {
	local groups=(--clear-groups)
	[[ -z $3 ]] || groups=(--groups "$3")
	setpriv --reuid "$1" --regid "$2" "${groups[@]}" "${@:4}"
}

# guest GROUP GROUPS ARGS...: nodectl as the guest.
guest() {
	as "$GUEST" "$1" "$2" "$T/bin/nodectl" "${@:3}"
}

# role_of GROUP GROUPS: the role that the guest finds itself to have.
role_of() {
	guest "$1" "$2" state admin.clients | jq -r --argjson uid "$GUEST" \
		'map(select(.uid == $uid)) | if length == 1 then .[0].role else error end'
}

# Two groups beside the owner's take a file system with ACLs; what is set here is the mode it has.
need_acls() {
	python3 -c 'import os, struct, sys
entries = b"".join(struct.pack("<HHI", tag, 6, 0xffffffff) for tag in (1, 4, 0x20))
os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + entries)' "$LOG" 2>/dev/null ||
		skip "takes ACLs in /tmp"
}
