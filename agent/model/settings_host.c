/*
 * settings_host - the keys of a project that only root may write: in agent.yaml, and what the
 * evaluator `flake` gives. Depends on: common, keys, settings.
 * To add a key: a field in struct host_settings, a row here and one in settings.c.
 */
#include "agent/model/settings.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_MAX = 64 * 1024, ENTRIES_MAX = 1000 };

static bool is_absolute(const char *path)
{
	return path[0] == '/' && path_is_clean(path + 1);
}

static int set_host_paths(const struct yaml_node *v, void *at, const struct key_context *c)
{
	auto_strv struct strv got = STRV_INIT;

	if (key_set_texts(v, &got, c) < 0)
		return -1;
	for (size_t i = 0; i < got.n; i++)
		if (!is_absolute(got.v[i]))
			return key_refuse(v->kind == YAML_LIST ? &v->items[i] : v, c,
					  "expected an absolute path without '..', such as "
					  "/srv/web, not '%s'",
					  got.v[i]);
	strv_copy(at, &got);
	return 0;
}

static int set_project_name(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && !path_is_project_name(text))
		return key_refuse(
			v, c,
			"'%s' is no name that Compose takes: use a-z, 0-9, '-' and '_', at "
			"most 63, beginning with a letter or digit",
			text);
	return key_set_text(v, at, c);
}

/* A map of texts, kept as "key=value". */
static int set_pairs(const struct yaml_node *v, struct strv *to, const struct key_context *c,
		     bool (*fits)(const char *), const char *expected)
{
	auto_strv struct strv got = STRV_INIT;

	if (v->kind != YAML_MAP)
		return key_refuse(v, c, "expected a map, such as {db_password: %s}, not a %s",
				  expected, yaml_kind_name(v->kind));
	if (v->n > ENTRIES_MAX)
		return key_refuse(v, c, "has more than %d entries", ENTRIES_MAX);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		const char *value = yaml_text(&p->value);

		if (p->key[0] == '\0' || strpbrk(p->key, "={}$\n"))
			return key_refuse(&p->value, c,
					  "'%s' cannot stand in ${...}: use letters, digits, '_', "
					  "'-' and '.'",
					  p->key);
		if (!value || strlen(value) > VALUE_MAX || !fits(value))
			return key_refuse(&p->value, c, "%s: expected %s", p->key, expected);
		strv_pushf(&got, "%s=%s", p->key, value);
	}
	strv_copy(to, &got);
	return 0;
}

static bool any_text(const char *text)
{
	(void)text;
	return true;
}

static int set_substitutions(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_pairs(v, at, c, any_text, "a text of at most 64 KiB");
}

static int set_from_files(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return set_pairs(v, at, c, is_absolute, "an absolute path, such as /run/secrets/db");
}

struct image_entry {
	char *service, *ref, *path;
	bool stream;
};

static void image_entry_done(struct image_entry *i)
{
	free(i->service);
	free(i->ref);
	free(i->path);
}

static int set_image_path(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && !is_absolute(text))
		return key_refuse(v, c, "expected an absolute path, not '%s'", text);
	return key_set_text(v, at, c);
}

static const struct key_row image_rows[] = {
	{"service", "name", NULL, "The service that runs the image.", key_set_text,
	 offsetof(struct image_entry, service), NULL},
	{"ref", "name:tag", NULL, "The image's name, as the archive says it.", key_set_text,
	 offsetof(struct image_entry, ref), NULL},
	{"path", "absolute path", NULL,
	 "An image archive, or with `stream` a program that writes one to its standard output. The "
	 "image is loaded once for each path.",
	 set_image_path, offsetof(struct image_entry, path), NULL},
	{"stream", "true|false", "false", "The path is a program.", key_set_bool,
	 offsetof(struct image_entry, stream), NULL},
	{.name = NULL},
};

static int read_image(const struct yaml_node *v, const struct key_context *c, struct strv *to)
{
	AUTO(image_entry_done) struct image_entry i = {.service = NULL};

	if (keys_read(v, image_rows, &i, c) < 0)
		return -1;
	if (!i.service || !i.ref || !i.path)
		return key_refuse(v, c,
				  "needs service, ref and path, such as {service: web, ref: "
				  "\"web:1\", path: /nix/store/...-web.tar.gz}");
	if (strpbrk(i.service, "\t\n") || strpbrk(i.ref, " \t\n"))
		return key_refuse(v, c, "'%s' is no image name", i.ref);
	strv_pushf(to, "%s\t%s\t%s\t%s", i.service, i.ref, i.path, i.stream ? "stream" : "file");
	return 0;
}

