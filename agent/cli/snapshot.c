/*
 * snapshot - the verb `snapshot`: copy a project's volumes now.
 * Depends on: data.
 */
#include "agent/cli/data.h"

#include "common/duration.h"

static int snapshot(struct cli *c, struct err *e)
{
	struct data_options o = {.project = c->call.args[0]};
	auto_snapshot struct snapshot x = {.n = 0};
	auto_str struct str out = STR_INIT;
	char span[64];

	if (data_run(c, &o, flow_snapshot, &x, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *json = snapshot_to_json(&x);

		return output_json(json, e);
	}
	str_addf(&out, "%s: ", x.id);
	text_count(&out, x.n, "volume");
	str_addf(&out, ", writers were held up for %s\n",
		 duration_text(x.took_ms, span, sizeof(span)));
	return output_text(&out, e);
}

const struct verb verb_snapshot = {
	.name = "snapshot",
	.args = "PROJECT",
	.help = "copy a project's volumes now",
	.details =
		"As before a deployment: the hooks run, the project is held up as "
		"`snapshot.quiesce` says, every volume that can be is copied, and everything runs "
		"again. The copy is kept among the newest `retention.snapshots` that were made by "
		"hand.\n"
		"  mdc-agent snapshot web",
	.group = GROUP_STEER,
	.min_args = 1,
	.max_args = 1,
	.needs_config = true,
	.reports = true,
	.run = snapshot,
};
