/* Fuzz target: nodectl's command line, and the durations in it. Whatever nodectl would send, noded
   takes: the same method and the same parameters. What it refuses, it refuses with status 2 and
   says why. The input is the words, a NUL behind each. */
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "../../ctl/args.h"
#include "../../ctl/request.h"
#include "../../proto/params.h"
#include "../../proto/wire.h"
#include "fuzz.h"

enum { WORDS_MAX = 40 };

static struct scan scan; /* big */

/* Nobody is asked for names while fuzzing: there is one account, no host. */

static char root[] = "root";

struct passwd *getpwuid(uid_t uid)
{
	static struct passwd user = {.pw_name = root, .pw_uid = 0, .pw_gid = 7};

	return uid == user.pw_uid ? &user : NULL;
}

struct passwd *getpwnam(const char *name)
{
	return strcmp(name, root) == 0 ? getpwuid(0) : NULL;
}

struct group *getgrnam(const char *name)
{
	static struct group group = {.gr_name = root, .gr_gid = 7};

	return strcmp(name, root) == 0 ? &group : NULL;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)list;
	return EAI_NONAME;
}

/* A duration is exact: written in milliseconds it is the same, and the same in every unit. */
static void check_duration(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
	char again[64];
	uint64_t ms = 0, same;
	struct err err = {0};

	if (duration_parse(text, &ms, &err) < 0) {
		REQUIRE(err.code == ERR_INVALID_PARAMS && err.detail[0] != '\0');
		return;
	}
	REQUIRE(ms <= DURATION_MAX_MS);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (ms % units[i].ms != 0)
			continue;
		snprintf(again, sizeof again, "%llu%s", (unsigned long long)(ms / units[i].ms),
			 units[i].unit);
		REQUIRE(duration_parse(again, &same, &err) == 0 && same == ms);
	}
	snprintf(again, sizeof again, "%llu.%03u", (unsigned long long)(ms / 1000),
		 (unsigned)(ms % 1000));
	REQUIRE(duration_parse(again, &same, &err) == 0 && same == ms);
}

static void check_sent(const struct request *request)
{
	struct wire_request taken;
	struct err err = {0};
	struct buf line = {0};
	bool notification;

	request_write(&line, request, 1);
	REQUIRE(!line.failed && line.data[line.len - 1] == '\n' && line.len <= SCAN_LINE_MAX);
	REQUIRE(scan_line(&scan, line.data, line.len - 1, SCAN_REQUEST, &err) == 0);
	REQUIRE(!scan.batch && scan.count == 1);
	REQUIRE(wire_request_parse(&taken, &scan.entry[0], &notification, &err) == 0);
	REQUIRE(wire_request_params(&taken, &scan.entry[0], &err) == 0);
	REQUIRE(!notification && strcmp(taken.method->name, request->method) == 0);
	REQUIRE(taken.params != NULL && cJSON_Compare(taken.params, request->params, true));
	cJSON_Delete(taken.params);
	buf_free(&line);
}

static void check_refused(const struct failure *failure)
{
	struct buf document = {0};
	struct err err = {0};

	REQUIRE(failure->status == EXIT_USAGE && failure->name[0] != '\0');
	REQUIRE(failure->text[0] != '\0' && strchr(failure->text, '\0') != NULL);
	failure_write(&document, failure);
	REQUIRE(!document.failed && is_shown(document.data, document.len));
	REQUIRE(scan_line(&scan, document.data, document.len, SCAN_REQUEST, &err) == 0);
	buf_free(&document);
}

static void check_words(int argc, char **argv)
{
	struct requests requests = {0};
	struct failure failure = {0};
	struct args args;

	if (args_parse(&args, argc, argv, &failure) < 0) {
		check_refused(&failure);
	} else if (args.command != NULL && args.command->method != NULL) {
		if (requests_build(&requests, &args, &failure) < 0)
			check_refused(&failure);
		else
			for (size_t i = 0; i < requests.n; i++)
				check_sent(&requests.all[i]);
	}
	requests_free(&requests);
	args_free(&args);
	failure_clear(&failure);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static char name[] = "nodectl";
	struct input input = input_of(data, size);
	char *argv[WORDS_MAX + 1] = {name};
	int argc = 1;

	while (argc < WORDS_MAX && input_left(&input) > 0)
		argv[argc++] = input_string(&input);
	for (int i = 1; i < argc; i++)
		check_duration(argv[i]);
	check_words(argc, argv);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
}
