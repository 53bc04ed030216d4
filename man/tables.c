/* Prints the tables of the manual pages, in mdoc(7), from the tables the programs run on. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../proto/address.h"
#include "../proto/error.h"
#include "../proto/method.h"
#include "../proto/params.h"
#include "../proto/path.h"
#include "../proto/phase.h"
#include "../proto/scan.h"

enum { COLUMNS = 72 };

/* Where the text line being filled has got to; 0: nothing written yet. */
static size_t column;

/* One word of running text, on a new line where it no longer fits, escaped so that roff takes it
   neither for a request nor for an escape. */
static void put_word(const char *word, size_t n)
{
	if (column > 0 && column + 1 + n > COLUMNS) {
		putchar('\n');
		column = 0;
	}
	if (column > 0) {
		putchar(' ');
		column++;
	} else if (*word == '.' || *word == '\'') {
		fputs("\\&", stdout);
	}
	for (size_t i = 0; i < n; i++)
		fputs(word[i] == '\\' ? "\\e" : (const char[]){word[i], '\0'}, stdout);
	column += n;
}

static void put_text(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (n > 0)
			put_word(text, n);
		text += n + (text[n] == ' ');
	}
}

static void end_line(void)
{
	if (column > 0)
		putchar('\n');
	column = 0;
}

/* True for a word that may be written with a capital: names, and the values of JSON, stay as they
   are. */
static bool is_plain_word(const char *word)
{
	static const char *const names[] = {"noded", "nodectl", "true", "false", "null"};
	size_t n = strcspn(word, " .,;:");

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i]) == n && strncmp(word, names[i], n) == 0)
			return false;
	return strspn(word, "abcdefghijklmnopqrstuvwxyz") == n;
}

/* A phrase of the tables as a sentence on lines of its own. */
static void print_sentence(const char *phrase)
{
	char text[1024];

	snprintf(text, sizeof text, "%s.", phrase);
	if (is_plain_word(text))
		text[0] = (char)toupper((unsigned char)text[0]);
	put_text(text);
	end_line();
}

/* "a|b|c" -> "a, b, c" and then end. */
static void put_list(const char *text, const char *separator, const char *end)
{
	while (*text != '\0') {
		size_t n = strcspn(text, separator);
		bool more = text[n] != '\0';
		char word[64];

		snprintf(word, sizeof word, "%.*s%s", (int)n, text, more ? "," : end);
		put_text(word);
		text += n + more;
	}
}

/* --- The protocol's side --------------------------------------------------------------------- */

static const char *type_text(enum param_type type)
{
	switch (type) {
	case PARAM_ADDRESS:
		return "an address";
	case PARAM_MS:
		return "milliseconds, an integer";
	case PARAM_COUNT:
	case PARAM_ID:
	case PARAM_USER:
	case PARAM_GROUP:
		return "an integer";
	case PARAM_BOOL:
		return "true or false";
	case PARAM_CHOICE:
		return "one of";
	case PARAM_MODE:
		return "a string of three or four octal digits, at most 0777";
	case PARAM_PATH:
		return "a state path";
	case PARAM_KEY:
		return "a string or an integer";
	case PARAM_NUMBER:
		return "a number";
	case PARAM_VALUE:
		return "a string, a number, true, false or null";
	case PARAM_HANDLER:
		return "a handler object";
	case PARAM_ARGV:
		return "an array of strings, the first not empty";
	}
	return "";
}

static void put_type(const struct param *param)
{
	char text[80];

	put_text(type_text(param->type));
	if (param->type == PARAM_CHOICE)
		put_list(param->choices, "|", "");
	if (param_is_whole(param)) {
		snprintf(text, sizeof text, "from %" PRIu64 " to %" PRIu64, param->min, param->max);
		put_text(text);
	}
	if (param->flags & PARAM_NULLABLE)
		put_text("or null");
}

/* One parameter: "address (an address, required)", then what it is and what it is by default. */
static void print_param(const struct param *param)
{
	char text[128];

	printf(".It Va %s\n", param->name);
	print_sentence(param->doc);
	put_text("Type:");
	put_type(param);
	if (param->flags & PARAM_REQUIRED)
		put_text("(required)");
	if (param->fallback != NULL) {
		snprintf(text, sizeof text, "(default %s)", param->fallback);
		put_text(text);
	}
	end_line();
}

static void print_params(const struct param *param, size_t n)
{
	if (n == 0)
		return;
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < n; i++)
		print_param(&param[i]);
	puts(".El");
}

