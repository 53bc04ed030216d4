/* Completion scripts for shells, written from the command and option tables. */
#include "completion.h"

#include <string.h>

#include "args.h"
#include "commands.h"
#include "option.h"
#include "session.h"

/* What a value or argument can be completed with. The words are names of functions in the
   scripts: _nodectl_servers and so on. */
static const char *param_source(const struct param *param)
{
	switch (param->type) {
	case PARAM_ADDRESS:
		/* start's own address is a new one, a forward's backend is anybody's. */
		return (param->flags & PARAM_MANY) != 0 || (param->flags & PARAM_REQUIRED) == 0
			   ? "servers"
			   : "files";
	case PARAM_ID:
		return "connections";
	case PARAM_PATH:
		return "state";
	case PARAM_HANDLER:
		return "handler";
	case PARAM_USER:
		return "users";
	case PARAM_GROUP:
		return "groups";
	case PARAM_MS:
	case PARAM_COUNT:
	case PARAM_BOOL:
	case PARAM_CHOICE:
	case PARAM_MODE:
	case PARAM_KEY:
	case PARAM_NUMBER:
	case PARAM_VALUE:
	case PARAM_ARGV:
		break;
	}
	return "nothing";
}

/* "a|b" -> "a b" */
static void add_choices(struct buf *out, const char *choices)
{
	for (const char *at = choices; *at != '\0'; at++)
		buf_append(out, *at == '|' ? " " : at, 1);
}

static const char *option_source(const struct option *option)
{
	if (option->own == OWN_SOCKET)
		return "files";
	return option->param != NULL ? param_source(option->param) : "nothing";
}

/* The words `call`, `completion` and `help` take first. */
static void add_own_words(struct buf *out, const struct command *command)
{
	if (command->run == run_completion) {
		add_choices(out, command->usage);
	} else if (command->run == run_call) {
		for (int id = 0; id < METHOD_COUNT; id++)
			buf_printf(out, "%s%s", id > 0 ? " " : "",
				   method_get((enum method_id)id)->name);
	} else {
		for (size_t i = 0; command_at(i) != NULL; i++)
			buf_printf(out, "%s%s", i > 0 ? " " : "", command_at(i)->name);
	}
}

