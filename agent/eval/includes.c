/*
 * includes - Compose files that bring in others: `include` and `extends`.
 * Depends on: references, composefile.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { SEEN_MAX = 500 };

/* Parse a Compose file of the repository once per use; what bounds the whole is the number of
 * files. */
static int open_file(const struct place *p, const struct yaml_node *at, const char *path,
		     const struct yaml_node **root, const char **kept, struct err *e)
{
	struct scan *s = p->s;
	struct spot spot;
	bool found;

	*root = NULL;
	if (p->depth >= INCLUDE_DEPTH || s->n_roots >= INCLUDE_FILES) {
		scan_note(s, DIAG_ERROR, p->file, at,
			  "more than %d Compose files, or nested deeper than %d: include fewer",
			  INCLUDE_FILES, INCLUDE_DEPTH);
		return 0;
	}
	for (size_t i = 0; i < s->n_roots; i++) {
		if (strcmp(s->files[i], path) == 0) {
			*root = s->roots[i];
			*kept = s->files[i];
			return 0;
		}
	}
	if (eval_tree_find(s->ev->tree, path, &spot, &found, e) < 0)
		return -1;
	auto_free char *link = found ? spot.link : NULL;
	if (!found || link)
		return 0; /* said by the reference */
	if (scan_read(s, path, spot.id, root, kept, e) < 0)
		return -1;
	if (*root)
		scan_weigh(s, *kept, *root);
	return 0;
}

static int include_file(const struct place *p, const struct yaml_node *at, const char *dir,
			struct err *e)
{
	auto_free char *path = NULL;
	const struct yaml_node *root = NULL;
	const char *kept = NULL;

	if (scan_reference(p, REF_COMPOSE, "include", at, &path, e) < 0)
		return -1;
	if (!path) {
		p->s->incomplete = true;
		return 0;
	}
	char values[DIGEST_HEX_SIZE];

	env_digest(&p->s->env, values);
	auto_free char *key = xasprintf("include %s %s", path, values);
	if (!strv_add_once(&p->s->seen, key))
		return 0;
	if (p->s->seen.n > SEEN_MAX) {
		scan_note(p->s, DIAG_ERROR, p->file, at,
			  "more than %d includes under different values: include fewer", SEEN_MAX);
		return 0;
	}
	if (open_file(p, at, path, &root, &kept, e) < 0)
		return -1;
	auto_free char *own = path_dir(path);
	struct place inner = {.s = p->s,
			      .file = kept,
			      .dir = dir ? dir : own,
			      .depth = p->depth + 1,
			      .runs = p->runs};
	if (!root) {
		p->s->incomplete = true;
		return 0;
	}
	return scan_file(&inner, root, e);
}

/* Paths as one text or a list. */
static int each_path(const struct place *p, enum reference how, const char *what,
		     const struct yaml_node *v, struct err *e)
{
	for (size_t i = 0; v && i < (v->kind == YAML_LIST ? v->n : 1); i++) {
		auto_free char *path = NULL;
		if (scan_reference(p, how, what, v->kind == YAML_LIST ? &v->items[i] : v, &path,
				   e) < 0)
			return -1;
	}
	return 0;
}

/* The directory of an include, relative to the repository. False after a finding. */
static bool include_dir(const struct place *p, const struct yaml_node *at, char **dir)
{
	bool open = false;

	if (!yaml_text(at) || p->s->on_host)
		return true;
	auto_free char *text = env_expand(&p->s->env, yaml_text(at), &open);

	if (!open && path_resolve(p->dir, text, dir) == 0)
		return true;
	scan_note(p->s, DIAG_ERROR, p->file, at,
		  "include: project_directory '%s' leads out of the repository", yaml_text(at));
	return false;
}

/* Values of one env file that an included file sees. */
static int add_values(const struct place *p, const char *path, struct env *to, struct err *e)
{
	auto_free char *text = NULL;
	struct env own = {.n = 0};
	struct spot spot;
	bool found;
	size_t len = 0;

	if (eval_tree_find(p->s->ev->tree, path, &spot, &found, e) < 0)
		return -1;
	auto_free char *link = found ? spot.link : NULL;
	if (!found || link || spot.kind == ENTRY_DIR)
		return 0;
	if (scan_text(p->s, path, spot.id, &text, &len, e) < 0)
		return -1;
	if (text)
		env_parse(text, &own);
	env_add(&own, to);
	env_done(&own);
	scan_weigh_env(p->s, path, to);
	return 0;
}

