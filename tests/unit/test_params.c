/* Parameters: what each type takes, the rules between parameters, defaults, and words of a command
   line. */
#include "params.h"

#include <stdlib.h>
#include "check.h"

#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static cJSON *parse(const char *text)
{
	cJSON *value = cJSON_Parse(text);
	if (value == NULL) {
		printf("Bail out! not JSON: %s\n", text);
		exit(1);
	}
	return value;
}

/* param NULL: accepted. */
static const struct {
	const char *method, *params, *param;
	enum error_code code;
} requests[] = {
    {"version", "{}", NULL, 0},
    {"version", "{\"x\":1}", "x", ERR_INVALID_PARAMS},
    {"version", "{\"a\":1,\"b\":2}", "a", ERR_INVALID_PARAMS},
    {"rpc.discover", "{}", NULL, 0},
    /* Addresses */
    {"stop_server", "{\"address\":\"/run/x.sock\"}", NULL, 0},
    {"stop_server", "{\"address\":\"unix:/run/x.sock\"}", NULL, 0},
    {"stop_server", "{\"address\":\"tcp:[::1]:80\"}", NULL, 0},
    {"stop_server", "{}", "address", ERR_INVALID_PARAMS},
    {"stop_server", "{\"Address\":\"/run/x.sock\"}", "Address", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":null}", "address", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":7}", "address", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":[\"/x\"]}", "address", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"\"}", "address", ERR_ADDRESS_INVALID},
    {"stop_server", "{\"address\":\"x.sock\"}", "address", ERR_ADDRESS_INVALID},
    {"stop_server", "{\"address\":\"tcp:localhost:80\"}", "address", ERR_ADDRESS_INVALID},
    {"list_connections", "{\"server\":\"nowhere\"}", "server", ERR_ADDRESS_INVALID},
    {"list_servers", "{\"after\":\"tcp:1.2.3.4:5\"}", NULL, 0},
    {"list_servers", "{\"after\":5}", "after", ERR_INVALID_PARAMS},
    /* Durations and counts */
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":0}", NULL, 0},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":1e3}", NULL, 0},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":10.0}", NULL, 0},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":31536000000}", NULL, 0},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":31536000001}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":-1}", "deadline_ms", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":1.5}", "deadline_ms", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":1e300}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":1e400}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":-1e400}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":9223372036854775808}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":\"10\"}", "deadline_ms",
     ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":null}", "deadline_ms", ERR_INVALID_PARAMS},
    {"stop_server", "{\"address\":\"/x\",\"deadline_ms\":true}", "deadline_ms", ERR_INVALID_PARAMS},
    {"list_servers", "{\"limit\":1}", NULL, 0},
    {"list_servers", "{\"limit\":1000}", NULL, 0},
    {"list_servers", "{\"limit\":0}", "limit", ERR_INVALID_PARAMS},
    {"list_servers", "{\"limit\":1001}", "limit", ERR_INVALID_PARAMS},
    {"list_connections", "{\"after\":9007199254740991}", NULL, 0},
    {"list_connections", "{\"after\":9007199254740992}", "after", ERR_INVALID_PARAMS},
    {"list_connections", "{\"after\":9007199254740993}", "after", ERR_INVALID_PARAMS},
    {"close_connection", "{\"id\":1}", NULL, 0},
    {"close_connection", "{\"id\":0}", "id", ERR_INVALID_PARAMS},
    {"close_connection", "{\"id\":\"1\"}", "id", ERR_INVALID_PARAMS},
    {"close_connection", "{\"id\":1,\"force\":true}", NULL, 0},
    {"close_connection", "{\"id\":1,\"force\":1}", "force", ERR_INVALID_PARAMS},
    {"close_connection", "{\"id\":1,\"force\":\"true\"}", "force", ERR_INVALID_PARAMS},
    {"close_connection", "{\"id\":1,\"force\":null}", "force", ERR_INVALID_PARAMS},
    {"close_connection", "{\"force\":true}", "id", ERR_INVALID_PARAMS},
    {"update_server", "{\"address\":\"/x\"}", NULL, 0},
    {"update_server", "{\"address\":\"/x\",\"max_connections\":null}", NULL, 0},
    {"update_server", "{\"address\":\"/x\",\"max_connections\":1000000}", NULL, 0},
    {"update_server", "{\"address\":\"/x\",\"max_connections\":0}", "max_connections",
     ERR_INVALID_PARAMS},
    {"update_server", "{\"address\":\"/x\",\"max_connections\":1000001}", "max_connections",
     ERR_INVALID_PARAMS},
    {"update_server", "{\"address\":\"/x\",\"handler\":{\"type\":\"echo\"}}", "handler",
     ERR_INVALID_PARAMS},
    /* Choices */
    {"set_log_level", "{\"level\":\"error\"}", NULL, 0},
    {"set_log_level", "{\"level\":\"debug\"}", NULL, 0},
    {"set_log_level", "{\"level\":\"Debug\"}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{\"level\":\"\"}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{\"level\":\"err\"}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{\"level\":\"errors\"}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{\"level\":\"info|debug\"}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{\"level\":3}", "level", ERR_INVALID_PARAMS},
    {"set_log_level", "{}", "level", ERR_INVALID_PARAMS},
    /* start */
    {"start", "{\"address\":\"tcp:127.0.0.1:0\"}", NULL, 0},
    {"start",
     "{\"address\":\"/x\",\"max_connections\":5,\"backlog\":65535,\"mode\":\"0660\","
     "\"idle_timeout_ms\":1,\"drain_ms\":0,\"kill_ms\":0,\"restart\":\"never\","
     "\"if_missing\":true}",
     NULL, 0},
    {"start", "{\"address\":\"/x\",\"backlog\":0}", "backlog", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"backlog\":65536}", "backlog", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"backlog\":null}", "backlog", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"restart\":\"sometimes\"}", "restart", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"0000\"}", NULL, 0},
    {"start", "{\"address\":\"/x\",\"mode\":\"0777\"}", NULL, 0},
    {"start", "{\"address\":\"/x\",\"mode\":\"600\"}", NULL, 0},
    {"start", "{\"address\":\"/x\",\"mode\":\"1777\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"00600\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"60\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"0680\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"0o60\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"rw--\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":\"\"}", "mode", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"mode\":600}", "mode", ERR_INVALID_PARAMS},
    /* Handlers */
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"discard\"}}", NULL, 0},
    {"start", "{\"address\":\"/x\",\"handler\":\"echo\"}", "handler", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":null}", "handler", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":[]}", "handler", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{}}", "handler.type", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"Type\":\"echo\"}}", "handler.type",
     ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"Echo\"}}", "handler.type",
     ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":1}}", "handler.type", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"echo\",\"argv\":[\"a\"]}}",
     "handler.argv", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":\"/b\"}}", NULL,
     0},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\"}}", "handler.backend",
     ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":5}}",
     "handler.backend", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":\"b:1\"}}",
     "handler.backend", ERR_ADDRESS_INVALID},
    {"start",
     "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":\"tcp:1.2.3.4:0\"}}",
     "handler.backend", ERR_ADDRESS_INVALID},
    {"start",
     "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":\"/b\","
     "\"connect_timeout_ms\":1}}",
     NULL, 0},
    {"start",
     "{\"address\":\"/x\",\"handler\":{\"type\":\"forward\",\"backend\":\"/b\","
     "\"connect_timeout_ms\":0}}",
     "handler.connect_timeout_ms", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"cat\",\"\"]}}", NULL,
     0},
    {"start",
     "{\"address\":\"/"
     "x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":0,\"group\":4294967294}}",
     NULL, 0},
    {"start",
     "{\"address\":\"/"
     "x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":4294967295,\"group\":1}}",
     "handler.user", ERR_INVALID_PARAMS},
    {"start",
     "{\"address\":\"/"
     "x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":-1,\"group\":1}}",
     "handler.user", ERR_INVALID_PARAMS},
    {"start",
     "{\"address\":\"/"
     "x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":\"root\",\"group\":1}}",
     "handler.user", ERR_INVALID_PARAMS},
    {"start",
     "{\"address\":\"/"
     "x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":1,\"group\":1.5}}",
     "handler.group", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"user\":1}}",
     "handler.group", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"],\"group\":1}}",
     "handler.user", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"echo\",\"user\":1,\"group\":1}}",
     "handler.user", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\"}}", "handler.argv",
     ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":\"cat\"}}",
     "handler.argv", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[]}}", "handler.argv",
     ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"\"]}}",
     "handler.argv", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\",1]}}",
     "handler.argv", ERR_INVALID_PARAMS},
    {"start", "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\",null]}}",
     "handler.argv", ERR_INVALID_PARAMS},
    {"start",
     "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"]},"
     "\"idle_timeout_ms\":1}",
     "idle_timeout_ms", ERR_INVALID_PARAMS},
    {"start",
     "{\"address\":\"/x\",\"handler\":{\"type\":\"exec\",\"argv\":[\"a\"]},"
     "\"idle_timeout_ms\":0}",
     NULL, 0},
    /* State paths and pages */
    {"state", "{}", NULL, 0},
    {"state", "{\"path\":\"\"}", NULL, 0},
    {"state", "{\"path\":\"transport.servers[/x].listener\"}", NULL, 0},
    {"state", "{\"path\":\"/run/x.sock\"}", NULL, 0},
    {"state", "{\"path\":\"a[\"}", "path", ERR_INVALID_PARAMS},
    {"state", "{\"path\":1}", "path", ERR_INVALID_PARAMS},
    {"state", "{\"path\":null}", "path", ERR_INVALID_PARAMS},
    {"state", "{\"after\":\"tcp:1.2.3.4:5\"}", NULL, 0},
    {"state", "{\"after\":17}", NULL, 0},
    {"state", "{\"after\":-1}", "after", ERR_INVALID_PARAMS},
    {"state", "{\"after\":1.5}", "after", ERR_INVALID_PARAMS},
    {"state", "{\"after\":1e400}", "after", ERR_INVALID_PARAMS},
    {"state", "{\"after\":null}", "after", ERR_INVALID_PARAMS},
    /* wait: exactly one condition */
    {"wait", "{\"path\":\"phase\",\"equals\":\"running\"}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"equals\":null}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"equals\":false,\"timeout_ms\":0}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"equals\":0.5}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"exists\":true}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"absent\":true}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"at_least\":-1.5}", NULL, 0},
    {"wait", "{\"path\":\"phase\",\"at_most\":9007199254740991}", NULL, 0},
    {"wait", "{\"equals\":1}", "path", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\"}", "equals", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"exists\":false}", "exists", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"absent\":false}", "absent", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"absent\":1}", "absent", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"exists\":true,\"absent\":true}", "absent", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"equals\":1,\"exists\":false}", "exists", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"at_least\":1,\"at_most\":2}", "at_most", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"equals\":{}}", "equals", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"equals\":[1]}", "equals", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"equals\":1e400}", "equals", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"equals\":9007199254740993}", "equals", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"at_least\":\"1\"}", "at_least", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"at_least\":null}", "at_least", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"at_most\":-1e400}", "at_most", ERR_INVALID_PARAMS},
    {"wait", "{\"path\":\"phase\",\"exists\":true,\"timeout_ms\":-1}", "timeout_ms",
     ERR_INVALID_PARAMS},
    {"shutdown", "{\"deadline_ms\":1,\"force\":true,\"progress\":false}", NULL, 0},
    {"shutdown", "{\"address\":\"/x\"}", "address", ERR_INVALID_PARAMS},
};

