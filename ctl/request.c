/* The requests a command line stands for, and what became of each. */
#include "request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../proto/json.h"
#include "../proto/params.h"
#include "../proto/path.h"
#include "../proto/text.h"
#include "account.h"
#include "memory.h"
#include "option.h"
#include "resolve.h"
#include "suggest.h"

/* The words of the command line as they are used up. */
struct words {
	const struct args *args;
	size_t at;
	struct failure *failure;
};

static bool is_utf8(const char *word)
{
	return utf8_valid(word, strlen(word));
}

static const char *take_word(struct words *words)
{
	return words->at < words->args->nwords ? words->args->word[words->at++] : NULL;
}

static int refuse_missing(struct words *words, const struct param *param)
{
	const struct command *command = words->args->command;
	char name[32];
	size_t i = 0;

	for (; i < sizeof(name) - 1 && param->name[i] != '\0'; i++)
		name[i] = (char)toupper((unsigned char)param->name[i]);
	name[i] = '\0';
	return failure_usage(words->failure, "%s is missing: %s; see nodectl help %s",
			     param->type == PARAM_ARGV ? "PROGRAM" : name, param->doc,
			     command->name);
}

static int add_word(cJSON *object, const struct param *param, const char *word,
		    struct failure *failure)
{
	char address[ADDRESS_TEXT_SIZE];
	struct err err = {0};

	if (param->type == PARAM_ADDRESS) {
		if (resolve_address(word, address, failure) < 0)
			return -1;
		word = address;
	}
	if (param_add_argv(object, param, word, &err) < 0)
		/* Most sentences quote the word; the others need to be told which it was. */
		return failure_from_err(failure, &err, err.detail[0] == '"' ? "" : word);
	return 0;
}

static void add_string(cJSON *object, const char *name, const char *text)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (cJSON_AddStringToObject(object, name, text) == NULL)
		memory_failed();
}

/* PATH [KEY...]: an address stands for its server; further words are literal keys. */
static int add_path(struct words *words, cJSON *object, const struct param *param)
{
	const char *word = take_word(words);
	char address[ADDRESS_TEXT_SIZE];
	struct buf text = {0};

	if (word == NULL && (param->flags & PARAM_REQUIRED) != 0)
		return refuse_missing(words, param);
	if (word == NULL)
		return 0;
	for (size_t i = 0; i < words->args->nwords; i++)
		if (!is_utf8(words->args->word[i]))
			return failure_usage(words->failure, "not UTF-8: %s", words->args->word[i]);
	if (resolve_is_address(word)) {
		if (resolve_address(word, address, words->failure) < 0)
			return -1;
		buf_printf(&text, "transport.servers");
		path_append_key(&text, address);
	} else {
		buf_printf(&text, "%s", word);
	}
	while ((word = take_word(words)) != NULL)
		path_append_key(&text, word);
	add_string(object, param->name, memory_check(&text));
	buf_free(&text);
	return 0;
}

