/*
 * secrets - the verb `secrets`: decrypt again what deployed projects mount. Depends on: verb, flow.
 */
#include "agent/cli/verb.h"

#include "agent/flow/flow.h"

static int secrets(struct cli *c, struct err *e)
{
	return flow_secrets(&c->config, e) < 0 ? err_wrap(e, "secrets") : 0;
}

const struct verb verb_secrets = {
	.name = "secrets",
	.args = "",
	.help = "decrypt again what containers mount, as after a boot",
	.details =
		"Decrypted files of projects (*.age, *.sops.*, *.secret) that containers mount are in "
		"memory, below runtime_dir, and are gone after a boot. This puts them in place again for "
		"every deployed project, without the engine; the unit mdc-agent-secrets runs it before "
		"the engine starts its containers. Env files need nothing: the engine keeps the "
		"environment of a container.\n"
		"Exits with 75 if one cannot be decrypted; the others are put in place all the same.",
	.group = GROUP_STEER,
	.needs_config = true,
	.run = secrets,
};