static void add_command_names(struct buf *out)
{
	for (size_t i = 0; command_at(i) != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", command_at(i)->name);
}

/* All option words of a command (NULL: of every command). */
static void add_option_words(struct buf *out, const struct command *command)
{
	struct option option;

	for (size_t i = 0; option_at(command, i, &option); i++) {
		buf_printf(out, "%s--%s", i > 0 ? " " : "", option.name);
		if (option.letter != '\0')
			buf_printf(out, " -%c", option.letter);
	}
}

/* "-s|--socket|..." : the global options whose value is the next word */
static void add_value_options(struct buf *out, const char *separator)
{
	struct option option;
	bool first = true;

	for (size_t i = 0; option_at(NULL, i, &option); i++) {
		if (option.value == NULL)
			continue;
		buf_printf(out, "%s--%s", first ? "" : separator, option.name);
		if (option.letter != '\0')
			buf_printf(out, "%s-%c", separator, option.letter);
		first = false;
	}
}

/* "COMMAND:--option) words 'a b' ;;" for each option that has a value; the options of every
   command once, with "*" for the command. */
static void add_value_cases(struct buf *out, const struct command *command, const char *indent)
{
	struct option option;

	for (size_t i = 0; option_at(command, i, &option); i++) {
		if (option.value == NULL || (command != NULL && option.global))
			continue;
		buf_printf(out, "%s%s:--%s", indent, command != NULL ? command->name : "*",
			   option.name);
		if (option.letter != '\0')
			buf_printf(out, "|*:-%c", option.letter);
		if (option.choices != NULL) {
			buf_printf(out, ") _nodectl_words ");
			add_choices(out, option.choices);
		} else {
			buf_printf(out, ") _nodectl_%s", option_source(&option));
		}
		buf_printf(out, "; return ;;\n");
	}
}

/* The line of a case that completes the n-th argument of a command. */
static void add_argument_cases(struct buf *out, const struct command *command, const char *indent)
{
	const struct param *param;

	if (command->method == NULL) {
		buf_printf(out, "%s%s:0) _nodectl_words ", indent, command->name);
		add_own_words(out, command);
		buf_printf(out, " ;;\n");
	}
	for (size_t i = 0; (param = command_positional(command, i)) != NULL; i++) {
		bool rest = (param->flags & PARAM_MANY) != 0 || param->type == PARAM_PATH ||
			    param->type == PARAM_HANDLER;

		if (rest)
			buf_printf(out, "%s%s:*) ", indent, command->name);
		else
			buf_printf(out, "%s%s:%zu) ", indent, command->name, i);
		if (param->choices != NULL) {
			buf_printf(out, "_nodectl_words ");
			add_choices(out, param->choices);
		} else {
			buf_printf(out, "_nodectl_%s", param_source(param));
		}
		buf_printf(out, " ;;\n");
	}
}

static void add_all_value_cases(struct buf *out, const char *indent)
{
	add_value_cases(out, NULL, indent);
	for (size_t i = 0; command_at(i) != NULL; i++)
		add_value_cases(out, command_at(i), indent);
}

static void add_all_argument_cases(struct buf *out, const char *indent)
{
	for (size_t i = 0; command_at(i) != NULL; i++)
		add_argument_cases(out, command_at(i), indent);
}

/* "COMMAND) options='--a --b' ;;" for each command */
static void add_option_cases(struct buf *out, const char *indent)
{
	for (size_t i = 0; command_at(i) != NULL; i++) {
		buf_printf(out, "%s%s) _nodectl_words ", indent, command_at(i)->name);
		add_option_words(out, command_at(i));
		buf_printf(out, " ;;\n");
	}
	buf_printf(out, "%s*) _nodectl_words ", indent);
	add_option_words(out, NULL);
	buf_printf(out, " ;;\n");
}

static void add_kind_names(struct buf *out)
{
	for (int id = 0; id < HANDLER_COUNT; id++)
		buf_printf(out, "%s%s", id > 0 ? " " : "",
			   handler_kind_get((enum handler_id)id)->name);
}

/* What bash and zsh have in common, given an array `line` of the words before the cursor and
   `cur`, the one under it: finds `command`, its `args`, `skip`, the option whose value is next, and
   `socket` for asking noded. */
static void add_walk(struct buf *out)
{
	buf_printf(out, "\tlocal word skip='' command=''\n"
			"\tlocal -a socket=() args=()\n"
			"\tfor word in \"${line[@]}\"; do\n"
			"\t\tcase $skip in\n"
			"\t\t-s|--socket) socket=(-s \"$word\") ;;\n"
			"\t\tesac\n"
			"\t\tif [[ -n $skip ]]; then\n"
			"\t\t\tskip=''\n"
			"\t\t\tcontinue\n"
			"\t\tfi\n"
			"\t\tcase $command:$word in\n"
			"\t\t*:--socket=*) socket=(-s \"${word#*=}\") ;;\n");
	for (size_t i = 0; command_at(i) != NULL; i++) {
		struct option option;

		for (size_t n = 0; option_at(command_at(i), n, &option); n++)
			if (option.value != NULL && !option.global)
				buf_printf(out, "\t\t%s:--%s) skip=$word ;;\n", command_at(i)->name,
					   option.name);
	}
	buf_printf(out, "\t\t*:");
	add_value_options(out, "|*:");
	buf_printf(out, ") skip=$word ;;\n"
			"\t\t*:-*) ;;\n"
			"\t\t:*) command=$word ;;\n"
			"\t\t*) args+=(\"$word\") ;;\n"
			"\t\tesac\n"
			"\tdone\n");
}

/* The rest of the main function of bash and zsh. */
static void add_choose(struct buf *out)
{
	buf_printf(out, "\tcase $command:$skip in\n");
	add_all_value_cases(out, "\t");
	buf_printf(out, "\tesac\n"
			"\tif [[ -z $command && $cur != -* ]]; then\n"
			"\t\t_nodectl_words ");
	add_command_names(out);
	buf_printf(out, "\n\t\treturn\n"
			"\tfi\n"
			"\tif [[ $cur == -* ]]; then\n"
			"\t\tcase $command in\n");
	add_option_cases(out, "\t\t");
	buf_printf(out, "\t\tesac\n"
			"\t\treturn\n"
			"\tfi\n"
			"\tcase $command:${#args[@]} in\n");
	add_all_argument_cases(out, "\t");
	buf_printf(out, "\tesac\n"
			"}\n");
}

/* Functions that ask the running noded; without one they offer nothing, silently. */
static void add_sources(struct buf *out)
{
	buf_printf(out, "_nodectl_ask() {\n"
			"\tcommand nodectl \"${socket[@]}\" -t 2s \"$@\" 2>/dev/null\n"
			"}\n\n"
			"_nodectl_servers() {\n"
			"\t_nodectl_lines \"$(_nodectl_ask -q list-servers)\"\n"
			"}\n\n"
			"_nodectl_connections() {\n"
			"\t_nodectl_lines \"$(_nodectl_ask -q list-connections)\"\n"
			"}\n\n"
			"_nodectl_state() {\n"
			"\t_nodectl_lines \"$(_nodectl_ask state --keys -- \"${args[@]}\")\"\n"
			"\tif [[ ${#args[@]} -eq 0 ]]; then\n"
			"\t\t_nodectl_servers\n"
			"\tfi\n"
			"}\n\n"
			"_nodectl_handler() {\n"
			"\tif [[ ${#args[@]} -eq 1 ]]; then\n"
			"\t\t_nodectl_words ");
	add_kind_names(out);
	buf_printf(out, "\n\telse\n"
			"\t\t_nodectl_files\n"
			"\tfi\n"
			"}\n\n"
			"_nodectl_nothing() {\n"
			"\t:\n"
			"}\n\n");
}

void completion_write_bash(struct buf *out)
{
	buf_printf(out, "# Completion of nodectl for bash, written by: nodectl completion bash\n\n"
			"_nodectl_lines() {\n"
			"\tlocal line\n"
			"\twhile IFS= read -r line; do\n"
			"\t\tif [[ -n $line && $line == \"$cur\"* ]]; then\n"
			"\t\t\tCOMPREPLY+=(\"${line#\"$before\"}\")\n"
			"\t\tfi\n"
			"\tdone <<<\"$1\"\n"
			"}\n\n"
			"_nodectl_words() {\n"
			"\tlocal IFS=$'\\n'\n"
			"\t_nodectl_lines \"$*\"\n"
			"}\n\n"
			"_nodectl_files() {\n"
			"\tlocal path\n"
			"\twhile IFS= read -r path; do\n"
			"\t\tCOMPREPLY+=(\"$path\")\n"
			"\tdone < <(compgen -f -- \"${cur#\"$before\"}\")\n"
			"\tcompopt -o filenames 2>/dev/null\n"
			"}\n\n"
			"_nodectl_users() {\n"
			"\t_nodectl_lines \"$(compgen -u)\"\n"
			"}\n\n"
			"_nodectl_groups() {\n"
			"\t_nodectl_lines \"$(compgen -g)\"\n"
			"}\n\n");
	add_sources(out);
	buf_printf(
	    out, "_nodectl() {\n"
		 "\tlocal text=${COMP_LINE:0:COMP_POINT} cur='' before=''\n"
		 "\tlocal -a line=()\n"
		 "\tread -ra line <<<\"$text\"\n"
		 "\tif [[ $text != *[[:space:]] ]]; then\n"
		 "\t\tcur=${line[-1]}\n"
		 "\t\tunset 'line[-1]'\n"
		 "\tfi\n"
		 "\tline=(\"${line[@]:1}\")\n"
		 "\t# bash takes an address for several words, cut at its colons (and at \"=\"):\n"
		 "\t# only what follows the last cut is to be replaced.\n"
		 "\tif [[ $cur == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then\n"
		 "\t\tbefore=${cur%%\"${cur##*[:=]}\"}\n"
		 "\tfi\n"
		 "\tCOMPREPLY=()\n");
	add_walk(out);
	add_choose(out);
	buf_printf(out, "\ncomplete -F _nodectl nodectl\n");
}

/* 'it'\''s' as zsh writes it */
static void add_zsh_quoted(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_append(out, "'\\'", 3);
		buf_append(out, text, 1);
	}
}

