/*
 * export - a project's files out of the object store, in a worker with limits and without the
 * engine. Depends on: staging.h, git.
 */
#include "agent/flow/staging.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

struct repo_job {
	struct sync *sync;
	const char *dir;
	int (*fn)(struct repo *r, void *arg, cJSON **out, struct err *e);
	void *arg;
};

static int repo_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct repo_job *j = arg;
	auto_repo struct repo *r = NULL;

	(void)o;
	if (repo_library_init(e) < 0 || repo_open(j->dir, &j->sync->config->source, &r, e) < 0)
		return -1;
	return j->fn(r, j->arg, result, e);
}

int with_repo(struct sync *s, const char *what,
	      int (*fn)(struct repo *r, void *arg, cJSON **out, struct err *e), void *arg,
	      cJSON **out, struct err *e)
{
	auto_free char *dir = sync_repo_dir(s);
	struct repo_job j = {.sync = s, .dir = dir, .fn = fn, .arg = arg};

	return worker_call(what, repo_work, &j, &sync_reader_limits, NULL, NULL, out, e);
}

struct export_list {
	struct sync *sync;
	const char *dir;
	const struct export_file *files;
	size_t n;
};

static int export_list(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	struct export_list *l = arg;

	(void)out;
	sync_confine(l->sync, l->dir, false);
	return repo_export(r, l->dir, l->files, l->n, e);
}

int export_files(struct sync *s, const char *dir, const struct export_file *files, size_t n,
		 struct err *e)
{
	struct export_list l = {.sync = s, .dir = dir, .files = files, .n = n};
	auto_json cJSON *none = NULL;

	return with_repo(s, "export", export_list, &l, &none, e);
}

/* Where a file of the mirror stands once it is live. Own files are relative to live/<project>. */
static char *live_path(const struct staging *g, const char *in_repo)
{
	const char *path = g->want->path;

	if (strcmp(path, ".") == 0)
		return xstrdup(in_repo);
	if (path_below(in_repo, path))
		return xstrdup(in_repo + strlen(path) + 1);
	return xasprintf("../.elsewhere/%s/%s", g->want->name, in_repo);
}

struct found {
	struct live_file *v; /* paths in the repository */
	size_t n;
};

static void add_file(struct found *f, const char *path, const char *id, bool executable)
{
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n] = (struct live_file){.path = xstrdup(path), .executable = executable};
	snprintf(f->v[f->n++].id, OBJECT_ID_SIZE, "%s", id);
}

static bool have(const struct found *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].path, path) == 0)
			return true;
	return false;
}

static int add_elsewhere(struct repo *r, const struct staging *g, struct found *f, struct err *e)
{
	for (size_t i = 0; i < g->want->n_elsewhere; i++) {
		const struct elsewhere *x = &g->want->elsewhere[i];
		struct found more = {.n = 0};

		if (x->kind != ENTRY_DIR)
			add_file(&more, x->path, x->id, x->kind == ENTRY_EXEC);
		else if (repo_files(r, x->id, strcmp(x->path, ".") == 0 ? NULL : x->path, &more.v,
				    &more.n, e) < 0)
			return -1;
		/* A directory above the project holds the project too, and two may overlap. */
		for (size_t k = 0; k < more.n; k++)
			if (!path_below(more.v[k].path, g->want->path) && !have(f, more.v[k].path))
				add_file(f, more.v[k].path, more.v[k].id, more.v[k].executable);
	}
	return 0;
}

static cJSON *files_to_json(const struct staging *g, const struct found *f)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < f->n; i++) {
		cJSON *o = cJSON_CreateObject();
		auto_free char *live = live_path(g, f->v[i].path);

		json_set_str(o, "path", live);
		json_set_str(o, "id", f->v[i].id);
		json_set_bool(o, "executable", f->v[i].executable);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static int export_project(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	struct staging *g = arg;
	struct found f = {.n = 0};
	const char *prefix = strcmp(g->want->path, ".") == 0 ? NULL : g->want->path;

	sync_confine(g->sync, g->root, false);
	if (repo_files(r, g->want->tree, prefix, &f.v, &f.n, e) < 0 ||
	    add_elsewhere(r, g, &f, e) < 0)
		return -1;
	auto_free struct export_file *x = xcalloc(f.n + 1, sizeof(*x));

	for (size_t i = 0; i < f.n; i++)
		x[i] = (struct export_file){
			.path = f.v[i].path, .id = f.v[i].id, .executable = f.v[i].executable};
	if (repo_export(r, g->root, x, f.n, e) < 0)
		return -1;
	*out = files_to_json(g, &f);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct live_file *)a)->path, ((const struct live_file *)b)->path);
}

static void take_files(struct active *a, const cJSON *list)
{
	const cJSON *i;

	a->files = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*a->files));
	cJSON_ArrayForEach (i, list) {
		struct live_file *f = &a->files[a->n_files++];

		f->path = xstrdup(json_str(i, "path", ""));
		snprintf(f->id, sizeof(f->id), "%s", json_str(i, "id", ""));
		f->executable = json_bool(i, "executable", false);
	}
	qsort(a->files, a->n_files, sizeof(*a->files), by_path);
}

int staging_export(struct staging *g, struct err *e)
{
	auto_json cJSON *files = NULL;

	if (dir_make(g->root, 0700, e) < 0)
		return -1;
	if (g->want->declared)
		return 0; /* its files lie on this host */
	if (with_repo(g->sync, "read the project's files", export_project, g, &files, e) < 0)
		return -1;
	take_files(&g->trial->new, files);
	return 0;
}
