/*
 * resume - the verb `resume`: lift a suspension or a hold, and sync.
 * Depends on: flow, sync_run.
 */
#include "agent/cli/sync_run.h"

static int resume(struct cli *c, struct err *e)
{
	struct sync_options o = {.resume = true};

	return sync_run(c, &o, false, e);
}

const struct verb verb_resume = {
	.name = "resume",
	.args = "",
	.help = "apply changes again after `suspend` or `rollback`",
	.details =
		"Lifts the suspension or the hold, forgets which content a manual rollback left "
		"behind, and syncs: what the repository has now is deployed. Content that failed "
		"by itself stays marked; `mdc-agent retry` forgets that.",
	.group = GROUP_STEER,
	.needs_config = true,
	.reports = true,
	.run = resume,
};
