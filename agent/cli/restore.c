/*
 * restore - the verb `restore`: put a snapshot's data back, or copy it out for a look.
 * Depends on: data.
 */
#include "agent/cli/data.h"

#include "agent/cli/show.h"
#include "agent/cli/sync_run.h"
#include "agent/store/store.h"
#include "common/clock.h"

#include <string.h>

static int copy_out(struct cli *c, struct data_options *o, const char *dir, struct err *e)
{
	auto_strv struct strv done = STRV_INIT;
	auto_str struct str out = STR_INIT;

	o->lock_wait_ms = sync_wait(c);
	if (flow_copy_out(&c->config, o, dir, &done, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *json = cJSON_CreateObject();

		json_set_str(json, "to", dir);
		json_set_strv(json, "volumes", &done);
		return output_json(json, e);
	}
	for (size_t i = 0; i < done.n; i++)
		text_lines(&out, "", done.v[i]);
	return output_text(&out, e);
}

static int preview(struct cli *c, const struct losses *l, const struct snapshot *x, struct err *e)
{
	auto_str struct str out = STR_INIT;
	char when[CLOCK_ISO_SIZE];

	if (!losses_any(l))
		return err_set(e, ERR_USAGE, 0,
			       "snapshot %s has nothing that could be put back: `mdc-agent "
			       "snapshots show %s` says why",
			       x->id, x->id);
	if (c->json)
		return 0;
	str_addf(&out, "putting back the data of %s as of %s, generation %lld: ", x->project,
		 clock_local(x->made, when), (long long)x->generation);
	show_commit(&out, &x->commit);
	str_addc(&out, '\n');
	show_losses(&out, l, &c->look);
	str_addf(&out,
		 "%s is stopped for it and started again; its files and images stay. What is there "
		 "now is kept as a snapshot.\n",
		 x->project);
	return output_text(&out, e);
}

static int tell(struct cli *c, const struct losses *l, const struct snapshot *x,
		const struct snapshot *aside, struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_str(o, "project", x->project);
		json_set_str(o, "restored", x->id);
		json_set_str(o, "aside", aside->id);
		cJSON_AddItemToObject(o, "volumes", losses_json(l));
		return output_json(o, e);
	}
	str_addf(&out, "%s runs on the data of %s", x->project, x->id);
	if (aside->id && aside->id[0] != '\0')
		str_addf(&out, "; what was there is kept as %s", aside->id);
	str_addc(&out, '\n');
	return output_text(&out, e);
}

static int in_place(struct cli *c, const struct data_options *o, struct err *e)
{
	auto_snapshot struct snapshot x = {.n = 0}, aside = {.n = 0};
	auto_store struct store *s = NULL;
	auto_losses struct losses l = {.n = 0};

	if (store_open(&c->config, false, &s, e) < 0 || snapshot_pick(s, o->snapshot, &x, e) < 0)
		return -1;
	struct loss_question q = {.snapshot = x.id, .only = o->only};

	if (flow_losses(&c->config, &q, &l, e) < 0 || preview(c, &l, &x, e) < 0)
		return -1;
	if (data_confirm(c, "discard this?", e) < 0)
		return -1;
	auto_strv struct strv what = STRV_INIT;

	struct data_options exact = {.snapshot = x.id, .only = &what};

	losses_names(&l, &what);
	if (data_run(c, &exact, flow_restore, &aside, e) < 0)
		return -1;
	return tell(c, &l, &x, &aside, e);
}

static int restore(struct cli *c, struct err *e)
{
	auto_strv struct strv only = STRV_INIT;
	struct data_options o = {.snapshot = c->call.args[0], .only = &only};
	const char *dir = call_value(&c->call, "to");

	data_names(call_value(&c->call, "volume"), &only);
	return dir ? copy_out(c, &o, dir, e) : in_place(c, &o, e);
}

static const struct option_row options[] = {
	{.name = "to",
	 .arg = "DIR",
	 .help = "copy it there instead, for a look; nothing is stopped"},
	{.name = "volume", .arg = "NAME,...", .help = "only these volumes"},
	{.name = "yes", .letter = 'y', .help = "discard what was written since, without asking"},
	{.name = NULL},
};

const struct verb verb_restore = {
	.name = "restore",
	.args = "SNAPSHOT",
	.help = "put a snapshot's data back, or copy it out",
	.details =
		"Says first which writes are lost and asks; without a terminal it needs `--yes`. "
		"Then the project is stopped, the data exchanged, and the project started again "
		"and judged like after a deployment. Its files and images stay as they are: "
		"`mdc-agent rollback` takes those back. What was there before the restore is kept "
		"as a snapshot of its own, so that a restore can be taken back too.\n"
		"With `--to` nothing is touched: each volume is copied to a directory below DIR.\n"
		"  mdc-agent restore web-12-20261119T031245.120Z\n"
		"  mdc-agent restore web-12-20261119T031245.120Z --volume db --yes\n"
		"  mdc-agent restore web-12-20261119T031245.120Z --to /tmp/look",
	.options = options,
	.group = GROUP_DEPLOY,
	.min_args = 1,
	.max_args = 1,
	.needs_config = true,
	.reports = true,
	.run = restore,
};
