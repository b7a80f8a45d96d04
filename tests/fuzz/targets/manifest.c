/*
 * manifest - mdc.yaml, and which hosts its lists mean.
 * Depends on: fuzz, eval's manifest and hosts.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/eval/eval_parts.h"

#include <string.h>

static void use(const struct manifest *m)
{
	struct diags d = {0};
	struct host_view *here = host_view_new(m, "server1");

	(void)hosts_check_groups(m, &d);
	for (size_t i = 0; i < m->n_projects && i < 8; i++) {
		const struct strv *hosts = &m->projects[i].settings.hosts;

		(void)host_matches(here, hosts);
		(void)hosts_unknown_group(m, hosts);
	}
	host_view_free(here);
	diags_done(&d);
}

void fuzz_one(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct diags d = {0};
	struct manifest m;

	manifest_init(&m);
	if (manifest_parse(text, len, "mdc.yaml", &d, &m, &e) == 0)
		use(&m);
	else
		FUZZ_CHECK(e.kind == ERR_REJECTED && strncmp(e.cause, "mdc.yaml", 8) == 0);
	manifest_done(&m);
	diags_done(&d);
}
