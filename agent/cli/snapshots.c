/*
 * snapshots - the verb `snapshots`: list them, show one, remove some.
 * Depends on: data, sync_run.
 */
#include "agent/cli/data.h"
#include "agent/cli/sync_run.h"
#include "agent/store/store.h"

#include "common/duration.h"

#include <string.h>

static int list(struct cli *c, struct err *e)
{
	auto_snapshots_view struct snapshots_view l = {.n = 0};
	auto_json cJSON *json = cJSON_CreateArray();
	const char *project = call_value(&c->call, "project");
	auto_str struct str out = STR_INIT;

	if (flow_snapshots(&c->config, &l, e) < 0)
		return -1;
	if (!c->json) {
		show_snapshots(&out, &l, project, &c->look);
		return output_text(&out, e);
	}
	for (size_t i = 0; i < l.n; i++)
		if (!project || str_eq(project, l.v[i].project))
			cJSON_AddItemToArray(json, snapshot_view_json(&l.v[i], &l.verdicts[i]));
	return output_json(json, e);
}

static int show(struct cli *c, const char *id, struct err *e)
{
	auto_snapshots_view struct snapshots_view l = {.n = 0};
	auto_snapshot struct snapshot x = {.n = 0};
	auto_store struct store *s = NULL;
	auto_str struct str out = STR_INIT;
	struct retention_verdict verdict = {.why = KEEP_NEWEST};

	if (store_open(&c->config, false, &s, e) < 0 || snapshot_pick(s, id, &x, e) < 0 ||
	    flow_snapshots(&c->config, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (str_eq(l.v[i].id, x.id))
			verdict = l.verdicts[i];
	if (c->json) {
		auto_json cJSON *json = snapshot_view_json(&x, &verdict);

		return output_json(json, e);
	}
	show_snapshot(&out, &x, &verdict, &c->look);
	return output_text(&out, e);
}

static int prune_all(struct cli *c, struct err *e)
{
	struct prune_report r = {.snapshots = 0};
	auto_str struct str out = STR_INIT;
	char size[32];

	if (flow_prune(&c->config, sync_wait(c), &r, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_int(o, "snapshots", (int64_t)r.snapshots);
		json_set_int(o, "generations", (int64_t)r.generations);
		json_set_int(o, "bytes", r.bytes);
		return output_json(o, e);
	}
	str_add(&out, "removed: ");
	text_count(&out, r.snapshots, "snapshot");
	str_addf(&out, ", %s", size_text((uint64_t)r.bytes, size, sizeof(size)));
	if (r.generations > 0) {
		str_add(&out, "; to keep within retention.snapshot_share also ");
		text_count(&out, r.generations, "generation");
	}
	str_addc(&out, '\n');
	return output_text(&out, e);
}

static int prune(struct cli *c, struct err *e)
{
	auto_str struct str out = STR_INIT;
	bool force = call_has(&c->call, "yes");

	if (c->call.n_args == 1)
		return prune_all(c, e);
	for (size_t i = 1; i < c->call.n_args; i++) {
		if (flow_discard(&c->config, sync_wait(c), c->call.args[i], force, e) < 0)
			return -1;
		str_addf(&out, "removed: %s\n", c->call.args[i]);
	}
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_int(o, "snapshots", (int64_t)c->call.n_args - 1);
		return output_json(o, e);
	}
	return output_text(&out, e);
}

static int snapshots(struct cli *c, struct err *e)
{
	const char *what = c->call.n_args > 0 ? c->call.args[0] : "list";
	size_t n = c->call.n_args;
	auto_free char *shown = str_printable(what, 80);

	if (strcmp(what, "list") == 0 && n <= 1)
		return list(c, e);
	if (strcmp(what, "show") == 0 && n == 2)
		return show(c, c->call.args[1], e);
	if (strcmp(what, "show") == 0)
		return err_set(e, ERR_USAGE, 0,
			       "show needs the id of one snapshot: `mdc-agent snapshots` lists "
			       "them");
	if (strcmp(what, "prune") == 0)
		return prune(c, e);
	return err_set(e, ERR_USAGE, 0, "\"%s\": expected list, show ID or prune", shown);
}

static const struct option_row options[] = {
	{.name = "project", .arg = "NAME", .letter = 'p', .help = "list: only this project's"},
	{.name = "yes",
	 .letter = 'y',
	 .help = "prune ID: also one that a kept generation would go back to"},
	{.name = NULL},
};

const struct verb verb_snapshots = {
	.name = "snapshots",
	.args = "[list|show ID|prune [ID...]]",
	.help = "list, show or remove copies of volumes",
	.details =
		"A snapshot is a copy of a project's volumes. `list`, which is also the default, "
		"shows each with the generation whose data it is, its kind (trial: taken before a "
		"change; manual: by hand, or before a restore; failed: what a version wrote that "
		"was left behind) and why it is kept. `show` tells where the copies lie. `prune` "
		"removes what `retention` does not keep, as every sync does; with ids it removes "
		"those.\n"
		"An id may be cut short as long as only one begins so.\n"
		"  mdc-agent snapshots\n"
		"  mdc-agent snapshots show web-12-20261119T031245.120Z",
	.options = options,
	.group = GROUP_LOOK,
	.max_args = -1,
	.needs_config = true,
	.reports = true,
	.run = snapshots,
};
