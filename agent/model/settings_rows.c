/*
 * settings_rows - the table of a project's keys: how each is read, and the manual's text for it.
 * Depends on: common, keys.
 * To add a key: a setter if none fits, and a row.
 */
#include "agent/model/settings.h"

#include "agent/model/settings_words.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

/* The i-th value of what key_set_texts() read: a single text stands for a list of one. */
static const struct yaml_node *node_at(const struct yaml_node *v, size_t i)
{
	return v->kind == YAML_LIST ? &v->items[i] : v;
}

/* A list whose every entry must satisfy `fits`. */
static int set_checked(const struct yaml_node *v, struct strv *at, const struct key_context *c,
		       bool (*fits)(const char *), const char *expected)
{
	auto_strv struct strv got = STRV_INIT;

	if (key_set_texts(v, &got, c) < 0)
		return -1;
	for (size_t i = 0; i < got.n; i++)
		if (!fits(got.v[i]))
			return key_refuse(node_at(v, i), c, "expected %s, not '%s'", expected,
					  got.v[i]);
	strv_copy(at, &got);
	return 0;
}

static bool is_absolute(const char *path)
{
	return path[0] == '/' && path_is_clean(path + 1);
}

static int set_path(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && strcmp(text, ".") != 0 && !path_is_clean(text))
		return key_refuse(
			v, c, "expected a directory of the repository, such as apps/web, not '%s'",
			text);
	return key_set_text(v, at, c);
}

static int set_files(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, path_is_clean,
			   "a file below the project's directory, such as compose.prod.yaml");
}

static bool is_host(const char *text)
{
	const char *name = text[0] == '@' ? text + 1 : text;

	return name[0] && text[0] != '!' && !strpbrk(name, " /\t@");
}

static int set_hosts(const struct yaml_node *v, void *at, const struct key_context *c)
{
	if (v->kind == YAML_LIST && v->n == 0)
		return key_refuse(v, c, "is an empty list: remove it for every host, or name some");
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
		const char *text = yaml_text(&v->items[i]);
		if (text && text[0] == '!')
			return key_refuse(
				&v->items[i], c,
				"'%s': there is no negation; name the hosts, or make a group of them",
				text);
	}
	return set_checked(v, at, c, is_host,
			   "a host name, a pattern such as \"edge-*\" or a group such as \"@web\"");
}

static int set_after(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, path_is_project_name, "the name of another project");
}

static bool is_env_file(const char *text)
{
	return text[0] != '-' && !strpbrk(text, "\n\r") && !str_ends(text, "/");
}

static int set_env_files(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, is_env_file, "the name of a file, such as prod.env");
}

static bool is_profile(const char *text)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return text[strspn(text, chars)] == '\0' && !strchr("_.-", text[0]);
}

/* `at` is the settings: two fields are set. */
static int set_profiles(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct settings *s = at;

	if (set_checked(v, &s->profiles, c, is_profile, "a profile's name, such as prod") < 0)
		return -1;
	s->has_profiles = true;
	return 0;
}

static int set_word(const struct yaml_node *v, void *at, const struct key_context *c,
		    const struct settings_words *words)
{
	int i = key_word(v, words->v + 1, words->n - 1, c);

	if (i < 0)
		return -1;
	*(int *)at = i + 1;
	return 0;
}

static int set_pull(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_word(v, at, c, &settings_pull);
}

static int set_on_remove(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_word(v, at, c, &settings_on_remove);
}

static int set_quiesce(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_word(v, at, c, &settings_quiesce);
}

static int set_flag(const struct yaml_node *v, void *at, const struct key_context *c)
{
	bool on;

	if (key_set_bool(v, &on, c) < 0)
		return -1;
	*(enum tristate *)at = on ? TRI_YES : TRI_NO;
	return 0;
}

static bool is_url(const char *text)
{
	const char *rest = str_starts(text, "http://")    ? text + 7
			   : str_starts(text, "https://") ? text + 8
							  : "";

	return rest[0] && rest[0] != '/' && !strpbrk(text, " \t\r\n\"'<>\\");
}

static int set_http(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, is_url, "a URL, such as http://127.0.0.1:8080/health");
}

static bool is_unit(const char *text)
{
	const char *dot = strrchr(text, '.');

	return text[0] != '-' && text[0] != '.' && dot && dot[1] && !strpbrk(text, " /\t\r\n");
}

