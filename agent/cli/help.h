/*
 * help - everything that is printed from the tables of verbs, options, settings and events: help
 * texts, man pages, completions, the journal's catalog. Depends on: verb, model.
 */
#pragma once

#include "agent/cli/verb.h"

enum { HELP_COLUMNS = 80 };

/* Print the help of one verb, or (NULL) the overview. */
int help_show(struct cli *c, const struct verb *v, struct err *e);

/* help_text.c */
void help_overview(struct str *out, const struct look *k);
void help_verb(struct str *out, const struct verb *v, const struct look *k);

/* man.c: mdc-agent(8) */
void man_agent(struct str *out);
/* man_keys.c: agent.yaml(5), mdc.yaml(5) */
void man_agent_yaml(struct str *out);
void man_mdc_yaml(struct str *out);

/* roff.c: the few requests the pages are made of */
void roff_title(struct str *out, const char *name, const char *section, const char *what);
void roff_section(struct str *out, const char *title);
void roff_text(struct str *out, const char *text);          /* escaped, no newline */
void roff_paragraphs(struct str *out, const char *details); /* as in struct verb */
void roff_example(struct str *out, const char *text);       /* lines as they stand */
void roff_item(struct str *out, const char *head,
	       const char *text); /* head in bold; text escaped */

/* completion.c: shell is bash, zsh or fish */
int completion_text(struct str *out, const char *shell, struct err *e);

/* event_text.c */
void events_catalog(struct str *out);
void policy_markdown(struct str *out); /* docs/policy.md */
void events_markdown(struct str *out);
void events_schema(struct str *out); /* JSON Schema */

/* Exit codes, for help and man page: rows end with meaning NULL. */
struct exit_row {
	int code;
	const char *meaning;
};
extern const struct exit_row exit_rows[];
