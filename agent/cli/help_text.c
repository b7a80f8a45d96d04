/*
 * help_text - help for people on a terminal, within 80 columns, printed from the verb table.
 * Depends on: verb.
 */
#include "agent/cli/help.h"

#include <string.h>

const struct exit_row exit_rows[] = {
	{0, "done"},
	{1, "a deployment failed and went back"},
	{2, "the command line, the settings or a checked repository are wrong"},
	{3, "degraded: going back failed too, or the agent's own state is damaged; a "
	    "person must look"},
	{4, "the commit was rejected"},
	{75, "the world was in the way (network, engine, disk, another sync): try again later"},
	{0, NULL},
};

enum { NAME_COLUMN = 2, HELP_COLUMN = 16, OPTION_COLUMN = 24 };

static void heading(struct str *out, const struct look *k, const char *text)
{
	look_addf(out, k, TONE_BOLD, "%s:", text);
	str_addc(out, '\n');
}

static void item(struct str *out, const char *name, const char *help, int column)
{
	int at = NAME_COLUMN + text_width(name);

	text_pad(out, NAME_COLUMN);
	str_add(out, name);
	if (at + 2 > column) {
		str_addc(out, '\n');
		text_pad(out, column);
	} else {
		text_pad(out, column - at);
	}
	text_wrap(out, help, column, HELP_COLUMNS, column);
}

static void options(struct str *out, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		auto_str struct str name = STR_INIT;

		if (rows->letter)
			str_addf(&name, "-%c, ", rows->letter);
		else
			str_add(&name, "    ");
		str_addf(&name, "--%s", rows->name);
		if (rows->arg)
			str_addf(&name, rows->optional ? "[=%s]" : " %s", rows->arg);
		item(out, str_text(&name), rows->help, OPTION_COLUMN);
	}
}

void help_overview(struct str *out, const struct look *k)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	str_add(out, "usage: mdc-agent [global options] VERB [options] [arguments]\n\n");
	text_wrap(out,
		  "Deploys Docker Compose projects from a Git repository to this host, waits until "
		  "they are healthy, and goes back by itself when they are not.",
		  0, HELP_COLUMNS, 0);
	for (int g = 0; g < GROUP_COUNT; g++) {
		str_addc(out, '\n');
		heading(out, k, verb_group_name(g));
		for (size_t i = 0; i < n; i++) {
			if (list[i]->group == (enum verb_group)g)
				item(out, list[i]->name, list[i]->help, HELP_COLUMN);
		}
	}
	str_addc(out, '\n');
	heading(out, k, "Global options");
	options(out, global_options);
	str_add(out,
		"\nMore: `mdc-agent help VERB`, man mdc-agent, man agent.yaml, man mdc.yaml\n");
}

static void details(struct str *out, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		auto_str struct str line = STR_INIT;

		str_addn(&line, p, n);
		if (str_starts(str_text(&line), "  "))
			str_addf(out, "  %s\n", str_text(&line));
		else
			text_wrap(out, str_text(&line), 0, HELP_COLUMNS, 0);
		p += n + (p[n] == '\n');
		/* A blank line between paragraphs, none inside an example. */
		if (*p && !(str_starts(str_text(&line), "  ") && str_starts(p, "  ")))
			str_addc(out, '\n');
	}
}

void help_verb(struct str *out, const struct verb *v, const struct look *k)
{
	str_addf(out, "usage: mdc-agent %s%s%s%s\n\n", v->name, v->options ? " [options]" : "",
		 *v->args ? " " : "", v->args);
	look_addf(out, k, TONE_BOLD, "%s", v->name);
	str_add(out, " - ");
	text_wrap(out, v->help, 4, HELP_COLUMNS, text_width(v->name) + 3);
	str_addc(out, '\n');
	details(out, v->details);
	if (v->options) {
		str_addc(out, '\n');
		heading(out, k, "Options");
		options(out, v->options);
	}
	str_add(out, "\nGlobal options (--config, --json, --color, --verbose): `mdc-agent help`\n");
}
