/*
 * config_rows - the table of agent.yaml's keys: how each is read, and the manual's text for it.
 * Depends on: common, keys, settings.
 * To add a key: a field in struct config, a row here, and its default in config.c.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

enum { DECLARED_MAX = 1000 };

static int set_metrics(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && (text[0] != '/' || !path_is_clean(text + 1) || !str_ends(text, ".prom")))
		return key_refuse(v, c,
				  "expected an absolute path that ends in .prom, such as "
				  "/var/lib/prometheus/node-exporter/mdc-agent.prom, not '%s'",
				  text);
	return key_set_text(v, at, c);
}

static int set_start(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && strcmp(text, ".") != 0 && !path_is_clean(text))
		return key_refuse(v, c,
				  "expected a directory of the repository, such as hosts, not '%s'",
				  text);
	return key_set_text(v, at, c);
}

/* A ref name is handed to libgit2 and to servers: only what git itself accepts. */
static bool is_ref(const char *text, bool glob)
{
	static const char *const inside[] = {"..", "@{", "//"};

	for (size_t i = 0; i < COUNT_OF(inside); i++)
		if (strstr(text, inside[i]))
			return false;
	if (strchr("-/.", text[0]) || str_starts(text, "refs/"))
		return false;
	if (str_ends(text, "/") || str_ends(text, ".lock"))
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr(glob ? "~^:\\" : "~^:\\*?[", *p))
			return false;
	return true;
}

static int set_branch(const struct yaml_node *v, void *at, const struct key_context *c)
{
	if (yaml_text(v) && !is_ref(yaml_text(v), false))
		return key_refuse(v, c, "expected a branch, such as main, not '%s'", yaml_text(v));
	return key_set_text(v, at, c);
}

static int set_tag(const struct yaml_node *v, void *at, const struct key_context *c)
{
	if (yaml_text(v) && !is_ref(yaml_text(v), true))
		return key_refuse(v, c,
				  "expected a tag or a pattern, such as \"deploy/*\", not '%s'",
				  yaml_text(v));
	return key_set_text(v, at, c);
}

static int set_host(const struct yaml_node *v, void *at, const struct key_context *c)
{
	if (yaml_text(v) && strpbrk(yaml_text(v), " /@*?[\t\n"))
		return key_refuse(v, c, "expected a host name, such as server1, not '%s'",
				  yaml_text(v));
	return key_set_text(v, at, c);
}

static int set_engine(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {
		[ENGINE_AUTO] = "auto", [ENGINE_DOCKER] = "docker", [ENGINE_PODMAN] = "podman"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum engine_kind *)at = (enum engine_kind)i;
	return 0;
}

static int set_evaluator(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {
		[EVALUATOR_FILES] = "files", [EVALUATOR_FLAKE] = "flake"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum evaluator_kind *)at = (enum evaluator_kind)i;
	return 0;
}

/* It becomes part of a flake reference. */
static int set_attribute(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-.'\"";
	const char *text = yaml_text(v);

	if (text && (text[0] == '\0' || text[strspn(text, chars)] != '\0'))
		return key_refuse(v, c, "expected an attribute, such as mdcAgent.server1, not '%s'",
				  text);
	return key_set_text(v, at, c);
}

static int set_drift(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {[DRIFT_REPORT] = "report", [DRIFT_REPAIR] = "repair"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum drift_policy *)at = (enum drift_policy)i;
	return 0;
}

static int set_socket(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);
	const char *path = text && str_starts(text, "unix://") ? text + 7 : text;

	if (path && (path[0] != '/' || !path_is_clean(path + 1)))
		return key_refuse(
			v, c,
			"expected the path of a unix socket, such as /run/docker.sock, not '%s'",
			text);
	if (key_set_text(v, at, c) < 0)
		return -1;
	if (path && path != text) {
		free(*(char **)at);
		*(char **)at = xstrdup(path);
	}
	return 0;
}

static int set_defaults(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return settings_read_defaults(v, c, at);
}

static int read_declared(const struct yaml_pair *pair, const struct key_context *c,
			 struct config *cf)
{
	auto_free char *key = xasprintf("projects.%s", pair->key);
	auto_free char *name = path_project_name(pair->key);
	struct key_context inner = *c;

