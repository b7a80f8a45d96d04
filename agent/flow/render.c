/*
 * render - let Compose resolve a project in the mirror, then move its paths to where they will
 * live. Why not in live/ itself: nothing there may change before the apply. Why move: a path that
 * changes from generation to generation would recreate every service with a bind mount (measured).
 * Depends on: staging.h, engine.
 */
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/ysubstitute.h"

#include <string.h>

enum { RENDER_MS = 60000, FILE_MAX = 256 * 1024 };

static void add_paths(struct strv *to, const char *dir, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		if (names->v[i][0] == '/')
			strv_push(to, names->v[i]);
		else
			strv_push_own(to, path_join(dir, names->v[i]));
	}
}

/* Compose names files of the mirror; a person knows them by their place in the repository. */
static void name_repo_paths(const struct staging *g, struct err *e)
{
	size_t n = strlen(g->root);
	char *at;

	while ((at = strstr(e->cause, g->root))) {
		size_t skip = n + (at[n] == '/');

		memmove(at, at + skip, strlen(at + skip) + 1);
	}
}

/* The host's files with their values in place, in the mirror, which only root can enter. */
static int fill_files(struct staging *g, struct strv *files, struct err *e)
{
	const struct settings *s = &g->want->settings;
	auto_substitutions struct substitutions values = {.n = 0};

	if (substitutions_read(&s->host.substitutions, &s->host.substitutions_from_files, &values,
			       e) < 0)
		return -1;
	for (size_t i = 0; i < s->compose_files.n; i++) {
		auto_free char *text = NULL;
		auto_free char *path =
			xasprintf("%s/%zu-%s", g->root, i, path_base(s->compose_files.v[i]));
		size_t len = 0;

		if (file_read(s->compose_files.v[i], FILE_MAX, &text, &len, e) < 0)
			return -1;
		auto_free char *filled = substitute_yaml(&values, text, len);

		if (file_replace_unsynced(path, filled, strlen(filled), 0600, e) < 0)
			return -1;
		strv_push(files, path);
	}
	return 0;
}

static int find_files(struct staging *g, struct strv *files, struct err *e)
{
	const struct project *w = g->want;
	const struct host_settings *h = &w->settings.host;

	if (w->declared && h->substitutions.n + h->substitutions_from_files.n > 0)
		return fill_files(g, files, e);
	add_paths(files, g->directory, w->declared ? &w->settings.compose_files : &w->files);
	return 0;
}

int staging_render(struct staging *g, struct err *e)
{
	auto_strv struct strv files = STRV_INIT, envs = STRV_INIT;
	const struct project *w = g->want;

	if (find_files(g, &files, e) < 0)
		return -1;
	add_paths(&envs, g->directory, &w->env_files);
	struct render_call call = {
		.project = project_compose_name(w),
		.directory = g->directory,
		.files = &files,
		.env_files = &envs,
		.profiles = &w->settings.profiles,
		.timeout_ms = RENDER_MS,
	};

	job_show(g->job, "render", NULL);
	if (compose_render(g->sync->engine, &call, &g->model, e) < 0) {
		name_repo_paths(g, e);
		return -1;
	}
	return 0;
}
