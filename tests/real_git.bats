# `git daemon --inetd` behind exec: clone, fetch, push and compare.
# shellcheck shell=bash
load handler

setup() {
	setup_test
	start_noded
	export HOME=$T/home GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
	mkdir -p "$HOME" "$T/repos"
	git config --global user.name tester
	git config --global user.email tester@example.org
	git config --global init.defaultBranch main
	git config --global safe.directory '*'
	git init --quiet "$T/source"
	commit "$T/source" 5
	git clone --quiet --bare "$T/source" "$T/repos/project.git"
}

# commit REPOSITORY N: N commits with files of all sizes.
commit() {
	local n
	for ((n = 1; n <= $2; n++)); do
		mkdir -p "$1/dir$n"
		head -c $((n * 400000)) /dev/urandom >"$1/dir$n/binary.$RANDOM"
		echo "line $n $RANDOM" >>"$1/text"
		git -C "$1" add -A
		git -C "$1" commit --quiet -m "commit $n"
	done
}

# serve_git ADDRESS OPTION...: noded has the HOME of before, so git is told what it may serve.
serve_git() {
	serve_exec "$1" '' git -c 'safe.directory=*' daemon --inetd --export-all --base-path="$T/repos" "${@:2}" \
		"$T/repos"
}

@test "git: a clone is what was served" {
	local address
	address=$(serve_git tcp:127.0.0.1:0)
	git clone --quiet "git://${address#tcp:}/project.git" "$T/clone"
	[[ $(git -C "$T/clone" rev-parse HEAD) == "$(git -C "$T/source" rev-parse HEAD)" ]]
	git -C "$T/clone" fsck --strict
	diff -r --exclude=.git "$T/source" "$T/clone"
	await "$address" connection_pool.open '"equals":0'
	[[ $(at "$address" connection_pool.closed | jq -c .) == '{"exit:0":1}' ]]
	assert_log_lines 0 'warning|error'
}

@test "git: push and fetch, and four clones at once" {
	local address url n clones=()
	address=$(serve_git 'tcp:[::1]:0' --enable=receive-pack)
	url=git://${address#tcp:}/project.git
	git clone --quiet "$url" "$T/clone"
	commit "$T/clone" 3
	git -C "$T/clone" push --quiet origin HEAD
	[[ $(git -C "$T/repos/project.git" rev-parse HEAD) == "$(git -C "$T/clone" rev-parse HEAD)" ]]
	git -C "$T/source" fetch --quiet "$url" HEAD
	[[ $(git -C "$T/source" rev-parse FETCH_HEAD) == "$(git -C "$T/clone" rev-parse HEAD)" ]]
	for n in 1 2 3 4; do
		background "clone$n" git clone --quiet "$url" "$T/clone$n"
		clones+=("$BACKGROUND_PID")
	done
	for n in 1 2 3 4; do
		wait_until 60 has_ended "${clones[n - 1]}"
		diff -r --exclude=.git "$T/clone" "$T/clone$n"
	done
	await "$address" connection_pool.open '"equals":0'
	[[ $(at "$address" connection_pool.closed | jq -c .) == '{"exit:0":7}' ]]
}

@test "git: what is not there is told to the client by git itself" {
	local address
	address=$(serve_git tcp:127.0.0.1:0)
	run -128 git clone --quiet "git://${address#tcp:}/nothing.git" "$T/clone"
	assert_output --partial 'nothing.git'
	await "$address" connection_pool.open '"equals":0'
}
