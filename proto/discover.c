/* rpc.discover: the tables as an OpenRPC 1.2.6 document. */
#include "discover.h"

#include <stdio.h>
#include <string.h>
#include "error.h"
#include "method.h"

/* "X" -> "X":text, a string. */
static void write_text(struct json *json, const char *key, const char *text)
{
	json_key_string(json, key, text);
}

static void write_u64(struct json *json, const char *key, uint64_t number)
{
	json_key_u64(json, key, number);
}

/* JSON text of the table. */
static void write_json(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_raw(json, text, strlen(text));
}

/* An array of strings; words of text are separated by that character. */
static void write_words(struct json *json, const char *key, const char *text, char separator)
{
	json_key(json, key);
	json_array(json);
	while (*text != '\0') {
		const char *end = strchrnul(text, separator);
		json_string_n(json, text, (size_t)(end - text));
		text = end + (*end != '\0');
	}
	json_array_end(json);
}

static void write_reference(struct json *json, const char *folder, const char *name, size_t n)
{
	char text[96];
	snprintf(text, sizeof(text), "#/components/%s/%.*s", folder, (int)n, name);
	json_object(json);
	write_text(json, "$ref", text);
	json_object_end(json);
}

/* The JSON types a parameter may have, '|' between them. */
static const char *type_names(enum param_type type)
{
	switch (type) {
	case PARAM_ADDRESS:
	case PARAM_CHOICE:
	case PARAM_MODE:
	case PARAM_PATH:
		return "string";
	case PARAM_MS:
	case PARAM_COUNT:
	case PARAM_ID:
	case PARAM_USER:
	case PARAM_GROUP:
		return "integer";
	case PARAM_BOOL:
		return "boolean";
	case PARAM_KEY:
		return "string|integer";
	case PARAM_NUMBER:
		return "number";
	case PARAM_VALUE:
		return "string|number|boolean|null";
	case PARAM_HANDLER:
		return "object";
	case PARAM_ARGV:
		return "array";
	}
	return "";
}

static void write_type(struct json *json, const struct param *param)
{
	const char *names = type_names(param->type);
	if (param->flags & PARAM_NULLABLE) {
		char text[64];
		snprintf(text, sizeof(text), "%s|null", names);
		write_words(json, "type", text, '|');
	} else if (strchr(names, '|') != NULL) {
		write_words(json, "type", names, '|');
	} else {
		write_text(json, "type", names);
	}
}

/* What a type says beyond its JSON type. */
static void write_bounds(struct json *json, const struct param *param)
{
	switch (param->type) {
	case PARAM_MS:
	case PARAM_COUNT:
	case PARAM_ID:
	case PARAM_USER:
	case PARAM_GROUP:
		write_u64(json, "minimum", param->min);
		write_u64(json, "maximum", param->max);
		return;
	case PARAM_CHOICE:
		write_words(json, "enum", param->choices, '|');
		return;
	case PARAM_MODE:
		write_text(json, "pattern", "^0?[0-7]{3}$");
		return;
	case PARAM_ARGV:
		json_key(json, "items");
		json_object(json);
		write_text(json, "type", "string");
		json_object_end(json);
		write_u64(json, "minItems", 1);
		return;
	case PARAM_KEY:
		write_u64(json, "minimum", 0);
		write_u64(json, "maximum", JSON_INTEGER_MAX);
		return;
	case PARAM_ADDRESS:
	case PARAM_BOOL:
	case PARAM_PATH:
	case PARAM_NUMBER:
	case PARAM_VALUE:
	case PARAM_HANDLER:
		return;
	}
}

static void write_schema(struct json *json, const struct param *param)
{
	if (param->type == PARAM_HANDLER) {
		write_reference(json, "schemas", "handler", strlen("handler"));
		return;
	}
	json_object(json);
	write_type(json, param);
	write_bounds(json, param);
	if (param->fallback != NULL)
		write_json(json, "default", param->fallback);
	json_object_end(json);
}

