/*
 * run - the verb `run`: become the daemon. It is a program of its own so that it loads no Git and
 * no HTTP library. Depends on: common.
 */
#include "agent/cli/verb.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/self.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The daemon may change its directory. */
static char *absolute(const char *path)
{
	char *full = path ? realpath(path, NULL) : NULL;

	return full ? full : xstrdup_null(path);
}

static int run(struct cli *c, struct err *e)
{
	auto_free char *program = self_program("mdc-agentd");
	auto_free char *config = absolute(c->config_file);
	const char *argv[5];
	size_t n = 0;

	argv[n++] = program;
	if (config) {
		argv[n++] = "--config";
		argv[n++] = config;
	}
	if (c->verbose)
		argv[n++] = "--verbose";
	argv[n] = NULL;
	if (!file_exists(program))
		return err_set(
			e, ERR_BROKEN, 0,
			"the daemon's program is not there: %s; install mdc-agent again (cmake "
			"--install), or run `mdc-agent sync` from a timer instead",
			program);
	/* Not a child: this process becomes the daemon, so that systemd's main process is the right
	 * one. */
	execv(program, (char *const *)(uintptr_t)argv);
	return err_set(e, ERR_BROKEN, errno, "cannot start %s", program);
}

const struct verb verb_run = {
	.name = "run",
	.args = "",
	.help = "watch the repository and deploy what comes (the daemon)",
	.details =
		"Stays in the foreground: systemd starts it (mdc-agent.service). It asks the "
		"repository every `source.poll` whether something moved, and starts `mdc-agent "
		"sync` when it did, when somebody pokes it, or when it has to try again.\n"
		"SIGHUP reads the settings again and syncs. SIGTERM stops; what was under way goes "
		"on at the next start, and containers are left running.",
	.group = GROUP_DEPLOY,
	.run = run,
};
