/*
 * where - the place of a finding in the files that people wrote. A resolved model has no lines, so
 * the project's files are read once more: the last file that says it, else one that it includes or
 * extends; an entry that names what was found rather than the key as a whole, the key rather than
 * its service. Values are looked for as they are written: one that comes from a variable is found
 * by what stands beside it. Depends on: judge, common/yaml.
 */
#include "agent/policy/judge.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"
#include "common/yaml.h"

#include <stdint.h>
#include <string.h>

enum { FILES_MAX = 64, NEST_MAX = 16, FILE_MAX_BYTES = 256 * 1024 };

struct source {
	char *file, *dir;
	struct yaml_node *root;
};

struct policy_sources {
	const char *root;
	struct source v[FILES_MAX];
	size_t n;
};

static void take_file(struct policy_sources *s, const char *path, const char *dir, int depth);

static void take_named(struct policy_sources *s, const struct yaml_node *at, const char *dir,
		       int depth)
{
	auto_free char *path = NULL;
	const char *text = yaml_text(at);

	if (text && path_resolve(dir, text, &path) == 0) {
		auto_free char *own = path_dir(path);

		take_file(s, path, own, depth + 1);
	}
}

static void take_include(struct policy_sources *s, const struct yaml_node *one, const char *dir,
			 int depth)
{
	const struct yaml_node *path = one->kind == YAML_MAP ? yaml_get(one, "path") : one;

	for (size_t i = 0; path && path->kind == YAML_LIST && i < path->n; i++)
		take_named(s, &path->items[i], dir, depth);
	take_named(s, path, dir, depth);
}

static void take_extended(struct policy_sources *s, const struct yaml_node *services,
			  const char *dir, int depth)
{
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->n; i++)
		take_named(s, yaml_get(yaml_get(&services->pairs[i].value, "extends"), "file"), dir,
			   depth);
}

static void take_file(struct policy_sources *s, const char *path, const char *dir, int depth)
{
	static const struct yaml_limits limits = {.max_bytes = FILE_MAX_BYTES};
	auto_free char *text = NULL;
	auto_free char *full =
		path[0] == '/' || !s->root ? xstrdup(path) : path_join(s->root, path);
	struct yaml_node *root = NULL;
	struct err ignored = ERR_INIT;
	size_t len = 0;

	if (s->n >= FILES_MAX || depth > NEST_MAX)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].file, path) == 0)
			return;
	if (file_read(full, FILE_MAX_BYTES, &text, &len, &ignored) < 0 ||
	    yaml_parse(text, len, path, &limits, &root, &ignored) < 0)
		return;
	s->v[s->n++] = (struct source){.file = xstrdup(path), .dir = xstrdup(dir), .root = root};
	const struct yaml_node *include = yaml_get(root, "include");

	for (size_t i = 0; include && include->kind == YAML_LIST && i < include->n; i++)
		take_include(s, &include->items[i], dir, depth);
	take_extended(s, yaml_get(root, "services"), dir, depth);
}

struct policy_sources *policy_sources_open(const struct policy_files *f)
{
	struct policy_sources *s = xcalloc(1, sizeof(*s));

	s->root = f->root;
	/* The last file counts most: it is looked at first. */
	for (size_t i = f->files->n; i > 0; i--) {
		auto_free char *dir = path_dir(f->files->v[i - 1]);

		take_file(s, f->files->v[i - 1], dir, 0);
	}
	return s;
}

void policy_sources_close(struct policy_sources *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		free(s->v[i].file);
		free(s->v[i].dir);
		yaml_free(s->v[i].root);
	}
	free(s);
}

/* ---- looking ---- */
/* A scalar or key below n that holds the text; NULL: none. *line and *column: where. */
static bool find_text(const struct yaml_node *n, const char *text, struct policy_spot *at)
{
	if (yaml_text(n) && strstr(yaml_text(n), text)) {
		at->line = n->line;
		at->column = n->column;
		return true;
	}
	for (size_t i = 0; n->kind == YAML_LIST && i < n->n; i++)
		if (find_text(&n->items[i], text, at))
			return true;
	for (size_t i = 0; n->kind == YAML_MAP && i < n->n; i++) {
		const struct yaml_pair *p = &n->pairs[i];

		if (strcmp(p->key, text) == 0) {
			at->line = p->line;
			at->column = p->column;
			return true;
		}
		if (find_text(&p->value, text, at))
			return true;
	}
	return false;
}

