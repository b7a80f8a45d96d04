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
		c->exit_code = (int)s.code;
	if (c->json) {
		auto_json cJSON *o = status_to_json(&s);

		return output_json(o, e);
	}
	if (check)
		show_status_line(&out, &s, &c->look);
	else
		show_status(&out, &s, &c->look, call_has(&c->call, "all"));
	return output_text(&out, e);
}

/* For monitoring whatever we cannot tell is UNKNOWN, in the same form as the rest. */
static bool status_failed(struct cli *c, const struct err *e)
{
	auto_str struct str out = STR_INIT;
	char text[sizeof(e->cause) + sizeof(e->trail) + 4];
	auto_free char *line = text_first(err_text(e, text, sizeof(text)));
	struct err ignored = ERR_INIT;

	if (!call_has(&c->call, "check") || c->json)
		return false;
	str_addf(&out, "%s - %s\n", status_code_name(STATUS_UNKNOWN), line);
	(void)output_text(&out, &ignored);
	c->exit_code = STATUS_UNKNOWN;
	return true;
}

static const struct option_row options[] = {
	{.name = "check",
	 .help = "for monitoring: one line, and exit status 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 "
		 "(UNKNOWN)"},
	{.name = "all", .letter = 'a', .help = "show every project, however many there are"},
	{.name = NULL},
};

const struct verb verb_status = {
	.name = "status",
	.args = "",
	.help = "show how things stand on this host",
	.details =
		"The current generation and its commit, the repository and when it was last seen, "
		"what stands in the way, and for each project: its state as the engine reports it "
		"now, how many containers run, since when and from which commit, and why something "
		"newer is not applied. With more than ten projects only those that need a look. "
		"The last line says what to do next.\n"
		"Takes no lock and changes nothing, so it also works while a sync runs.\n"
		"With --check the exit status is that of monitoring plugins. 0, OK. 1, WARNING: a "
		"project is held or failed and went back, nothing is applied (suspended, or after a "
		"rollback), the repository does not answer or its newest commit was rejected, a "
		"sync was cut off. 2, CRITICAL: a project is degraded or does not run as it was "
		"deployed, or the engine does not answer. 3, UNKNOWN: there was no sync yet, or the "
		"settings cannot be read.",
	.options = options,
	.group = GROUP_LOOK,
	.needs_config = true,
	.run = status,
	.failed = status_failed,
};