/* zsh: descriptions with the commands. */
static void add_zsh_commands(struct buf *out)
{
	buf_printf(out, "_nodectl_commands() {\n"
			"\tlocal -a list=(\n");
	for (size_t i = 0; command_at(i) != NULL; i++) {
		buf_printf(out, "\t\t'%s:", command_at(i)->name);
		add_zsh_quoted(out, command_at(i)->doc);
		buf_printf(out, "'\n");
	}
	buf_printf(out, "\t)\n"
			"\t_describe -t commands command list\n"
			"}\n\n");
}

void completion_write_zsh(struct buf *out)
{
	buf_printf(out, "#compdef nodectl\n"
			"# Completion of nodectl for zsh, written by: nodectl completion zsh\n\n"
			"_nodectl_lines() {\n"
			"\tlocal -a list=(${(f)1})\n"
			"\t(( ${#list} )) && compadd -a list\n"
			"}\n\n"
			"_nodectl_words() {\n"
			"\tcompadd -- \"$@\"\n"
			"}\n\n");
	add_zsh_commands(out);
	add_sources(out);
	buf_printf(out, "_nodectl() {\n"
			"\tlocal cur=${words[CURRENT]}\n"
			"\tlocal -a line=(${words[2,CURRENT-1]})\n");
	add_walk(out);
	buf_printf(out, "\tif [[ -z $command && -z $skip && $cur != -* ]]; then\n"
			"\t\t_nodectl_commands\n"
			"\t\treturn\n"
			"\tfi\n");
	add_choose(out);
	buf_printf(out, "\n"
			"_nodectl_files() {\n"
			"\t_files\n"
			"}\n\n"
			"_nodectl_users() {\n"
			"\t_users\n"
			"}\n\n"
			"_nodectl_groups() {\n"
			"\t_groups\n"
			"}\n\n"
			"if [[ ${funcstack[1]} == _nodectl ]]; then\n"
			"\t_nodectl \"$@\"\n"
			"else\n"
			"\tcompdef _nodectl nodectl\n"
			"fi\n");
}