	inner.key = key;
	inner.project = pair->key;
	for (size_t i = 0; i < cf->n_projects; i++)
		if (str_eq(cf->projects[i].name, name))
			return key_refuse(
				&pair->value, &inner,
				"Compose makes '%s' of this name, as of another project's: "
				"rename one of them",
				name);
	if (!path_is_project_name(name)) {
		inner.key = NULL;
		struct yaml_node at = {.line = pair->line, .column = pair->column};
		return key_refuse(
			&at, &inner,
			"'%s' is not a valid project name: use a-z, 0-9, '-' and '_', at most 63, "
			"beginning with a letter or digit",
			pair->key);
	}
	cf->projects = xreallocarray(cf->projects, cf->n_projects + 1, sizeof(*cf->projects));
	struct declared_project *p = &cf->projects[cf->n_projects++];
	*p = (struct declared_project){.name = xstrdup(name), .line = pair->line};
	settings_init(&p->settings);
	if (settings_read(&pair->value, true, &inner, &p->settings) < 0)
		return -1;
	if (p->settings.compose_files.n == 0)
		return key_refuse(
			&pair->value, &inner,
			"has no compose_files: name the project's Compose files on this host");
	return 0;
}

/* `at` is the config: a list and its length are set. */
static int set_projects(const struct yaml_node *v, void *at, const struct key_context *c)
{
	int rc = 0;

	if (v->kind != YAML_MAP)
		return key_refuse(
			v, c,
			"expected a map of names to settings, such as {web: {compose_files: "
			"[/srv/web/compose.yaml]}}, not a %s",
			yaml_kind_name(v->kind));
	if (v->n > DECLARED_MAX)
		return key_refuse(v, c, "has more than %d projects", DECLARED_MAX);
	for (size_t i = 0; i < v->n; i++)
		if (read_declared(&v->pairs[i], c, at) < 0)
			rc = -1;
	return rc;
}

int config_read_projects(const struct yaml_node *map, const char *file, struct diags *d,
			 struct config *out)
{
	struct key_context c = {.file = file, .diags = d, .key = "projects"};

	return set_projects(map, out, &c);
}