static void print_method(const struct method *method)
{
	printf(".Ss %s\n", method->name);
	print_sentence(method->doc);
	printf("Role:\n.Cm %s .\n", role_name(method_role(method)));
	if (method->flags & METHOD_LATE)
		puts("The reply may come after those to later requests.");
	if (method->flags & METHOD_REFUSED_AT_END)
		puts("Once a shutdown has begun it is refused.");
	print_params(method->params, method->nparams);
	puts(".Pp");
	put_text("Result:");
	put_text(method->result);
	end_line();
	if (method->errors[0] != '\0') {
		puts(".Pp");
		put_text("Errors of its own:");
		put_list(method->errors, " ", ".");
		end_line();
	}
	puts(".\\\" plain\n.Bd -literal");
	printf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method->name,
	       method->example);
	puts(".Ed");
}

static void print_methods(void)
{
	for (int id = 0; id < METHOD_COUNT; id++)
		print_method(method_get((enum method_id)id));
}

static void print_handlers(void)
{
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)id);

		printf(".It Cm %s\n", kind->name);
		print_sentence(kind->doc);
		printf("At most %s connections at a time unless told otherwise.\n",
		       kind->max_connections);
		if (!kind->sees_bytes)
			puts("The bytes do not pass through noded and are not counted.");
		print_params(kind->params, kind->nparams);
		puts(".\\\" plain\n.Bd -literal -compact");
		puts(kind->example);
		puts(".Ed");
	}
}

static void print_errors(void)
{
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct error_info *info = error_info((enum error_code)code);

		printf(".It %s%d Sy %s\n", info->code < 0 ? "\\-" : "",
		       info->code < 0 ? -info->code : info->code, info->name);
		print_sentence(info->doc);
	}
}

static void print_phases(void)
{
	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		printf(".It Sy %s\n", phase_name((enum phase)phase));
		print_sentence(phase_doc((enum phase)phase));
	}
}

static void print_reasons(void)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		printf(".It Sy %s\n", reason_name((enum reason)reason));
		print_sentence(reason_doc((enum reason)reason));
	}
}

static uint64_t page_rows(void)
{
	const struct method *method = method_get(METHOD_LIST_CONNECTIONS);

	return param_find(method->params, method->nparams, "limit")->max;
}

static void print_limits(void)
{
	const struct {
		uint64_t limit;
		const char *name, *doc;
	} limits[] = {
	    {SCAN_LINE_MAX, "request_bytes", "bytes of a request line, its line feed counted"},
	    {SCAN_DEPTH_MAX, "request_depth", "levels of nested values, the outermost counted"},
	    {SCAN_VALUES_MAX, "request_values",
	     "values in a request line, member names not counted"},
	    {SCAN_BATCH_MAX, "batch_entries", "entries of a batch"},
	    {SCAN_ID_STRING_MAX, "id_string_bytes", "bytes of an id that is a string"},
	    {SCAN_ID_NUMBER_MAX, "id_number_characters", "characters of an id that is a number"},
	    {page_rows(), "page_rows", "rows of one page"},
	    {DURATION_MAX_MS, "duration_ms", "milliseconds of any duration: 365 days"},
	};

	_Static_assert(DURATION_MAX_DAYS == 365, "as the table says");
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		printf(".It Va %s No = %" PRIu64 "\n", limits[i].name, limits[i].limit);
		print_sentence(limits[i].doc);
	}
}

/* What a server is set to: what start takes, but for what to serve and where, and flags, which are
   about the request. */
static void print_settings(void)
{
	const struct method *start = method_get(METHOD_START);

	for (size_t i = 0; i < start->nparams; i++) {
		const struct param *param = &start->params[i];

		if (!(param->flags & PARAM_POSITIONAL) && !param_is_flag(param))
			print_param(param);
	}
}

static void print_roles(void)
{
	for (int role = 0; role < ROLE_COUNT; role++) {
		printf(".It Cm %s\n", role_name((enum role)role));
		print_sentence(role_doc((enum role)role));
	}
}

static void print_path_limits(void)
{
	printf("A path has at most %d keys and %d bytes.\n", PATH_KEYS_MAX, PATH_TEXT_MAX);
}

/* --- nodectl's side -------------------------------------------------------------------------- */

