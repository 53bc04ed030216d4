/* Fuzz target: state paths. What is taken, and every beginning of it, has a canonical text that is
   read back as the same keys; what is refused says why. */
#include "../../proto/path.h"

#include <stdlib.h>
#include <string.h>
#include "../../proto/scan.h"
#include "fuzz.h"

static void check_beginning(const struct path *path, size_t n)
{
	struct buf text = {0};
	struct path again;
	struct err err = {0};
	const char *canonical;

	path_format(&text, path, n);
	canonical = buf_string(&text);
	REQUIRE(canonical != NULL && is_shown(canonical, text.len));
	/* Escapes may make it longer than what is read. */
	if (text.len <= PATH_TEXT_MAX) {
		REQUIRE(path_parse(&again, canonical, &err) == 0);
		REQUIRE(again.count == n);
		for (size_t i = 0; i < n; i++)
			REQUIRE(strcmp(again.key[i], path->key[i]) == 0);
	}
	buf_free(&text);
}

static void check_taken(const struct path *path)
{
	REQUIRE(path->count <= PATH_KEYS_MAX);
	for (size_t i = 0; i < path->count; i++) {
		const char *key = path->key[i];

		REQUIRE(key >= path->text && key < path->text + sizeof path->text);
		REQUIRE(memchr(key, '\0', (size_t)(path->text + sizeof path->text - key)));
		REQUIRE(utf8_valid(key, strlen(key)));
	}
	for (size_t n = 0; n <= path->count; n++)
		check_beginning(path, n);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct input input = input_of(data, size);
	char *text = input_string(&input);
	struct path *path = malloc(sizeof *path);
	struct err err = {0};

	if (path == NULL)
		abort();
	if (path_parse(path, text, &err) == 0) {
		check_taken(path);
	} else {
		REQUIRE(err.code == ERR_INVALID_PARAMS && strcmp(err.param, "path") == 0);
		REQUIRE(err.detail[0] != '\0' && is_shown(err.detail, strlen(err.detail)));
	}
	free(path);
	free(text);
}
