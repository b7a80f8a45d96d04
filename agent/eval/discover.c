/*
 * discover - which directories are projects: those that the manifest lists, or those that hold a
 * Compose file. Depends on: tree, manifest.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

void candidates_done(struct candidates *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].path);
		free(l->v[i].why_bad);
	}
	free(l->v);
	*l = (struct candidates){.n = 0};
}

struct candidate *candidates_add(struct candidates *l, const char *name, const char *path)
{
	if ((l->n & (l->n - 1)) == 0)
		l->v = xreallocarray(l->v, l->n > 0 ? l->n * 2 : 1, sizeof(*l->v));
	l->v[l->n] = (struct candidate){.name = xstrdup(name), .path = xstrdup(path)};
	return &l->v[l->n++];
}

static bool add_if_file(const struct listing *l, const char *name, struct strv *out)
{
	const struct tree_entry *t = listing_find(l, name);

	if (!t || (t->kind != ENTRY_FILE && t->kind != ENTRY_EXEC))
		return false;
	strv_push(out, name);
	return true;
}

void discover_files(const struct listing *l, struct strv *out)
{
	/* Compose's own order of preference; an override belongs to the family of its base file. */
	static const char *const bases[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
					    "docker-compose.yml"};
	static const char *const overrides[][2] = {
		{"compose.override.yaml", "compose.override.yml"},
		{"compose.override.yaml", "compose.override.yml"},
		{"docker-compose.override.yaml", "docker-compose.override.yml"},
		{"docker-compose.override.yaml", "docker-compose.override.yml"},
	};

	for (size_t i = 0; i < COUNT_OF(bases); i++) {
		if (!add_if_file(l, bases[i], out))
			continue;
		if (!add_if_file(l, overrides[i][0], out))
			(void)add_if_file(l, overrides[i][1], out);
		return;
	}
}

struct search {
	struct eval *ev;
	struct candidates *out;
	size_t dirs;
	char *at_root; /* a Compose file at the root of the repository, or NULL */
};

/* The current generation saw this very directory as a project, ours or not: it holds a Compose
 * file. */
static bool is_known(const struct eval *ev, const char *path, const char *id)
{
	const struct project *p = eval_known(ev, path_base(path));

	if (known_other(ev, id, path))
		return true;
	return p && !p->declared && p->settings.files.n == 0 && strcmp(p->path, path) == 0 &&
	       strcmp(p->tree, id) == 0;
}

static int add_found(struct search *s, const char *name, const char *path, const char *id,
		     struct err *e)
{
	if (s->out->n >= PROJECTS_MAX)
		return err_set(e, ERR_REJECTED, 0,
			       "the repository has more than %d projects: list them in mdc.yaml",
			       PROJECTS_MAX);
	struct candidate *c = candidates_add(s->out, name, path);
	memcpy(c->id, id, sizeof(c->id));
	if (path_is_project_name(name))
		return 0;
	diags_add(
		s->ev->d, DIAG_ERROR, path, 0, 0, name,
		"the directory's name is not a valid project name (a-z, 0-9, '-' and '_'): rename it, or "
		"list it in mdc.yaml under another name with 'path: %s'",
		path);
	c->why_bad = xasprintf(
		"%s: the directory's name is not a valid project name: rename it, or list it "
		"in mdc.yaml under another name",
		path);
	return 0;
}

static int look_into(struct search *s, const char *path, const char *id, int depth, struct err *e);

static int look_at(struct search *s, const char *parent, const struct tree_entry *t, int depth,
		   struct err *e)
{
	if (t->kind != ENTRY_DIR || t->name[0] == '.')
		return 0;
	auto_free char *path =
		strcmp(parent, ".") == 0 ? xstrdup(t->name) : path_join(parent, t->name);
	if (is_known(s->ev, path, t->id))
		return add_found(s, t->name, path, t->id, e);
	return look_into(s, path, t->id, depth, e);
}

static int look_into(struct search *s, const char *path, const char *id, int depth, struct err *e)
{
	auto_strv struct strv files = STRV_INIT;
	const struct listing *l;

	if (++s->dirs > DISCOVER_MAX_DIRS)
		return err_set(
			e, ERR_REJECTED, 0,
			"the repository has more than %d directories to look into: list its projects in "
			"mdc.yaml",
			DISCOVER_MAX_DIRS);
	if (eval_tree_list(s->ev->tree, path, id, &l, e) < 0)
		return -1;
	discover_files(l, &files);
	if (files.n > 0 && strcmp(path, ".") != 0)
		return add_found(s, path_base(path), path, id, e);
	if (files.n > 0)
		s->at_root = xstrdup(files.v[0]);
	for (size_t i = 0; depth < DISCOVER_DEPTH && i < l->n; i++)
		if (look_at(s, path, &l->v[i], depth + 1, e) < 0)
			return -1;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->path, y->path);
}

