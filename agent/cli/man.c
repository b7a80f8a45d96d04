/*
 * man - the page mdc-agent(8), made from the verb table.
 * Depends on: verb.
 */
#include "agent/cli/help.h"

static void option_items(struct str *out, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		auto_str struct str head = STR_INIT;

		if (rows->letter)
			str_addf(&head, "-%c, ", rows->letter);
		str_addf(&head, "--%s", rows->name);
		if (rows->arg)
			str_addf(&head, rows->optional ? "[=%s]" : " %s", rows->arg);
		roff_item(out, str_text(&head), rows->help);
	}
}

static void one_verb(struct str *out, const struct verb *v)
{
	auto_str struct str usage = STR_INIT;

	str_addf(&usage, "mdc-agent %s%s%s%s", v->name, v->options ? " [options]" : "",
		 *v->args ? " " : "", v->args);
	str_addf(out, ".SS \"%s\"\n", v->name);
	str_add(out, ".B ");
	roff_text(out, str_text(&usage));
	str_addc(out, '\n');
	roff_paragraphs(out, v->details);
	option_items(out, v->options);
}

static void verbs(struct str *out)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	roff_section(out, "VERBS");
	for (size_t i = 0; i < n; i++)
		roff_item(out, list[i]->name, list[i]->help);
	for (size_t i = 0; i < n; i++)
		one_verb(out, list[i]);
}

static void words(struct str *out)
{
	roff_section(out, "WORDS");
	roff_item(out, "project",
		  "One Compose project: a directory of the repository with a Compose file, a name "
		  "and settings.");
	roff_item(out, "generation",
		  "A numbered, immutable record of which projects belong to this host, at which "
		  "content, with which images. Numbers only grow. The one that holds is called "
		  "current.");
	roff_item(out, "sync",
		  "One run: fetch, evaluate, plan, stage, deploy, commit. It makes at most one new "
		  "generation, and none if nothing changed.");
	roff_item(
		out, "mark",
		"The memory that some content failed here. It is not tried again until it changes "
		"or somebody says `retry`.");
	roff_item(out, "hold",
		  "Syncing goes on but nothing is applied: after `suspend`, or after a manual "
		  "`rollback`.");
	roff_item(out, "degraded",
		  "Going back failed too. Nothing automatic happens to that project any more; a "
		  "person must look.");
}

static void exits(struct str *out)
{
	roff_section(out, "EXIT STATUS");
	for (const struct exit_row *r = exit_rows; r->meaning; r++) {
		auto_str struct str code = STR_INIT;

		str_addf(&code, "%d", r->code);
		roff_item(out, str_text(&code), r->meaning);
	}
}

static void places(struct str *out)
{
	roff_section(out, "ENVIRONMENT");
	roff_item(out, "NO_COLOR", "If it is set and not empty, `--color auto` means never.");
	roff_item(out, "MDC_SKIP_CHECK",
		  "Set to 1 to let a push pass the pre-push hook unchecked.");
	roff_section(out, "FILES");
	roff_item(out, MDC_SYSCONFDIR "/agent.yaml", "The host's settings: agent.yaml(5).");
	roff_item(out, "mdc.yaml",
		  "The optional manifest at the root of the repository: mdc.yaml(5).");
	roff_item(out, MDC_LOCALSTATEDIR,
		  "The state: generations, the files projects mount, marks, history. Do not edit; "
		  "back it up with the agent stopped.");
	roff_item(out, "/run/mdc-agent/control.sock", "Where `sync --poke` reaches the daemon.");
	roff_item(out, MDC_DATADIR "/hooks", "Hooks for Git repositories, and a CI example.");
}

static void examples(struct str *out)
{
	roff_section(out, "EXAMPLES");
	roff_paragraphs(out,
			"Push to deploy on one host, without any server:\n"
			"  mdc-agent init --bare /srv/homelab.git\n"
			"  systemctl enable --now mdc-agent\n"
			"  git clone /srv/homelab.git && cd homelab\n"
			"  mkdir web && $EDITOR web/compose.yaml\n"
			"  git add . && git commit -m \"add web\" && git push\n"
			"See what would happen, and why:\n"
			"  mdc-agent plan\n"
			"Go back to the generation before, and stay there whatever is pushed:\n"
			"  mdc-agent rollback --pin\n"
			"Events of one project in the journal, with what they mean:\n"
			"  journalctl -x -t mdc-agent MDC_PROJECT=web");
}

void man_agent(struct str *out)
{
	roff_title(out, "mdc-agent", "8", "deploy Docker Compose projects from a Git repository");
	roff_section(out, "SYNOPSIS");
	str_add(out, ".B mdc\\-agent\n[global options] \\fIVERB\\fR [options] [arguments]\n");
	roff_section(out, "DESCRIPTION");
	roff_paragraphs(
		out,
		"mdc-agent runs on each host. It watches a Git repository, works out which Compose "
		"projects belong to this host, brings them up or down, waits until they are "
		"healthy, goes back by itself when they do not become healthy, and tells the "
		"journal.\n"
		"Every state that held is a numbered generation, to which `mdc-agent rollback` can "
		"go back without the network.");
	roff_section(out, "GLOBAL OPTIONS");
	option_items(out, global_options);
	verbs(out);
	words(out);
	exits(out);
	places(out);
	examples(out);
	roff_section(out, "SEE ALSO");
	str_add(out, ".BR agent.yaml (5),\n.BR mdc.yaml (5),\n.BR journalctl (1)\n");
}