static void test_requests(void)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		const char *text = requests[i].params;
		cJSON *params = parse(text);
		struct err err = {0};
		int got = params_check(method_find(requests[i].method), params, &err);
		if (requests[i].param == NULL) {
			CHECK(got == 0, "%s %s is taken: %s", requests[i].method, text, err.detail);
		} else {
			CHECK(got == -1 && err.code == requests[i].code, "%s %s: %s",
			      requests[i].method, text, err.detail);
			CHECK_STR(err.param, requests[i].param, "it names the parameter");
		}
		cJSON_Delete(params);
	}
}

static void test_whole(void)
{
	struct err err;
	CHECK(params_check(method_get(METHOD_VERSION), NULL, &err) == 0, "no params at all");
	CHECK(params_check(method_get(METHOD_START), NULL, &err) < 0, "but start needs some");
	cJSON *array = parse("[1]");
	CHECK(params_check(method_get(METHOD_VERSION), array, &err) < 0 &&
		  err.code == ERR_INVALID_PARAMS,
	      "an array is refused");
	cJSON_Delete(array);
	cJSON *params = parse("{\"colour\":1,\"address\":2,\"taste\":3}");
	CHECK(params_check(method_get(METHOD_STOP_SERVER), params, &err) < 0, "several unknown");
	CHECK(strstr(err.detail, "\"colour\"") != NULL && strstr(err.detail, "\"taste\"") != NULL &&
		  strstr(err.detail, "\"address\"") == NULL,
	      "every unknown one is named: %s", err.detail);
	cJSON_Delete(params);
	char text[3000], name[1000];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"a%s\":1,\"b%s\":2}", name, name);
	params = parse(text);
	CHECK(params_check(method_get(METHOD_VERSION), params, &err) < 0 &&
		  strlen(err.param) == sizeof(err.param) - 1 &&
		  strlen(err.detail) < sizeof(err.detail),
	      "overlong names are cut");
	cJSON_Delete(params);
}

