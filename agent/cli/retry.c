/*
 * retry - the verb `retry`: forget what failed, and sync.
 * Depends on: flow, sync_run.
 */
#include "agent/cli/sync_run.h"

static int retry(struct cli *c, struct err *e)
{
	struct sync_options o = {.retry = true};

	if (c->call.n_args > 0)
		o.project = c->call.args[0];
	return sync_run(c, &o, false, e);
}

const struct verb verb_retry = {
	.name = "retry",
	.args = "[PROJECT]",
	.help = "try content that failed here once more",
	.details =
		"Forgets the marks of all projects, or of one, also where a project is degraded, "
		"and syncs. For failures whose cause was outside of the repository: a port that "
		"was taken, a full disk, a service elsewhere. After a correction in the repository "
		"it is not needed: new content is tried by itself.",
	.group = GROUP_DEPLOY,
	.max_args = 1,
	.needs_config = true,
	.reports = true,
	.run = retry,
};
