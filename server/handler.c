/* Handler specs: made, compared, shown, freed. */
#include "handler.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../proto/params.h"

enum { WORDS_MAX = 120 }; /* bytes of arguments that are shown */

static const struct handler *const handlers[HANDLER_COUNT] = {
#define X(id, name) [HANDLER_##id] = &name##_handler,
    HANDLER_KINDS(X)
#undef X
};

unsigned handler_kinds(const struct handler_env *env)
{
	return env->no_exec ? HANDLERS_ALL & ~(1u << HANDLER_EXEC) : HANDLERS_ALL;
}

void handler_kinds_write(struct json *json, const struct handler_env *env)
{
	unsigned kinds = handler_kinds(env);

	json_array(json);
	for (int id = 0; id < HANDLER_COUNT; id++)
		if (kinds >> id & 1)
			json_string(json, handler_kind_get((enum handler_id)id)->name);
	json_array_end(json);
}

struct handler_spec *handler_spec_new(enum handler_id id, struct handler_env *env)
{
	struct handler_spec *spec = calloc(1, sizeof(*spec));

	if (!spec)
		return NULL;
	spec->handler = handlers[id];
	spec->env = env;
	return spec;
}

void handler_spec_free(struct handler_spec *spec)
{
	if (!spec)
		return;
	for (char **arg = spec->argv; arg && *arg; arg++)
		free(*arg);
	free(spec->argv);
	free(spec->program);
	free(spec);
}

void handler_spec_write(struct json *json, const struct handler_spec *spec)
{
	json_object(json);
	json_key_string(json, "type", handler_name(spec));
	if (spec->handler->write)
		spec->handler->write(json, spec);
	json_object_end(json);
}

bool handler_spec_equal(const struct handler_spec *a, const struct handler_spec *b)
{
	struct buf texts[2] = {{0}};
	struct json json[2] = {{.out = &texts[0]}, {.out = &texts[1]}};
	bool equal;

	handler_spec_write(&json[0], a);
	handler_spec_write(&json[1], b);
	equal = !texts[0].failed && !texts[1].failed && texts[0].len == texts[1].len &&
		memcmp(texts[0].data, texts[1].data, texts[0].len) == 0;
	buf_free(&texts[0]);
	buf_free(&texts[1]);
	return equal;
}

void handler_describe(const struct handler_spec *spec, struct buf *text)
{
	char backend[ADDRESS_TEXT_SIZE];

	buf_printf(text, ", %s", handler_name(spec));
	if (spec->backend.len)
		buf_printf(text, " %s", address_text(&spec->backend, backend));
	if (spec->program)
		buf_printf(text, " %s", spec->program);
	if (spec->identity.given)
		buf_printf(text, " as user %u, group %u", (unsigned)spec->identity.user,
			   (unsigned)spec->identity.group);
	else if (spec->program && geteuid() == 0)
		buf_printf(text, " as root");
}

static void add_arguments(struct buf *text, char *const *argv)
{
	size_t shown = 0;

	for (; *argv; argv++) {
		shown += 1 + strlen(*argv);
		if (shown > WORDS_MAX) {
			buf_printf(text, " ...");
			return;
		}
		buf_printf(text, " %s", *argv);
	}
}

static void add_connect_timeout(struct buf *text, const struct handler_spec *spec)
{
	uint64_t usual = handler_u64(handler_kind_get(HANDLER_FORWARD), NULL, "connect_timeout_ms");
	uint64_t ms = (uint64_t)(spec->connect_timeout * 1000 + .5);

	if (ms != usual)
		buf_printf(text, " --connect-timeout %llums", (unsigned long long)ms);
}

void handler_spec_words(const struct handler_spec *spec, struct buf *text)
{
	char backend[ADDRESS_TEXT_SIZE];

	buf_printf(text, "%s", handler_name(spec));
	if (spec->backend.len) {
		buf_printf(text, " %s", address_text(&spec->backend, backend));
		add_connect_timeout(text, spec);
	}
	if (spec->identity.given)
		buf_printf(text, " --user %u --group %u", (unsigned)spec->identity.user,
			   (unsigned)spec->identity.group);
	if (spec->argv)
		add_arguments(text, spec->argv);
}

const char *handler_name(const struct handler_spec *spec)
{
	return handler_kind_get(spec->handler->id)->name;
}
