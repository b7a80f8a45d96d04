/*
 * scan_project - from a directory to a project: its files, settings, env files, then the walk over
 * its Compose files. Depends on: scan, discover, reuse, hosts.
 */
#include "agent/eval/scan.h"

#include "agent/model/secret.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

static char *below(const struct project *p, const char *file)
{
	return strcmp(p->path, ".") == 0 ? xstrdup(file) : path_join(p->path, file);
}

/* Which Compose files: those the manifest names, else the usual ones. */
static int choose_files(struct scan *s, struct err *e)
{
	const struct listing *l;
	const struct listed *listed = s->c->listed;

	if (listed && listed->settings.files.n > 0) {
		strv_copy(&s->p->files, &listed->settings.files);
		return 0;
	}
	if (eval_tree_list(s->ev->tree, s->p->path, s->c->id, &l, e) < 0)
		return -1;
	discover_files(l, &s->p->files);
	if (s->p->files.n == 0)
		scan_note(
			s, DIAG_ERROR, s->p->path, NULL,
			"has no compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml: add one, or "
			"name the file with 'files' in mdc.yaml");
	return 0;
}

static int read_one(struct scan *s, const char *file, struct err *e)
{
	auto_free char *path = below(s->p, file);
	const struct yaml_node *root = NULL;
	const char *kept = NULL;
	struct spot spot;
	bool found;

	if (eval_tree_find(s->ev->tree, path, &spot, &found, e) < 0)
		return -1;
	auto_free char *link = found ? spot.link : NULL;
	if (!found)
		scan_note(s, DIAG_ERROR, path, NULL,
			  "does not exist: add it, or correct 'files' of project '%s'", s->p->name);
	else if (link)
		scan_note(s, DIAG_ERROR, path, NULL,
			  "is a %s, which is not followed: put the file itself there",
			  entry_kind_name(spot.kind));
	else if (spot.kind == ENTRY_DIR)
		scan_note(s, DIAG_ERROR, path, NULL, "is a directory: name a Compose file");
	else
		return scan_read(s, path, spot.id, &root, &kept, e);
	return 0;
}

void scan_own(struct scan *s, const struct yaml_node *root, const char *file, struct settings *own)
{
	const struct yaml_node *map = yaml_get(root, "x-mdc");
	static const char *const refused[] = {"path", "files"};
	struct key_context c = {
		.file = file, .project = s->p->name, .diags = &s->d, .key = "x-mdc"};
	struct settings read;

	if (!map)
		return;
	settings_init(&read);
	(void)settings_read(map, false, &c, &read);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		const struct yaml_node *v = yaml_get(map, refused[i]);
		if (v)
			(void)key_refuse(
				v, &c,
				"%s cannot stand in the Compose file itself: set it in mdc.yaml",
				refused[i]);
	}
	free(read.path);
	read.path = NULL;
	strv_done(&read.files);
	strv_done(&read.compose_files);
	settings_merge(own, &read);
	settings_done(&read);
}

/* Later files override earlier ones: what is merged first stays. */
static void read_settings(struct scan *s)
{
	for (size_t i = s->n_roots; i > 0; i--)
		scan_own(s, s->roots[i - 1], s->files[i - 1], &s->p->own);
	merge_settings(s->ev, s->c->listed, &s->p->own, &s->p->settings);
}

/* *mine stays true when nobody can know: then the finding is shown everywhere and nothing is taken
 * down. */
static void judge_hosts(struct scan *s, bool *mine)
{
	const struct strv *hosts = &s->p->settings.hosts;
	const char *unknown = hosts_unknown_group(&s->ev->manifest, hosts);
	const struct manifest *m = &s->ev->manifest;

	if (unknown) {
		auto_strv struct strv names = STRV_INIT;
		for (size_t i = 0; i < m->n_groups; i++)
			strv_push(&names, m->groups[i].name);
		const char *near = str_nearest(unknown + 1, (const char *const *)names.v, names.n);
		bool listed = s->c->listed && s->c->listed->settings.hosts.n > 0;
		struct yaml_node at = {.line = listed ? s->c->listed->line : 0,
				       .column = listed ? s->c->listed->column : 0};
		scan_note(s, DIAG_ERROR, listed ? m->file : s->p->path, &at,
			  "hosts: there is no group '%s'%s%s%s", unknown,
			  near ? ": did you mean '@" : ": define it under groups in mdc.yaml",
			  near ? near : "", near ? "'?" : "");
		return;
	}
	bool wrong = s->d.errors > 0 && hosts->n == 0;
	*mine = wrong || eval_is_ours(s->ev, hosts);
}