/* The table's own texts must pass the checks made from it. */
static void test_tables(void)
{
	for (int i = 0; i < METHOD_COUNT; i++) {
		const struct method *method = method_get((enum method_id)i);
		cJSON *example = parse(method->example);
		struct err err = {0};
		CHECK(params_check(method, example, &err) == 0, "example of %s: %s", method->name,
		      err.detail);
		cJSON_Delete(example);
	}
	for (int i = 0; i < HANDLER_COUNT; i++) {
		const struct handler_kind *kind = handler_kind_get((enum handler_id)i);
		cJSON *params = parse("{\"address\":\"/x\"}"), *handler = parse(kind->example);
		cJSON_AddItemToObject(params, "handler", handler);
		struct err err = {0};
		CHECK(params_check(method_get(METHOD_START), params, &err) == 0,
		      "example of %s: %s", kind->name, err.detail);
		CHECK(handler_kind_of(handler) == kind, "%s is found in it", kind->name);
		cJSON_Delete(params);
	}
}

/* A default must be what the client could have given: the reply to it is the same. */
static void test_fallbacks(void)
{
	for (int i = 0; i < METHOD_COUNT; i++) {
		const struct method *method = method_get((enum method_id)i);
		for (size_t j = 0; j < method->nparams; j++) {
			const struct param *param = &method->params[j];
			if (param->fallback == NULL)
				continue;
			cJSON *params = parse(method->example);
			cJSON_DeleteItemFromObjectCaseSensitive(params, param->name);
			cJSON_AddItemToObject(params, param->name, parse(param->fallback));
			struct err err = {0};
			CHECK(params_check(method, params, &err) == 0, "default of %s.%s: %s",
			      method->name, param->name, err.detail);
			const cJSON *given = param_get(params, param->name);
			if (cJSON_IsString(given))
				CHECK_STR(param_string(method, NULL, param->name),
					  given->valuestring, "%s.%s when absent", method->name,
					  param->name);
			else if (cJSON_IsBool(given))
				CHECK(param_bool(method, NULL, param->name) == cJSON_IsTrue(given),
				      "%s.%s when absent", method->name, param->name);
			else if (cJSON_IsNumber(given))
				CHECK_UINT(param_u64(method, NULL, param->name),
					   (uint64_t)given->valuedouble, "%s.%s when absent",
					   method->name, param->name);
			cJSON_Delete(params);
		}
	}
}

