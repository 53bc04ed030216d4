/* Parameters against their table: the checks of a request, values with defaults, argv to JSON. */
#include "params.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "address.h"
#include "path.h"
#include "scan.h"

enum { NAME_SIZE = sizeof(((struct err *)0)->param) };

/* One table of parameters, and what they are called in errors. */
struct table {
	const struct param *params;
	size_t n;
	const char *prefix; /* "handler." for the members of a handler */
	const char *extra;  /* a member that is checked elsewhere, or NULL */
};

/* Not infinite, and not so large that it was rounded on its way into a double. */
static bool is_exact(const cJSON *value)
{
	const double limit = (double)JSON_INTEGER_MAX;
	return value->valuedouble >= -limit && value->valuedouble <= limit;
}

static bool is_integer(const cJSON *value)
{
	return cJSON_IsNumber(value) && is_exact(value) &&
	       (double)(int64_t)value->valuedouble == value->valuedouble;
}

static bool is_choice(const char *choices, const char *word)
{
	size_t n = strcspn(word, "|");
	if (n == 0 || word[n] != '\0')
		return false;
	for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, word, n) == 0 && (at[n] == '|' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* Three or four octal digits up to 0777. */
static bool is_mode(const char *text)
{
	size_t n = strlen(text);
	return n == strspn(text, "01234567") && (n == 3 || (n == 4 && text[0] == '0'));
}

static int wrong(struct err *err, const char *name, const char *what)
{
	return err_param(err, ERR_INVALID_PARAMS, name, "%s must be %s", name, what);
}

static int check_integer(const struct param *param, const char *name, const cJSON *value,
			 struct err *err)
{
	if (is_integer(value) && value->valuedouble >= (double)param->min &&
	    value->valuedouble <= (double)param->max)
		return 0;
	return err_param(err, ERR_INVALID_PARAMS, name,
			 "%s must be a whole number from %" PRIu64 " to %" PRIu64 "%s", name,
			 param->min, param->max, param->flags & PARAM_NULLABLE ? ", or null" : "");
}

static int check_address(const char *name, const cJSON *value, struct err *err)
{
	struct address address;
	if (!cJSON_IsString(value))
		return wrong(err, name, "a string, an address");
	if (address_parse(&address, value->valuestring, err) == 0)
		return 0;
	return err_param(err, err->code, name, "%s", err->detail);
}

static int check_path(const char *name, const cJSON *value, struct err *err)
{
	struct path path;
	if (!cJSON_IsString(value))
		return wrong(err, name, "a string, a state path");
	if (path_parse(&path, value->valuestring, err) == 0)
		return 0;
	return err_param(err, err->code, name, "%s", err->detail);
}

static int check_argv(const char *name, const cJSON *value, struct err *err)
{
	const cJSON *word;
	if (!cJSON_IsArray(value) || value->child == NULL)
		return wrong(err, name, "an array of a program and its arguments");
	cJSON_ArrayForEach (word, value)
		if (!cJSON_IsString(word))
			return wrong(err, name, "an array of strings only");
	if (value->child->valuestring[0] == '\0')
		return err_param(err, ERR_INVALID_PARAMS, name, "%s begins with an empty word",
				 name);
	return 0;
}

static int check_scalar(const char *name, const cJSON *value, struct err *err)
{
	if (cJSON_IsArray(value) || cJSON_IsObject(value))
		return wrong(err, name, "a string, a number, true, false or null");
	if (cJSON_IsNumber(value) && !is_exact(value))
		return wrong(err, name, "a number below 2^53 in size");
	return 0;
}

static int check_handler(const char *name, const cJSON *value, struct err *err);

static int check_value(const struct param *param, const char *name, const cJSON *value,
		       struct err *err)
{
	if (cJSON_IsNull(value) && param->flags & PARAM_NULLABLE)
		return 0;
	switch (param->type) {
	case PARAM_ADDRESS:
		return check_address(name, value, err);
	case PARAM_MS:
	case PARAM_COUNT:
	case PARAM_ID:
	case PARAM_USER:
	case PARAM_GROUP:
		return check_integer(param, name, value, err);
	case PARAM_BOOL:
		return cJSON_IsBool(value) ? 0 : wrong(err, name, "true or false");
	case PARAM_CHOICE:
		if (cJSON_IsString(value) && is_choice(param->choices, value->valuestring))
			return 0;
		return err_param(err, ERR_INVALID_PARAMS, name, "%s must be one of %s", name,
				 param->choices);
	case PARAM_MODE:
		if (cJSON_IsString(value) && is_mode(value->valuestring))
			return 0;
		return wrong(err, name, "a string of octal digits from \"0000\" to \"0777\"");
	case PARAM_PATH:
		return check_path(name, value, err);
	case PARAM_KEY:
		if (cJSON_IsString(value) || (is_integer(value) && value->valuedouble >= 0))
			return 0;
		return wrong(err, name, "a string or a whole number");
	case PARAM_NUMBER:
		if (cJSON_IsNumber(value) && is_exact(value))
			return 0;
		return wrong(err, name, "a number below 2^53 in size");
	case PARAM_VALUE:
		return check_scalar(name, value, err);
	case PARAM_HANDLER:
		return check_handler(name, value, err);
	case PARAM_ARGV:
		return check_argv(name, value, err);
	}
	assert(!"a parameter type without a check");
	return -1;
}

static bool table_knows(const struct table *table, const char *name)
{
	return param_find(table->params, table->n, name) != NULL ||
	       (table->extra != NULL && strcmp(table->extra, name) == 0);
}

/* Names every unknown member, as far as they fit. */
static int check_unknown(const struct table *table, const cJSON *object, struct err *err)
{
	char name[NAME_SIZE] = "", all[sizeof(err->detail) - 32] = "";
	size_t len = 0;
	bool unknown = false;
	const cJSON *member;
	cJSON_ArrayForEach (member, object) {
		if (table_knows(table, member->string))
			continue;
		if (!unknown)
			snprintf(name, sizeof(name), "%s%s", table->prefix, member->string);
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\"%s%s\"",
						unknown ? ", " : "", table->prefix, member->string);
		unknown = true;
	}
	return unknown ? err_param(err, ERR_INVALID_PARAMS, name, "unknown parameter %s", all) : 0;
}

