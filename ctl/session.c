/* What every command does around its work: connect, tell what went wrong, print results. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../proto/json.h"
#include "../proto/socket_path.h"
#include "memory.h"
#include "print.h"
#include "owner.h"

enum { SILENCE_MS = 10000 };

uint64_t session_silence_ms(const struct args *args)
{
	return args->globals.timeout_given ? args->globals.timeout_ms : SILENCE_MS;
}

/* The default place of a user may be in a directory everybody can write to, so what somebody else
   has made there is not asked. Root's is in /run. */
static int check_default(const struct address *address, struct failure *failure)
{
	char *directory = memory_text(address->un.sun_path), owner[OWNER_SIZE];
	struct stat st;
	int result = 0;

	*strrchr(directory, '/') = '\0';
	if (geteuid() != 0 && lstat(directory, &st) == 0 &&
	    (!S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0)))
		result = failure_set(failure, ERR_PERMISSION_DENIED,
				     "%s is not trusted: %s is not a directory of yours "
				     "(owner %s, mode %04o)",
				     address->un.sun_path, directory, owner_text(owner, &st),
				     (unsigned)(st.st_mode & 07777));
	free(directory);
	return result;
}

int session_find(struct address *address, const struct args *args, struct failure *failure)
{
	struct err err = {0};
	bool is_default;

	if (socket_path_resolve(args->globals.socket, address, &is_default, &err) < 0)
		return failure_from_err(failure, &err, "");
	return is_default ? check_default(address, failure) : 0;
}

int session_report(const struct args *args, const char *subject, const struct failure *failure)
{
	if (args->globals.json)
		print_json_failure(failure);
	failure_print(failure, subject);
	return failure->status;
}

static void print_requests(const struct args *args, const struct requests *requests)
{
	struct buf lines = {0};

	if (args->globals.json && requests->n > 1)
		buf_append(&lines, "[", 1);
	for (size_t i = 0; i < requests->n; i++) {
		request_write(&lines, &requests->all[i], (unsigned)i + 1);
		/* With --json several lines become one document, an array. */
		if (args->globals.json && requests->n > 1 && !lines.failed)
			lines.data[lines.len - 1] = i + 1 < requests->n ? ',' : ']';
	}
	if (args->globals.json && requests->n > 1)
		buf_append(&lines, "\n", 1);
	print_stdout(&lines);
	buf_free(&lines);
}

static int connect_noded(struct session *session, struct failure *failure)
{
	const struct args *args = session->args;
	bool retry;

	if (session_find(&session->address, args, failure) < 0)
		return -1;
	return client_open(&session->client, &session->address, session_silence_ms(args),
			   args->globals.verbose, &retry, failure);
}

int session_run(const struct args *args, struct requests *requests, session_work *work,
		void *context)
{
	struct session session = {.args = args};
	struct failure failure = {0};
	int status;

	if (args->globals.dry_run) {
		print_requests(args, requests);
		return 0;
	}
	if (connect_noded(&session, &failure) < 0) {
		status = session_report(args, args->command->name, &failure);
		failure_clear(&failure);
		return status;
	}
	status = work(&session, requests, context);
	client_close(&session.client);
	return status;
}

int session_run_args(const struct args *args, session_work *work, void *context)
{
	struct requests requests;
	struct failure failure = {0};
	int status;

	if (requests_build(&requests, args, &failure) < 0)
		status = session_report(args, args->command->name, &failure);
	else
		status = session_run(args, &requests, work, context);
	requests_free(&requests);
	failure_clear(&failure);
	return status;
}

void session_print_text(const struct args *args, const char *key, struct buf *text)
{
	struct buf line = {0};
	struct json json = {.out = &line};

	if (args->globals.json) {
		json_object(&json);
		json_key(&json, key);
		json_string(&json, memory_check(text));
		json_object_end(&json);
		buf_append(&line, "\n", 1);
		print_stdout(&line);
	} else {
		print_stdout(text);
	}
	buf_free(&line);
}

int session_add(struct buf *out, struct span result, const char *dotted, struct failure *failure)
{
	struct span value = raw_find(result, dotted);

	if (value.at == NULL)
		return failure_set(failure, ERR_INVALID_REQUEST, "a senseless reply: it has no %s",
				   dotted);
	print_value(out, value);
	return 0;
}