static void test_values(void)
{
	const struct method *start = method_get(METHOD_START);
	cJSON *params = parse("{\"address\":\"/x\",\"max_connections\":null,\"backlog\":7,"
			      "\"if_missing\":true,\"mode\":\"0640\",\"Drain_ms\":1,"
			      "\"handler\":{\"type\":\"forward\",\"backend\":\"/b\"}}");
	CHECK_UINT(param_u64(start, params, "max_connections"), UINT64_MAX, "null");
	CHECK_UINT(param_u64(start, params, "backlog"), 7, "a number");
	CHECK_UINT(param_u64(start, params, "drain_ms"), 30000, "names differ in case");
	CHECK(param_bool(start, params, "if_missing"), "true");
	CHECK_STR(param_string(start, params, "mode"), "0640", "a string");
	CHECK_STR(param_string(start, params, "restart"), "always", "a string's default");
	CHECK_STR(param_string(start, params, "restart"), "always", "and once more");
	CHECK(param_get(params, "restart") == NULL, "an absent one is NULL");
	CHECK(param_get(NULL, "restart") == NULL, "as in no params at all");
	CHECK(param_string(method_get(METHOD_LIST_CONNECTIONS), NULL, "server") == NULL,
	      "absent without a default");
	const cJSON *handler = param_get(params, "handler");
	const struct handler_kind *forward = handler_kind_of(handler);
	CHECK_STR(forward->name, "forward", "the kind of a handler");
	CHECK_STR(handler_kind_of(NULL)->name, "echo", "the default kind");
	CHECK_UINT(handler_u64(forward, handler, "connect_timeout_ms"), 5000,
		   "a handler's number, by its default");
	cJSON_Delete(params);
	params = parse("{\"id\":9007199254740991}");
	CHECK_UINT(param_u64(method_get(METHOD_CLOSE_CONNECTION), params, "id"), JSON_INTEGER_MAX,
		   "the largest id");
	cJSON_Delete(params);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"10", 10000},
	    {"10s", 10000},
	    {"500ms", 500},
	    {"2m", 120000},
	    {"1h", 3600000},
	    {"1.5", 1500},
	    {"1.5h", 5400000},
	    {"0.1", 100},
	    {"0.0001", 1},
	    {"0.0000000000000000001", 1},
	    {"1.0000", 1000},
	    {"1.001", 1001},
	    {"1.0010000000000001", 1002},
	    {"0.3ms", 1},
	    {"007", 7000},
	    {"8760h", 31536000000},
	    {"8760.0000001h", -1},
	    {"31536000", 31536000000},
	    {"31536001", -1},
	    {"31536000000ms", 31536000000},
	    {"31536000000.1ms", -1},
	    {"99999999999999999999999999", -1},
	    {"18446744073709551617", -1},
	    {"", -1},
	    {"s", -1},
	    {"-1", -1},
	    {"+1", -1},
	    {" 1", -1},
	    {"1 ", -1},
	    {"1 s", -1},
	    {"1S", -1},
	    {"1d", -1},
	    {"1sec", -1},
	    {".5", -1},
	    {"1.", -1},
	    {"1.s", -1},
	    {"1..5", -1},
	    {"1,5", -1},
	    {"1e3", -1},
	    {"1e300", -1},
	    {"0x10", -1},
	    {"nan", -1},
	    {"NaN", -1},
	    {"inf", -1},
	    {"infinity", -1},
	    {"none", -1},
	    {"1h30m", -1},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = {0};
		uint64_t ms = 0;
		int got = duration_parse(rows[i].text, &ms, &err);
		if (rows[i].ms < 0)
			CHECK(got < 0 && err.code == ERR_INVALID_PARAMS, "\"%s\" is refused: %s",
			      rows[i].text, err.detail);
		else
			CHECK(got == 0 && ms == (uint64_t)rows[i].ms, "\"%s\" is %jd ms",
			      rows[i].text, (intmax_t)rows[i].ms);
	}
}

