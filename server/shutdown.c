/* The method shutdown, and the end of the node that it and the signals begin. */
#include "methods.h"

static void shut_down(struct waiter *waiter, struct engine *engine)
{
	struct call *call = container_of(waiter, struct call, waiter);
	const struct transport *transport = container_of(engine, struct transport, e);
	struct json *json = call_result(call);

	json_object(json);
	json_key_u64(json, "servers", transport->ended);
	json_key_u64(json, "drained", transport->drained);
	json_key_u64(json, "stopped", transport->stopped);
	json_key_u64(json, "killed", transport->killed);
	json_key_u64(json, "elapsed_ms", (uint64_t)((loop_now(engine->loop) - call->began) * 1000));
	json_object_end(json);
	call_done(call);
}

static void count_shutdown(const struct call *call, uint64_t *done, uint64_t *total)
{
	const struct transport *transport = call->domain->transport;
	struct engine *child;
	uint64_t open = transport_connections(transport);

	*total = transport->drained + transport->stopped + transport->killed;
	TAILQ_FOREACH (child, &transport->servers.list, sibling) {
		const struct server *server = container_of(child, struct server, e);

		*total += engine_is_ending(child) ? server->stop_total : pool_count(server->pool);
	}
	*done = *total > open ? *total - open : 0;
}

void domain_end(struct domain *domain, double seconds, enum end how, enum reason why)
{
	bool begins = !engine_is_ending(domain->root);

	if (seconds < 0 && begins)
		seconds = domain->drain;
	if (seconds >= 0)
		engine_end_within(domain->root, seconds, transport_kill_seconds(domain->transport));
	engine_end(domain->root, how, why, 0);
	/* Those that waited for this have been answered. */
	if (begins)
		waits_cancel(domain);
}

void do_shutdown(struct call *call)
{
	struct domain *domain = call->domain;
	double seconds = -1;

	if (call_has(call, "deadline_ms"))
		seconds = (double)call_u64(call, "deadline_ms") / 1000;
	if (domain->transport->e.phase == PHASE_STOPPED) {
		shut_down(&call->waiter, &domain->transport->e);
		return;
	}
	call->waiter.done = shut_down;
	engine_wait(&domain->transport->e, &call->waiter);
	if (call_bool(call, "force"))
		domain_end(domain, seconds, END_STOP, REASON_STOPPED);
	else
		domain_end(domain, seconds, END_DRAIN, REASON_REQUESTED);
	if (call->waiter.waiting)
		call_progress(call, domain->root, count_shutdown);
}
