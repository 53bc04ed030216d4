# Completion asks the running noded for what it has; whatever noded does, it is silent and soon over.
# What the tables say is completed is shown by tests/cli_completion.bats.

load ctl.bash

setup() {
	setup_test
	mkdir "$T/bin"
	ln -s "$NODECTL" "$T/bin/nodectl"
	PATH=$T/bin:$PATH
	start_noded
	nodectl start "$T/a.sock" >/dev/null
	PORT=$(nodectl start tcp:127.0.0.1:0)
	PORT=${PORT##*:}
	connect_idle 2 "unix:$T/a.sock"
	nodectl -q wait "$T/a.sock" connection_pool open --is 2
}

# in_bash WORD...: the candidates for the last word, as `complete` has it done.
in_bash() {
	bash -c '
source <(nodectl completion bash)
[[ $(complete -p nodectl) =~ -F\ ([^ ]+) ]] || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
"${BASH_REMATCH[1]}" nodectl "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf "%s\n" "${COMPREPLY[@]}"' - "$@" 2>&1
}

in_fish() {
	fish -c 'nodectl completion fish | source; complete -C $argv[1]' "$1" 2>&1 | cut -f 1
}

# in_zsh WORD...: what would be offered for the last word.
in_zsh() {
	zsh -f -c '
compdef() { : }
compadd() { if [[ $1 == -a ]]; then print -rl -- ${(P)2}; else print -rl -- ${@:2}; fi }
_describe() { print -rl -- ${${(P)4}%%:*} }
eval "$(nodectl completion zsh)"
words=("$@") CURRENT=$#
_nodectl' - "$@" 2>&1
}

@test "bash: servers, connections, parts of the state" {
	run in_bash nodectl stop-server u
	assert_output "unix:$T/a.sock"
	run in_bash nodectl suspend-server ''
	assert_output "tcp:127.0.0.1:$PORT"$'\n'"unix:$T/a.sock"
	run in_bash nodectl close-connection ''
	assert_output "$(nodectl -q list-connections)"
	run in_bash nodectl list-connections --server t
	assert_line --partial "127.0.0.1:$PORT"
}

@test "zsh: servers, connections" {
	run in_zsh nodectl stop-server ''
	assert_output "tcp:127.0.0.1:$PORT"$'\n'"unix:$T/a.sock"
	run in_zsh nodectl close-connection ''
	assert_output "$(nodectl -q list-connections)"
}

@test "fish: servers, connections" {
	run in_fish "nodectl stop-server "
	assert_line "tcp:127.0.0.1:$PORT"
	assert_line "unix:$T/a.sock"
	run in_fish "nodectl close-connection "
	assert_line "$(nodectl -q list-connections | head -n 1)"
}

@test "a noded that does not move keeps nobody waiting, and nothing is said" {
	kill -s STOP "$NODED_PID"
	run timeout 20 bash -c "$(declare -f in_bash); in_bash nodectl stop-server ''"
	kill -s CONT "$NODED_PID"
	assert_success
	assert_output ""
}
