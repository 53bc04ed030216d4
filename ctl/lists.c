/* list-servers and list-connections: tables, keys, or all pages as one JSON object. */
#include <string.h>

#include "columns.h"
#include "commands.h"
#include "memory.h"
#include "pages.h"
#include "print.h"
#include "session.h"
#include "table.h"

enum { COLUMNS_MAX = 64 };

/* One list: what its rows are, and what is shown of them if nothing else is asked for. */
struct list {
	const char *member; /* of the result: the rows */
	const char *key;    /* of a row: what -q prints */
	enum columns_of names;
	const struct table_column *usual;
	size_t nusual;
};

static const struct table_column server_columns[] = {
    {.name = "address"},
    {.name = "phase"},
    {.name = "handler"},
    {.name = "open", .also = "connection_pool.open"},
    {.name = "limit", .also = "connection_pool.limit"},
    {.name = "total", .also = "connection_pool.total"},
    {.name = "why"},
};

static const struct table_column connection_columns[] = {
    {.name = "id"},
    {.name = "server"},
    {.name = "phase"},
    {.name = "peer"},
    {.name = "backend", .optional = true},
    {.name = "pid", .optional = true},
    {.name = "bytes_in"},
    {.name = "bytes_out"},
    {.name = "idle_ms"},
};

#define COLUMNS(rows) .usual = (rows), .nusual = sizeof(rows) / sizeof((rows)[0])

static const struct list servers = {
    .member = "servers", .key = "address", .names = COLUMNS_OF_SERVERS, COLUMNS(server_columns)};
static const struct list connections = {.member = "connections",
					.key = "id",
					.names = COLUMNS_OF_CONNECTIONS,
					COLUMNS(connection_columns)};

/* What is being made of the rows. */
struct listing {
	const struct args *args;
	const struct list *list;
	struct table_column columns[COLUMNS_MAX];
	struct table table;
	struct buf names; /* --columns, cut into strings */
	struct buf line;
};

static int choose_columns(struct listing *listing, struct failure *failure)
{
	const char *list = listing->args->columns;
	char *name, *rest;

	listing->table.columns = listing->columns;
	listing->table.ncolumns = listing->list->nusual;
	memcpy(listing->columns, listing->list->usual,
	       listing->list->nusual * sizeof(listing->columns[0]));
	if (list == NULL)
		return 0;
	listing->table.ncolumns = 0;
	buf_printf(&listing->names, "%s", list);
	memory_check(&listing->names);
	rest = listing->names.data;
	while ((name = strsep(&rest, ",")) != NULL) {
		struct table_column *column = &listing->columns[listing->table.ncolumns];

		if (*name == '\0')
			return failure_usage(failure, "--columns: an empty name in \"%s\"", list);
		if (listing->table.ncolumns == COLUMNS_MAX)
			return failure_usage(failure, "--columns: more than %d", COLUMNS_MAX);
		if (columns_check(listing->list->names, name, failure) < 0)
			return -1;
		*column = (struct table_column){.name = name};
		for (size_t i = 0; i < listing->list->nusual; i++)
			if (strcmp(listing->list->usual[i].name, name) == 0)
				column->also = listing->list->usual[i].also;
		listing->table.ncolumns++;
	}
	return 0;
}

static void add_row(const struct raw_item *row, void *context)
{
	struct listing *listing = context;

	table_add(&listing->table, row->value);
}

static void print_key(const struct raw_item *row, void *context)
{
	struct listing *listing = context;

	print_value(&listing->line, raw_member(row->value, listing->list->key));
	buf_append(&listing->line, "\n", 1);
	print_stdout(&listing->line);
}

static void show_table(struct listing *listing)
{
	const struct args *args = listing->args;

	table_print(&listing->table, !args->no_header,
		    print_is_colored(args->globals.color, stdout), print_columns(stdout));
}

static int work(struct session *session, struct requests *requests, void *context)
{
	struct listing *listing = context;
	const struct args *args = session->args;
	struct request *request = &requests->all[0];
	struct buf whole = {0};
	pages_row *each = add_row;
	int status = 0;

	if (args->globals.json)
		each = NULL;
	else if (args->globals.quiet)
		each = print_key;
	if (pages_fetch(&session->client, request, listing->list->member, args->rows, each, listing,
			args->globals.json ? &whole : NULL) < 0)
		status = session_report(args, request->subject, &request->failure);
	else if (args->globals.json)
		print_json((struct span){.at = whole.data, .len = whole.len});
	else if (!args->globals.quiet)
		show_table(listing);
	buf_free(&whole);
	return status;
}

static int build_and_run(struct listing *listing, struct requests *requests)
{
	const struct args *args = listing->args;
	struct failure failure = {0};
	int status;

	if (choose_columns(listing, &failure) < 0 || requests_build(requests, args, &failure) < 0) {
		status = session_report(args, args->command->name, &failure);
		failure_clear(&failure);
		return status;
	}
	request_set_number(&requests->all[0], "limit",
			   args->rows < PAGES_ROWS ? args->rows : PAGES_ROWS);
	return session_run(args, requests, work, listing);
}

static int run_list(const struct args *args, const struct list *list)
{
	struct listing listing = {.args = args, .list = list};
	struct requests requests = {0};
	int status = build_and_run(&listing, &requests);

	requests_free(&requests);
	table_free(&listing.table);
	buf_free(&listing.names);
	buf_free(&listing.line);
	return status;
}

int run_list_servers(const struct args *args)
{
	return run_list(args, &servers);
}

int run_list_connections(const struct args *args)
{
	return run_list(args, &connections);
}