static int set_units(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, is_unit, "a systemd unit with its suffix, such as db.service");
}

static bool is_volume(const char *text)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return text[0] && !strchr("_.-", text[0]) && text[strspn(text, chars)] == '\0';
}

/* `at` is the snapshot settings: `all`, `none` or names. */
static int set_volumes(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct snapshot_settings *s = at;
	static const char *const words[] = {"all", "none"};

	if (yaml_text(v)) {
		int i = key_word(v, words, COUNT_OF(words), c);
		if (i < 0)
			return -1;
		s->all_volumes = i == 0 ? TRI_YES : TRI_NO;
		strv_done(&s->volumes);
		return 0;
	}
	if (set_checked(v, &s->volumes, c, is_volume,
			"a volume's name as in the Compose file, such as data") < 0)
		return -1;
	s->all_volumes = TRI_NO;
	return 0;
}

/* A directory beside the volumes: of the host, or below the project's own. */
static bool is_data_path(const char *text)
{
	return is_absolute(text) || (str_starts(text, "./") && path_is_clean(text + 2));
}

static int set_data_paths(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_checked(v, at, c, is_data_path,
			   "an absolute path without '..', such as /srv/web, or one below the "
			   "project's directory, such as ./data");
}

/* One word for all volumes, or a map of volume to word. */
static int set_by_volume(const struct yaml_node *v, struct strv *by_volume,
			 const struct key_context *c, const struct settings_words *words)
{
	auto_strv struct strv got = STRV_INIT;

	for (size_t i = 0; i < v->n; i++) {
		const char *key = v->pairs[i].key;
		int word;
		if (!is_volume(key) && !is_data_path(key))
			return key_refuse(v, c, "'%s' is neither a volume's name nor a path", key);
		if (set_word(&v->pairs[i].value, &word, c, words) < 0)
			return -1;
		strv_pushf(&got, "%s=%s", key, words->v[word]);
	}
	strv_copy(by_volume, &got);
	return 0;
}

/* `at` is the snapshot settings. */
static int set_restore(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct snapshot_settings *s = at;

	if (v->kind != YAML_MAP)
		return set_word(v, &s->restore, c, &settings_restore);
	return set_by_volume(v, &s->restore_by_volume, c, &settings_restore);
}

static int set_driver(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct snapshot_settings *s = at;

	if (v->kind != YAML_MAP)
		return set_word(v, &s->driver, c, &settings_driver);
	return set_by_volume(v, &s->driver_by_volume, c, &settings_driver);
}

static int set_command(const struct yaml_node *v, void *at, const struct key_context *c)
{
	if (v->kind != YAML_LIST || v->n == 0)
		return key_refuse(v, c,
				  "expected a list of words, such as [pg_dump, -U, app]; "
				  "for a shell line: [sh, -c, \"...\"]");
	return key_set_texts(v, at, c);
}

static const struct key_row health_rows[] = {
	{"timeout", "duration", "3m",
	 "How long a deployed project may take to become healthy; then it goes back.",
	 key_set_duration, offsetof(struct health_settings, timeout_ms), NULL},
	{"settle", "duration", "10s",
	 "How long it must stay healthy, without a restart, before it counts as healthy.",
	 key_set_duration, offsetof(struct health_settings, settle_ms), NULL},
	{"http", "list of URLs", NULL,
	 "Addresses that must answer with a status from 200 to 399, asked from the host.", set_http,
	 offsetof(struct health_settings, http), NULL},
	{"units", "list of systemd units", NULL, "Units of the host that must be active.",
	 set_units, offsetof(struct health_settings, units), NULL},
	{.name = NULL},
};