/* What stands for the argument of an option. */
static const char *placeholder(enum param_type type)
{
	switch (type) {
	case PARAM_ADDRESS:
		return "address";
	case PARAM_MS:
		return "duration";
	case PARAM_COUNT:
	case PARAM_NUMBER:
		return "number";
	case PARAM_ID:
		return "id";
	case PARAM_MODE:
		return "mode";
	case PARAM_USER:
		return "user";
	case PARAM_GROUP:
		return "group";
	case PARAM_PATH:
		return "path";
	case PARAM_KEY:
		return "key";
	case PARAM_BOOL:
	case PARAM_CHOICE:
	case PARAM_VALUE:
	case PARAM_HANDLER:
	case PARAM_ARGV:
		break;
	}
	return "value";
}

/* A default as it would be typed: 30s for 30000 ms, 0600 for "0600". */
static void print_default(const struct param *param)
{
	const char *fallback = param->fallback;
	char *end;
	uint64_t ms;

	if (fallback == NULL || param->type == PARAM_BOOL)
		return;
	if (param->type == PARAM_MS) {
		ms = strtoull(fallback, &end, 10);
		printf("Default: %" PRIu64 "%s.\n", ms % 1000 == 0 ? ms / 1000 : ms,
		       ms == 0		? ""
		       : ms % 1000 == 0 ? "s"
					: "ms");
	} else if (*fallback == '"') {
		printf("Default: %.*s.\n", (int)strlen(fallback) - 2, fallback + 1);
	} else {
		printf("Default: %s.\n", fallback);
	}
}

/* "a|b" -> " Cm a | Cm b", the rest of a macro line. */
static void print_choices(const char *choices)
{
	while (*choices != '\0') {
		size_t n = strcspn(choices, "|");

		printf(" Cm %.*s%s", (int)n, choices, choices[n] == '|' ? " |" : "");
		choices += n + (choices[n] == '|');
	}
}

static void print_option(const struct param *param)
{
	char option[PARAM_OPTION_SIZE];

	printf(".It Fl -%s", param_option(param, option));
	if (param->type == PARAM_CHOICE)
		print_choices(param->choices);
	else if (!param_is_flag(param))
		printf(" Ar %s", placeholder(param->type));
	puts(param->flags & PARAM_NULLABLE ? " | Cm none" : "");
	print_sentence(param->option_doc != NULL ? param->option_doc : param->doc);
	print_default(param);
}

/* The options a command takes from its table, as items of a list the page opens and closes. */
static void print_options(const struct param *param, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(param[i].flags & (PARAM_POSITIONAL | PARAM_NO_CLI)))
			print_option(&param[i]);
}

static void print_status(int status)
{
	char names[1024];
	size_t len = 0;

	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct error_info *info = error_info((enum error_code)code);

		if (info->exit_status == status && len < sizeof names)
			len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
						len > 0 ? " " : "", info->name);
	}
	if (len == 0)
		return;
	printf(".It %d\n", status);
	put_list(names, " ", ".");
	end_line();
}

/* The statuses that stand for an error of the protocol; the page tells the others. */
static void print_exit_status(void)
{
	for (int status = 1; status < 128; status++)
		print_status(status);
}

/* --------------------------------------------------------------------------------------------- */

static const struct table {
	const char *name;
	void (*print)(void);
} tables[] = {
    {"methods", print_methods},		{"handlers", print_handlers},
    {"errors", print_errors},		{"phases", print_phases},
    {"reasons", print_reasons},		{"limits", print_limits},
    {"path-limits", print_path_limits}, {"exit-status", print_exit_status},
    {"settings", print_settings},	{"roles", print_roles},
};

/* What `options NAME` prints: a method's, or a handler kind's that `start` takes too. */
static int print_options_of(const char *name)
{
	const struct method *method = method_find(name);
	const struct handler_kind *kind = handler_kind_find(name);

	if (method != NULL)
		print_options(method->params, method->nparams);
	else if (kind != NULL)
		print_options(kind->params, kind->nparams);
	else
		return -1;
	return 0;
}

static int print_table(const char *name)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		if (strcmp(tables[i].name, name) == 0) {
			tables[i].print();
			return 0;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	int status = -1;

	if (argc == 2)
		status = print_table(argv[1]);
	else if (argc == 3 && strcmp(argv[1], "options") == 0)
		status = print_options_of(argv[2]);
	if (status == -1) {
		fputs("usage: tables NAME | tables options METHOD_OR_HANDLER\n", stderr);
		return 2;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("tables");
		return 1;
	}
	return 0;
}
