/*
 * man_keys - the pages agent.yaml(5) and mdc.yaml(5), made from the tables of keys.
 * Depends on: verb, model.
 */
#include "agent/cli/help.h"

#include "agent/model/config.h"
#include "agent/model/keys.h"
#include "agent/model/settings.h"

struct key_page {
	struct str *out;
	bool projects;  /* these are keys of a project ... */
	bool host_side; /* ... and those are shown that only agent.yaml may have, else the others */
};

static void one_key(const char *name, const struct key_row *row, int depth, void *arg)
{
	struct key_page *page = arg;
	auto_str struct str value = STR_INIT;

	(void)depth;
	if (page->projects && settings_is_host_key(name) != page->host_side)
		return;
	roff_item(page->out, name, row->help);
	if (row->below)
		return;
	str_addf(&value, "Value: %s", row->type);
	if (row->preset)
		str_addf(&value, "; default: %s", row->preset);
	str_add(page->out, ".br\n");
	roff_text(page->out, str_text(&value));
	str_addc(page->out, '\n');
}

static void rules(struct str *out)
{
	roff_section(out, "VALUES");
	roff_item(out, "duration", "A number with a unit: 250ms, 90s, 5m, 1h30m, 7d.");
	roff_item(out, "list",
		  "A YAML list. Where a list has one entry, the entry alone may stand there.");
	roff_item(out, "pattern",
		  "A name with * for any text and ? for one character. Quote it: YAML reads * "
		  "otherwise.");
}

void man_agent_yaml(struct str *out)
{
	struct key_page page = {.out = out},
			own = {.out = out, .projects = true, .host_side = true};

	roff_title(out, "agent.yaml", "5", "settings of a host for mdc-agent");
	roff_section(out, "SYNOPSIS");
	str_add(out, ".B " MDC_SYSCONFDIR "/agent.yaml\n");
	roff_section(out, "DESCRIPTION");
	roff_paragraphs(
		out,
		"One YAML file (JSON is YAML too) for each host, written by its administrator. "
		"Only `source.url` has no default. An unknown key is an error with its line and "
		"the nearest key that is known. `mdc-agent init` writes a commented file.\n"
		"After a change: `systemctl reload mdc-agent`. The next sync then looks at every "
		"project.");
	roff_section(out, "KEYS");
	keys_each(config_rows(), "", one_key, &page);
	rules(out);
	roff_section(out, "PROJECTS OF THE HOST");
	roff_paragraphs(
		out,
		"Projects may be declared here, with Compose files anywhere on the host, instead "
		"of or beside a repository. Without `source.url` these are all there is. Each "
		"takes the keys of mdc.yaml(5) but path and files, and needs compose_files.\n"
		"Where the same key stands in several places, mdc.yaml counts first, then x-mdc in "
		"the Compose file, then `defaults` of mdc.yaml, then `defaults` here.");
	roff_section(out, "KEYS OF A PROJECT OF THE HOST");
	keys_each(settings_rows(), "", one_key, &own);
	roff_section(out, "EXAMPLES");
	roff_paragraphs(out, "A repository on a server, over https:\n"
			     "  source:\n"
			     "    url: https://git.example.org/me/homelab.git\n"
			     "    branch: main\n"
			     "    username: deploy\n"
			     "    token_file: /etc/mdc-agent/token\n"
			     "  host: server1\n"
			     "  defaults:\n"
			     "    health: {timeout: 5m}\n"
			     "Over ssh:\n"
			     "  source:\n"
			     "    url: ssh://git@git.example.org/me/homelab.git\n"
			     "    ssh_key_file: /etc/mdc-agent/id_ed25519\n"
			     "    known_hosts_file: /etc/mdc-agent/known_hosts\n"
			     "No repository, one project of this host:\n"
			     "  projects:\n"
			     "    web:\n"
			     "      compose_files: [/srv/web/compose.yaml]");
	roff_section(out, "SEE ALSO");
	str_add(out, ".BR mdc\\-agent (8),\n.BR mdc.yaml (5)\n");
}

static void manifest_keys(struct str *out)
{
	roff_section(out, "KEYS OF THE FILE");
	roff_item(out, "version", "Always 1. Value: number. Default: 1.");
	roff_item(out, "atomic",
		  "true: if one project of a push fails, all projects of that push go back. "
		  "Otherwise each stands alone. Value: true|false. Default: false.");
	roff_item(
		out, "groups",
		"Names for sets of hosts, used as @name in hosts. Value: map of names to lists of "
		"host names and patterns.");
	roff_item(
		out, "defaults",
		"Settings for projects that do not set them: env_files, profiles, pull, on_remove, "
		"health, snapshot, hooks, suspend. Value: map.");
	roff_item(
		out, "projects",
		"The projects, by name. With this key only these are deployed; without it they are "
		"discovered. Value: map of names to the keys below; {} takes every default.");
}

void man_mdc_yaml(struct str *out)
{
	struct key_page page = {.out = out, .projects = true};

	roff_title(out, "mdc.yaml", "5", "what a repository says about its projects to mdc-agent");
	roff_section(out, "DESCRIPTION");
	roff_paragraphs(
		out,
		"The file is optional. Without it each directory, at most three levels deep, that "
		"holds compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml is a "
		"project named after the directory.\n"
		"The keys of a project may also stand in its Compose file under `x-mdc:`. mdc.yaml "
		"counts before x-mdc, and both before defaults. `mdc-agent check` finds mistakes "
		"before a push.");
	manifest_keys(out);
	roff_section(out, "KEYS OF A PROJECT");
	keys_each(settings_rows(), "", one_key, &page);
	rules(out);
	roff_section(out, "HEALTH");
	roff_paragraphs(
		out,
		"A deployed project counts as healthy when every container with a healthcheck is "
		"healthy and stays so for `health.settle`, every other one runs for that long "
		"without a restart, one-shot containers (restart: no or on-failure) have ended "
		"with 0, and every address of `health.http` and unit of `health.units` answers. A "
		"container that restarts or dies fails the deployment at once.");
	roff_section(out, "DATA");
	roff_paragraphs(
		out,
		"Volumes are never removed by the agent. Before a change they are copied as the keys "
		"below `snapshot` say, and put back when the new version fails; what it wrote is set "
		"aside. `mdc-agent plan` says which driver copies which volume, what that costs, and "
		"which cannot be put back. Commands of `hooks` run in a service's container; "
		"ready-made ones are in share/mdc-agent/hooks/before-snapshot. Those with a $ belong into "
		"mdc.yaml: under x-mdc Compose takes it for a variable of its own.");
	roff_section(out, "EXAMPLES");
	roff_paragraphs(out, "  version: 1\n"
			     "  groups:\n"
			     "    web: [server1, \"edge-*\"]\n"
			     "  defaults:\n"
			     "    health: {timeout: 3m, settle: 10s}\n"
			     "  projects:\n"
			     "    traefik: {}\n"
			     "    mealie:\n"
			     "      path: apps/mealie\n"
			     "      files: [compose.yaml, compose.prod.yaml]\n"
			     "      hosts: [\"@web\"]\n"
			     "      after: [traefik]\n"
			     "      health: {timeout: 5m, http: [\"http://127.0.0.1:9925/\"]}\n"
			     "In a Compose file:\n"
			     "  x-mdc:\n"
			     "    hosts: [server1]\n"
			     "    health: {timeout: 5m}\n"
			     "  services:\n"
			     "    app:\n"
			     "      image: registry.example.org/app:1.4.2");
	roff_section(out, "SEE ALSO");
	str_add(out, ".BR mdc\\-agent (8),\n.BR agent.yaml (5)\n");
}
