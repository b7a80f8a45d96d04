/*
 * manifest - mdc.yaml: groups, defaults and the list of projects.
 * Depends on: common, keys, settings, hosts.
 * To add a key: a field in struct manifest and a row in rows[].
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

enum { GROUPS_MAX = 1000 };

void manifest_init(struct manifest *m)
{
	*m = (struct manifest){.version = 1};
	settings_init(&m->defaults);
}

void manifest_done(struct manifest *m)
{
	free(m->file);
	for (size_t i = 0; i < m->n_groups; i++) {
		free(m->groups[i].name);
		strv_done(&m->groups[i].members);
	}
	free(m->groups);
	for (size_t i = 0; i < m->n_projects; i++) {
		free(m->projects[i].name);
		free(m->projects[i].why_bad);
		settings_done(&m->projects[i].settings);
	}
	free(m->projects);
	settings_done(&m->defaults);
	manifest_init(m);
}

static int set_version(const struct yaml_node *v, void *at, const struct key_context *c)
{
	int version;

	if (key_set_count(v, &version, c) < 0)
		return -1;
	if (version != 1)
		return key_refuse(
			v, c, "this mdc-agent only knows version 1, not %d: update the agent first",
			version);
	*(int *)at = version;
	return 0;
}

static int read_group(const struct yaml_pair *pair, const struct key_context *c, struct manifest *m)
{
	auto_free char *key = xasprintf("groups.%s", pair->key);
	struct key_context inner = *c;
	struct group g = {.line = pair->line, .column = pair->column};

	inner.key = key;
	if (pair->key[0] == '\0' || strpbrk(pair->key, " @/*?[\t"))
		return key_refuse(&pair->value, c,
				  "'%s' is not a valid group name: use letters, digits and '-'",
				  pair->key);
	if (key_set_texts(&pair->value, &g.members, &inner) < 0)
		return -1;
	for (size_t i = 0; i < g.members.n; i++) {
		if (g.members.v[i][0] != '!' && !strpbrk(g.members.v[i], " /\t"))
			continue;
		strv_done(&g.members);
		return key_refuse(
			&pair->value, &inner,
			"expected host names, patterns and @groups; there is no negation");
	}
	m->groups = xreallocarray(m->groups, m->n_groups + 1, sizeof(*m->groups));
	g.name = xstrdup(pair->key);
	m->groups[m->n_groups++] = g;
	return 0;
}

/* `at` is the manifest. */
static int set_groups(const struct yaml_node *v, void *at, const struct key_context *c)
{
	int rc = 0;

	if (v->kind != YAML_MAP || v->n > GROUPS_MAX)
		return key_refuse(
			v, c,
			"expected a map of at most %d groups, such as {web: [server1, \"edge-*\"]}",
			GROUPS_MAX);
	for (size_t i = 0; i < v->n; i++)
		if (read_group(&v->pairs[i], c, at) < 0)
			rc = -1;
	return rc;
}

static int set_defaults(const struct yaml_node *v, void *at, const struct key_context *c)
{
	return settings_read_defaults(v, c, at);
}

/* Text of the first error that was added since `from`, as why_bad wants it. */
static char *first_error(const struct diags *d, size_t from)
{
	for (size_t i = from; i < d->n; i++)
		if (d->v[i].level == DIAG_ERROR)
			return xasprintf("%s:%d:%d: %s", d->v[i].file, d->v[i].line, d->v[i].column,
					 d->v[i].text);
	return xstrdup("its entry in the manifest is wrong");
}

static void read_listed(const struct yaml_pair *pair, const struct key_context *c,
			struct manifest *m)
{
	auto_free char *key = xasprintf("projects.%s", pair->key);
	struct key_context inner = *c;
	size_t before = c->diags->n;

	m->projects = xreallocarray(m->projects, m->n_projects + 1, sizeof(*m->projects));
	struct listed *l = &m->projects[m->n_projects++];
	*l = (struct listed){
		.name = xstrdup(pair->key), .line = pair->line, .column = pair->column};
	settings_init(&l->settings);
	inner.key = key;
	inner.project = l->name;
	int rc = settings_read(&pair->value, false, &inner, &l->settings);
	l->hosts_wrong = yaml_get(&pair->value, "hosts") && l->settings.hosts.n == 0;
	if (rc == 0 && !path_is_project_name(l->name)) {
		diags_add(
			c->diags, DIAG_ERROR, c->file, l->line, l->column, l->name,
			"'%s' is not a valid project name: use a-z, 0-9, '-' and '_', at most 63, beginning "
			"with a letter or digit",
			l->name);
		rc = -1;
	}
	if (rc < 0)
		l->why_bad = first_error(c->diags, before);
}

/* `at` is the manifest. What is wrong with one project is that project's affair. */
static int set_projects(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct manifest *m = at;

	if (v->kind != YAML_MAP)
		return key_refuse(
			v, c,
			"expected a map of names to settings, such as {web: {path: apps/web}}, "
			"not a %s",
			yaml_kind_name(v->kind));
	if (v->n > PROJECTS_MAX)
		return key_refuse(v, c, "has more than %d projects", PROJECTS_MAX);
	m->lists = true;
	for (size_t i = 0; i < v->n; i++)
		read_listed(&v->pairs[i], c, m);
	return 0;
}

static const struct key_row rows[] = {
	{"version", "number", "1", "The version of this format; 1 is the only one.", set_version,
	 offsetof(struct manifest, version), NULL},
	{"atomic", "true|false", "false",
	 "Either all changed projects of a host are deployed, or all go back to what held before.",
	 key_set_bool, offsetof(struct manifest, atomic), NULL},
	{"groups", "map of names to lists", "{}",
	 "Names for sets of hosts: host names, patterns and other groups as \"@name\". Use them in `hosts` as "
	 "\"@name\".",
	 set_groups, 0, NULL},
	{"defaults", "map", NULL, "Settings for every project that does not set them itself.",
	 set_defaults, offsetof(struct manifest, defaults), NULL},
	{"projects", "map of names to settings", NULL,
	 "The projects. Without this key every directory that holds a Compose file is one.",
	 set_projects, 0, NULL},
	{.name = NULL},
};

const struct key_row *manifest_rows(void)
{
	return rows;
}

static int reject(const struct diags *d, size_t from, const char *file, struct err *e)
{
	for (size_t i = from; i < d->n; i++)
		if (d->v[i].level == DIAG_ERROR && !d->v[i].project)
			return err_set(e, ERR_REJECTED, 0, "%s:%d:%d: %s", d->v[i].file,
				       d->v[i].line, d->v[i].column, d->v[i].text);
	return err_set(e, ERR_REJECTED, 0, "%s: more is wrong than can be shown", file);
}

int manifest_parse(const char *text, size_t len, const char *file, struct diags *d,
		   struct manifest *out, struct err *e)
{
	static const struct yaml_limits limits = {.max_bytes = COMPOSE_MAX_BYTES};
	struct key_context c = {.file = file, .diags = d};
	auto_yaml struct yaml_node *root = NULL;
	size_t before = d->n;

	if (yaml_parse(text, len, file, &limits, &root, e) < 0)
		return -1;
	out->file = xstrdup(file);
	int rc = keys_read(root, rows, out, &c);
	rc |= hosts_check_groups(out, d);
	return rc < 0 ? reject(d, before, file, e) : 0;
}
