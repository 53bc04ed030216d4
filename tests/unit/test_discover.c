/* The document of rpc.discover: JSON within the protocol's own rules, and complete. */
#include "discover.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include "check.h"
#include "method.h"
#include "params.h"
#include "scan.h"

static const cJSON *at(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_at(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(at(object, key));
}

/* What a "$ref" of this document leads to, NULL if nowhere. */
static const cJSON *follow(const cJSON *document, const char *reference)
{
	char copy[128], *rest = copy;
	if (reference == NULL || strncmp(reference, "#/", 2) != 0)
		return NULL;
	snprintf(copy, sizeof(copy), "%s", reference + 2);
	for (char *key; document != NULL && (key = strsep(&rest, "/")) != NULL;)
		document = at(document, key);
	return document;
}

static void check_schema(const cJSON *document, const cJSON *schema, const struct param *param)
{
	const char *reference = text_at(schema, "$ref");
	if (reference != NULL) {
		CHECK(follow(document, reference) != NULL, "%s leads to %s", param->name,
		      reference);
		return;
	}
	CHECK(at(schema, "type") != NULL, "%s has a type", param->name);
	const cJSON *type = at(schema, "type"), *one;
	bool null = false;
	cJSON_ArrayForEach (one, type)
		null = null || strcmp(one->valuestring, "null") == 0;
	CHECK(null == (param->flags & PARAM_NULLABLE || param->type == PARAM_VALUE),
	      "%s may be null or not", param->name);
	cJSON *want = param->fallback != NULL ? cJSON_Parse(param->fallback) : NULL;
	CHECK(want != NULL ? cJSON_Compare(at(schema, "default"), want, true)
			   : at(schema, "default") == NULL,
	      "%s has its default", param->name);
	cJSON_Delete(want);
	if (param->type == PARAM_MS)
		CHECK(at(schema, "maximum")->valuedouble == (double)param->max,
		      "%s has its maximum", param->name);
}

static void check_method(const cJSON *document, const cJSON *entry, const struct method *method)
{
	CHECK_STR(text_at(entry, "name"), method->name, "%s is there", method->name);
	CHECK_STR(text_at(entry, "paramStructure"), "by-name", "its params go by name");
	const cJSON *params = at(entry, "params"), *item;
	CHECK_UINT((uintmax_t)cJSON_GetArraySize(params), method->nparams, "number of its params");
	size_t i = 0;
	cJSON_ArrayForEach (item, params) {
		const struct param *param = &method->params[i++];
		CHECK_STR(text_at(item, "name"), param->name, "%s.%s", method->name, param->name);
		CHECK(cJSON_IsTrue(at(item, "required")) == !!(param->flags & PARAM_REQUIRED),
		      "required or not");
		check_schema(document, at(item, "schema"), param);
	}
	CHECK_STR(text_at(at(at(entry, "result"), "schema"), "type"), "object", "its result");
	size_t words = 0;
	for (const char *word = method->errors; *word != '\0'; word += strspn(word, " ")) {
		word += strcspn(word, " ");
		words++;
	}
	CHECK_UINT((uintmax_t)cJSON_GetArraySize(at(entry, "errors")), words,
		   "number of its errors");
	cJSON_ArrayForEach (item, at(entry, "errors"))
		CHECK(cJSON_IsNumber(at(follow(document, text_at(item, "$ref")), "code")),
		      "%s leads to an error", text_at(item, "$ref"));
	struct err err = {0};
	CHECK(params_check(method, at(entry, "x-example-params"), &err) == 0,
	      "its example is a good one: %s", err.detail);
}

static void check_components(const cJSON *document)
{
	const cJSON *errors = at(at(document, "components"), "errors");
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const struct error_info *info = error_info((enum error_code)i);
		const cJSON *error = at(errors, info->name);
		CHECK(error != NULL && at(error, "code")->valueint == info->code, "error %s",
		      info->name);
		CHECK_STR(text_at(error, "message"), info->message, "its message");
		CHECK_STR(text_at(at(error, "data"), "name"), info->name, "its name");
	}
	CHECK_UINT((uintmax_t)cJSON_GetArraySize(errors), ERR_COUNT - 1, "and no other");
	const cJSON *kinds = at(follow(document, "#/components/schemas/handler"), "oneOf"), *kind;
	int i = 0;
	cJSON_ArrayForEach (kind, kinds) {
		const struct handler_kind *want = handler_kind_get((enum handler_id)i++);
		const cJSON *members = at(kind, "properties");
		CHECK_STR(text_at(at(members, "type"), "const"), want->name, "handler %s",
			  want->name);
		CHECK_UINT((uintmax_t)cJSON_GetArraySize(members), want->nparams + 1, "its params");
		for (size_t j = 0; j < want->nparams; j++)
			check_schema(document, at(members, want->params[j].name), &want->params[j]);
	}
	CHECK_UINT((uintmax_t)i, HANDLER_COUNT, "every kind of handler");
}

int main(void)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	struct err err = {0};
	struct scan *scan = calloc(1, sizeof(*scan));
	discover_write(&json, HANDLERS_ALL);
	if (scan == NULL || out.failed)
		return 1;
	CHECK(scan_line(scan, out.data, out.len, SCAN_REQUEST, &err) == 0,
	      "it keeps every rule of a request line, so names no member twice: %s", err.detail);
	cJSON *document = cJSON_ParseWithLength(out.data, out.len);
	free(scan);
	if (!CHECK(cJSON_IsObject(document), "it is an object of %zu bytes", out.len))
		return check_done();
	CHECK_STR(text_at(document, "openrpc"), "1.2.6", "version of OpenRPC");
	CHECK_STR(text_at(at(document, "info"), "version"), NODED_VERSION, "our version");
	CHECK_STR(text_at(at(document, "info"), "title"), "noded", "our name");
	const cJSON *methods = at(document, "methods"), *entry;
	CHECK_UINT((uintmax_t)cJSON_GetArraySize(methods), METHOD_COUNT, "every method");
	int i = 0;
	cJSON_ArrayForEach (entry, methods)
		check_method(document, entry, method_get((enum method_id)i++));
	check_components(document);
	cJSON_Delete(document);
	buf_free(&out);
	return check_done();
}
