/*
 * help - the verb `help`: help for people, and what the build installs (man pages, completions,
 * journal catalog). Depends on: verb, model.
 */
#include "agent/cli/help.h"

#include <string.h>

static int show_page(const char *page, struct str *out, struct err *e)
{
	static const struct {
		const char *name;
		void (*make)(struct str *out);
	} pages[] = {
		{"mdc-agent", man_agent},
		{"agent.yaml", man_agent_yaml},
		{"mdc.yaml", man_mdc_yaml},
	};
	auto_free char *shown = str_printable(page, 80);

	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		if (strcmp(pages[i].name, page) == 0) {
			pages[i].make(out);
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0,
		       "no man page \"%s\": there are mdc-agent, agent.yaml and mdc.yaml", shown);
}

static void list_json(cJSON *into)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	for (size_t i = 0; i < n; i++) {
		cJSON *v = cJSON_CreateObject();

		json_set_str(v, "name", list[i]->name);
		json_set_str(v, "args", list[i]->args);
		json_set_str(v, "help", list[i]->help);
		cJSON_AddItemToArray(into, v);
	}
}

int help_show(struct cli *c, const struct verb *v, struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (c->json && !v) {
		auto_json cJSON *list = cJSON_CreateArray();

		list_json(list);
		return output_json(list, e);
	}
	if (v)
		help_verb(&out, v, &c->look);
	else
		help_overview(&out, &c->look);
	return output_text(&out, e);
}

static int help_of(struct cli *c, const char *name, struct err *e)
{
	const struct verb *v = verb_find(name);
	const char *names[64];
	const char *near;
	size_t n;
	const struct verb *const *list = verb_list(&n);
	auto_free char *shown = str_printable(name, 80);

	if (v)
		return help_show(c, v, e);
	for (size_t i = 0; i < n && i < COUNT_OF(names); i++)
		names[i] = list[i]->name;
	near = str_nearest(name, names, n);
	return err_set(e, ERR_USAGE, 0, "unknown verb \"%s\"%s%s%s", shown,
		       near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
}

static int help(struct cli *c, struct err *e)
{
	const struct call *call = &c->call;
	const char *word = call->n_args > 0 ? call->args[0] : NULL;
	const char *shell = call_value(call, "completion");
	auto_str struct str out = STR_INIT;

	if (call_has(call, "man")) {
		if (show_page(word ? word : "mdc-agent", &out, e) < 0)
			return -1;
	} else if (shell) {
		if (completion_text(&out, shell, e) < 0)
			return -1;
	} else if (call_has(call, "catalog")) {
		events_catalog(&out);
	} else if (call_has(call, "schema")) {
		events_schema(&out);
	} else if (call_has(call, "events")) {
		events_markdown(&out);
	} else if (call_has(call, "policy")) {
		policy_markdown(&out);
	} else {
		return word ? help_of(c, word, e) : help_show(c, NULL, e);
	}
	return output_text(&out, e);
}

static const struct option_row options[] = {
	{.name = "man",
	 .help = "print a man page in roff: mdc-agent (default), agent.yaml, mdc.yaml"},
	{.name = "completion",
	 .arg = "bash|zsh|fish",
	 .help = "print a completion script for that shell"},
	{.name = "catalog", .help = "print the journal's message catalog"},
	{.name = "schema", .help = "print the JSON schema of an event"},
	{.name = "events", .help = "print the list of events as Markdown"},
	{.name = "policy", .help = "print the rules of `policy` as Markdown"},
	{.name = NULL},
};

const struct verb verb_help = {
	.name = "help",
	.args = "[VERB]",
	.help = "show help, or print man pages and completions",
	.details =
		"Without an argument: all verbs in short. With one: that verb in full.\n"
		"The man pages, the completions and the catalog are printed from the same tables "
		"as the help. The build installs them; on a host without them:\n"
		"  mdc-agent help --man agent.yaml | man -l -\n"
		"  mdc-agent help --completion bash >/etc/bash_completion.d/mdc-agent",
	.options = options,
	.group = GROUP_SETUP,
	.max_args = 1,
	.run = help,
};
