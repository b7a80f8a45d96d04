/*
 * check - the verb `check`: find mistakes in a config repository before a merge.
 * Depends on: flow, store, show.
 */
#include "agent/cli/show.h"
#include "agent/cli/verb.h"
#include "agent/model/keys.h"
#include "agent/store/store.h"
#include "common/file.h"
#include "common/yaml.h"

#include <stdlib.h>
#include <string.h>

enum { POLICY_FILE_MAX = 256 * 1024 };

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

static bool is_preset(const char *what, struct policy *out)
{
	for (int i = 0; i < POLICY_PRESETS; i++) {
		out->preset = (enum policy_preset)i;
		if (strcmp(policy_preset_name(out->preset), what) == 0)
			return true;
	}
	out->preset = POLICY_OPEN;
	return false;
}

/* A file: agent.yaml, or what stands below its key `policy`. */
static int read_policy(const char *what, struct policy *out, struct err *e)
{
	auto_free char *text = NULL;
	auto_yaml struct yaml_node *root = NULL;
	auto_diags struct diags d = DIAGS_INIT;
	struct key_context at = {.file = what, .diags = &d, .key = "policy"};
	size_t len = 0;

	if (file_read(what, POLICY_FILE_MAX, &text, &len, e) < 0)
		return err_set(e, ERR_USAGE, e->errnum,
			       "--policy: %s is no preset (open, standard, strict) and no file",
			       what);
	if (yaml_parse(text, len, what, NULL, &root, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	const struct yaml_node *below = yaml_get(root, "policy");

	if (config_read_policy(below ? below : root, out, &at) == 0)
		return 0;
	return err_set(e, ERR_USAGE, 0, "%s:%d:%d: %s", what, d.v[0].line, d.v[0].column,
		       d.v[0].text);
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
	struct check_options what = {.dir = c->call.n_args > 0 ? c->call.args[0] : ".",
				     .ref = call_value(&c->call, "ref"),
				     .with_compose = !call_has(&c->call, "no-compose")};
	auto_policy struct policy policy = {.preset = POLICY_OPEN};
	auto_diags struct diags d = DIAGS_INIT;
	auto_str struct str out = STR_INIT;
	size_t projects = 0;

	if (host_config(c, &what.config, e) < 0)
		return -1;
	if (call_value(&c->call, "policy")) {
		if (!is_preset(call_value(&c->call, "policy"), &policy) &&
		    read_policy(call_value(&c->call, "policy"), &policy, e) < 0)
			return -1;
		what.policy = &policy;
	}
	if (flow_check(&what, &d, &projects, e) < 0)
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
	{.name = "policy",
	 .arg = "POLICY",
	 .help = "judge by that policy: open, standard, strict, or a file (what stands below "
		 "`policy` of agent.yaml, or such a file)"},
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
		"symbolic links, sizes. If Compose is installed it reads every project too, and what the "
		"project asks of a host is held against a policy: that of `--policy`, that of `--config`, "
		"else the preset open, which only warns.\n"
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
