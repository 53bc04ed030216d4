/* Fuzz target: what the kernel says about peers. Any bytes of any length become an address that
   can be shown; the input is the sockaddr, its size the length. */
#include "../../proto/address.h"

#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

/* Numbers leave no doubt: their text names them again. A peer's path may be one nobody can ask
   for, or one that folds. */
static void check_text(const struct address *address, const char *text)
{
	struct address parsed;
	struct err err = {0};

	REQUIRE(is_shown(text, strlen(text)));
	REQUIRE((text[0] == '\0') == (address->len == 0));
	REQUIRE(address->len == 0 || address_begins(text));
	REQUIRE(address_is_unix(address) == (strncmp(text, "unix:", 5) == 0));
	if (address->len == 0 || address_is_unix(address))
		return;
	REQUIRE(address_parse(&parsed, text, &err) == 0);
	REQUIRE(address_equal(&parsed, address));
	REQUIRE(address_port(&parsed) == address_port(address));
	REQUIRE(address_is_loopback(&parsed) == address_is_loopback(address));
}

void fuzz_one(const uint8_t *data, size_t size)
{
	size_t len =
	    size < sizeof(struct sockaddr_storage) ? size : sizeof(struct sockaddr_storage);
	struct sockaddr *sa = malloc(len > 0 ? len : 1);
	struct address address, again;
	char text[ADDRESS_TEXT_SIZE];

	if (sa == NULL)
		abort();
	if (len > 0)
		memcpy(sa, data, len);
	address_from_sockaddr(&address, sa, (socklen_t)len);
	REQUIRE(address.len <= sizeof address - offsetof(struct address, sa));
	check_text(&address, address_text(&address, text));
	REQUIRE(address_equal(&address, &address));
	REQUIRE(address.len == 0 || address_reaches(&address, &address));
	/* Its own sockaddr, given back. */
	address_from_sockaddr(&again, &address.sa, address.len);
	REQUIRE(address_equal(&again, &address));
	free(sa);
}