/* Two directories of one name: neither may be guessed to be the project. One of them stays, as bad.
 */
static void refuse_doubles(struct eval *ev, struct candidates *l)
{
	size_t kept = 0;

	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	for (size_t i = 0; i < l->n; i++) {
		struct candidate *c = &l->v[i];
		struct candidate *first = kept > 0 ? &l->v[kept - 1] : NULL;
		if (!first || strcmp(first->name, c->name) != 0) {
			l->v[kept++] = *c;
			continue;
		}
		diags_add(
			ev->d, DIAG_ERROR, c->path, 0, 0, c->name,
			"'%s' and '%s' would both be the project '%s': rename one, or list them in mdc.yaml",
			first->path, c->path, c->name);
		if (!first->why_bad)
			first->why_bad =
				xasprintf("%s: '%s' has the same project name: rename one, or "
					  "list them in mdc.yaml",
					  first->path, c->path);
		free(c->name);
		free(c->path);
		free(c->why_bad);
	}
	l->n = kept;
}

static void missing(struct eval *ev, const struct listed *l, struct candidate *c, const char *what)
{
	diags_add(ev->d, DIAG_ERROR, ev->manifest.file, l->line, l->column, l->name,
		  "project '%s': '%s' %s", l->name, c->path, what);
	if (!c->why_bad)
		c->why_bad = xasprintf("%s:%d:%d: '%s' %s", ev->manifest.file, l->line, l->column,
				       c->path, what);
}

static int find_listed(struct eval *ev, const struct listed *l, struct candidates *out,
		       struct err *e)
{
	auto_free char *path = eval_path(ev, l->settings.path ? l->settings.path : l->name);
	struct candidate *c = candidates_add(out, l->name, path);
	struct spot at;
	bool found;

	c->listed = l;
	c->why_bad = xstrdup_null(l->why_bad);
	if (eval_tree_find(ev->tree, path, &at, &found, e) < 0)
		return -1;
	auto_free char *link = found ? at.link : NULL;
	if (!found)
		missing(ev, l, c, "does not exist: correct 'path', or remove the entry");
	else if (link)
		missing(ev, l, c,
			"is or leads through a symlink or submodule, which is not followed: use a "
			"directory of the repository");
	else if (at.kind != ENTRY_DIR)
		missing(ev, l, c,
			"is a file: 'path' names the project's directory, 'files' its Compose files");
	else
		memcpy(c->id, at.id, sizeof(c->id));
	return 0;
}

/* Beside real projects such a file is often there for developers; alone it is a beginner's
 * repository. */
static int judge_root(const struct search *s, struct err *e)
{
	static const char text[] =
		"a Compose file at the root of the repository is not a project, as it has no "
		"name: move it to a directory named after the project, or list it in mdc.yaml "
		"with 'path: .'";

	if (!s->at_root)
		return 0;
	diags_add(s->ev->d, s->out->n > 0 ? DIAG_WARNING : DIAG_ERROR, s->at_root, 0, 0, NULL, "%s",
		  text);
	return s->out->n > 0 ? 0 : err_set(e, ERR_REJECTED, 0, "%s: %s", s->at_root, text);
}

int discover(struct eval *ev, struct candidates *out, struct err *e)
{
	struct search s = {.ev = ev, .out = out};
	auto_free char *start = eval_path(ev, ".");
	struct spot at;
	bool found;

	if (ev->manifest.lists) {
		for (size_t i = 0; i < ev->manifest.n_projects; i++)
			if (find_listed(ev, &ev->manifest.projects[i], out, e) < 0)
				return -1;
		return 0;
	}
	if (eval_tree_find(ev->tree, start, &at, &found, e) < 0)
		return -1;
	auto_free char *link = found ? at.link : NULL;
	if (!found || link || at.kind != ENTRY_DIR)
		return err_set(e, ERR_REJECTED, 0,
			       "source.path '%s' is not a directory of the repository", start);
	int rc = look_into(&s, start, at.id, 0, e);
	if (rc == 0)
		rc = judge_root(&s, e);
	free(s.at_root);
	if (rc < 0)
		return -1;
	refuse_doubles(ev, out);
	return 0;
}