/* What a parameter is called in errors. */
static const char *full_name(char text[static NAME_SIZE], const struct table *table,
			     const struct param *param)
{
	if (table->prefix[0] == '\0')
		return param->name;
	snprintf(text, NAME_SIZE, "%s%s", table->prefix, param->name);
	return text;
}

static int check_table(const struct table *table, const cJSON *object, struct err *err)
{
	char text[NAME_SIZE];
	if (check_unknown(table, object, err) < 0)
		return -1;
	for (size_t i = 0; i < table->n; i++) {
		const struct param *param = &table->params[i];
		const cJSON *value = param_get(object, param->name);
		if (value == NULL && !(param->flags & PARAM_REQUIRED))
			continue;
		const char *name = full_name(text, table, param);
		if (value == NULL)
			return err_param(err, ERR_INVALID_PARAMS, name, "%s is missing", name);
		if (check_value(param, name, value, err) < 0)
			return -1;
	}
	return 0;
}

/* Rules that bind several parameters of a handler kind or a method, or go beyond a type. They run
   when every parameter has passed its own check. */

static int check_forward(const cJSON *handler, struct err *err)
{
	struct address address;
	const cJSON *backend = param_get(handler, "backend");
	if (address_parse(&address, backend->valuestring, err) < 0)
		return -1;
	if (!address_is_unix(&address) && address_port(&address) == 0)
		return err_param(err, ERR_ADDRESS_INVALID, "handler.backend",
				 "nothing can be reached at port 0");
	return 0;
}

/* A user without a group would keep noded's, root's perhaps; a group alone keeps the user. */
static int check_exec(const cJSON *handler, struct err *err)
{
	bool user = param_get(handler, "user") != NULL, group = param_get(handler, "group") != NULL;
	if (user && !group)
		return err_param(err, ERR_INVALID_PARAMS, "handler.group",
				 "handler.user needs handler.group beside it");
	if (group && !user)
		return err_param(err, ERR_INVALID_PARAMS, "handler.user",
				 "handler.group needs handler.user beside it");
	return 0;
}

static int check_start(const cJSON *params, struct err *err)
{
	const struct handler_kind *kind = handler_kind_of(param_get(params, "handler"));
	if (param_u64(method_get(METHOD_START), params, "idle_timeout_ms") > 0 && !kind->sees_bytes)
		return err_param(err, ERR_INVALID_PARAMS, "idle_timeout_ms",
				 "idle_timeout_ms cannot be kept with %s, whose bytes noded does "
				 "not see",
				 kind->name);
	return 0;
}

