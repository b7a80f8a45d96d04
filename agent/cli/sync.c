/*
 * sync - the verb `sync`: one whole run, now.
 * Depends on: flow, sync_run.
 */
#include "agent/cli/sync_run.h"

/* Only wake the daemon: what hooks do after a push. */
static int poke(struct cli *c, struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (flow_poke(&c->config, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_bool(o, "poked", true);
		return output_json(o, e);
	}
	str_add(&out, "mdc-agent: will deploy now\n");
	return output_text(&out, e);
}

static int sync_verb(struct cli *c, struct err *e)
{
	struct sync_options o = {.drift = call_has(&c->call, "drift"),
				 .trust_first = call_has(&c->call, "trust-first")};

	if (call_has(&c->call, "poke"))
		return poke(c, e);
	return sync_run(c, &o, call_has(&c->call, "daemon"), e);
}

static const struct option_row options[] = {
	{.name = "drift",
	 .help = "look at what runs even if the repository did not move, and report or repair it"},
	{.name = "trust-first",
	 .help = "with verify: accept the commit that the repository has now as the first one, if it is "
		 "signed"},
	{.name = "poke", .help = "only tell the running daemon to look at the repository now"},
	{.name = "daemon",
	 .help = "as the daemon starts it: no progress, messages for the journal"},
	{.name = NULL},
};

const struct verb verb_sync = {
	.name = "sync",
	.args = "",
	.help = "fetch, plan and deploy once, now",
	.details =
		"One run from start to end: fetch what the repository has, work out which projects "
		"belong to this host, bring everything needed here, deploy what changed, wait "
		"until it is healthy, go back where it does not become healthy, and record the new "
		"generation. The daemon runs the same.\n"
		"A project that fails stays at its last good content and the others go on. The "
		"content that failed is not tried again until it changes or somebody says "
		"`mdc-agent retry`.\n"
		"While another sync runs this one waits up to ten minutes. An interrupt (Ctrl-C) "
		"is safe at any time: what is left goes on at the next start.",
	.options = options,
	.group = GROUP_DEPLOY,
	.needs_config = true,
	.reports = true,
	.run = sync_verb,
};