static void test_options(void)
{
	static const struct {
		enum method_id method;
		const char *param, *option;
		bool flag;
	} rows[] = {
	    {METHOD_START, "idle_timeout_ms", "idle-timeout", false},
	    {METHOD_START, "max_connections", "max-connections", false},
	    {METHOD_START, "if_missing", "if-missing", true},
	    {METHOD_START, "drain_ms", "drain", false},
	    {METHOD_STOP_SERVER, "force", "now", true},
	    {METHOD_STOP_SERVER, "wait", "no-wait", true},
	    {METHOD_WAIT, "equals", "is", false},
	    {METHOD_WAIT, "at_least", "at-least", false},
	};
	char text[PARAM_OPTION_SIZE];
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct method *method = method_get(rows[i].method);
		const struct param *param =
		    param_find(method->params, method->nparams, rows[i].param);
		CHECK_STR(param_option(param, text), rows[i].option, "option of %s", rows[i].param);
		CHECK(param_is_flag(param) == rows[i].flag, "--%s is a flag or not", text);
	}
	unsigned cut = 0;
	for (int i = 0; i < METHOD_COUNT; i++)
		for (size_t j = 0; j < method_get((enum method_id)i)->nparams; j++)
			cut += strlen(param_option(&method_get((enum method_id)i)->params[j],
						   text)) >= PARAM_OPTION_SIZE - 1;
	CHECK_UINT(cut, 0, "every option fits");
}

