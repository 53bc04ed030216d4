/* Reads the field tables: walks a path, writes a value. */
#include "state.h"

#include <bsd/string.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- finding -- */

static const void *member(const void *owner, const struct field *field)
{
	return (const char *)owner + field->offset;
}

static const struct field *find_row(const struct field_table *table, const char *key)
{
	for (size_t i = 0; table && i < table->count; i++)
		if (strcmp(table->row[i].key, key) == 0)
			return &table->row[i];
	return NULL;
}

static const struct field *find_field(const struct engine *engine, const char *key)
{
	const struct field *field = find_row(engine->kind->fields, key);

	if (!field && engine->kind->more_fields)
		field = find_row(engine->kind->more_fields(engine), key);
	return field;
}

static const struct engine *engine_at(const void *owner, const struct field *field)
{
	const struct engine *engine;

	/* A pointer to a struct whose first member is an engine. */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer itself is copied */
	memcpy(&engine, member(owner, field), sizeof(engine));
	return engine;
}

/* The value inside what a getter writes, or NULL; the tree is the caller's, NULL when out of
   memory. found: how many keys of the path exist. */
static cJSON *find_inside(const struct state_ref *ref, cJSON **tree, size_t *found)
{
	struct buf text = {0};
	struct json json = {.out = &text};
	cJSON *at;

	ref->field->write(&json, ref->owner);
	*tree = at = text.failed ? NULL : cJSON_ParseWithLength(text.data, text.len);
	buf_free(&text);
	for (*found = ref->inside; at && *found < ref->path->count; *found += at != NULL) {
		const char *key = ref->path->key[*found];

		if (cJSON_IsArray(at))
			at = strspn(key, "0123456789") == strlen(key) && strlen(key) < 6
				 ? cJSON_GetArrayItem(at, atoi(key))
				 : NULL;
		else
			at = cJSON_GetObjectItemCaseSensitive(at, key);
	}
	return at;
}

static int no_such_path(const struct path *path, size_t found, struct err *err)
{
	struct buf text = {0};
	const char *key = path->key[found], *prefix;

	path_format(&text, path, found);
	prefix = buf_string(&text);
	if (prefix && strcmp(prefix, "transport.servers") == 0)
		err_set(err, ERR_NO_SUCH_PATH, "nothing is served at %s", key);
	else
		err_set(err, ERR_NO_SUCH_PATH, "no \"%s\" in %s", key,
			prefix && found ? prefix : "the state");
	if (prefix && found)
		strlcpy(err->path, prefix, sizeof(err->path));
	buf_free(&text);
	return -1;
}

static int check_inside(const struct state_ref *ref, struct err *err)
{
	cJSON *tree;
	size_t found;
	bool exists = find_inside(ref, &tree, &found) != NULL;

	if (!tree)
		return err_set(err, ERR_INTERNAL_ERROR, "out of memory");
	cJSON_Delete(tree);
	return exists ? 0 : no_such_path(ref->path, found, err);
}

int state_reach(const struct engine *root, const struct path *path, struct state_ref *ref,
		struct err *err)
{
	const struct engine *engine = root;
	const struct field_table *table = NULL;
	const void *part = NULL;
	const struct field *field;

	*ref = (struct state_ref){.owner = root, .path = path, .inside = path->count};
	for (size_t i = 0; i < path->count; i++) {
		if (engine)
			field = find_field(engine, path->key[i]);
		else
			field = find_row(table, path->key[i]);
		if (!field)
			return no_such_path(path, i, err);
		ref->owner = engine ? engine : part;
		ref->field = field;
		ref->timed |= field->flags & FIELD_TIMED;
		if (i + 1 == path->count)
			return 0;
		engine = NULL;
		table = NULL;
		switch (field->type) {
		case FIELD_ENGINE:
			engine = engine_at(ref->owner, field);
			break;
		case FIELD_MAP:
			engine = field->map->find(ref->owner, path->key[++i]);
			if (!engine)
				return no_such_path(path, i, err);
			*ref = (struct state_ref){.owner = engine,
						  .path = path,
						  .inside = path->count,
						  .timed = ref->timed};
			break;
		case FIELD_OBJECT:
			part = field->part(ref->owner);
			table = part ? field->table : NULL;
			break;
		case FIELD_GETTER:
			ref->inside = i + 1;
			return 0;
		case FIELD_U64:
		case FIELD_U32:
		case FIELD_INT:
		case FIELD_BOOL:
		case FIELD_STRING:
		case FIELD_ADDRESS:
		case FIELD_TIME:
		case FIELD_MS:
			break;
		}
	}
	return 0;
}

int state_find(const struct engine *root, const struct path *path, struct state_ref *ref,
	       struct err *err)
{
	if (state_reach(root, path, ref, err) < 0)
		return -1;
	return ref->inside < path->count ? check_inside(ref, err) : 0;
}

bool state_is_engine(const struct state_ref *ref)
{
	if (!ref->field)
		return true;
	return ref->field->type == FIELD_ENGINE && engine_at(ref->owner, ref->field);
}

/* -- writing -- */

static void write_engine(struct json *json, const struct engine *engine, struct state_page *page);

static void write_member(struct json *json, const struct field_map *map,
			 const struct engine *engine, char *key, size_t size)
{
	map->key(engine, key, size);
	json_key(json, key);
	write_engine(json, engine, NULL);
}

static bool turn_is_spent(struct json *json, struct state_page *page)
{
	if (!page->budget || loop_may(page->budget))
		return false;
	page->cut = true;
	page->comma = json->comma;
	json->mute = true;
	return true;
}

