/* When the method `wait` looks at what it waits for: at each phase of those it concerns only where
   that is cheap, else when the turn is over. An observer that waited for something inside the sum
   over all servers' pools once had it written at every phase of a connection: 40 ms each. */
#include "check.h"
#include "params.h"
#include "methods.h"

/* A state with a value that costs something to write. */
struct world {
	struct engine e;
	struct brood brood;
	bool there; /* a key in what the getter writes */
};

static struct loop loop;
static struct world world;
static struct transport transport;
static struct domain domain = {.root = &world.e, .transport = &transport};
static unsigned written, answered;

static void write_sum(struct json *json, const void *owner)
{
	written++;
	json_object(json);
	if (((const struct world *)owner)->there)
		json_key_u64(json, "phase", 1);
	json_object_end(json);
}

static const struct field world_rows[] = {
    ENGINE_FIELDS,
    FIELD_GET("sum", write_sum, "what takes long"),
};

static const struct field_table world_fields = FIELD_TABLE(world_rows);

static const char *world_subject(const struct engine *engine, char *text, size_t size)
{
	(void)engine;
	snprintf(text, size, "world");
	return text;
}

static int no_line(const struct engine *engine)
{
	(void)engine;
	return -1;
}

static const struct engine_kind world_kind = {
    .name = "world", .fields = &world_fields, .subject = world_subject, .log_level = no_line};

static void count_answer(struct call *call)
{
	answered++;
	call_free(call);
}

static const struct call_ops ops = {.answered = count_answer};

static void wait_for(const char *params)
{
	struct wire_request request = {.method = method_get(METHOD_WAIT),
				       .params = cJSON_Parse(params)};
	const struct client client = {.role = ROLE_OBSERVE};
	struct call *call = call_new(&domain, &client, &request, &ops, NULL);

	written = answered = 0;
	do_wait(call);
	CHECK_UINT(answered, 0, "%s does not hold", params);
}

/* Turns, until what was put off has been looked at. */
static void turn(unsigned until_written)
{
	do
		ev_run(loop.ev, EVRUN_NOWAIT);
	while (written < until_written);
}

static void change_phase(void)
{
	engine_set_phase(&world.e, PHASE_RUNNING, REASON_NONE, 0);
}

static void test_inside(const char *params)
{
	wait_for(params);
	written = 0;
	for (int i = 0; i < 10; i++)
		change_phase();
	CHECK_UINT(written, 0, "%s: no phase has the sum written", params);
	turn(1);
	CHECK_UINT(written, 1, "%s: the end of the turn does, once", params);
	world.there = true;
	change_phase();
	CHECK_UINT(answered, 0, "%s: what came with a phase waits for the end of the turn", params);
	turn(2);
	CHECK_UINT(answered, 1, "%s: where it is found", params);
	world.there = false;
}

/* The whole sum is there without looking, and equals nothing. */
static void test_whole(void)
{
	static const char params[] = "{\"path\":\"sum\",\"equals\":null,\"timeout_ms\":3600000}";

	wait_for(params);
	written = 0;
	change_phase();
	CHECK_UINT(written, 0, "%s: no phase has the sum written", params);
	waits_cancel(&domain);
	CHECK_UINT(answered, 1, "%s: cancelled", params);
}

/* What these need not wait for: each may be over when the turn is. */
static void test_phases(void)
{
	wait_for("{\"path\":\"phase\",\"equals\":\"suspended\",\"timeout_ms\":3600000}");
	change_phase();
	CHECK_UINT(answered, 0, "another phase is not that");
	engine_set_phase(&world.e, PHASE_SUSPENDED, REASON_FULL, 0);
	CHECK_UINT(answered, 1, "a phase is seen at once");
	wait_for("{\"path\":\"why\",\"equals\":null,\"timeout_ms\":3600000}");
	change_phase();
	CHECK_UINT(answered, 1, "as is its reason");
}

int main(void)
{
	if (loop_open(&loop) < 0)
		return 1;
	engine_init(&world.e, &world_kind, &loop, NULL, &world.brood);
	engine_set_phase(&world.e, PHASE_RUNNING, REASON_NONE, 0);
	waits_open(&domain);
	test_inside("{\"path\":\"sum.phase\",\"exists\":true,\"timeout_ms\":3600000}");
	test_inside("{\"path\":\"sum.phase\",\"equals\":1,\"timeout_ms\":3600000}");
	test_inside("{\"path\":\"sum.phase\",\"at_least\":1,\"timeout_ms\":3600000}");
	test_whole();
	test_phases();
	waits_cancel(&domain);
	loop_close(&loop);
	return check_done();
}
