/*
 * plan - the verb `plan`: what a sync would do and why; changes nothing.
 * Depends on: flow, show.
 */
#include "agent/cli/show.h"
#include "agent/cli/verb.h"

static int tell_json(const struct plan_view *v, struct err *e)
{
	auto_json cJSON *o = cJSON_CreateObject();

	json_set_str(o, "commit", *v->commit.id ? v->commit.id : NULL);
	json_set_str(o, "subject", v->commit.subject);
	json_set_bool(o, "held", v->held);
	json_set_str(o, "why", v->why);
	json_set_strv(o, "warnings", &v->warnings);
	cJSON_AddItemToObject(o, "plan", plan_to_json(&v->plan));
	return output_json(o, e);
}

static int plan(struct cli *c, struct err *e)
{
	auto_plan_view struct plan_view v = {.held = false};
	auto_str struct str out = STR_INIT;

	if (flow_plan(&c->config, &v, e) < 0)
		return -1;
	if (c->json)
		return tell_json(&v, e);
	show_plan(&out, &v, &c->look);
	return output_text(&out, e);
}

const struct verb verb_plan = {
	.name = "plan",
	.args = "",
	.help = "show what a sync would do, and why",
	.details =
		"Asks the repository what it has now and compares it with the current generation. "
		"For each project: add, change, remove, repair, held or blocked, with the reasons "
		"and the services concerned. Projects that stay as they are are only counted.\n"
		"Changes nothing: neither containers nor the state directory. Ends with 0 whatever "
		"the plan says.",
	.group = GROUP_DEPLOY,
	.needs_config = true,
	.run = plan,
};
