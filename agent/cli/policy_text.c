/*
 * policy_text - docs/policy.md: the rules and what each preset makes of them, from the table.
 * Depends on: model/policy.
 */
#include "agent/cli/help.h"

#include "agent/model/policy.h"

static const char intro[] =
	"# Policy\n\n"
	"Printed by `mdc-agent help --policy` from `agent/model/policy.def`; a test fails when this page "
	"is out of date.\n\n"
	"Who can push to the repository decides what runs on its hosts. `policy` in `agent.yaml`, which "
	"belongs to root of\n"
	"the host, says what a project may ask of the host:\n\n"
	"```yaml\n"
	"policy:\n"
	"  preset: standard                # open, standard or strict\n"
	"  registries: [docker.io/library, ghcr.io/me]\n"
	"  latest_tag: deny\n"
	"  projects:\n"
	"    traefik: {engine_sockets: [\"/var/run/docker.sock\"]}\n"
	"```\n\n"
	"The preset says what holds for every rule; a rule that is named beside it overrides it; below "
	"`projects` a rule\n"
	"differs for one project. Beside `open`, deny stands for what `standard` makes of it. Where a list is given, what is on it is allowed and the rest is denied; a "
	"list below\n"
	"`projects` adds to the list that holds for all. `warn` is told once, when content that asks for it "
	"is deployed first.\n\n"
	"- **What is looked at** is the model that `docker compose config` makes of a project's files, after "
	"variables,\n"
	"  `extends`, `include`, anchors and short forms, and before an image is pulled or anything is "
	"touched. Nothing of a\n"
	"  project that breaks a rule is applied; what runs goes on running, other projects go on, and it is "
	"reported once.\n"
	"  When `policy` changes, what was refused is looked at again.\n"
	"- **What runs already** is judged when its content changes, and so is not a rollback to content that "
	"ran before.\n"
	"- **Own files.** Paths of the repository are a project's own and no rule speaks of them. Every other "
	"path is judged\n"
	"  where it leads to: symbolic links are followed as they are when the project is staged. A link that "
	"somebody makes\n"
	"  later, between that look and the start of a container, is not seen: allow only directories that "
	"no container can\n"
	"  write to above the path that is mounted.\n"
	"- **In CI**, `mdc-agent check --policy standard DIR`, or with a file instead of a preset, says the "
	"same, with file and\n"
	"  line. It needs Compose and no host.\n\n"
	"## Rules\n\n"
	"Behind `warn` or `deny` stands what is allowed all the same.\n\n";

static const char after[] =
	"\nPaths on a list stand for what is below them too, may hold `*`, and may end in `:ro`. "
	"`/var/run` is `/run`.\n\n"
	"| preset | in short |\n"
	"| --- | --- |\n"
	"| `open` | everything is allowed; what makes a container root of the host, or hides, is warned of "
	"|\n"
	"| `standard` | that is refused, as are directories of the host outside of the usual ones for data; "
	"what most projects need stays allowed |\n"
	"| `strict` | refused is all that was not allowed by name: directories, registries, images without "
	"digest, builds |\n"
	"\n## Signed images\n\n"
	"```yaml\n"
	"policy:\n"
	"  cosign:\n"
	"    ghcr.io/me: {key: /etc/mdc-agent/cosign.pub}\n"
	"    registry.example.org: {key: /etc/mdc-agent/ops.pub, transparency_log: false}\n"
	"```\n\n"
	"Images that an entry fits (as in `registries`) must be signed with that key. The program `cosign` is "
	"asked with the\n"
	"digest that is going to run, after the pull and before anything that runs is touched: `cosign verify "
	"--key KEY\n"
	"NAME@DIGEST`. Exit status 0 is a yes; 10 to 13 mean that there is no such signature, and the content "
	"is marked like\n"
	"any that failed; any other, and a cosign that is not installed, is tried again at the next sync: "
	"nothing is deployed\n"
	"until there is an answer. An image that was built on this host has no digest to check and is "
	"refused where an entry\n"
	"fits it. `plan` and `check` do not ask.\n";

static void cell(struct str *out, const struct policy_row *row, int preset)
{
	const char *list = row->presets[preset].list;

	str_addf(out, " %s", policy_action_name(row->presets[preset].action));
	if (list[0] != '\0')
		str_addf(out, ": `%s`", list);
	str_add(out, " |");
}

void policy_markdown(struct str *out)
{
	str_add(out, intro);
	str_add(out, "| rule | speaks of | value | open | standard | strict |\n"
		     "| --- | --- | --- | --- | --- | --- |\n");
	for (int i = 0; i < POLICY_RULES; i++) {
		const struct policy_row *row = policy_row((enum policy_rule)i);

		str_addf(out, "| `policy.%s` | %s | allow, warn, deny%s |", row->name, row->meaning,
			 row->lists);
		for (int p = 0; p < POLICY_PRESETS; p++)
			cell(out, row, p);
		str_addc(out, '\n');
	}
	str_add(out, after);
}
