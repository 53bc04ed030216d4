/* The error table against the wire contract, and how struct err is filled in. */
#include "error.h"

#include <errno.h>
#include "check.h"

/* The contract: what clients see, and what nodectl makes of it. */
static const struct {
	int code;
	const char *name, *message;
	int exit_status;
} contract[] = {
    {-32700, "parse_error", "Parse error", 8},
    {-32600, "invalid_request", "Invalid Request", 8},
    {-32601, "method_not_found", "Method not found", 8},
    {-32602, "invalid_params", "Invalid params", 1},
    {-32603, "internal_error", "Internal error", 1},
    {-32000, "shutting_down", NULL, 1},
    {-32001, "request_too_large", NULL, 8},
    {-32002, "too_many_clients", NULL, 1},
    {-32003, "permission_denied", NULL, 5},
    {-32004, "request_timeout", NULL, 8},
    {1, "no_such_server", NULL, 4},
    {2, "already_exists", NULL, 6},
    {3, "address_in_use", NULL, 6},
    {4, "address_invalid", NULL, 1},
    {5, "bind_denied", NULL, 5},
    {6, "limit_reached", NULL, 1},
    {7, "wrong_state", NULL, 1},
    {8, "timeout", NULL, 7},
    {9, "cancelled", NULL, 1},
    {10, "no_such_path", NULL, 4},
    {11, "no_such_connection", NULL, 4},
    {12, "io_error", NULL, 1},
    {13, "path_exists", NULL, 6},
    {14, "unsafe_directory", NULL, 1},
    {15, "program_not_found", NULL, 1},
};

static void test_table(void)
{
	CHECK_UINT(ERR_COUNT - 1, sizeof contract / sizeof contract[0],
		   "every error is in this test");
	for (size_t i = 0; i < sizeof contract / sizeof contract[0]; i++) {
		const char *name = contract[i].name;
		enum error_code code = error_find(name);
		const struct error_info *info;

		if (!CHECK(code != ERR_NONE, "%s is found", name))
			continue;
		info = error_info(code);
		CHECK_STR(info->name, name, "%s has its name", name);
		CHECK(info->code == contract[i].code, "%s is %d", name, contract[i].code);
		CHECK(info->exit_status == contract[i].exit_status, "%s: nodectl exits with %d",
		      name, contract[i].exit_status);
		CHECK(info->doc[0] != '\0', "%s has a documentation", name);
		CHECK_STR(info->message,
			  contract[i].message != NULL ? contract[i].message : info->doc,
			  "%s has its message", name);
	}
	CHECK(error_find("no_such_error") == ERR_NONE, "an unknown name is ERR_NONE");
	CHECK(error_find("") == ERR_NONE, "the empty name is ERR_NONE");
	CHECK(error_find("TIMEOUT") == ERR_NONE, "case matters in names");
}

static void test_filling(void)
{
	struct err err;

	memset(&err, 'x', sizeof err);
	CHECK(err_set(&err, ERR_TIMEOUT, "%d of %s", 3, "them") == -1, "err_set gives -1");
	CHECK(err.code == ERR_TIMEOUT && err.sys == 0, "err_set: code, no errno");
	CHECK_STR(err.detail, "3 of them", "err_set: detail");
	CHECK(err.param[0] == '\0' && err.path[0] == '\0', "err_set: nothing old is left");

	memset(&err, 'x', sizeof err);
	CHECK(err_sys(&err, ERR_IO_ERROR, ENOENT, "%s", "/nowhere") == -1, "err_sys gives -1");
	CHECK(err.code == ERR_IO_ERROR && err.sys == ENOENT, "err_sys: code and errno");
	CHECK_STR(err.detail, "/nowhere: No such file or directory", "err_sys: detail");
	CHECK(err.param[0] == '\0' && err.path[0] == '\0', "err_sys: nothing old is left");

	memset(&err, 'x', sizeof err);
	CHECK(err_param(&err, ERR_INVALID_PARAMS, "limit", "%d is too many", 5) == -1,
	      "err_param gives -1");
	CHECK(err.code == ERR_INVALID_PARAMS && err.sys == 0, "err_param: code, no errno");
	CHECK_STR(err.param, "limit", "err_param: param");
	CHECK_STR(err.detail, "5 is too many", "err_param: detail");
	CHECK_STR(err.path, "", "err_param: nothing old is left");

	err_param(&err, err.code, err.param, "%s: %s", err.param, err.detail);
	CHECK_STR(err.detail, "limit: 5 is too many", "an err can be made from itself");
	CHECK_STR(err.param, "limit", "its own param too");
}

static void test_cutting(void)
{
	char text[2000];
	struct err err;

	memset(text, 'a', sizeof text);
	text[sizeof err.detail - 1] = '\0';
	err_set(&err, ERR_TIMEOUT, "%s", text);
	CHECK_STR(err.detail, text, "the longest detail fits");

	text[sizeof err.detail - 1] = 'a';
	text[sizeof text - 1] = '\0';
	err_set(&err, ERR_TIMEOUT, "%s", text);
	CHECK_UINT(strlen(err.detail), sizeof err.detail - 1, "a longer one is cut");

	/* The last byte that fits would be the first of two, then of three. */
	memcpy(text + sizeof err.detail - 2, "\u00e4", 2);
	err_set(&err, ERR_TIMEOUT, "%s", text);
	CHECK_UINT(strlen(err.detail), sizeof err.detail - 2, "a cut is between characters");
	memcpy(text + sizeof err.detail - 3, "\u20ac", 3);
	err_param(&err, ERR_TIMEOUT, text, "%s", text);
	CHECK_UINT(strlen(err.detail), sizeof err.detail - 3, "also in a sequence of three");
	CHECK_UINT(strlen(err.param), sizeof err.param - 1, "a long param is cut");

	err_sys(&err, ERR_IO_ERROR, EACCES, "%s", text);
	CHECK(strlen(err.detail) < sizeof err.detail &&
		  strstr(err.detail, "a: Permission denied") != NULL,
	      "the errno's text is never cut");
}

int main(void)
{
	test_table();
	test_filling();
	test_cutting();
	return check_done();
}