/* 'it\'s' as fish writes it */
static void add_fish_quoted(struct buf *out, const char *text)
{
	buf_append(out, "'", 1);
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_append(out, "\\", 1);
		buf_append(out, text, 1);
	}
	buf_append(out, "'", 1);
}

static void add_fish_option(struct buf *out, const struct command *command,
			    const struct option *option)
{
	const char *source = option_source(option);

	buf_printf(out, "complete -c nodectl");
	if (command != NULL)
		buf_printf(out, " -n '__fish_seen_subcommand_from %s'", command->name);
	buf_printf(out, " -l %s", option->name);
	if (option->letter != '\0')
		buf_printf(out, " -s %c", option->letter);
	if (option->value != NULL && strcmp(source, "files") == 0)
		buf_printf(out, " -rF");
	else if (option->value != NULL)
		buf_printf(out, " -x");
	if (option->choices != NULL) {
		buf_printf(out, " -a '");
		add_choices(out, option->choices);
		buf_printf(out, "'");
	} else if (option->value != NULL && strcmp(source, "servers") == 0) {
		buf_printf(out, " -a '(_nodectl_servers)'");
	} else if (option->value != NULL &&
		   (strcmp(source, "users") == 0 || strcmp(source, "groups") == 0)) {
		buf_printf(out, " -a '(__fish_complete_%s)'", source);
	}
	buf_printf(out, " -d ");
	add_fish_quoted(out, option->doc);
	buf_printf(out, "\n");
}

