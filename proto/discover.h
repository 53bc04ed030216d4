/* The OpenRPC document of rpc.discover, written from the method and handler-kind tables. */
#ifndef PROTO_DISCOVER_H
#define PROTO_DISCOVER_H

#include "json.h"

/* kinds: of handlers that can be started, a bit of each enum handler_id. */
void discover_write(struct json *json, unsigned kinds);

#endif