/* The kind for which that may be meant: a program, or a backend; NULL: none. */
static const char *kind_of_word(const char *word)
{
	struct stat st;

	if (word[0] == '/' && stat(word, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(word, X_OK) == 0)
		return handler_kind_get(HANDLER_EXEC)->name;
	if (resolve_is_address(word) && !text_begins(word, "tcp://"))
		return handler_kind_get(HANDLER_FORWARD)->name;
	return NULL;
}

/* What stands where the kind should may be what the kind is for. */
static int refuse_kind(struct words *words, const char *word)
{
	const char *kind = kind_of_word(word);
	struct suggest suggest;
	struct buf kinds = {0};

	suggest_begin(&suggest, word);
	for (int id = 0; id < HANDLER_COUNT; id++) {
		const char *name = handler_kind_get((enum handler_id)id)->name;

		suggest_offer(&suggest, name);
		buf_printf(&kinds, "%s%s", id > 0 ? ", " : "", name);
	}
	memory_check(&kinds);
	if (*suggest.best != '\0')
		failure_usage(words->failure, "no such handler: %s; did you mean %s?", word,
			      suggest.best);
	else if (kind != NULL)
		failure_usage(words->failure, "no such handler: %s; did you mean %s %s?", word,
			      kind, word);
	else
		failure_usage(words->failure, "no such handler: %s; there are: %s", word,
			      buf_string(&kinds));
	buf_free(&kinds);
	return -1;
}

static int fill_handler(struct words *words, cJSON *handler, const struct handler_kind *kind)
{
	const struct param *param;

	for (size_t i = 0; (param = handler_positional(kind, i)) != NULL; i++) {
		const char *word = take_word(words);

		if (word == NULL && (param->flags & PARAM_REQUIRED) != 0)
			return refuse_missing(words, param);
		for (; word != NULL; word = param->type == PARAM_ARGV ? take_word(words) : NULL)
			if (add_word(handler, param, word, words->failure) < 0)
				return -1;
	}
	return 0;
}

/* --user alone means that user's own group; --group alone is somebody's mistake. */
static int complete_identity(cJSON *handler, struct failure *failure)
{
	const cJSON *user = param_get(handler, "user"), *group = param_get(handler, "group");
	uint64_t own;

	if (group != NULL && user == NULL)
		return failure_usage(failure, "--group needs --user beside it");
	if (user == NULL || group != NULL)
		return 0;
	if (account_primary_group((uint64_t)user->valuedouble, &own, failure) < 0)
		return -1;
	if (cJSON_AddNumberToObject(handler, "group", (double)own) == NULL)
		memory_failed();
	return 0;
}

/* [KIND [ARG...]] and the options of that kind. */
static int add_handler(struct words *words, cJSON *object, const struct param *param)
{
	const char *word = take_word(words);
	const struct handler_kind *given = words->args->handler_of, *kind;
	cJSON *handler;

	kind = word != NULL ? handler_kind_find(word) : NULL;
	if (word != NULL && kind == NULL)
		return refuse_kind(words, word);
	if (given != NULL && given != kind) {
		char option[PARAM_OPTION_SIZE];
		const struct param *row =
		    param_find(given->params, given->nparams, words->args->handler->child->string);

		return failure_usage(words->failure, "--%s is an option of the handler %s",
				     param_option(row, option), given->name);
	}
	if (kind == NULL)
		return 0;
	handler = cJSON_CreateObject();
	if (handler == NULL || cJSON_AddStringToObject(handler, "type", kind->name) == NULL ||
	    !cJSON_AddItemToObject(object, param->name, handler))
		memory_failed();
	for (const cJSON *item = words->args->handler->child; item != NULL; item = item->next) {
		cJSON *copy = cJSON_Duplicate(item, true);

		if (copy == NULL || !cJSON_AddItemToObject(handler, item->string, copy))
			memory_failed();
	}
	if (complete_identity(handler, words->failure) < 0)
		return -1;
	return fill_handler(words, handler, kind);
}

static int add_positional(struct words *words, cJSON *object, const struct param *param)
{
	const char *word;

	if (param->type == PARAM_PATH)
		return add_path(words, object, param);
	if (param->type == PARAM_HANDLER)
		return add_handler(words, object, param);
	word = take_word(words);
	if (word == NULL)
		return (param->flags & PARAM_REQUIRED) != 0 ? refuse_missing(words, param) : 0;
	return add_word(object, param, word, words->failure);
}

static cJSON *copy_params(const struct args *args)
{
	cJSON *copy = cJSON_Duplicate(args->params, true);

	if (copy == NULL)
		memory_failed();
	return copy;
}

/* What errors are about: the address, path or id, else the command. */
static void name_subject(struct request *request, const struct command *command)
{
	static const char *const names[] = {"address", "path", "id"};
	char number[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const cJSON *item = param_get(request->params, names[i]);

		free(request->subject);
		request->subject = NULL;
		if (cJSON_IsString(item) && *item->valuestring != '\0') {
			request->subject = memory_text(item->valuestring);
			return;
		}
		if (cJSON_IsNumber(item)) {
			snprintf(number, sizeof(number), "%.0f", item->valuedouble);
			request->subject = memory_text(number);
			return;
		}
	}
	request->subject = memory_text(command->name);
}

/* wait takes exactly one of its options; said in the words of the command line. */
static int check_condition(const struct method *method, const cJSON *params,
			   struct failure *failure)
{
	char found[PARAM_OPTION_SIZE] = "", name[PARAM_OPTION_SIZE];
	struct buf all = {0};

	for (size_t i = 0; i < method->nparams; i++) {
		const struct param *param = &method->params[i];

		if ((param->flags & (PARAM_POSITIONAL | PARAM_NO_CLI)) != 0)
			continue;
		buf_printf(&all, "%s--%s", all.len > 0 ? ", " : "", param_option(param, name));
		if (param_get(params, param->name) == NULL)
			continue;
		if (*found != '\0') {
			buf_free(&all);
			return failure_usage(failure, "--%s and --%s exclude each other", found,
					     name);
		}
		snprintf(found, sizeof(found), "%s", name);
	}
	if (*found == '\0')
		failure_usage(failure, "what to wait for is missing: one of %s",
			      memory_check(&all));
	buf_free(&all);
	return *found != '\0' ? 0 : -1;
}

static int finish(struct request *request, const struct args *args, struct failure *failure)
{
	const struct method *method = args->command->method;
	const struct param *row;
	struct err err = {0};
	char option[PARAM_OPTION_SIZE], dashed[PARAM_OPTION_SIZE + 2] = "";

	if (param_find(method->params, method->nparams, "progress") != NULL &&
	    !cJSON_IsFalse(param_get(request->params, "wait")))
		request_set_true(request, "progress");
	name_subject(request, args->command);
	if (method_id(method) == METHOD_WAIT &&
	    check_condition(method, request->params, failure) < 0)
		return -1;
	if (params_check(method, request->params, &err) == 0)
		return 0;
	row = param_find(method->params, method->nparams, err.param);
	if (row != NULL && (row->flags & PARAM_POSITIONAL) == 0)
		snprintf(dashed, sizeof(dashed), "--%s", param_option(row, option));
	return failure_from_err(failure, &err, dashed);
}

/* An address too many is that of an option, where there is one that takes an address. */
static int refuse_more(struct words *words, const char *word)
{
	const struct command *command = words->args->command;
	struct option option;

	for (size_t i = 0; resolve_is_address(word) && option_at(command, i, &option); i++)
		if (option.param != NULL && option.kind == NULL &&
		    option.param->type == PARAM_ADDRESS)
			return failure_usage(words->failure,
					     "one argument too many: %s; did you mean --%s %s?",
					     word, option.name, word);
	return failure_usage(words->failure, "one argument too many: %s; see nodectl help %s", word,
			     command->name);
}

/* One request; word is the value of the repeatable parameter many, if the command has one. */
static int build_one(struct requests *requests, struct words *words, const struct param *many,
		     const char *word)
{
	const struct args *args = words->args;
	struct request *request = &requests->all[requests->n++];
	const struct param *param;

	request_begin(request, args->command->method, copy_params(args), args->command->name);
	if (many != NULL) {
		if (add_word(request->params, many, word, words->failure) < 0)
			return -1;
		return finish(request, args, words->failure);
	}
	for (size_t i = 0; (param = command_positional(args->command, i)) != NULL; i++)
		if (add_positional(words, request->params, param) < 0)
			return -1;
	word = take_word(words);
	if (word != NULL)
		return refuse_more(words, word);
	return finish(request, args, words->failure);
}

int requests_build(struct requests *requests, const struct args *args, struct failure *failure)
{
	struct words words = {.args = args, .failure = failure};
	const char *word;

	*requests = (struct requests){.all = memory_get(args->nwords + 1, sizeof(struct request))};
	if (!command_is_many(args->command))
		return build_one(requests, &words, NULL, NULL);
	if (args->nwords == 0)
		return refuse_missing(&words, command_positional(args->command, 0));
	while ((word = take_word(&words)) != NULL)
		if (build_one(requests, &words, command_positional(args->command, 0), word) < 0)
			return -1;
	return 0;
}

void requests_free(struct requests *requests)
{
	for (size_t i = 0; i < requests->n; i++)
		request_free(&requests->all[i]);
	free(requests->all);
	*requests = (struct requests){0};
}

void request_begin(struct request *request, const struct method *method, cJSON *params,
		   const char *subject)
{
	if (params == NULL)
		params = cJSON_CreateObject();
	if (params == NULL)
		memory_failed();
	*request = (struct request){
	    .method = method->name,
	    .params = params,
	    .subject = memory_text(subject),
	    .observes = (method->flags & METHOD_OBSERVE) != 0,
	    .drains = param_find(method->params, method->nparams, "progress") != NULL,
	};
}

void request_free(struct request *request)
{
	cJSON_Delete(request->params);
	free(request->subject);
	free(request->result);
	failure_clear(&request->failure);
	*request = (struct request){0};
}

void request_write(struct buf *out, const struct request *request, unsigned id)
{
	struct json json = {.out = out};
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	if (request->params != NULL) {
		wire_write_request(out, number, request->method, request->params);
		return;
	}
	json_object(&json);
	json_key(&json, "jsonrpc");
	json_string(&json, "2.0");
	json_key(&json, "id");
	json_u64(&json, id);
	json_key(&json, "method");
	json_string(&json, request->method);
	if (request->raw.at != NULL) {
		json_key(&json, "params");
		json_raw(&json, request->raw.at, request->raw.len);
	}
	json_object_end(&json);
	buf_append(out, "\n", 1);
}

struct span request_result(const struct request *request)
{
	return (struct span){.at = request->result, .len = request->result_len};
}

void request_set_number(struct request *request, const char *name, uint64_t number)
{
	cJSON_DeleteItemFromObjectCaseSensitive(request->params, name);
	if (cJSON_AddNumberToObject(request->params, name, (double)number) == NULL)
		memory_failed();
}

void request_set_true(struct request *request, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(request->params, name);
	if (cJSON_AddTrueToObject(request->params, name) == NULL)
		memory_failed();
}

void request_set_string(struct request *request, const char *name, const char *text)
{
	add_string(request->params, name, text);
}
