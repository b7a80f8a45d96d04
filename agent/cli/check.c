/*
 * check - the verb `check`: find mistakes in a config repository before a merge.
 * Depends on: flow, store, show.
 */
#include "agent/cli/show.h"
#include "agent/cli/verb.h"
#include "agent/store/store.h"

#include <stdlib.h>
#include <string.h>

/* Only settings that somebody named: what a check says must not depend on the machine it runs on.
 */
static int host_config(struct cli *c, const struct config **out, struct err *e)
{
	auto_diags struct diags d = DIAGS_INIT;

	if (!c->config_file)
		return 0;
	if (config_load(c->config_file, &d, &c->config, e) < 0)
		return -1;
	c->has_config = true;
	*out = &c->config;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (order == 0)
		order = (x->line > y->line) - (x->line < y->line);
	if (order == 0)
		order = (x->column > y->column) - (x->column < y->column);
	return order;
}

static int check(struct cli *c, struct err *e)
{
	const char *dir = c->call.n_args > 0 ? c->call.args[0] : ".";
	const char *ref = call_value(&c->call, "ref");
	bool compose = !call_has(&c->call, "no-compose");
	const struct config *config = NULL;
	auto_diags struct diags d = DIAGS_INIT;
	auto_str struct str out = STR_INIT;
	size_t projects = 0;

	if (host_config(c, &config, e) < 0)
		return -1;
	if (flow_check(dir, ref, config, compose, &d, &projects, e) < 0)
		return -1;
	if (d.n > 0)
		qsort(d.v, d.n, sizeof(*d.v), by_place);
	c->exit_code = d.errors > 0 ? err_exit_code(ERR_USAGE) : 0;
	if (c->json) {
		auto_json cJSON *o = check_json(&d, projects);

		return output_json(o, e);
	}
	show_check(&out, &d, projects, &c->look);
	return output_text(&out, e);
}

static const struct option_row options[] = {
	{.name = "ref",
	 .arg = "COMMIT",
	 .help = "look at that commit (its full id) or branch of a repository, not at the files of "
		 "DIR"},
	{.name = "no-compose",
	 .help = "do not let Compose read the projects, even if it is installed"},
	{.name = NULL},
};

const struct verb verb_check = {
	.name = "check",
	.args = "[DIR]",
	.help = "find mistakes in a config repository",
	.details =
		"DIR is a work tree, any directory, or a bare repository (then HEAD is looked at); "
		"the present directory if none is given. The projects of all hosts are looked at: "
		"mdc.yaml, x-mdc, Compose files, names that occur twice, files that are missing, "
		"symbolic links, sizes. If Compose is installed it reads every project too.\n"
		"Findings are printed as file:line:column: error: text. Ends with 2 if there is an "
		"error, with 0 if there are only warnings. Needs no settings of a host, no engine "
		"and no root; `--config` makes it use the settings of one.\n"
		"  mdc-agent check .\n"
		"  mdc-agent check --ref main /srv/homelab.git",
	.options = options,
	.group = GROUP_SETUP,
	.max_args = 1,
	.run = check,
};