#define AT(member) offsetof(struct source_config, member)
static const struct key_row source_rows[] = {
	{"url", "URL", NULL,
	 "The Git repository to follow: https://, ssh://, git@host:path or file:///. Without it only "
	 "`projects` of this file are deployed.",
	 key_set_text, AT(url), NULL},
	{"branch", "branch", "main", "The branch whose head is deployed.", set_branch, AT(branch),
	 NULL},
	{"tag", "tag or pattern", NULL,
	 "Instead of a branch: the newest tag, in version order, that matches.", set_tag, AT(tag),
	 NULL},
	{"path", "directory", ".",
	 "Where in the repository mdc.yaml and the projects are looked for.", set_start, AT(path),
	 NULL},
	{"poll", "duration", "60s",
	 "How often the repository is asked whether something moved; 5s or more.", key_set_duration,
	 AT(poll_ms), NULL},
	{"username", "name", "git",
	 "The user name for https; for ssh the one in the URL goes first.", key_set_text,
	 AT(username), NULL},
	{"token_file", "absolute path or credential:NAME", NULL,
	 "A file with the token or password for https. Its mode must be 0600 or stricter.",
	 config_set_input, AT(token_file), NULL},
	{"ssh_key_file", "absolute path or credential:NAME", NULL,
	 "The private key for ssh, without a passphrase.", config_set_input, AT(ssh_key_file),
	 NULL},
	{"known_hosts_file", "absolute path", NULL,
	 "The server's host keys for ssh. No other key is accepted.", config_set_input,
	 AT(known_hosts_file), NULL},
	{"ca_file", "absolute path", NULL,
	 "Certificate authorities for https, instead of the system's.", config_set_input,
	 AT(ca_file), NULL},
	{"timeout", "duration", "2m", "How long one fetch may take.", key_set_duration,
	 AT(timeout_ms), NULL},
	{"max_age", "duration", NULL,
	 "Without a new commit for longer than this `status --check` warns and source.stale is told: "
	 "somebody may be keeping new commits back.",
	 key_set_duration, AT(max_age_ms), NULL},
	{"evaluator", "files|flake", "files",
	 "How the repository says what its projects are: by its files, or as a Nix flake.",
	 set_evaluator, AT(evaluator), NULL},
	{"flake_attribute", "attribute", "mdcAgent.<host>",
	 "evaluator flake: where in the flake this host's projects are.", set_attribute,
	 AT(flake_attribute), NULL},
	{.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct retention_config, member)
static const struct key_row retention_rows[] = {
	{"generations", "number", "10", "How many generations are kept to go back to.",
	 key_set_count, AT(generations), NULL},
	{"snapshots", "number", "5",
	 "How many snapshots of each project are kept. One that a kept generation needs is never removed.",
	 key_set_count, AT(snapshots), NULL},
	{"failed_data", "duration", "7d", "How long data that a failed version wrote is kept.",
	 key_set_duration, AT(failed_data_ms), NULL},
	{"snapshot_share", "percentage", "20%",
	 "The share of a file system that snapshots may fill.", key_set_percent, AT(snapshot_share),
	 NULL},
	{.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct snapshots_config, member)
static const struct key_row snapshots_rows[] = {
	{"dir", "absolute path", NULL,
	 "Where copies of volumes are kept. It should be on the volumes' own file system. Without it: "
	 "below state_dir or the engine's directory, whichever is.",
	 config_set_path, AT(dir), NULL},
	{"subvolumes", "true|false", "false",
	 "On btrfs: turn volumes into subvolumes, which are copied and put back in milliseconds. Backups "
	 "that stay on one file system (tar --one-file-system, rsync -x) then leave them out.",
	 key_set_bool, AT(subvolumes), NULL},
	{"command", "absolute path", NULL,
	 "A program of this host that takes and restores copies, for LVM, SAN or cloud disks; used where "
	 "snapshot.driver is 'command'.",
	 config_set_path, AT(command), NULL},
	{"min_free", "percentage", "5%",
	 "What must stay free on a file system where copies are made; otherwise nothing is changed.",
	 key_set_percent, AT(min_free), NULL},
	{.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct config, member)
static const struct key_row rows[] = {
	{"source", "map", NULL, "The config repository.", NULL, AT(source), source_rows},
	{"host", "name", "the host name",
	 "The name by which `hosts` in the repository mean this machine.", set_host, AT(host),
	 NULL},
	{"engine", "docker|podman|auto", "auto",
	 "Which engine runs the containers; auto takes the one whose socket is there, Docker "
	 "first, and a user's own before the system's.",
	 set_engine, AT(engine), NULL},
	{"socket", "path of a socket", NULL,
	 "The engine's API socket, if it is not at the usual place.", set_socket, AT(socket), NULL},
	{"compose", "absolute path", NULL,
	 "The docker-compose plugin's binary (version 2), if it is not at the usual place.",
	 config_set_path, AT(compose), NULL},
	{"state_dir", "absolute path", "/var/lib/mdc-agent",
	 "Where generations, snapshots' records and the files that projects mount are kept. As a "
	 "user: ~/.local/state/mdc-agent.",
	 config_set_path, AT(state_dir), NULL},
	{"runtime_dir", "absolute path", "/run/mdc-agent",
	 "Where the control socket is; emptied at boot. As a user: $XDG_RUNTIME_DIR/mdc-agent.",
	 config_set_path, AT(runtime_dir), NULL},
	{"metrics_file", "absolute path of a .prom file", NULL,
	 "Where syncs and the daemon say in Prometheus' text format how things stand, for "
	 "node_exporter's textfile collector.",
	 set_metrics, AT(metrics_file), NULL},
	{"parallel", "number from 1 to 64", "2", "How many projects are deployed side by side.",
	 key_set_count, AT(parallel), NULL},
	{"drift", "report|repair", "report",
	 "What happens when somebody changed what runs: it is reported, or put right.", set_drift,
	 AT(drift), NULL},
	{"defaults", "map", NULL,
	 "Settings for projects that neither mdc.yaml nor x-mdc sets; the keys are those of mdc.yaml(5).",
	 set_defaults, AT(defaults), NULL},
	{"retention", "map", NULL, "How much is kept.", NULL, AT(retention), retention_rows},
	{"snapshots", "map", NULL, "How copies of volumes are made on this host.", NULL,
	 AT(snapshots), snapshots_rows},
	{"remove_unmanaged", "true|false", "false",
	 "Take down every Compose project on this host that is not the agent's. Volumes stay.",
	 key_set_bool, AT(remove_unmanaged), NULL},
	{"nix", "map", NULL, "Hosts with Nix.", NULL, 0, config_nix_rows},
	{"verify", "map", NULL, "Which commits are accepted: see Trust in the manual.", NULL,
	 AT(verify), config_verify_rows},
	{"policy", "map", NULL,
	 "What projects may ask of the host: a preset, and rules that differ from it.", NULL,
	 AT(policy), config_policy_rows},
	{"secrets", "map", NULL, "How encrypted files of projects are read.", NULL, AT(secrets),
	 config_secrets_rows},
	{"webhooks", "list of receivers", "[]",
	 "Where events are sent; each receiver with these keys:", config_set_webhooks, AT(reports),
	 config_webhook_rows},
	{"forge", "map", NULL,
	 "Where the commit's status is shown: pending, success or failure, with a reason.", NULL,
	 AT(reports.forge), config_forge_rows},
	{"projects", "map of names to settings", "{}",
	 "Projects declared on this host instead of in a repository; each with compose_files and the "
	 "keys of mdc.yaml(5).",
	 set_projects, 0, NULL},
	{.name = NULL},
};
#undef AT

const struct key_row *config_rows(void)
{
	return rows;
}