static void go_on(struct json *json, struct state_page *page)
{
	page->cut = false;
	json->mute = false;
	json->comma = page->comma;
}

/* The map that the path names: one page of it, in slices. */
static void write_page(struct json *json, const struct field *field, const void *owner,
		       struct state_page *page)
{
	const struct engine *engine;

	if (page->cut) {
		go_on(json, page);
	} else {
		page->paged = true;
		json_object(json);
	}
	engine = field->map->next(owner, page->next[0] ? page->next : page->after);
	for (; engine && page->limit > 0; page->limit--) {
		if (turn_is_spent(json, page))
			return;
		write_member(json, field->map, engine, page->next, sizeof(page->next));
		engine = field->map->next(owner, page->next);
	}
	json_object_end(json);
	page->total = field->map->total(owner);
	page->more = engine != NULL;
}

void state_write_gone(struct json *json, struct state_page *page)
{
	json_object_end(json);
	page->cut = page->more = false;
	page->total = 0;
}

/* A map that is part of the value: all of it, in slices. Until the place where the turn before had
   to stop everything is written mute, and everything after the place where this one must stop. */
static void write_whole_map(struct json *json, const struct field *field, const void *owner,
			    struct state_page *page)
{
	const struct engine *engine;

	if (page->cut) {
		go_on(json, page);
		engine = field->map->next(owner, page->resume);
	} else {
		json_object(json);
		engine = field->map->next(owner, NULL);
	}
	for (; engine; engine = field->map->next(owner, page->resume)) {
		if (turn_is_spent(json, page))
			return;
		write_member(json, field->map, engine, page->resume, sizeof(page->resume));
	}
	json_object_end(json);
}

static void write_table(struct json *json, const struct field_table *table, const void *owner,
			struct state_page *page);

static void write_field(struct json *json, const struct field *field, const void *owner,
			struct state_page *page)
{
	const void *at = member(owner, field);
	const struct engine *engine;
	const void *part;
	char text[ADDRESS_TEXT_SIZE];

	switch (field->type) {
	case FIELD_U64:
		json_u64(json, *(const uint64_t *)at);
		return;
	case FIELD_U32:
		json_u64(json, *(const uint32_t *)at);
		return;
	case FIELD_INT:
		json_i64(json, *(const int *)at);
		return;
	case FIELD_BOOL:
		json_bool(json, *(const bool *)at);
		return;
	case FIELD_STRING:
		json_string(json, *(char *const *)at);
		return;
	case FIELD_ADDRESS:
		json_string(json,
			    ((const struct address *)at)->len ? address_text(at, text) : NULL);
		return;
	case FIELD_TIME:
		json_time(json, *(const double *)at);
		return;
	case FIELD_MS:
		json_u64(json, (uint64_t)(*(const double *)at * 1000));
		return;
	case FIELD_ENGINE:
		engine = engine_at(owner, field);
		if (engine)
			write_engine(json, engine, page);
		else
			json_null(json);
		return;
	case FIELD_GETTER:
		field->write(json, owner);
		return;
	case FIELD_OBJECT:
		part = field->part(owner);
		if (!part) {
			json_null(json);
			return;
		}
		json_object(json);
		write_table(json, field->table, part, page);
		json_object_end(json);
		return;
	case FIELD_MAP:
		write_whole_map(json, field, owner, page);
		return;
	}
}

static void write_table(struct json *json, const struct field_table *table, const void *owner,
			struct state_page *page)
{
	for (size_t i = 0; table && i < table->count; i++) {
		if (table->row[i].flags & FIELD_ASIDE)
			continue;
		json_key(json, table->row[i].key);
		write_field(json, &table->row[i], owner, page);
	}
}

static void write_engine(struct json *json, const struct engine *engine, struct state_page *page)
{
	json_object(json);
	write_table(json, engine->kind->fields, engine, page);
	if (engine->kind->more_fields)
		write_table(json, engine->kind->more_fields(engine), engine, page);
	json_object_end(json);
}

void state_write_engine(struct json *json, const struct engine *engine)
{
	write_engine(json, engine, NULL);
}

/* What cJSON read from our own writer, written again: its printer rounds large integers. */
static void write_tree(struct json *json, const cJSON *item)
{
	const cJSON *child;

	if (cJSON_IsObject(item)) {
		json_object(json);
		cJSON_ArrayForEach (child, item) {
			json_key(json, child->string);
			write_tree(json, child);
		}
		json_object_end(json);
	} else if (cJSON_IsArray(item)) {
		json_array(json);
		cJSON_ArrayForEach (child, item)
			write_tree(json, child);
		json_array_end(json);
	} else if (cJSON_IsNumber(item)) {
		json_i64(json, (int64_t)item->valuedouble);
	} else if (cJSON_IsString(item)) {
		json_string(json, item->valuestring);
	} else if (cJSON_IsBool(item)) {
		json_bool(json, cJSON_IsTrue(item));
	} else {
		json_null(json);
	}
}

void state_write(struct json *json, const struct state_ref *ref, struct state_page *page)
{
	cJSON *tree;
	size_t found;

	json->mute = page->cut;
	if (!ref->field) {
		write_engine(json, ref->owner, page);
	} else if (ref->field->type == FIELD_MAP) {
		write_page(json, ref->field, ref->owner, page);
	} else if (ref->inside < ref->path->count) {
		write_tree(json, find_inside(ref, &tree, &found));
		json->out->failed |= tree == NULL;
		cJSON_Delete(tree);
	} else {
		write_field(json, ref->field, ref->owner, page);
	}
	json->mute = false;
}