/* How well a place fits, the best first. */
enum wanted { WANT_TEXT, WANT_OTHER, WANT_VARIABLE, WANT_KEY, WANT_NAME, WANT_SECTION, WANT_COUNT };

static bool look_at_key(const struct yaml_pair *p, const struct policy_finding *f,
			enum wanted wanted, struct policy_spot *at)
{
	const char *text = wanted == WANT_TEXT       ? f->text
			   : wanted == WANT_OTHER    ? f->other
			   : wanted == WANT_VARIABLE ? "$"
						     : NULL;

	if (wanted != WANT_KEY)
		return text && text[0] && find_text(&p->value, text, at);
	at->line = p->line;
	at->column = p->column;
	return true;
}

/* The pair of a dotted key. */
static const struct yaml_pair *pair_of(const struct yaml_node *map, const char *dotted)
{
	size_t n = strcspn(dotted, ".");
	auto_free char *first = xstrndup(dotted, n);
	const struct yaml_pair *p = yaml_pair_of(map, first);

	return p && dotted[n] == '.' ? pair_of(&p->value, dotted + n + 1) : p;
}

static bool look(const struct source *s, const struct policy_finding *f, enum wanted wanted,
		 struct policy_spot *at)
{
	const struct yaml_node *section = f->section[0] ? yaml_get(s->root, f->section) : s->root;
	const struct yaml_pair *own = f->name ? yaml_pair_of(section, f->name) : NULL;
	const struct yaml_node *map = f->name ? (own ? &own->value : NULL) : section;
	const struct yaml_pair *key = f->key && map ? pair_of(map, f->key) : NULL;

	if (wanted < WANT_NAME)
		return key && look_at_key(key, f, wanted, at);
	if (wanted == WANT_SECTION && f->section[0])
		own = yaml_pair_of(s->root, f->section);
	if (!own)
		return false;
	at->line = own->line;
	at->column = own->column;
	return true;
}

/* What the service is made of, in any file: names of services that it extends. */
static bool look_extended(const struct policy_sources *s, const struct policy_finding *f,
			  enum wanted wanted, struct policy_spot *at)
{
	struct policy_finding base = *f;
	const char *seen = f->name;

	for (int depth = 0; base.name && depth < NEST_MAX; depth++) {
		const char *next = NULL;

		for (size_t i = 0; i < s->n; i++) {
			const struct yaml_node *service =
				yaml_get(yaml_get(s->v[i].root, "services"), base.name);
			const struct yaml_node *extends = yaml_get(service, "extends");

			if (depth > 0 && look(&s->v[i], &base, wanted, at)) {
				at->file = xstrdup(s->v[i].file);
				return true;
			}
			if (extends && !next)
				next = yaml_text(extends) ? yaml_text(extends)
							  : yaml_text(yaml_get(extends, "service"));
		}
		if (!next || (depth > 0 && strcmp(next, seen) == 0))
			return false;
		base.name = (char *)(uintptr_t)next;
	}
	return false;
}

void policy_locate(const struct policy_sources *s, const struct policy_finding *f,
		   struct policy_spot *out)
{
	*out = (struct policy_spot){.line = 0};
	for (enum wanted w = WANT_TEXT; w < WANT_COUNT; w++) {
		for (size_t i = 0; i < s->n; i++) {
			if (look(&s->v[i], f, w, out)) {
				out->file = xstrdup(s->v[i].file);
				return;
			}
		}
		if (w < WANT_NAME && strcmp(f->section, "services") == 0 &&
		    look_extended(s, f, w, out))
			return;
	}
	out->file = xstrdup(s->n > 0 ? s->v[0].file : ".");
}

void policy_tell(const struct policy_findings *f, const struct policy_files *files,
		 const char *project, struct diags *out)
{
	if (f->n == 0)
		return;
	auto_policy_sources struct policy_sources *s = policy_sources_open(files);

	for (size_t i = 0; i < f->n; i++) {
		const struct policy_finding *x = &f->v[i];
		struct policy_spot at;

		policy_locate(s, x, &at);
		diags_add(out, x->action == POLICY_DENY ? DIAG_ERROR : DIAG_WARNING, at.file,
			  at.line, at.column, project,
			  "%s (rule %s; to allow it, in agent.yaml: %s)", x->what,
			  policy_row(x->rule)->name, x->allow);
		free(at.file);
	}
	if (f->cut)
		diags_add(out, f->denied > 0 ? DIAG_ERROR : DIAG_WARNING,
			  files->files->n > 0 ? files->files->v[0] : ".", 0, 0, project,
			  "there is more that the policy does not allow than is shown");
}
