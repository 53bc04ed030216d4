# The completion scripts are sound and complete what the tables have, and from the running node what
# it has; without one they are silent.

load lib.bash

setup() {
	setup_test
	mkdir "$T/bin"
	ln -s "$NODECTL" "$T/bin/nodectl"
	PATH=$T/bin:$PATH
}

answers() {
	background answers python3 "$ROOT/tests/cli_answers.py" "$NODED_SOCKET" "$@"
	wait_until 25 test -S "$NODED_SOCKET"
}

servers='{"jsonrpc":"2.0","id":ID,"result":{"servers":[{"address":"tcp:127.0.0.1:80"},{"address":"unix:/x"}],"next":null,"total":2}}'

# in_bash LINE: the candidates for the end of LINE.
in_bash() {
	bash -c '
source <(nodectl completion bash)
COMP_LINE=$1 COMP_POINT=${#1}
_nodectl
printf "%s\n" "${COMPREPLY[@]}"' - "$1"
}

in_fish() {
	fish -c 'nodectl completion fish | source; complete -C $argv[1]' "$1" | cut -f 1
}

# in_zsh WORD...: what would be offered for the last word; compadd and _describe tell.
in_zsh() {
	zsh -f -c '
compdef() { : }
compadd() { if [[ $1 == -a ]]; then print -rl -- ${(P)2}; else print -rl -- ${@:2}; fi }
_describe() { print -rl -- ${${(P)4}%%:*} }
eval "$(nodectl completion zsh)"
words=("$@") CURRENT=$#
_nodectl' - "$@"
}

@test "the scripts are sound" {
	nodectl completion bash >"$T/bash"
	nodectl completion zsh >"$T/zsh"
	nodectl completion fish >"$T/fish"
	bash -n "$T/bash"
	zsh -n "$T/zsh"
	fish -n "$T/fish"
}

@test "bash: commands, options, choices" {
	run in_bash "nodectl sus"
	assert_output suspend-server
	run in_bash "nodectl stop-server --de"
	assert_output -- --deadline
	run in_bash "nodectl start /x f"
	assert_output forward
	run in_bash "nodectl start --restart "
	assert_output $'always\nnever'
	run in_bash "nodectl --color a"
	assert_output $'auto\nalways'
	run in_bash "nodectl stop-server --deadline "
	assert_output ""
	run in_bash "nodectl -t 5s set-log-level d"
	assert_output debug
	run in_bash "nodectl call stop"
	assert_output stop_server
}

@test "bash: servers of the running node, cut at the colon as bash does" {
	answers "$servers"
	run in_bash "nodectl stop-server "
	assert_output $'tcp:127.0.0.1:80\nunix:/x'
	run in_bash "nodectl stop-server tcp:12"
	assert_output 127.0.0.1:80
	local socket=$NODED_SOCKET
	NODED_SOCKET=/nonexistent run in_bash "nodectl -s $socket suspend-server u"
	assert_output unix:/x
}

@test "zsh" {
	answers "$servers"
	run in_zsh nodectl ''
	assert_line stop-server
	run in_zsh nodectl stop-server ''
	assert_output $'tcp:127.0.0.1:80\nunix:/x'
	run in_zsh nodectl start --restart ''
	assert_output $'always\nnever'
	run in_zsh nodectl stop-server --d
	assert_line -- --deadline
}

@test "fish" {
	answers "$servers"
	run in_fish "nodectl sus"
	assert_output suspend-server
	run in_fish "nodectl stop-server "
	assert_line tcp:127.0.0.1:80
	assert_line unix:/x
	run in_fish "nodectl stop-server --de"
	assert_output -- --deadline
	run in_fish "nodectl start --restart "
	assert_output $'always\nnever'
}

@test "without a noded nothing is offered, and nothing said" {
	run in_bash "nodectl stop-server "
	assert_output ""
	run in_zsh nodectl stop-server ''
	assert_output ""
	run in_fish "nodectl stop-server "
	assert_output ""
}

@test "every option of every command is completed" {
	local command option
	for command in $(nodectl completion bash | sed -n 's/^\t\t\([a-z-]*\)) _nodectl_words --.*/\1/p'); do
		run in_bash "nodectl $command --"
		for option in $(nodectl help "$command" | sed -nE 's/^ +(-[a-zA-Z], )?(--[a-z-]+).*/\2/p'); do
			assert_line -- "$option"
		done
	done
}