static int check_wait(const cJSON *params, struct err *err)
{
	static const char *const conditions[] = {"equals", "exists", "absent", "at_least",
						 "at_most"};
	const char *found = NULL;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const cJSON *value = param_get(params, conditions[i]);
		if (value == NULL)
			continue;
		if (found != NULL)
			return err_param(err, ERR_INVALID_PARAMS, conditions[i],
					 "%s and %s exclude each other", found, conditions[i]);
		found = conditions[i];
		if ((strcmp(found, "exists") == 0 || strcmp(found, "absent") == 0) &&
		    !cJSON_IsTrue(value))
			return wrong(err, found, "true if it is given");
	}
	if (found == NULL)
		return err_param(err, ERR_INVALID_PARAMS, "equals",
				 "one of equals, exists, absent, at_least and at_most is needed");
	return 0;
}

typedef int rule(const cJSON *object, struct err *err);

static rule *const method_rules[METHOD_COUNT] = {
    [METHOD_START] = check_start,
    [METHOD_WAIT] = check_wait,
};

static rule *const handler_rules[HANDLER_COUNT] = {
    [HANDLER_FORWARD] = check_forward,
    [HANDLER_EXEC] = check_exec,
};

static int check_handler(const char *name, const cJSON *value, struct err *err)
{
	if (!cJSON_IsObject(value))
		return wrong(err, name, "an object");
	const cJSON *type = param_get(value, "type");
	if (type == NULL)
		return err_param(err, ERR_INVALID_PARAMS, "handler.type",
				 "handler.type is missing");
	const struct handler_kind *kind =
	    cJSON_IsString(type) ? handler_kind_find(type->valuestring) : NULL;
	if (kind == NULL)
		return wrong(err, "handler.type", "a kind of handler that noded knows");
	struct table table = {kind->params, kind->nparams, "handler.", "type"};
	if (check_table(&table, value, err) < 0)
		return -1;
	rule *check = handler_rules[handler_kind_id(kind)];
	return check == NULL ? 0 : check(value, err);
}

int params_check(const struct method *method, const cJSON *params, struct err *err)
{
	struct table table = {method->params, method->nparams, "", NULL};
	if (params != NULL && !cJSON_IsObject(params))
		return err_set(err, ERR_INVALID_PARAMS, "parameters are given by name");
	if (check_table(&table, params, err) < 0)
		return -1;
	rule *check = method_rules[method_id(method)];
	return check == NULL ? 0 : check(params, err);
}

const cJSON *param_get(const cJSON *params, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(params, name);
}

static uint64_t table_u64(const struct table *table, const cJSON *object, const char *name)
{
	const struct param *param = param_find(table->params, table->n, name);
	const cJSON *value = param_get(object, name);
	assert(param != NULL && (value != NULL || param->fallback != NULL));
	if (value == NULL)
		return strcmp(param->fallback, "null") == 0 ? UINT64_MAX
							    : strtoull(param->fallback, NULL, 10);
	return cJSON_IsNull(value) ? UINT64_MAX : (uint64_t)value->valuedouble;
}

/* The table has a default as JSON text; this is the same without its quotes, made when it is first
   asked for. */
static const char *fallback_string(const struct param *param)
{
	static struct {
		const struct param *param;
		char text[32];
	} made[16];
	enum { ROWS = sizeof(made) / sizeof(made[0]) };
	if (param->fallback == NULL)
		return NULL;
	size_t i = 0;
	while (i < ROWS && made[i].param != NULL && made[i].param != param)
		i++;
	assert(i < ROWS);
	if (made[i].param == NULL) {
		struct span text = {param->fallback, strlen(param->fallback)};
		size_t n = scan_string(text, made[i].text, sizeof(made[i].text));
		assert(n < sizeof(made[i].text));
		(void)n;
		made[i].param = param;
	}
	return made[i].text;
}

static const char *table_string(const struct table *table, const cJSON *object, const char *name)
{
	const struct param *param = param_find(table->params, table->n, name);
	const cJSON *value = param_get(object, name);
	assert(param != NULL);
	return value == NULL ? fallback_string(param) : cJSON_GetStringValue(value);
}

uint64_t param_u64(const struct method *method, const cJSON *params, const char *name)
{
	return table_u64(&(struct table){method->params, method->nparams, "", NULL}, params, name);
}

bool param_bool(const struct method *method, const cJSON *params, const char *name)
{
	const struct param *param = param_find(method->params, method->nparams, name);
	const cJSON *value = param_get(params, name);
	assert(param != NULL && (value != NULL || param->fallback != NULL));
	return value == NULL ? strcmp(param->fallback, "true") == 0 : cJSON_IsTrue(value);
}

