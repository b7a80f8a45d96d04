/*
 * status - the verb `status`: how things stand.
 * Depends on: flow, show.
 */
#include "agent/cli/show.h"
#include "agent/cli/verb.h"

static int status(struct cli *c, struct err *e)
{
	auto_status struct status s = {.n = 0};
	auto_str struct str out = STR_INIT;
	bool check = call_has(&c->call, "check");

	if (flow_status(&c->config, &s, e) < 0)
		return -1;
	if (check)
		c->exit_code = s.code;
	if (c->json) {
		auto_json cJSON *o = status_to_json(&s);

		return output_json(o, e);
	}
	if (check)
		show_status_line(&out, &s);
	else
		show_status(&out, &s, &c->look);
	return output_text(&out, e);
}

static const struct option_row options[] = {
	{.name = "check",
	 .help = "for monitoring: one line, and exit status 0 (well), 1 (something failed or is "
		 "held) or 3 (degraded)"},
	{.name = NULL},
};

const struct verb verb_status = {
	.name = "status",
	.args = "",
	.help = "show how things stand on this host",
	.details =
		"The current generation and its commit, the repository, whether changes are "
		"applied, whether the engine answers, and for each project: its state as the "
		"engine reports it now, how many containers run, which commit it comes from, and "
		"why something newer is not applied. The last line says what to do next.\n"
		"Takes no lock and changes nothing, so it also works while a sync runs.",
	.options = options,
	.group = GROUP_LOOK,
	.needs_config = true,
	.run = status,
};