/* Values of a file of the repository; one that is not there has none. */
static int add_env(struct scan *s, const char *path, struct err *e)
{
	auto_free char *text = NULL;
	struct spot spot;
	bool found;
	size_t len = 0;

	if (eval_tree_find(s->ev->tree, path, &spot, &found, e) < 0)
		return -1;
	auto_free char *link = found ? spot.link : NULL;
	if (!found || link || spot.kind == ENTRY_DIR || secret_kind(path) != SECRET_NONE)
		return 0;
	if (scan_text(s, path, spot.id, &text, &len, e) < 0)
		return -1;
	if (text)
		env_parse(text, &s->env);
	scan_weigh_env(s, path, &s->env);
	return 0;
}

/* The setting stands in the manifest or in x-mdc: its place is the entry. */
static int read_env_file(struct scan *s, const char *file, struct err *e)
{
	const struct listed *l = s->c->listed;
	struct yaml_node at = {.kind = YAML_SCALAR, .text = (char *)(uintptr_t)file};
	struct place p = {.s = s, .dir = s->p->path, .file = s->p->path};
	auto_free char *path = NULL;

	if (l && l->settings.env_files.n > 0) {
		p.file = s->ev->manifest.file;
		at.line = l->line;
		at.column = l->column;
	} else if (s->n_roots > 0) {
		p.file = s->files[0];
	}
	if (scan_reference(&p, REF_ENV, "env_files", &at, &path, e) < 0)
		return -1;
	return path ? add_env(s, path, e) : 0;
}

/* As Compose: env files when given, else .env. */
static int read_env(struct scan *s, struct err *e)
{
	const struct strv *files = &s->p->settings.env_files;

	strv_copy(&s->p->env_files, files);
	if (files->n == 0) {
		auto_free char *path = below(s->p, ".env");
		return add_env(s, path, e);
	}
	for (size_t i = 0; i < files->n; i++)
		if (read_env_file(s, files->v[i], e) < 0)
			return -1;
	return 0;
}

static int walk_files(struct scan *s, size_t n_main, struct err *e)
{
	bool services = false;

	for (size_t i = 0; i < n_main; i++) {
		const struct yaml_node *root = s->roots[i];
		struct place p = {.s = s, .file = s->files[i], .dir = s->p->path, .runs = true};
		if (root->kind != YAML_MAP) {
			scan_note(s, DIAG_ERROR, p.file, root,
				  "is not a Compose file: expected a map with 'services', not a %s",
				  yaml_kind_name(root->kind));
			return 0;
		}
		services |= yaml_get(root, "services") || yaml_get(root, "include");
		scan_top_keys(&p, root);
		scan_weigh(s, p.file, root);
		if (scan_file(&p, root, e) < 0)
			return -1;
	}
	if (n_main > 0 && !services)
		scan_note(s, DIAG_ERROR, s->files[0], s->roots[0],
			  "has no services: a Compose file needs 'services' with at least one");
	return 0;
}

static int scan(struct scan *s, bool *mine, struct err *e)
{
	if (choose_files(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->p->files.n; i++)
		if (read_one(s, s->p->files.v[i], e) < 0)
			return -1;
	size_t n_main = s->n_roots;
	read_settings(s);
	judge_hosts(s, mine);
	if (!*mine) {
		remember_other(s->ev, s->c, &s->p->settings.hosts);
		return 0;
	}
	if (n_main < s->p->files.n)
		s->incomplete = true; /* one of them could not be read */
	if (read_env(s, e) < 0 || walk_files(s, n_main, e) < 0)
		return -1;
	scan_check_names(s);
	return scan_walk(s, s->p->path, s->c->id, e);
}

int scan_project(struct eval *ev, const struct candidate *c, struct project *p, bool *mine,
		 struct err *e)
{
	struct scan s;

	scan_init(&s, ev, p);
	s.c = c;
	*mine = true;
	int rc = scan(&s, mine, e);
	if (rc == 0 && *mine)
		scan_close(&s);
	scan_done(&s);
	return rc;
}
