/*
 * snapshots - snapshots/<id>.json: which copies of volumes exist. The record is what makes a
 * snapshot: it is written after the copies are durable, and removed before they go.
 * Depends on: common, model/snapshot.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char suffix[] = ".json";

char *snapshot_new_id(const char *project, int64_t generation)
{
	struct timespec now;
	struct tm parts;
	char when[32] = "";

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &parts))
		(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &parts);
	return xasprintf("%s-%" PRId64 "-%s.%03ldZ", project, generation, when,
			 now.tv_nsec / 1000000);
}

/* An id that a person typed must not become another file's name. */
static bool is_id(const char *id)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return id[0] != '\0' && id[0] != '.' && strlen(id) <= 128 && id[strspn(id, chars)] == '\0';
}

static char *record_path(const struct store *s, const char *id)
{
	return xasprintf("%s/snapshots/%s%s", s->root, id, suffix);
}

/* The project in "<project>-<generation>-<time>.json"; NULL if it is not of that form. */
static char *project_of(const char *name)
{
	const char *time = strrchr(name, '-');
	const char *p = time;

	while (p && p > name && p[-1] >= '0' && p[-1] <= '9')
		p--;
	if (!p || p == time || p < name + 2 || p[-1] != '-')
		return NULL;
	return xstrndup(name, (size_t)(p - 1 - name));
}

int snapshot_write(const struct store *s, const struct snapshot *x, struct err *e)
{
	auto_free char *dir = store_path(s, "snapshots");
	auto_json cJSON *j = snapshot_to_json(x);

	if (!x->id || !is_id(x->id))
		return err_set(e, ERR_BROKEN, 0, "a snapshot needs an id");
	auto_free char *path = record_path(s, x->id);

	if (layout_make_dir(dir, e) < 0 || record_write(path, j, e) < 0)
		return err_wrap(e, "snapshot %s", x->id);
	return 0;
}

static int read_record(const char *path, const char *id, struct snapshot *out, bool *found,
		       struct err *e)
{
	auto_json cJSON *j = NULL;

	if (record_read(path, &j, e) < 0)
		return layout_damaged(
			e, "remove it if nobody needs that snapshot: `mdc-agent gc` then removes "
			   "the copies it named");
	*found = j != NULL;
	if (!j)
		return 0;
	if (strcmp(json_str(j, "id", ""), id) != 0)
		return err_set(e, ERR_BROKEN, 0,
			       "%s is the record of another snapshot: give it its name back, or "
			       "remove it",
			       path);
	snapshot_from_json(j, out);
	return 0;
}

int snapshot_read(const struct store *s, const char *id, struct snapshot *out, bool *found,
		  struct err *e)
{
	auto_free char *path = record_path(s, id);

	*found = false;
	return is_id(id) ? read_record(path, id, out, found, e) : 0;
}

int snapshot_forget(const struct store *s, const char *id, struct err *e)
{
	auto_free char *path = record_path(s, id);

	return is_id(id) ? file_remove(path, e) : 0;
}

static int by_age(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;

	if (x->made != y->made)
		return x->made < y->made ? -1 : 1;
	/* Within a second the time in the id decides. */
	const char *xt = strrchr(x->id, '-'), *yt = strrchr(y->id, '-');
	int order = xt && yt ? strcmp(xt, yt) : 0;

	return order != 0 ? order : strcmp(x->id, y->id);
}

/* Is it a record, and of that project? */
static bool is_wanted(const char *name, const char *project)
{
	auto_free char *of = project_of(name);

	if (!str_ends(name, suffix))
		return false;
	return !project || !of || strcmp(of, project) == 0;
}

int snapshot_list(const struct store *s, const char *project, struct snapshot **out, size_t *n,
		  struct err *e)
{
	auto_free char *dir = store_path(s, "snapshots");
	auto_strv struct strv names = STRV_INIT;

	if (file_exists(dir) && dir_list(dir, LAYOUT_MAX_NAMES, &names, e) < 0)
		return -1;
	struct snapshot *v = xcalloc(names.n + 1, sizeof(*v));
	size_t count = 0;
	for (size_t i = 0; i < names.n; i++) {
		bool found = false;

		if (!is_wanted(names.v[i], project))
			continue;
		auto_free char *path = path_join(dir, names.v[i]);
		auto_free char *id = xstrndup(names.v[i], strlen(names.v[i]) - strlen(suffix));

		if (read_record(path, id, &v[count], &found, e) < 0) {
			snapshots_done(v, count);
			return -1;
		}
		if (found && project && strcmp(v[count].project, project) != 0)
			snapshot_done(&v[count]);
		else if (found)
			count++;
	}
	if (count > 1)
		qsort(v, count, sizeof(*v), by_age);
	*out = v;
	*n = count;
	return 0;
}

void snapshots_done(struct snapshot *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snapshot_done(&v[i]);
	free(v);
}