/* value: JSON text, NULL if refused. word NULL: a flag. */
static const struct {
	enum method_id method;
	const char *param, *word, *value;
} words[] = {
    {METHOD_START, "address", "./x.sock", "\"./x.sock\""},
    {METHOD_START, "address", "none", "\"none\""},
    {METHOD_START, "address", "\xff", NULL},
    {METHOD_START, "idle_timeout_ms", "1.5s", "1500"},
    {METHOD_START, "idle_timeout_ms", "none", NULL},
    {METHOD_START, "idle_timeout_ms", "366h", "1317600000"},
    {METHOD_START, "idle_timeout_ms", "8761h", NULL},
    {METHOD_START, "max_connections", "none", "null"},
    {METHOD_START, "max_connections", "10", "10"},
    {METHOD_START, "max_connections", "0", NULL},
    {METHOD_START, "max_connections", "-1", NULL},
    {METHOD_START, "max_connections", "+1", NULL},
    {METHOD_START, "max_connections", "1.0", NULL},
    {METHOD_START, "max_connections", "0x10", NULL},
    {METHOD_START, "max_connections", "", NULL},
    {METHOD_START, "max_connections", "99999999999999999999999", NULL},
    {METHOD_START, "max_connections", "18446744073709551626", NULL},
    {METHOD_START, "backlog", "none", NULL},
    {METHOD_START, "mode", "0660", "\"0660\""},
    {METHOD_START, "mode", "9", NULL},
    {METHOD_START, "restart", "never", "\"never\""},
    {METHOD_START, "restart", "nev", NULL},
    {METHOD_START, "if_missing", NULL, "true"},
    {METHOD_START, "if_missing", "true", NULL},
    {METHOD_START, "handler", "exec", "{\"type\":\"exec\"}"},
    {METHOD_START, "handler", "execute", NULL},
    {METHOD_STOP_SERVER, "wait", NULL, "false"},
    {METHOD_STOP_SERVER, "force", NULL, "true"},
    {METHOD_CLOSE_CONNECTION, "id", "9007199254740991", "9007199254740991"},
    {METHOD_CLOSE_CONNECTION, "id", "9007199254740993", NULL},
    {METHOD_CLOSE_CONNECTION, "id", "seven", NULL},
    {METHOD_STATE, "path", "transport[/x]", "\"transport[/x]\""},
    {METHOD_STATE, "path", "transport[", NULL},
    {METHOD_STATE, "after", "17", "17"},
    {METHOD_STATE, "after", "tcp:1.2.3.4:5", "\"tcp:1.2.3.4:5\""},
    {METHOD_WAIT, "equals", "running", "\"running\""},
    {METHOD_WAIT, "equals", "\"17\"", "\"17\""},
    {METHOD_WAIT, "equals", "\"a\\nb\"", "\"a\\nb\""},
    {METHOD_WAIT, "equals", "17", "17"},
    {METHOD_WAIT, "equals", "-0.5", "-0.5"},
    {METHOD_WAIT, "equals", "017", "\"017\""},
    {METHOD_WAIT, "equals", "null", "null"},
    {METHOD_WAIT, "equals", "true", "true"},
    {METHOD_WAIT, "equals", "True", "\"True\""},
    {METHOD_WAIT, "equals", "", "\"\""},
    {METHOD_WAIT, "equals", "{}", NULL},
    {METHOD_WAIT, "equals", "[1]", NULL},
    {METHOD_WAIT, "equals", "\"{}\"", "\"{}\""},
    {METHOD_WAIT, "equals", "\"half", "\"\\\"half\""},
    {METHOD_WAIT, "equals", "1e400", NULL},
    {METHOD_WAIT, "equals", "9007199254740993", NULL},
    {METHOD_WAIT, "equals", "1.0000000000000000000000000000000000000000000000000000000000000000000",
     NULL},
    {METHOD_WAIT, "equals", "a\xff", NULL},
    {METHOD_WAIT, "at_least", "1.5e1", "15"},
    {METHOD_WAIT, "at_least", "many", NULL},
    {METHOD_WAIT, "at_least", "\"1\"", NULL},
    {METHOD_WAIT, "at_least", "true", NULL},
};

