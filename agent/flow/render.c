/*
 * render - let Compose resolve a project in the mirror, then move its paths to where they will
 * live. Why not in live/ itself: nothing there may change before the apply. Why move: a path that
 * changes from generation to generation would recreate every service with a bind mount (measured).
 * Depends on: staging.h, engine.
 */
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { RENDER_MS = 60000 };

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

int staging_render(struct staging *g, struct err *e)
{
	auto_strv struct strv files = STRV_INIT, envs = STRV_INIT;
	const struct project *w = g->want;

	add_paths(&files, g->directory, w->declared ? &w->settings.compose_files : &w->files);
	add_paths(&envs, g->directory, &w->env_files);
	struct render_call call = {
		.project = w->name,
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