static void write_param(struct json *json, const struct param *param)
{
	json_object(json);
	write_text(json, "name", param->name);
	write_text(json, "description", param->doc);
	json_key(json, "required");
	json_bool(json, param->flags & PARAM_REQUIRED);
	json_key(json, "schema");
	write_schema(json, param);
	json_object_end(json);
}

static void write_method_errors(struct json *json, const char *names)
{
	json_key(json, "errors");
	json_array(json);
	while (*names != '\0') {
		size_t n = strcspn(names, " ");
		write_reference(json, "errors", names, n);
		names += n;
		names += strspn(names, " ");
	}
	json_array_end(json);
}

static void write_method(struct json *json, const struct method *method)
{
	json_object(json);
	write_text(json, "name", method->name);
	write_text(json, "summary", method->doc);
	write_text(json, "paramStructure", "by-name");
	json_key(json, "params");
	json_array(json);
	for (size_t i = 0; i < method->nparams; i++)
		write_param(json, &method->params[i]);
	json_array_end(json);
	json_key(json, "result");
	json_object(json);
	write_text(json, "name", "result");
	write_text(json, "description", method->result);
	json_key(json, "schema");
	json_object(json);
	write_text(json, "type", "object");
	json_object_end(json);
	json_object_end(json);
	write_method_errors(json, method->errors);
	write_text(json, "x-role", role_name(method_role(method)));
	write_json(json, "x-example-params", method->example);
	json_object_end(json);
}

static void write_kind(struct json *json, const struct handler_kind *kind)
{
	json_object(json);
	write_text(json, "title", kind->name);
	write_text(json, "description", kind->doc);
	write_text(json, "type", "object");
	json_key(json, "properties");
	json_object(json);
	json_key(json, "type");
	json_object(json);
	write_text(json, "const", kind->name);
	json_object_end(json);
	for (size_t i = 0; i < kind->nparams; i++) {
		json_key(json, kind->params[i].name);
		write_schema(json, &kind->params[i]);
	}
	json_object_end(json);
	json_key(json, "required");
	json_array(json);
	json_string(json, "type");
	for (size_t i = 0; i < kind->nparams; i++)
		if (kind->params[i].flags & PARAM_REQUIRED)
			json_string(json, kind->params[i].name);
	json_array_end(json);
	json_key(json, "additionalProperties");
	json_bool(json, false);
	json_key(json, "examples");
	json_array(json);
	json_raw(json, kind->example, strlen(kind->example));
	json_array_end(json);
	json_object_end(json);
}

static void write_handlers(struct json *json, unsigned kinds)
{
	json_key(json, "schemas");
	json_object(json);
	json_key(json, "handler");
	json_object(json);
	json_key(json, "oneOf");
	json_array(json);
	for (int i = 0; i < HANDLER_COUNT; i++)
		if (kinds >> i & 1)
			write_kind(json, handler_kind_get((enum handler_id)i));
	json_array_end(json);
	json_object_end(json);
	json_object_end(json);
}

static void write_errors(struct json *json)
{
	json_key(json, "errors");
	json_object(json);
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const struct error_info *info = error_info((enum error_code)i);
		json_key(json, info->name);
		json_object(json);
		json_key(json, "code");
		json_i64(json, info->code);
		write_text(json, "message", info->message);
		json_key(json, "data");
		json_object(json);
		write_text(json, "name", info->name);
		json_object_end(json);
		json_object_end(json);
	}
	json_object_end(json);
}

static void write_info(struct json *json)
{
	json_key(json, "info");
	json_object(json);
	write_text(json, "title", "noded");
	write_text(json, "version", NODED_VERSION);
	write_text(json, "description",
		   "Servers on TCP and Unix sockets, started, inspected, drained and stopped at "
		   "run time");
	json_object_end(json);
}

void discover_write(struct json *json, unsigned kinds)
{
	json_object(json);
	write_text(json, "openrpc", "1.2.6");
	write_info(json);
	json_key(json, "methods");
	json_array(json);
	for (int i = 0; i < METHOD_COUNT; i++)
		write_method(json, method_get((enum method_id)i));
	json_array_end(json);
	json_key(json, "components");
	json_object(json);
	write_handlers(json, kinds);
	write_errors(json);
	json_object_end(json);
	json_object_end(json);
}