const char *param_string(const struct method *method, const cJSON *params, const char *name)
{
	return table_string(&(struct table){method->params, method->nparams, "", NULL}, params,
			    name);
}

uint64_t handler_u64(const struct handler_kind *kind, const cJSON *handler, const char *name)
{
	return table_u64(&(struct table){kind->params, kind->nparams, "", NULL}, handler, name);
}

const struct handler_kind *handler_kind_of(const cJSON *handler)
{
	if (handler == NULL)
		return handler_kind_get(HANDLER_ECHO);
	const struct handler_kind *kind =
	    handler_kind_find(cJSON_GetStringValue(param_get(handler, "type")));
	assert(kind != NULL);
	return kind;
}

/* Milliseconds of a duration's unit, 0 if it is none. */
static uint64_t duration_unit(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].ms;
	return 0;
}

/* In integers throughout: a double would turn 0.1 s into 101 ms when rounded up. */
int duration_parse(const char *text, uint64_t *ms, struct err *err)
{
	enum { FRACTION = 1000000000 }; /* parts of a unit that are counted */
	uint64_t whole = 0, parts = 0, part = FRACTION;
	bool more = false; /* something but zeros behind the last part counted */
	const char *at = text;
	bool digits = isdigit((unsigned char)*at);
	for (; isdigit((unsigned char)*at); at++)
		if (whole <= DURATION_MAX_MS)
			whole = whole * 10 + (uint64_t)(*at - '0');
	if (digits && *at == '.') {
		digits = isdigit((unsigned char)*++at);
		for (; isdigit((unsigned char)*at); at++) {
			part /= 10;
			parts += part * (uint64_t)(*at - '0');
			more = more || (part == 0 && *at != '0');
		}
	}
	uint64_t unit = duration_unit(at);
	if (!digits || unit == 0)
		return err_set(err, ERR_INVALID_PARAMS,
			       "\"%s\" is not a duration such as 500ms, 10s, 2m, 1h or 1.5", text);
	if (whole <= DURATION_MAX_MS) {
		uint64_t small = parts * unit + more;
		*ms = whole * unit + (small + FRACTION - 1) / FRACTION;
		if (*ms <= DURATION_MAX_MS)
			return 0;
	}
	return err_set(err, ERR_INVALID_PARAMS, "\"%s\" is longer than %d days", text,
		       DURATION_MAX_DAYS);
}

const char *param_option(const struct param *param, char text[static PARAM_OPTION_SIZE])
{
	snprintf(text, PARAM_OPTION_SIZE, "%s", param->option ? param->option : param->name);
	if (param->option != NULL)
		return text;
	size_t n = strlen(text);
	if (n > 3 && strcmp(text + n - 3, "_ms") == 0)
		text[n - 3] = '\0';
	for (char *at = strchr(text, '_'); at != NULL; at = strchr(at, '_'))
		*at = '-';
	return text;
}

bool param_is_whole(const struct param *param)
{
	return param->type == PARAM_MS || param->type == PARAM_COUNT || param->type == PARAM_ID ||
	       param->type == PARAM_USER || param->type == PARAM_GROUP;
}

bool param_is_flag(const struct param *param)
{
	return param->type == PARAM_BOOL;
}

/* Decimal digits only; what does not fit is UINT64_MAX, which no table allows. */
static bool read_decimal(const char *text, uint64_t *number)
{
	*number = 0;
	for (const char *at = text; *at != '\0'; at++) {
		if (!isdigit((unsigned char)*at))
			return false;
		uint64_t digit = (uint64_t)(*at - '0');
		*number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
	}
	return *text != '\0';
}

/* A whole number or a duration; its range is checked here, where the word can be quoted. */
static int read_number(const struct param *param, const char *text, uint64_t *number,
		       struct err *err)
{
	if (param->type == PARAM_MS) {
		if (duration_parse(text, number, err) < 0)
			return err_param(err, err->code, param->name, "%s", err->detail);
	} else if (!read_decimal(text, number)) {
		return err_param(err, ERR_INVALID_PARAMS, param->name,
				 "\"%s\" is not a whole number%s", text,
				 param->flags & PARAM_NULLABLE ? " or none" : "");
	}
	if (*number >= param->min && *number <= param->max)
		return 0;
	return err_param(err, ERR_INVALID_PARAMS, param->name,
			 "\"%s\" is out of range: %" PRIu64 " to %" PRIu64 "%s", text, param->min,
			 param->max, param->type == PARAM_MS ? " ms" : "");
}

