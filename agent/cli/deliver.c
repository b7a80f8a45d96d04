/*
 * deliver - the verb `deliver`: send what waits for receivers of reports.
 * Depends on: flow/deliver, verb.
 */
#include "agent/cli/verb.h"

#include "agent/flow/deliver.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { PERSON_WAIT_MS = 60 * 1000, BACKGROUND_WAIT_MS = 30 * 1000 };

static cJSON *to_json(const struct deliver_report *r)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "receivers");

	for (size_t i = 0; i < r->n; i++) {
		const struct lane_report *l = &r->v[i];
		cJSON *j = cJSON_CreateObject();

		json_set_str(j, "receiver", l->name);
		json_set_int(j, "delivered", l->delivered);
		json_set_int(j, "waiting", l->waiting);
		json_set_str(j, "error", l->error);
		if (l->next_try > 0)
			json_set_int(j, "next_try", l->next_try);
		cJSON_AddItemToArray(list, j);
	}
	return o;
}

static void show(struct str *out, const struct lane_report *l)
{
	char text[32];
	int64_t in_s = l->next_try - clock_wall();

	str_addf(out, "%s: %" PRId64 " delivered, %" PRId64 " waiting", l->name, l->delivered,
		 l->waiting);
	if (l->waiting > 0 && in_s > 0)
		str_addf(out, ", next try in %s", duration_text(in_s * 1000, text, sizeof(text)));
	if (l->error)
		str_addf(out, ": %s", l->error);
	str_addc(out, '\n');
}

/* The one line that the daemon waits for. */
static int tell_daemon(const struct deliver_report *r)
{
	if (r->next_s < 0)
		(void)printf("next -\n");
	else
		(void)printf("next %" PRId64 "\n", r->next_s);
	return 0;
}

static int tell(struct cli *c, const struct deliver_report *r, struct err *e)
{
	auto_str struct str out = STR_INIT;

	for (size_t i = 0; i < r->n; i++) {
		/* 75: try again later. */
		if (r->v[i].waiting > 0)
			c->exit_code = err_exit_code(ERR_RETRY);
		show(&out, &r->v[i]);
	}
	if (c->json) {
		auto_json cJSON *o = to_json(r);

		return output_json(o, e);
	}
	if (r->n == 0)
		str_add(&out, "no receivers: agent.yaml has neither webhooks nor forge\n");
	return output_text(&out, e);
}

static int deliver(struct cli *c, struct err *e)
{
	auto_deliver_report struct deliver_report r = {.n = 0};
	bool daemon = call_has(&c->call, "daemon"), background = call_has(&c->call, "background");
	const struct deliver_options o = {.due = daemon || background,
					  .lock_wait_ms = daemon       ? 0
							  : background ? BACKGROUND_WAIT_MS
								       : PERSON_WAIT_MS};

	if (flow_deliver(&c->config, &o, &r, e) < 0)
		return err_wrap(e, "deliver");
	if (daemon)
		return tell_daemon(&r);
	return background ? 0 : tell(c, &r, e);
}

static const struct option_row options[] = {
	{.name = "daemon",
	 .help = "as the daemon starts it: only what is due, and say when to come back"},
	{.name = "background", .help = "as other verbs start it: only what is due, say nothing"},
	{.name = NULL},
};

const struct verb verb_deliver = {
	.name = "deliver",
	.args = "",
	.help = "deliver what waits for receivers now",
	.details =
		"Reports go to the receivers of `webhooks` and `forge` in agent.yaml by themselves: "
		"the daemon sees to it, and without a daemon every verb that had something to "
		"report. A receiver that does not take them is tried again after 5 s, then ever "
		"later, up to an hour. This verb tries at once, for instance when you have repaired "
		"a receiver.\n"
		"Exits with 75 if something still waits.",
	.options = options,
	.group = GROUP_STEER,
	.needs_config = true,
	.run = deliver,
};
