/* The OpenRPC document of rpc.discover, written from the method and handler-kind tables. */
#ifndef PROTO_DISCOVER_H
#define PROTO_DISCOVER_H

#include "json.h"

void discover_write(struct json *json);

#endif
