/*
 * files - all files of a project's tree, within the budgets, and whether their blobs are here.
 * Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/mem.h"
#include "common/path.h"

#include <stdlib.h>
#include <string.h>

struct gather {
	struct repo *r;
	struct live_file *v; /* new ones */
	size_t n, room;
	size_t entries, total_bytes;
};

static void drop(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->v[i].path);
	free(g->v);
}

static int add_file(struct gather *g, const char *path, const git_tree_entry *t, struct err *e)
{
	const git_oid *id = git_tree_entry_id(t);
	git_object_t type;
	size_t size;

	if (git_odb_read_header(&size, &type, g->r->odb, id) < 0)
		return repo_fail_object(g->r, id, e);
	if (type != GIT_OBJECT_BLOB)
		return err_set(e, ERR_REJECTED, 0, "%s is no file", path);
	if (size > TREE_MAX_FILE)
		return err_set(e, ERR_REJECTED, 0,
			       "%s has %zu bytes; a project's files have at most %d", path, size,
			       TREE_MAX_FILE);
	g->total_bytes += size;
	if (g->total_bytes > TREE_MAX_TOTAL)
		return err_set(e, ERR_REJECTED, 0,
			       "%s: the project's files have more than %d MiB together", path,
			       TREE_MAX_TOTAL / 1024 / 1024);
	if (g->n == g->room) {
		g->room = g->room * 2 + 16;
		g->v = xreallocarray(g->v, g->room, sizeof(*g->v));
	}
	struct live_file *f = &g->v[g->n++];
	*f = (struct live_file){.path = xstrdup(path),
				.executable =
					git_tree_entry_filemode(t) == GIT_FILEMODE_BLOB_EXECUTABLE};
	git_oid_tostr(f->id, sizeof(f->id), id);
	return 0;
}

static int walk(struct gather *g, const git_oid *id, const char *prefix, int depth, struct err *e);

static int visit(struct gather *g, const git_tree_entry *t, const char *prefix, int depth,
		 struct err *e)
{
	const char *name = git_tree_entry_name(t);
	auto_free char *path = prefix ? path_join(prefix, name) : xstrdup(name);

	if (++g->entries > TREE_MAX_ENTRIES)
		return err_set(e, ERR_REJECTED, 0,
			       "%s: the project has more than %d files and directories", path,
			       TREE_MAX_ENTRIES);
	if (strchr(name, '/') || !path_is_clean(path))
		return err_set(e, ERR_REJECTED, 0, "a file's name cannot be used here: \"%.300s\"",
			       path);
	switch (git_tree_entry_filemode(t)) {
	case GIT_FILEMODE_TREE:
		return walk(g, git_tree_entry_id(t), path, depth + 1, e);
	case GIT_FILEMODE_LINK:
		return err_set(
			e, ERR_REJECTED, 0,
			"%s is a symbolic link, which could lead out of the project: put a file there",
			path);
	case GIT_FILEMODE_COMMIT:
		return err_set(e, ERR_REJECTED, 0,
			       "%s is a submodule, which is not followed: put its files there",
			       path);
	default:
		return add_file(g, path, t, e);
	}
}

static int walk(struct gather *g, const git_oid *id, const char *prefix, int depth, struct err *e)
{
	git_tree *tree = NULL;
	int bad = 0;

	if (depth > TREE_MAX_DEPTH)
		return err_set(e, ERR_REJECTED, 0, "%s lies deeper than %d directories", prefix,
			       TREE_MAX_DEPTH);
	if (git_tree_lookup(&tree, g->r->git, id) < 0)
		return repo_fail_object(g->r, id, e);
	size_t n = git_tree_entrycount(tree);
	for (size_t i = 0; i < n && bad == 0; i++)
		bad = visit(g, git_tree_entry_byindex(tree, i), prefix, depth, e);
	git_tree_free(tree);
	return bad;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A hostile tree may name one path twice, or as file and directory: neither could be written out.
 */
static int refuse_doubles(const struct gather *g, struct err *e)
{
	auto_free char **paths = xcalloc(g->n + 1, sizeof(*paths));

	for (size_t i = 0; i < g->n; i++)
		paths[i] = g->v[i].path;
	qsort(paths, g->n, sizeof(*paths), compare);
	for (size_t i = 1; i < g->n; i++) {
		if (strcmp(paths[i - 1], paths[i]) == 0)
			return err_set(e, ERR_REJECTED, 0, "%s is there twice", paths[i]);
	}
	for (size_t i = 0; i < g->n; i++) {
		/* Is a parent directory of it also a file? */
		for (char *s = strchr(g->v[i].path, '/'); s; s = strchr(s + 1, '/')) {
			auto_free char *parent = xstrndup(g->v[i].path, (size_t)(s - g->v[i].path));

			if (bsearch(&parent, paths, g->n, sizeof(*paths), compare))
				return err_set(e, ERR_REJECTED, 0, "%s is a file and a directory",
					       parent);
		}
	}
	return 0;
}

int repo_files(struct repo *r, const char *tree_id, const char *prefix, struct live_file **files,
	       size_t *n, struct err *e)
{
	struct gather g = {.r = r};
	git_oid oid;

	if (repo_parse_id(tree_id, &oid, e) < 0)
		return -1;
	if (walk(&g, &oid, prefix, 1, e) < 0 || refuse_doubles(&g, e) < 0) {
		drop(&g);
		return -1;
	}
	if (g.n > 0) {
		*files = xreallocarray(*files, *n + g.n, sizeof(**files));
		memcpy(*files + *n, g.v, g.n * sizeof(*g.v));
		*n += g.n;
	}
	free(g.v);
	return 0;
}

int repo_has(struct repo *r, const struct live_file *files, size_t n,
	     const struct live_file **missing, struct err *e)
{
	const struct live_file *first = NULL;
	git_oid oid;

	for (size_t i = 0; i < n && !first; i++) {
		if (repo_parse_id(files[i].id, &oid, e) < 0)
			return -1;
		if (!git_odb_exists(r->odb, &oid))
			first = &files[i];
	}
	*missing = first;
	return 0;
}
