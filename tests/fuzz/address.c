/* Fuzz target: texts to addresses. What is taken has one canonical form that is taken again, names
   the same address and can be shown; what is refused leaves no address and says why. */
#include "../../proto/address.h"

#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

/* Folded: nothing in a path goes nowhere or back. */
static bool is_folded(const char *path)
{
	size_t n = strlen(path);

	for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
		size_t part = strcspn(at + 1, "/");

		if (part == 0 || (part == 1 && at[1] == '.') ||
		    (part == 2 && at[1] == '.' && at[2] == '.'))
			return false;
	}
	return path[0] == '/' && path[n - 1] != '/';
}

static void check_taken(const struct address *address, const char *text)
{
	char canonical[ADDRESS_TEXT_SIZE], again[ADDRESS_TEXT_SIZE];
	struct address parsed, copied;
	struct err err = {0};

	REQUIRE(address_begins(text));
	REQUIRE(address_text(address, canonical) == canonical);
	REQUIRE(is_shown(canonical, strlen(canonical)));
	REQUIRE(address_parse(&parsed, canonical, &err) == 0);
	REQUIRE(address_equal(&parsed, address));
	REQUIRE(strcmp(address_text(&parsed, again), canonical) == 0);
	REQUIRE(address_reaches(address, address));
	if (address_is_unix(address))
		REQUIRE(address_port(address) == 0 && is_folded(address->un.sun_path));
	/* As the kernel would give it back. */
	address_from_sockaddr(&copied, &address->sa, address->len);
	REQUIRE(address_equal(&copied, address));
}

static void check_refused(const struct address *address, const char *text, const struct err *err)
{
	char meant[ADDRESS_TEXT_SIZE];

	REQUIRE(address->len == 0);
	REQUIRE(err->code == ERR_ADDRESS_INVALID);
	REQUIRE(err->detail[0] != '\0' && is_shown(err->detail, strlen(err->detail)));
	if (address_suggest(text, meant))
		REQUIRE(address_begins(meant) && is_shown(meant, strlen(meant)));
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct input input = input_of(data, size);
	char *text = input_string(&input);
	struct address address;
	struct err err = {0};

	if (address_parse(&address, text, &err) == 0)
		check_taken(&address, text);
	else
		check_refused(&address, text, &err);
	free(text);
}