static void test_words(void)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		const struct method *method = method_get(words[i].method);
		const struct param *param =
		    param_find(method->params, method->nparams, words[i].param);
		const char *word = words[i].word != NULL ? words[i].word : "(flag)";
		cJSON *object = cJSON_CreateObject();
		struct err err = {0};
		int got = param_add_argv(object, param, words[i].word, &err);
		const cJSON *value = param_get(object, words[i].param);
		if (words[i].value == NULL) {
			CHECK(got < 0 && err.code == ERR_INVALID_PARAMS && value == NULL,
			      "%s \"%s\" is refused: %s", words[i].param, word, err.detail);
			CHECK_STR(err.param, words[i].param, "it names the parameter");
		} else {
			cJSON *want = parse(words[i].value);
			CHECK(got == 0 && cJSON_Compare(value, want, true), "%s \"%s\" is %s",
			      words[i].param, word, words[i].value);
			cJSON_Delete(want);
		}
		cJSON_Delete(object);
	}
}

static void test_repeated_words(void)
{
	const struct method *start = method_get(METHOD_START);
	const struct param *drain = param_find(start->params, start->nparams, "drain_ms");
	const struct handler_kind *exec = handler_kind_find("exec");
	const struct param *argv = param_find(exec->params, exec->nparams, "argv");
	struct err err;
	cJSON *object = cJSON_CreateObject();
	bool added = param_add_argv(object, drain, "1s", &err) == 0 &&
		     param_add_argv(object, drain, "2s", &err) == 0 &&
		     param_add_argv(object, argv, "printf", &err) == 0 &&
		     param_add_argv(object, argv, "", &err) == 0 &&
		     param_add_argv(object, argv, "17", &err) == 0;
	cJSON *want = parse("{\"drain_ms\":2000,\"argv\":[\"printf\",\"\",\"17\"]}");
	CHECK(added && cJSON_Compare(object, want, true),
	      "the last of an option counts, every word of a program does");
	CHECK_UINT((uintmax_t)cJSON_GetArraySize(object), 2, "nothing is in it twice");
	cJSON_Delete(want);
	cJSON_Delete(object);
}

static unsigned allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- == 0 ? NULL : malloc(size);
}

/* The nth allocation fails, n = 0.. until there are fewer: told every time, nothing is lost (a
   sanitizer would tell). */
static void test_out_of_memory(void)
{
	cJSON_Hooks hooks = {failing_malloc, free};
	for (size_t i = 0; i < COUNT(words); i++) {
		const struct method *method = method_get(words[i].method);
		const struct param *param =
		    param_find(method->params, method->nparams, words[i].param);
		unsigned told = 0, n = 0;
		int got = words[i].value == NULL ? 0 : -1;
		for (; n < 20 && got < 0; n++) {
			struct err err = {0};
			cJSON *object = cJSON_CreateObject();
			allocations_left = n;
			cJSON_InitHooks(&hooks);
			got = param_add_argv(object, param, words[i].word, &err);
			cJSON_InitHooks(NULL);
			told += got < 0 && err.code == ERR_INTERNAL_ERROR;
			cJSON_Delete(object);
		}
		if (words[i].value != NULL)
			CHECK(got == 0 && told == n - 1 && told > 0,
			      "out of memory %u times over %s", told, words[i].param);
	}
}

int main(void)
{
	test_requests();
	test_whole();
	test_tables();
	test_fallbacks();
	test_values();
	test_durations();
	test_options();
	test_words();
	test_repeated_words();
	test_out_of_memory();
	return check_done();
}