/* What an included file sees: what this one sees, and below it the include's env files, or the .env
 * of its directory. */
static int inner_env(const struct place *p, const struct yaml_node *files, const char *dir,
		     struct env *to, struct err *e)
{
	auto_free char *usual = path_join(dir, ".env"), *path = NULL;

	env_copy(&p->s->env, to);
	if (!files)
		return path_resolve(".", usual, &path) < 0 ? 0 : add_values(p, path, to, e);
	for (size_t i = files->kind == YAML_LIST ? files->n : 1; i > 0; i--) {
		const char *text =
			yaml_text(files->kind == YAML_LIST ? &files->items[i - 1] : files);
		bool open = false;
		auto_free char *name = env_expand(&p->s->env, text ? text : "", &open);

		free(TAKE(path));
		if (!open && name[0] && path_resolve(p->dir, name, &path) == 0 &&
		    add_values(p, path, to, e) < 0)
			return -1;
	}
	return 0;
}

/* Include a file under the environment it is going to have. */
static int include_under(const struct place *p, const struct yaml_node *at,
			 const struct yaml_node *env_files, const char *dir, struct err *e)
{
	bool open = false;
	auto_free char *name = env_expand(&p->s->env, yaml_text(at) ? yaml_text(at) : "", &open);
	auto_free char *path = NULL, *own = NULL;
	struct env inner = {.n = 0}, outer = p->s->env;

	if (p->s->on_host || open || path_resolve(p->dir, name, &path) < 0)
		return include_file(p, at, dir, e);
	own = path_dir(path);
	if (inner_env(p, env_files, dir ? dir : own, &inner, e) < 0) {
		env_done(&inner);
		return -1;
	}
	/* The path itself is what this file says: the same in both. */
	p->s->env = inner;
	int rc = include_file(p, at, dir, e);
	env_done(&p->s->env);
	p->s->env = outer;
	return rc;
}

static int include_map(const struct place *p, const struct yaml_node *one, struct err *e)
{
	const struct yaml_node *paths = yaml_get(one, "path"), *env = yaml_get(one, "env_file");
	auto_free char *dir = NULL;

	if (!include_dir(p, yaml_get(one, "project_directory"), &dir))
		return 0;
	for (size_t i = 0; paths && i < (paths->kind == YAML_LIST ? paths->n : 1); i++) {
		const struct yaml_node *at = paths->kind == YAML_LIST ? &paths->items[i] : paths;
		if (include_under(p, at, env, dir, e) < 0)
			return -1;
	}
	return each_path(p, REF_ENV, "include.env_file", env, e);
}

int scan_includes(const struct place *p, const struct yaml_node *include, struct err *e)
{
	if (!include || include->kind == YAML_NULL)
		return 0;
	if (p->s->on_host)
		p->s->incomplete = true;
	for (size_t i = 0; i < (include->kind == YAML_LIST ? include->n : 1); i++) {
		const struct yaml_node *one =
			include->kind == YAML_LIST ? &include->items[i] : include;
		int rc = one->kind == YAML_MAP ? include_map(p, one, e)
					       : include_under(p, one, NULL, NULL, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int scan_extends(const struct place *p, const struct yaml_node *extends, struct err *e)
{
	const struct yaml_node *file = yaml_get(extends, "file");
	const char *service = yaml_text(yaml_get(extends, "service"));
	auto_free char *path = NULL;
	const struct yaml_node *root = NULL;
	const char *kept = NULL;

	if (!file || scan_reference(p, REF_COMPOSE, "extends.file", file, &path, e) < 0)
		return file ? -1 : 0;
	if (!path || !service)
		return 0;
	auto_free char *key = xasprintf("extends %s %s", path, service);
	if (!strv_add_once(&p->s->seen, key))
		return 0;
	if (open_file(p, file, path, &root, &kept, e) < 0)
		return -1;
	const struct yaml_node *other = yaml_get(yaml_get(root, "services"), service);
	if (!root)
		return 0;
	if (!other) {
		scan_note(p->s, DIAG_ERROR, p->file, extends,
			  "extends: '%s' has no service '%s': correct the name", path, service);
		return 0;
	}
	auto_free char *dir = path_dir(path);
	struct place inner = {.s = p->s, .file = kept, .dir = dir, .depth = p->depth + 1};
	return scan_one_service(&inner, service, other, e);
}
