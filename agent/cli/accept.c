/*
 * accept - the verb `accept`: a person's word that a commit is right, whatever its signature or its
 * history say. Depends on: flow, sync_run, show, data.
 */
#include "agent/cli/data.h"
#include "agent/cli/show.h"
#include "agent/cli/sync_run.h"
#include "common/clock.h"
#include "common/refpick.h"

#include <string.h>

static void preview(struct str *out, const struct accept_view *v)
{
	char when[CLOCK_ISO_SIZE];
	auto_free char *author = str_printable(v->commit.author ? v->commit.author : "", 200);
	auto_free char *signature = str_printable(v->signature ? v->signature : "", 600);

	str_addf(out, "commit %s\n  ", v->commit.id);
	show_commit(out, &v->commit);
	str_addf(out, "\n  by %s, %s\n", author, clock_local(v->commit.time, when));
	str_addf(out, "  %s%s\n", v->signed_well ? "signed: " : "NOT signed well: ", signature);
	if (v->damaged)
		str_add(out, "  the record of what was accepted before is damaged\n");
	else if (!v->before.id[0])
		str_add(out, "  nothing was accepted here before, or it is not known any more\n");
	else
		str_addf(out, "  %s %.12s, the last accepted commit\n",
			 v->descends ? "descends from" : "does NOT descend from", v->before.id);
	if (strcmp(v->head, v->commit.id) != 0)
		str_addf(out,
			 "  the repository is further on, at %.12s: that is judged from here\n",
			 v->head);
	str_add(out,
		"accepting it makes it what later commits must descend from, and deploys it\n");
}

static int accept_verb(struct cli *c, struct err *e)
{
	const char *id = c->call.args[0];
	struct sync_options o = {.accept = id};
	auto_accept_view struct accept_view v = {.descends = false};
	auto_str struct str out = STR_INIT;
	auto_free char *shown = str_printable(id, 100);

	if (!refpick_is_id(id, strlen(id)))
		return err_set(
			e, ERR_USAGE, 0,
			"'%s' is no whole commit id: give all 40 digits, so that it is surely "
			"the one that was looked at",
			shown);
	if (flow_accept_view(&c->config, id, &v, e) < 0)
		return -1;
	if (!c->json) {
		preview(&out, &v);
		if (output_text(&out, e) < 0)
			return -1;
	}
	if (data_ask(c, "accept this commit?", "this decides what runs here", e) < 0)
		return -1;
	return sync_run(c, &o, false, e);
}

static const struct option_row options[] = {
	{.name = "yes", .letter = 'y', .help = "accept it without asking"},
	{.name = NULL},
};

const struct verb verb_accept = {
	.name = "accept",
	.args = "COMMIT",
	.help = "accept a commit that verification refuses",
	.details =
		"With `verify` in agent.yaml a commit must be signed and must descend from the last "
		"accepted one. What does not is refused until somebody with root's rights says that it "
		"is right: after a rewritten history, on a host where verification was just turned on, "
		"or after the record was lost. Give the whole id, and look at the commit first.\n"
		"It shows the commit, its signature and how it stands to the last accepted one, and "
		"asks; without a terminal it needs `--yes`. Then it syncs. Later commits must descend "
		"from this one.\n"
		"  mdc-agent accept 3f2a1c9d0b7e4f5a6978c1d2e3f4a5b6c7d8e9f0",
	.options = options,
	.group = GROUP_STEER,
	.min_args = 1,
	.max_args = 1,
	.needs_config = true,
	.reports = true,
	.run = accept_verb,
};