static const struct key_row snapshot_rows[] = {
	{"volumes", "all, none or a list of volumes", "all",
	 "Which volumes are copied before a change. Names are those of the Compose file.",
	 set_volumes, 0, NULL},
	{"paths", "list of paths", NULL,
	 "Directories to copy as well, for projects that keep data in bind mounts: absolute, or below the "
	 "project's directory, such as ./data.",
	 set_data_paths, offsetof(struct snapshot_settings, paths), NULL},
	{"quiesce", "stop|pause|none", "stop",
	 "What happens to the project's containers while its volumes are copied. With 'none' a copy may "
	 "catch a file half written.",
	 set_quiesce, offsetof(struct snapshot_settings, quiesce), NULL},
	{"restore", "auto|manual|never, or a map of volume to one of them", "auto",
	 "Whether a failed deployment puts the volumes back by itself. What the failed version wrote is "
	 "kept beside them.",
	 set_restore, 0, NULL},
	{"driver", "auto|btrfs|reflink|copy|zfs|command, or a map of volume to one of them", "auto",
	 "How volumes are copied; auto takes the best that the file system can do. 'command' runs "
	 "snapshots.command of agent.yaml.",
	 set_driver, 0, NULL},
	{.name = NULL},
};

static const struct key_row hook_rows[] = {
	{"service", "name", NULL, "The service whose container runs the command.", key_set_text,
	 offsetof(struct hook, service), NULL},
	{"command", "list of words", NULL,
	 "The program and its arguments. No shell is involved unless you name one.", set_command,
	 offsetof(struct hook, command), NULL},
	{"timeout", "duration", "5m",
	 "The command is killed after this time and the deployment gives up.", key_set_duration,
	 offsetof(struct hook, timeout_ms), NULL},
	{.name = NULL},
};

static const struct key_row hooks_rows[] = {
	{"before_snapshot", "map", NULL,
	 "A command before containers are stopped for the snapshot, such as a database dump. If it "
	 "fails, nothing is changed.",
	 NULL, offsetof(struct settings, before_snapshot), hook_rows},
	{"after_snapshot", "map", NULL,
	 "A command once the snapshot is taken and the containers run again.", NULL,
	 offsetof(struct settings, after_snapshot), hook_rows},
	{.name = NULL},
};

enum { FIRST_SHARED = 6 }; /* index of the first row that may stand under `defaults:` */

static const struct key_row all_rows[] = {
	{"path", "directory", "the project's name",
	 "The project's directory, relative to where the manifest stands.", set_path,
	 offsetof(struct settings, path), NULL},
	{"files", "list of files", "compose.yaml and its override file",
	 "Compose files, relative to the project's directory, merged in this order.", set_files,
	 offsetof(struct settings, files), NULL},
	{.name = "", .below = settings_host_rows},
	{"hosts", "list of names, patterns and @groups", "every host",
	 "The hosts that run this project.", set_hosts, offsetof(struct settings, hosts), NULL},
	{"after", "list of projects", NULL,
	 "Projects that must be deployed and healthy before this one is tried.", set_after,
	 offsetof(struct settings, after), NULL},
	{"adopt", "true|false", "false",
	 "Take over running containers of a Compose project with this name that the agent did not start.",
	 set_flag, offsetof(struct settings, adopt), NULL},
	/* From here on: the rows that may stand under `defaults:` too. */
	{"env_files", "list of files", NULL,
	 "Files with values for ${NAME} in the Compose files, relative to the project's directory, "
	 "later ones first in rank. Without it: '.env' if there is one.",
	 set_env_files, offsetof(struct settings, env_files), NULL},
	{"profiles", "list of names", NULL, "Compose profiles to enable.", set_profiles, 0, NULL},
	{"pull", "always|missing|never", "missing",
	 "When images are pulled, before anything is touched.", set_pull,
	 offsetof(struct settings, pull), NULL},
	{"on_remove", "down|stop|keep", "down",
	 "What happens when the project leaves the repository: its containers and networks are "
	 "removed, only stopped, or left alone. Volumes always stay.",
	 set_on_remove, offsetof(struct settings, on_remove), NULL},
	{"health", "map", NULL, "When a deployed project counts as healthy.", NULL,
	 offsetof(struct settings, health), health_rows},
	{"snapshot", "map", NULL, "What is copied before a change, and how.", NULL,
	 offsetof(struct settings, snapshot), snapshot_rows},
	{"hooks", "map", NULL, "Commands around the snapshot.", NULL, 0, hooks_rows},
	{"suspend", "true|false", "false",
	 "Leave this project exactly as it is until this is false again.", set_flag,
	 offsetof(struct settings, suspend), NULL},
	{.name = NULL},
};

const struct key_row *settings_rows(void)
{
	return all_rows;
}

const struct key_row *settings_default_rows(void)
{
	return &all_rows[FIRST_SHARED];
}