static void add_fish_arguments(struct buf *out, const struct command *command)
{
	const struct param *param;
	const char *when = "complete -c nodectl -n '__fish_seen_subcommand_from";

	if (command->method == NULL) {
		buf_printf(out, "%s %s' -a '", when, command->name);
		add_own_words(out, command);
		buf_printf(out, "'\n");
	}
	for (size_t i = 0; (param = command_positional(command, i)) != NULL; i++) {
		const char *source = param_source(param);

		buf_printf(out, "%s %s'", when, command->name);
		if (param->choices != NULL) {
			buf_printf(out, " -a '");
			add_choices(out, param->choices);
			buf_printf(out, "'");
		} else if (param->type == PARAM_HANDLER) {
			buf_printf(out, " -a '");
			add_kind_names(out);
			buf_printf(out, "'");
		} else if (strcmp(source, "files") == 0) {
			buf_printf(out, " -F");
		} else {
			buf_printf(out, " -a '(_nodectl_%s)'", source);
		}
		buf_printf(out, "\n");
	}
}

static void add_fish_sources(struct buf *out)
{
	buf_printf(out,
		   "function _nodectl_ask\n"
		   "\tset -l words (commandline -opc)\n"
		   "\tset -l socket\n"
		   "\tfor i in (seq 2 (count $words))\n"
		   "\t\tif contains -- $words[$i] -s --socket; and test $i -lt (count $words)\n"
		   "\t\t\tset socket -s $words[(math $i + 1)]\n"
		   "\t\tend\n"
		   "\tend\n"
		   "\tcommand nodectl $socket -t 2s $argv 2>/dev/null\n"
		   "end\n\n"
		   "function _nodectl_servers\n"
		   "\t_nodectl_ask -q list-servers\n"
		   "end\n\n"
		   "function _nodectl_connections\n"
		   "\t_nodectl_ask -q list-connections\n"
		   "end\n\n"
		   "function _nodectl_state\n"
		   "\tset -l path\n"
		   "\tset -l behind 0\n"
		   "\tfor word in (commandline -opc)\n"
		   "\t\tif test $behind -eq 1; and not string match -q -- '-*' $word\n"
		   "\t\t\tset -a path $word\n"
		   "\t\telse if contains -- $word state wait\n"
		   "\t\t\tset behind 1\n"
		   "\t\tend\n"
		   "\tend\n"
		   "\t_nodectl_ask state --keys -- $path\n"
		   "\ttest (count $path) -eq 0; and _nodectl_servers\n"
		   "end\n\n");
}

void completion_write_fish(struct buf *out)
{
	struct option option;

	buf_printf(out,
		   "# Completion of nodectl for fish, written by: nodectl completion fish\n\n");
	add_fish_sources(out);
	buf_printf(out, "complete -c nodectl -f\n");
	for (size_t i = 0; command_at(i) != NULL; i++) {
		buf_printf(out, "complete -c nodectl -n __fish_use_subcommand -a %s -d ",
			   command_at(i)->name);
		add_fish_quoted(out, command_at(i)->doc);
		buf_printf(out, "\n");
	}
	for (size_t i = 0; option_at(NULL, i, &option); i++)
		add_fish_option(out, NULL, &option);
	for (size_t i = 0; command_at(i) != NULL; i++) {
		for (size_t n = 0; option_at(command_at(i), n, &option); n++)
			if (!option.global)
				add_fish_option(out, command_at(i), &option);
		add_fish_arguments(out, command_at(i));
	}
}

static const struct {
	const char *name;
	void (*write)(struct buf *out);
} shells[] = {
    {"bash", completion_write_bash},
    {"zsh", completion_write_zsh},
    {"fish", completion_write_fish},
};

int run_completion(const struct args *args)
{
	struct failure failure = {0};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (args->nwords != 1 || strcmp(args->word[0], shells[i].name) != 0)
			continue;
		shells[i].write(&out);
		session_print_text(args, "completion", &out);
		buf_free(&out);
		return 0;
	}
	failure_usage(&failure, "give one shell: %s", args->command->usage);
	return session_report(args, args->command->name, &failure);
}