static int set_images(const struct yaml_node *v, void *at, const struct key_context *c)
{
	auto_strv struct strv got = STRV_INIT;

	if (v->kind != YAML_LIST)
		return key_refuse(v, c, "expected a list of {service, ref, path, stream}, not a %s",
				  yaml_kind_name(v->kind));
	if (v->n > ENTRIES_MAX)
		return key_refuse(v, c, "has more than %d entries", ENTRIES_MAX);
	for (size_t i = 0; i < v->n; i++)
		if (read_image(&v->items[i], c, &got) < 0)
			return -1;
	strv_copy(at, &got);
	return 0;
}

static int set_flag(const struct yaml_node *v, void *at, const struct key_context *c)
{
	bool on;

	if (key_set_bool(v, &on, c) < 0)
		return -1;
	*(enum tristate *)at = on ? TRI_YES : TRI_NO;
	return 0;
}

static const struct key_row store_rows[] = {
	{"services", "list of services", "every service", "The services that see the store.",
	 key_set_texts, offsetof(struct store_mount, services), NULL},
	{"read_only", "true|false", "true", "Mount the store read-only.", set_flag,
	 offsetof(struct store_mount, read_only), NULL},
	{"nix_daemon", "true|false", "false",
	 "Also mount the socket of the Nix daemon and set NIX_REMOTE=daemon.", set_flag,
	 offsetof(struct store_mount, nix_daemon), NULL},
	{.name = NULL},
};

static int set_store(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct store_mount *m = at;

	if (keys_read(v, store_rows, m, c) < 0)
		return -1;
	if (m->read_only == TRI_UNSET)
		m->read_only = TRI_YES;
	return 0;
}

#define AT(member) offsetof(struct settings, host.member)
const struct key_row settings_host_rows[] = {
	{"compose_files", "list of absolute paths", NULL,
	 "agent.yaml only: the project's Compose files on this host, merged in this order.",
	 set_host_paths, offsetof(struct settings, compose_files), NULL},
	{"project_name", "name", "the project's name",
	 "The name that Compose knows the project by (its -p): containers, networks and volumes are "
	 "called after it.",
	 set_project_name, AT(project_name), NULL},
	{"substitutions", "map of keys to texts", NULL,
	 "Each ${key} in the Compose files becomes this text, whatever characters are in it. Other "
	 "${...} are left to Compose.",
	 set_substitutions, AT(substitutions), NULL},
	{"substitutions_from_files", "map of keys to absolute paths", NULL,
	 "The same with the content of a file, without its last newline: for secrets. They are never "
	 "shown.",
	 set_from_files, AT(substitutions_from_files), NULL},
	{"images", "list of maps", NULL,
	 "Images that are loaded from files of this host, such as derivations of Nix, and never "
	 "pulled.",
	 set_images, AT(images), image_rows},
	{"down_timeout", "duration", "120s",
	 "How long containers may take to stop when the project is taken down.", key_set_duration,
	 AT(down_timeout_ms), NULL},
	{"requires_mounts", "list of absolute paths", NULL,
	 "Mount points without which the project is not deployed; what runs is left as it is.",
	 set_host_paths, AT(requires_mounts), NULL},
	{"host_nix_store", "map", NULL, "Mount the host's /nix/store into the services.", set_store,
	 AT(store), store_rows},
	{.name = NULL},
};
#undef AT

bool settings_is_host_key(const char *name)
{
	for (const struct key_row *r = settings_host_rows; r->name; r++) {
		size_t n = strlen(r->name);

		if (strncmp(name, r->name, n) == 0 && (name[n] == '\0' || name[n] == '.'))
			return true;
	}
	return false;
}

static const char *take_part(const char *at, char *to, size_t size)
{
	size_t n = strcspn(at, "\t");

	(void)snprintf(to, size, "%.*s", (int)n, at);
	return at + n + (at[n] == '\t');
}

bool settings_image(const struct settings *s, size_t i, struct image_source *out)
{
	if (i >= s->host.images.n)
		return false;
	const char *at = s->host.images.v[i];

	at = take_part(at, out->service, sizeof(out->service));
	at = take_part(at, out->ref, sizeof(out->ref));
	at = take_part(at, out->path, sizeof(out->path));
	out->stream = strcmp(at, "stream") == 0;
	return true;
}
