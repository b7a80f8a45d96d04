/*
 * model_files - which files of a project differ from one version to another, in words, and which
 * services mount them. Names only: contents are never looked at. Depends on: common, model.
 */
#include "agent/engine/model.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

enum { NAMED_MAX = 12, SHOWN_MAX = 160 };

struct changed {
	const struct live_file *file;
	const char *how;
	char *path; /* absolute */
	bool told;
};

struct comparing {
	const struct model_files *files;
	const cJSON *old, *new; /* models; old may be NULL */
	struct changed *v;
	size_t n;
};

static int by_path(const void *a, const void *b)
{
	return strcmp((*(const struct live_file *const *)a)->path,
		      (*(const struct live_file *const *)b)->path);
}

static const struct live_file **sorted(const struct live_file *v, size_t n)
{
	const struct live_file **p = xcalloc(n + 1, sizeof(*p));

	for (size_t i = 0; i < n; i++)
		p[i] = &v[i];
	if (n > 1)
		qsort(p, n, sizeof(*p), by_path);
	return p;
}

/* Files elsewhere in the repository are "../.elsewhere/<project>/..." from live/<project>. */
static char *absolute(const char *live, const char *path)
{
	auto_free char *rest = NULL;

	if (path_resolve(live + strspn(live, "/"), path, &rest) < 0)
		return path_join(live, path);
	return xasprintf("/%s", rest);
}

static void note(struct comparing *c, const struct live_file *f, const char *how)
{
	c->v[c->n++] =
		(struct changed){.file = f, .how = how, .path = absolute(c->files->live, f->path)};
}

static void find_changed(struct comparing *c)
{
	const struct model_files *f = c->files;
	const struct live_file **a = sorted(f->old, f->n_old), **b = sorted(f->new, f->n_new);
	size_t i = 0, k = 0;

	c->v = xcalloc(f->n_old + f->n_new + 1, sizeof(*c->v));
	while (i < f->n_old || k < f->n_new) {
		int order = i == f->n_old ? 1 : k == f->n_new ? -1 : strcmp(a[i]->path, b[k]->path);

		if (order < 0) {
			note(c, a[i++], "removed");
		} else if (order > 0) {
			note(c, b[k++], "added");
		} else {
			if (strcmp(a[i]->id, b[k]->id) != 0)
				note(c, b[k], "changed");
			else if (a[i]->executable != b[k]->executable)
				note(c, b[k],
				     b[k]->executable ? "is executable now"
						      : "is not executable any more");
			i++;
			k++;
		}
	}
	free(a);
	free(b);
}

/* As a person knows it: below the project's directory, or the repository's root. */
static char *file_name(const struct live_file *f)
{
	const char *at = strstr(f->path, ".elsewhere/");
	const char *rest = at ? strchr(at + strlen(".elsewhere/"), '/') : NULL;

	return str_printable(rest ? rest + 1 : f->path, SHOWN_MAX);
}

static bool uses_definition(const cJSON *model, const cJSON *service, const char *section,
			    const char *path)
{
	const cJSON *use = NULL;

	cJSON_ArrayForEach (use, json_arr(service, section)) {
		const cJSON *d = json_obj(json_obj(model, section), json_str(use, "source", ""));

		if (str_eq(json_str(d, "file", NULL), path))
			return true;
	}
	return false;
}

static bool mounts(const cJSON *model, const char *name, const char *path)
{
	const cJSON *service = json_obj(json_obj(model, "services"), name), *mount = NULL;

	cJSON_ArrayForEach (mount, json_arr(service, "volumes")) {
		const char *source = json_str(mount, "source", "");

		/* A local volume may be a bind mount in disguise. */
		if (str_eq(json_str(mount, "type", ""), "volume"))
			source = json_str(json_obj(json_obj(json_obj(model, "volumes"), source),
						   "driver_opts"),
					  "device", "");
		if (source[0] == '/' && source[1] != '\0' && path_below(path, source))
			return true;
	}
	return uses_definition(model, service, "configs", path) ||
	       uses_definition(model, service, "secrets", path);
}

/* Names of what this service mounts, in place of a line that says "a file". */
static bool name_files(struct comparing *c, const char *service, struct strv *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct changed *x = &c->v[i];
		auto_free char *name = file_name(x->file);

		if (!mounts(c->new, service, x->path) && !mounts(c->old, service, x->path))
			continue;
		x->told = true;
		if (n++ < NAMED_MAX)
			strv_pushf(out, "service %s: mounted file %s %s", service, name, x->how);
	}
	if (n > NAMED_MAX)
		strv_pushf(out, "service %s: %zu more mounted files", service, n - NAMED_MAX);
	return n > 0;
}

void model_compare_files(const struct model_files *f, const cJSON *old, const cJSON *new,
			 struct strv *reasons, struct strv *rest)
{
	struct comparing c = {.files = f, .old = old, .new = new};
	const cJSON *service = NULL;
	struct strv named = STRV_INIT;
	size_t n = 0;

	find_changed(&c);
	for (size_t i = 0; i < reasons->n; i++) {
		bool replaced = false;

		cJSON_ArrayForEach (service, json_obj(new, "services")) {
			auto_free char *vague = xasprintf(MODEL_A_FILE_CHANGED, service->string);

			if (strcmp(reasons->v[i], vague) == 0)
				replaced = name_files(&c, service->string, &named);
		}
		if (!replaced)
			strv_push(&named, reasons->v[i]);
	}
	strv_done(reasons);
	*reasons = named;
	for (size_t i = 0; i < c.n; i++) {
		auto_free char *name = file_name(c.v[i].file);

		if (!c.v[i].told && n++ < NAMED_MAX)
			strv_pushf(rest, "file %s %s", name, c.v[i].how);
		free(c.v[i].path);
	}
	if (n > NAMED_MAX)
		strv_pushf(rest, "%zu more files", n - NAMED_MAX);
	free(c.v);
}
