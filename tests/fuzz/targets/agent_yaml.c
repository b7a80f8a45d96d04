/*
 * agent_yaml - the host's configuration.
 * Depends on: fuzz, config.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/model/config.h"
#include "agent/model/diag.h"
#include "common/yaml.h"

void fuzz_one(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	auto_yaml struct yaml_node *root = NULL;
	struct diags d = {0};
	auto_config struct config c = {0};

	if (yaml_parse(text, len, "agent.yaml", NULL, &root, &e) < 0)
		return;
	if (config_read(root, "agent.yaml", &d, &c, &e) < 0) {
		FUZZ_CHECK(d.n > 0 && e.kind == ERR_USAGE && e.cause[0] != '\0');
	} else {
		FUZZ_CHECK(c.state_dir && c.runtime_dir && c.host && c.parallel > 0);
	}
	diags_done(&d);
}
