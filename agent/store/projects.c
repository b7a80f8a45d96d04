/*
 * projects - projects/<name>/: what holds for a project, and that it is degraded.
 * Depends on: common, model/generation.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <string.h>

static const char active_file[] = "active.json", degraded_file[] = "degraded.json";

int active_read(const struct store *s, const char *project, struct active *out, bool *found,
		struct err *e)
{
	auto_free char *path = layout_project(s, project, active_file);
	auto_json cJSON *j = NULL;

	if (record_read(path, &j, e) < 0)
		return layout_damaged(e, "`mdc-agent rollback` to a generation that is kept writes "
					 "it anew");
	*found = j != NULL;
	if (!j)
		return 0;
	struct active a = {.since = 0};
	active_from_json(j, &a);
	if (!str_eq(a.want.name, project)) {
		(void)err_set(e, ERR_BROKEN, 0, "%s speaks of project \"%.64s\"", path,
			      a.want.name ? a.want.name : "");
		active_done(&a);
		return -1;
	}
	active_done(out);
	*out = a;
	return 0;
}

int active_write(const struct store *s, const struct active *a, struct err *e)
{
	auto_json cJSON *j = active_to_json(a);

	return layout_project_write(s, a->want.name, active_file, j, e);
}

int active_remove(const struct store *s, const char *project, struct err *e)
{
	auto_free char *path = layout_project(s, project, active_file);

	return file_remove(path, e);
}

int active_names(const struct store *s, struct strv *out, struct err *e)
{
	auto_free char *dir = store_path(s, "projects");
	auto_strv struct strv all = STRV_INIT, names = STRV_INIT;

	if (file_exists(dir) && dir_list(dir, LAYOUT_MAX_NAMES, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (path_is_project_name(all.v[i]))
			strv_push(&names, all.v[i]);
	strv_copy(out, &names);
	return 0;
}

int degraded_read(const struct store *s, const char *project, char **why, int64_t *since,
		  struct err *e)
{
	auto_free char *path = layout_project(s, project, degraded_file);
	auto_json cJSON *j = NULL;
	struct err damage = ERR_INIT;

	if (record_read(path, &j, &damage) < 0) {
		if (damage.kind != ERR_BROKEN) {
			*e = damage;
			return -1;
		}
		*why = xstrdup(damage.cause); /* the safe reading: a person must look */
		*since = 0;
		return 0;
	}
	*why = j ? xstrdup(json_str(j, "why", "for a reason that was not recorded")) : NULL;
	*since = json_int(j, "since", 0);
	return 0;
}

bool degraded_is(const struct store *s, const char *project)
{
	auto_free char *path = layout_project(s, project, degraded_file);

	return file_exists(path);
}

int degraded_write(const struct store *s, const char *project, const char *why, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "why", why);
	json_set_int(j, "since", clock_wall());
	return layout_project_write(s, project, degraded_file, j, e);
}

int degraded_remove(const struct store *s, const char *project, struct err *e)
{
	auto_free char *path = layout_project(s, project, degraded_file);

	return file_remove(path, e);
}
