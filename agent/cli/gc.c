/*
 * gc - the verb `gc`: remove what retention does not keep, now.
 * Depends on: flow, sync_run.
 */
#include "agent/cli/sync_run.h"

#include "common/log.h"

static int gc(struct cli *c, struct err *e)
{
	struct gc_report r = {0};
	auto_str struct str out = STR_INIT;

	(void)sync_wait(c);
	if (flow_gc(&c->config, &r, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_int(o, "generations", (int64_t)r.generations);
		json_set_int(o, "models", (int64_t)r.models);
		json_set_int(o, "images", (int64_t)r.images);
		json_set_int(o, "marks", (int64_t)r.marks);
		json_set_int(o, "snapshots", (int64_t)r.snapshots);
		json_set_int(o, "copies", (int64_t)r.copies);
		return output_json(o, e);
	}
	str_add(&out, "removed: ");
	text_count(&out, r.generations, "generation");
	str_add(&out, ", ");
	text_count(&out, r.models, "model");
	str_add(&out, ", ");
	text_count(&out, r.images, "image tag");
	str_add(&out, ", ");
	text_count(&out, r.marks, "mark");
	str_add(&out, ", ");
	text_count(&out, r.snapshots, "snapshot");
	if (r.copies > 0)
		str_addf(&out, ", %zu left by a crash", r.copies);
	if (call_has(&c->call, "daemon")) {
		log_debug("%s", str_text(&out));
		return 0;
	}
	str_addc(&out, '\n');
	return output_text(&out, e);
}

static const struct option_row options[] = {
	{.name = "daemon", .help = "as the daemon starts it: say nothing but errors"},
	{.name = NULL},
};

const struct verb verb_gc = {
	.name = "gc",
	.args = "",
	.help = "remove what retention does not keep",
	.details =
		"Every sync that makes a generation does this too. Generations beyond "
		"`retention.generations` go, with the models, image tags and marks that only they "
		"needed; the agent's copy of the repository is packed. Snapshots go as "
		"`mdc-agent snapshots` says, and copies that a crash left. Neither the current "
		"generation nor any volume is ever removed.",
	.options = options,
	.group = GROUP_STEER,
	.needs_config = true,
	.reports = true,
	.run = gc,
};
