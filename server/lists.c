/* The methods list_servers and list_connections: pages, written as the turn's budget allows. */
#include <bsd/string.h>
#include <stdlib.h>

#include "methods.h"
#include "state.h"

/* A page of servers or connections, in the making. */
struct listing {
	struct address server;	     /* whose connections; len 0: everybody's */
	char key[ADDRESS_TEXT_SIZE]; /* of the last server written; "": none */
	uint64_t id;		     /* of the last connection written */
	uint64_t left;		     /* rows that still may be written */
	bool begun;
};

static struct listing *listing_new(struct call *call)
{
	struct listing *listing = call->more = calloc(1, sizeof(*listing));
	struct err err = {0};

	if (!listing) {
		err_set(&err, ERR_LIMIT_REACHED, "out of memory for a list");
		call_fail(call, &err);
		return NULL;
	}
	listing->left = call_u64(call, "limit");
	return listing;
}

static void listing_begin(struct call *call, struct listing *listing, const char *name)
{
	if (listing->begun)
		return;
	listing->begun = true;
	call_result(call);
	json_object(&call->json);
	json_key(&call->json, name);
	json_array(&call->json);
}

static struct budget *rows_of(const struct call *call)
{
	return &call->domain->root->loop->rows;
}

static bool list_servers(struct call *call)
{
	const struct transport *transport = call->domain->transport;
	struct listing *listing = call->more;
	struct json *json = &call->json;
	struct server *server;

	listing_begin(call, listing, "servers");
	server = transport_after(transport, listing->key[0] ? listing->key : NULL);
	for (; server && listing->left > 0; listing->left--) {
		if (!loop_may(rows_of(call)))
			return true;
		state_write_engine(json, &server->e);
		strlcpy(listing->key, server->key, sizeof(listing->key));
		server = transport_after(transport, listing->key);
	}
	json_array_end(json);
	json_key_string(json, "next", server ? listing->key : NULL);
	json_key_u64(json, "total", transport->servers.count);
	json_object_end(json);
	call_done(call);
	return false;
}

void do_list_servers(struct call *call)
{
	const char *after = call_string(call, "after");
	struct listing *listing = listing_new(call);
	struct address address;
	struct err err;

	if (!listing)
		return;
	if (after && address_parse(&address, after, &err) == 0)
		address_text(&address, listing->key);
	call_stream(call, list_servers);
}

/* NULL: everybody's. A server that has gone since the page was begun has none. */
static const struct server *listed_server(struct call *call, bool *gone)
{
	const struct listing *listing = call->more;
	const struct server *server = NULL;

	if (listing->server.len)
		server = transport_find(call->domain->transport, &listing->server);
	*gone = listing->server.len && (!server || !server->pool);
	return server;
}

static struct conn *next_conn(struct call *call)
{
	const struct listing *listing = call->more;
	bool gone;
	const struct server *server = listed_server(call, &gone);

	if (gone)
		return NULL;
	return server ? pool_after(server->pool, listing->id)
		      : conn_after(&call->domain->transport->index, listing->id);
}

static uint64_t count_conns(struct call *call)
{
	bool gone;
	const struct server *server = listed_server(call, &gone);

	if (gone)
		return 0;
	return server ? pool_count(server->pool) : transport_connections(call->domain->transport);
}

static bool list_connections(struct call *call)
{
	struct listing *listing = call->more;
	struct json *json = &call->json;
	struct conn *conn;

	listing_begin(call, listing, "connections");
	for (conn = next_conn(call); conn && listing->left > 0; listing->left--) {
		if (!loop_may(rows_of(call)))
			return true;
		state_write_engine(json, &conn->e);
		listing->id = conn->e.id;
		conn = next_conn(call);
	}
	json_array_end(json);
	json_key(json, "next");
	if (conn)
		json_u64(json, listing->id);
	else
		json_null(json);
	json_key_u64(json, "total", count_conns(call));
	json_object_end(json);
	call_done(call);
	return false;
}

void do_list_connections(struct call *call)
{
	struct server *server = NULL;
	struct listing *listing;

	if (call_has(call, "server") && call_server(call, "server", &server) < 0)
		return;
	listing = listing_new(call);
	if (!listing)
		return;
	if (server)
		listing->server = server->address;
	listing->id = call_u64(call, "after");
	call_stream(call, list_connections);
}
