/*
 * cleanup - retention. After a sync only what is cheap: generations beyond the limit, and the
 * repository when packs pile up. `gc` (daily, or by hand) also drops models and image tags that no
 * kept generation names, copies of volumes without a record, and what killed agents left half
 * written. Depends on: sync.h, prune.h, store, git, engine.
 */
#include "agent/flow/prune.h"
#include "agent/flow/staging.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/mem.h"

#include <string.h>

enum { MARK_DAYS = 30 };

static int unkeep(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	const cJSON *i;

	(void)out;
	cJSON_ArrayForEach (i, (const cJSON *)arg)
		if (repo_unkeep(r, (int64_t)i->valuedouble, e) < 0)
			return -1;
	return repo_maintain(r, false, e);
}

/* Numbers that go: all but the newest `keep`, the current one and the one before it. */
static int old_generations(struct sync *s, cJSON *gone, struct err *e)
{
	int64_t *v = NULL, before = 0;
	size_t n = 0, keep = (size_t)s->config->retention.generations;

	if (generation_numbers(s->store, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (v[i] < s->current.number)
			before = v[i];
	for (size_t i = 0; i + keep < n; i++)
		if (v[i] != s->current.number && v[i] != before)
			cJSON_AddItemToArray(gone, cJSON_CreateNumber((double)v[i]));
	free(v);
	return 0;
}

int cleanup_generations(struct sync *s, cJSON *numbers, struct err *e)
{
	auto_json cJSON *none = NULL;
	const cJSON *i;

	if (with_repo(s, "clean up", unkeep, numbers, &none, e) < 0)
		return -1;
	cJSON_ArrayForEach (i, numbers)
		if (generation_remove(s->store, (int64_t)i->valuedouble, e) < 0)
			return -1;
	return 0;
}

static int drop_generations(struct sync *s, size_t *dropped, struct err *e)
{
	auto_json cJSON *gone = cJSON_CreateArray();

	if (old_generations(s, gone, e) < 0)
		return -1;
	*dropped = (size_t)cJSON_GetArraySize(gone);
	return cleanup_generations(s, gone, e);
}

int flow_cleanup(struct sync *s, struct err *e)
{
	struct err why = ERR_INIT;
	struct prune_count pruned;
	size_t dropped = 0;
	auto_free char *stage = store_path(s->store, "stage");

	(void)e;
	/* What could not be cleaned now is tried the next time; the sync itself went well. */
	if (s->report->made && (tree_remove(stage, &why) < 0 || dir_make(stage, 0700, &why) < 0 ||
				drop_generations(s, &dropped, &why) < 0))
		log_warn("cleaning up: %s", why.cause);
	err_clear(&why);
	/* After the generations: what only they needed goes too. */
	if (s->n_trials > 0 && snap_prune(s, true, &pruned, &why) < 0)
		log_warn("cleaning up: %s", why.cause);
	return 0;
}

/* ---- gc ---- */
struct needed {
	cJSON *models;     /* project -> {digest: true} */
	cJSON *images;     /* id -> true */
	struct strv paths; /* that images were loaded from */
};

static void need(struct needed *w, const struct active *a)
{
	cJSON *of = cJSON_GetObjectItemCaseSensitive(w->models, a->want.name);

	if (!of)
		of = cJSON_AddObjectToObject(w->models, a->want.name);
	json_set_bool(of, a->model, true);
	for (size_t i = 0; i < a->n_images; i++)
		json_set_bool(w->images, a->images[i].id, true);
	struct image_source x;

	for (size_t i = 0; settings_image(&a->want.settings, i, &x); i++)
		(void)strv_add_once(&w->paths, x.path);
}

static int need_all(struct sync *s, struct needed *w, struct err *e)
{
	int64_t *v = NULL;
	size_t n = 0;
	int rc = generation_numbers(s->store, &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		auto_generation struct generation g = {.number = 0};

		rc = generation_read(s->store, v[i], &g, e);
		for (size_t k = 0; rc == 0 && k < g.n; k++)
			if (g.v[k].status != ENTRY_MISSING)
				need(w, &g.v[k].active);
	}
	free(v);
	return rc;
}

static int drop_unneeded(struct sync *s, const char *project, const cJSON *keep, size_t *dropped,
			 struct err *e)
{
	auto_strv struct strv models = STRV_INIT;

	if (model_list(s->store, project, &models, e) < 0)
		return -1;
	for (size_t i = 0; i < models.n; i++) {
		if (keep && cJSON_GetObjectItemCaseSensitive(keep, models.v[i]))
			continue;
		if (model_remove(s->store, project, models.v[i], e) < 0)
			return -1;
		(*dropped)++;
	}
	return 0;
}

static int drop_models(struct sync *s, const struct needed *w, size_t *dropped, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (active_names(s->store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const cJSON *keep = cJSON_GetObjectItemCaseSensitive(w->models, names.v[i]);

		if (drop_unneeded(s, names.v[i], keep, dropped, e) < 0)
			return -1;
	}
	return 0;
}

static int drop_images(struct sync *s, const struct needed *w, size_t *dropped, struct err *e)
{
	auto_strv struct strv kept = STRV_INIT;

	if (sync_engine(s, e) < 0 || engine_images_kept(s->engine, &kept, e) < 0)
		return -1;
	for (size_t i = 0; i < kept.n; i++) {
		if (cJSON_GetObjectItemCaseSensitive(w->images, kept.v[i]))
			continue;
		if (engine_image_unkeep(s->engine, kept.v[i], e) < 0)
			return -1;
		(*dropped)++;
	}
	return engine_images_forget(s->engine, &w->paths, dropped, e);
}

static int drop_marks(struct sync *s, size_t *dropped, struct err *e)
{
	struct mark *v = NULL;
	size_t n = 0;
	int rc = marks_of(s->store, NULL, &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		bool old = clock_wall() - v[i].when > MARK_DAYS * 86400LL;

		if (!old || generation_find(&s->current, v[i].project))
			continue;
		rc = mark_remove(s->store, v[i].project, v[i].digest, e);
		*dropped += rc == 0;
	}
	marks_done(v, n);
	return rc;
}

/* What killed agents left: mirrors of projects, halves of records. */
static int drop_leftovers(struct sync *s, struct err *e)
{
	auto_free char *stage = store_path(s->store, "stage");

	if (tree_remove(stage, e) < 0 || dir_make(stage, 0700, e) < 0)
		return -1;
	return store_sweep(s->store, e);
}

static int drop_snapshots(struct sync *s, struct gc_report *r, struct err *e)
{
	struct prune_count pruned;

	if (snap_prune(s, true, &pruned, e) < 0)
		return -1;
	r->snapshots = pruned.snapshots;
	r->generations += pruned.generations;
	return snap_sweep(s, &r->copies, e);
}

static int collect(struct sync *s, struct gc_report *r, struct err *e)
{
	struct needed w = {.models = cJSON_CreateObject(), .images = cJSON_CreateObject()};
	int64_t number = 0;
	int rc = recover_run(s, e);

	if (rc == 0)
		rc = current_read(s->store, &number, e);
	if (rc == 0 && number > 0)
		rc = generation_read(s->store, number, &s->current, e);
	if (rc == 0)
		rc = drop_leftovers(s, e);
	if (rc == 0)
		rc = drop_generations(s, &r->generations, e);
	if (rc == 0)
		rc = drop_snapshots(s, r, e);
	if (rc == 0)
		rc = need_all(s, &w, e);
	if (rc == 0)
		rc = drop_models(s, &w, &r->models, e);
	if (rc == 0)
		rc = roots_drop(s, w.models, e);
	if (rc == 0)
		rc = drop_marks(s, &r->marks, e);
	if (rc == 0)
		rc = drop_images(s, &w, &r->images, e);
	cJSON_Delete(w.models);
	cJSON_Delete(w.images);
	strv_done(&w.paths);
	return rc;
}

int flow_gc(const struct config *c, struct gc_report *r, struct err *e)
{
	struct sync_options o = {.lock_wait_ms = 60000};
	struct sync_report report = {.n = 0};
	struct sync s = {.config = c, .options = &o, .report = &report, .lock_fd = -1};
	int rc;

	memset(r, 0, sizeof(*r));
	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = sync_begin(&s, "gc", e);
	if (rc == 0)
		rc = collect(&s, r, e);
	sync_report_done(&report);
	sync_close(&s);
	return rc;
}
