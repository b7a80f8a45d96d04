/*
 * suspend - the verb `suspend`: apply nothing until `resume`.
 * Depends on: flow, sync_run.
 */
#include "agent/cli/sync_run.h"

static int suspend(struct cli *c, struct err *e)
{
	auto_str struct str why = {.max = 500};
	auto_str struct str out = STR_INIT;

	for (size_t i = 0; i < c->call.n_args; i++)
		str_addf(&why, "%s%s", i > 0 ? " " : "", c->call.args[i]);
	auto_free char *safe = str_printable(str_text(&why), 500);

	(void)sync_wait(c);
	if (flow_suspend(&c->config, *safe ? safe : NULL, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_str(o, "control", "suspended");
		json_set_str(o, "why", *safe ? safe : NULL);
		return output_json(o, e);
	}
	str_add(&out, "suspended: nothing is applied until `mdc-agent resume`; what runs goes on "
		      "running\n");
	return output_text(&out, e);
}

const struct verb verb_suspend = {
	.name = "suspend",
	.args = "[WHY...]",
	.help = "apply nothing until `resume`",
	.details =
		"The repository is still watched and `mdc-agent plan` still works, but nothing is "
		"deployed, repaired or removed. The words given are shown by `mdc-agent status`. "
		"To leave a single project alone, set `suspend: true` for it in mdc.yaml.\n"
		"  mdc-agent suspend moving the disks, back on Monday",
	.group = GROUP_STEER,
	.max_args = -1,
	.needs_config = true,
	.reports = true,
	.run = suspend,
};
