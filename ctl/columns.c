/* The names that --columns takes: members of the rows of a list, a dot leading deeper. */
#include "columns.h"

#include <string.h>
#include <strings.h>

#include "memory.h"
#include "suggest.h"

/* What noded's field tables have (tests/ctl_lists.bats compares), behind what the usual table calls
   by shorter names. Below a name that ends with a dot anything may be. */
static const char *const server_names[] = {
    "address",
    "phase",
    "why",
    "since",
    "handler",
    "open",
    "limit",
    "total",
    "error",
    "listener",
    "connection_pool",
    "restart",
    "restarts",
    "max_connections",
    "idle_timeout_ms",
    "drain_ms",
    "kill_ms",
    "mode",
    "deadline_in_ms",
    "handler.type",
    "handler.backend",
    "handler.connect_timeout_ms",
    "handler.argv",
    "handler.program",
    "handler.user",
    "handler.group",
    "error.name",
    "error.errno",
    "error.detail",
    "listener.fd",
    "listener.phase",
    "listener.why",
    "listener.since",
    "listener.backlog",
    "listener.accepted",
    "listener.aborted",
    "connection_pool.open",
    "connection_pool.limit",
    "connection_pool.total",
    "connection_pool.refused",
    "connection_pool.bytes_in",
    "connection_pool.bytes_out",
    "connection_pool.closed",
    "connection_pool.closed.",
    "connection_pool.last_closed",
    NULL,
};

static const char *const connection_names[] = {
    "id",      "server",   "phase",	"why",	   "since", "peer",   "local", "opened_at",
    "idle_ms", "bytes_in", "bytes_out", "backend", "pid",   "status", NULL,
};

static const char *const *const names_of[] = {
    [COLUMNS_OF_SERVERS] = server_names, [COLUMNS_OF_CONNECTIONS] = connection_names};

static bool is_open_ended(const char *known)
{
	return known[strlen(known) - 1] == '.';
}

static bool is_known(const char *known, const char *name)
{
	size_t n = strlen(known);

	if (is_open_ended(known))
		return strncmp(known, name, n) == 0 && name[n] != '\0';
	return strcmp(known, name) == 0;
}

/* The nearest name; also one as the heading shows it. */
static const char *nearest(struct suggest *suggest, const char *const *names, const char *name)
{
	suggest_begin(suggest, name);
	for (; *names != NULL; names++) {
		if (is_open_ended(*names))
			continue;
		if (strcasecmp(*names, name) == 0)
			return *names;
		suggest_offer(suggest, *names);
	}
	return suggest->best;
}

static int refuse(const char *const *names, const char *name, struct failure *failure)
{
	struct suggest suggest;
	const char *meant = nearest(&suggest, names, name);
	struct buf all = {0};

	if (*meant != '\0')
		return failure_usage(failure, "--columns: no such column: %s; did you mean %s?",
				     name, meant);
	for (; *names != NULL; names++)
		if (strchr(*names, '.') == NULL)
			buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", *names);
	failure_usage(failure, "--columns: no such column: %s; there are: %s", name,
		      memory_check(&all));
	buf_free(&all);
	return -1;
}

int columns_check(enum columns_of list, const char *name, struct failure *failure)
{
	const char *const *names = names_of[list];

	for (; *names != NULL; names++)
		if (is_known(*names, name))
			return 0;
	return refuse(names_of[list], name, failure);
}