/* A handler object of that kind, its parameters still missing. */
static cJSON *word_to_handler(const char *text)
{
	cJSON *object = cJSON_CreateObject();
	if (object != NULL && cJSON_AddStringToObject(object, "type", text) == NULL) {
		cJSON_Delete(object);
		return NULL;
	}
	return object;
}

/* Any word but a number's; NULL: out of memory. */
static cJSON *word_to_value(const struct param *param, const char *text)
{
	size_t n = strlen(text);
	uint64_t number;
	if (param->flags & PARAM_NULLABLE && strcmp(text, "none") == 0)
		return cJSON_CreateNull();
	if (param->type == PARAM_HANDLER)
		return word_to_handler(text);
	if (param->type == PARAM_KEY && read_decimal(text, &number) && number <= JSON_INTEGER_MAX)
		return cJSON_CreateNumber((double)number);
	bool json = param->type == PARAM_VALUE || param->type == PARAM_NUMBER;
	return json && scan_scalar(text, n) ? cJSON_ParseWithLength(text, n)
					    : cJSON_CreateString(text);
}

/* Things about a word that cannot be told from the value it becomes, or are said better before. */
static int check_word(const struct param *param, const char *text, struct err *err)
{
	size_t n = strlen(text);
	if (!utf8_valid(text, n))
		return wrong(err, param->name, "UTF-8");
	if (param->type == PARAM_BOOL)
		return err_param(err, ERR_INVALID_PARAMS, param->name, "%s takes no value",
				 param->name);
	if (param->type == PARAM_HANDLER && handler_kind_find(text) == NULL)
		return err_param(err, ERR_INVALID_PARAMS, param->name,
				 "\"%s\" is no kind of handler", text);
	if ((param->type == PARAM_VALUE || param->type == PARAM_NUMBER) && n > SCAN_NUMBER_MAX &&
	    text[0] != '"' && scan_scalar(text, n))
		return wrong(err, param->name, "a number of fewer characters");
	if (param->type == PARAM_VALUE && (text[0] == '{' || text[0] == '['))
		return err_param(err, ERR_INVALID_PARAMS, param->name,
				 "%s begins as an object or an array does, which nothing equals; a "
				 "string that does takes quotes of its own",
				 text);
	return 0;
}

/* NULL: err says why. */
static cJSON *word_read(const struct param *param, const char *text, struct err *err)
{
	cJSON *value;
	bool none = param->flags & PARAM_NULLABLE && text != NULL && strcmp(text, "none") == 0;
	if (text == NULL) {
		assert(param_is_flag(param));
		value = cJSON_CreateBool(!(param->flags & PARAM_NEGATED));
	} else if (check_word(param, text, err) < 0) {
		return NULL;
	} else if (!none && param_is_whole(param)) {
		uint64_t number = 0;
		if (read_number(param, text, &number, err) < 0)
			return NULL;
		value = cJSON_CreateNumber((double)number);
	} else {
		value = word_to_value(param, text);
	}
	if (value == NULL)
		err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	return value;
}

/* False for what the table can only judge later: a handler whose parameters are still to come, an
   address whose host name is to be resolved, one word of several. */
static bool is_complete(const struct param *param)
{
	return param->type != PARAM_HANDLER && param->type != PARAM_ADDRESS &&
	       param->type != PARAM_ARGV;
}

/* Takes value. */
static int value_add(cJSON *object, const struct param *param, cJSON *value, struct err *err)
{
	cJSON *array = param->type == PARAM_ARGV
			   ? cJSON_GetObjectItemCaseSensitive(object, param->name)
			   : NULL;
	if (param->type == PARAM_ARGV && array == NULL) {
		array = cJSON_AddArrayToObject(object, param->name);
		if (array == NULL)
			goto fail;
	}
	if (array == NULL)
		cJSON_DeleteItemFromObjectCaseSensitive(object, param->name);
	if (array != NULL ? cJSON_AddItemToArray(array, value)
			  : cJSON_AddItemToObject(object, param->name, value))
		return 0;
fail:
	cJSON_Delete(value);
	return err_set(err, ERR_INTERNAL_ERROR, "out of memory");
}

int param_add_argv(cJSON *object, const struct param *param, const char *text, struct err *err)
{
	cJSON *value = word_read(param, text, err);
	if (value == NULL)
		return -1;
	if (is_complete(param) && check_value(param, param->name, value, err) < 0) {
		cJSON_Delete(value);
		return -1;
	}
	return value_add(object, param, value, err);
}
