/*
 * sweep - temporary files that killed writers left, in every directory where records are replaced,
 * and the room that a trial had reserved. Young files stay: history, repeats and cursors have
 * writers that do not hold the sync's lock.
 * Depends on: common. To add a directory: a row of `places`, or of `of_project`.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <unistd.h>

static const char *const places[] = {"",
				     "marks",
				     "generations",
				     "snapshots",
				     "outbox",
				     "projects",
				     "repo.git",
				     "repo.git/objects",
				     "repo.git/objects/info"};
static const char *const of_project[] = {"", "models"};

/* Without an open trial nobody needs it. */
static void drop_reserve(const char *project)
{
	auto_free char *intent = path_join(project, "intent.json");
	auto_free char *reserve = path_join(project, "reserve");

	if (!file_exists(intent))
		(void)unlink(reserve);
}

static int sweep_project(const char *project, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(of_project); i++) {
		auto_free char *dir = path_join(project, of_project[i]);

		if (dir_sweep(dir, e) < 0)
			return -1;
	}
	drop_reserve(project);
	return 0;
}

int store_sweep(const struct store *s, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *projects = path_join(s->root, "projects");

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		auto_free char *dir = path_join(s->root, places[i]);

		if (dir_sweep(dir, e) < 0)
			return -1;
	}
	if (dir_list(projects, LAYOUT_MAX_NAMES, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *project = path_join(projects, names.v[i]);

		if (sweep_project(project, e) < 0)
			return -1;
	}
	return 0;
}
