/*
 * take_plan - what a snapshot will hold, decided before anything is touched: which volumes, who is
 * held for it, is there room, and what an undo would put back. Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "agent/engine/model.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>

bool taking_has(const struct project_volume *v)
{
	return !v->why_not && !v->absent;
}

static const char *shown(const struct project_volume *v)
{
	return v->mount ? v->mount : v->name;
}

bool snap_wanted(const struct settings *s)
{
	return s->snapshot.all_volumes == TRI_YES || s->snapshot.volumes.n > 0 ||
	       s->snapshot.paths.n > 0;
}

/* A project that has no containers yet and names no volume needs no question to the engine. */
static bool may_have_volumes(const struct taking *t)
{
	auto_strv struct strv named = STRV_INIT, binds = STRV_INIT;

	if (!snap_wanted(t->settings))
		return false;
	if (t->bench->trial->has_old || t->bench->intent.adopted ||
	    t->settings->snapshot.paths.n > 0)
		return true;
	model_volumes(t->new_model, &named, &binds);
	return named.n > 0;
}

/* Writers of another project are never held; only some drivers can do without. */
static void leave_out_shared(struct taking *t, struct project_volume *v)
{
	if (!taking_has(v) || v->shared_ids.n == 0)
		return;
	if (driver_is_atomic(v->tree.driver) && !v->tree.convert)
		return;
	v->why_not =
		xasprintf("%s uses it too, and is not held for this project", v->shared_with.v[0]);
	auto_free char *note = xasprintf("volume %s is not copied: %s", shown(v), v->why_not);

	job_tell(t->bench->job, "evidence", note);
}

static int check_quiesce(struct taking *t, struct err *e)
{
	t->quiesce = t->settings->snapshot.quiesce;
	if (t->bench->sync->options->restore_volumes) /* the data is about to be replaced */
		t->quiesce = QUIESCE_STOP;
	for (size_t i = 0; i < t->volumes.n; i++) {
		const struct project_volume *v = &t->volumes.v[i];

		if (!taking_has(v))
			continue;
		t->convert |= v->tree.convert;
		if (t->quiesce == QUIESCE_NONE && v->tree.convert)
			return err_set(
				e, ERR_FAILED, 0,
				"volume %s becomes a subvolume first, and for that its "
				"writers must stop once: use stop or pause for one deployment",
				shown(v));
		if (t->quiesce == QUIESCE_NONE && !driver_is_atomic(v->tree.driver))
			return err_set(
				e, ERR_FAILED, 0,
				"volume %s is copied file by file (%s), so with `quiesce: none` the "
				"copy could be silently broken: use stop or pause",
				shown(v), driver_name(v->tree.driver));
	}
	return 0;
}

/* ---- room ---- */
static int count_bytes(struct taking *t, struct project_volume *v, struct err *e)
{
	auto_tree_choice struct tree_choice counted = {.driver = NULL};
	auto_free char *root = engine_root_of(v->path, v->name);
	struct tree_where w = snap_where(t->bench->sync, root, driver_name(v->tree.driver));

	if (v->tree.bytes >= 0 || strcmp(driver_name(v->tree.driver), "copy") != 0)
		return 0;
	w.store_dir = v->tree.store;
	if (tree_choose(v->path, &w, true, &counted, e) < 0)
		return -1;
	v->tree.bytes = counted.bytes;
	return 0;
}

static int64_t free_at(const char *store, int64_t otherwise)
{
	auto_free char *at = xstrdup(store);
	unsigned long long left = 0;
	struct err ignored = ERR_INIT;

	while (!file_exists(at) && strlen(at) > 1) { /* it is made on first use */
		char *up = path_dir(at);

		free(at);
		at = up;
	}
	return disk_space(at, &left, NULL, &ignored) == 0 ? (int64_t)left : otherwise;
}

static int refuse(struct taking *t, const char *store, int64_t need, int64_t left, struct err *e)
{
	char a[32], b[32];

	(void)err_set(e, ERR_RETRY, ENOSPC,
		      "the copy of its volumes needs %s free in %s and there are %s; nothing was "
		      "touched",
		      size_text((unsigned long long)need, a, sizeof(a)), store,
		      size_text((unsigned long long)left, b, sizeof(b)));
	struct event_fields f = {
		.project = t->bench->trial->name, .reason = e->cause, .bytes = need};

	report_failure(t->bench->sync, EVENT_DISK_SHORT, &f, e->cause);
	return -1;
}

/* Needs of volumes that share a store add up; a floor of free space counts once. */
static int64_t need_of_store(const struct taking *t, const char *store)
{
	int64_t sum = 0, most = 0;

	for (size_t i = 0; i < t->volumes.n; i++) {
		const struct project_volume *v = &t->volumes.v[i];

		if (!taking_has(v) || !str_eq(v->tree.store, store))
			continue;
		int64_t need = volume_need_bytes(t->bench->sync, v);

		if (strcmp(driver_name(v->tree.driver), "copy") == 0)
			sum += need;
		else if (need > most)
			most = need;
	}
	return sum + most;
}

static int check_room(struct taking *t, struct err *e)
{
	for (size_t i = 0; i < t->volumes.n; i++)
		if (taking_has(&t->volumes.v[i]) && count_bytes(t, &t->volumes.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < t->volumes.n; i++) {
		const struct project_volume *v = &t->volumes.v[i];

		if (!taking_has(v) || !v->tree.store || v->tree.total_bytes <= 0)
			continue;
		int64_t need = need_of_store(t, v->tree.store);
		int64_t left = free_at(v->tree.store, v->tree.free_bytes);

		if (left >= need)
			continue;
		if (snap_make_room(t->bench->sync, v->tree.store, need, e) < 0)
			return -1;
		left = free_at(v->tree.store, v->tree.free_bytes);
		if (left < need)
			return refuse(t, v->tree.store, need, left, e);
	}
	return 0;
}

/* ---- what an undo would put back ---- */
/*
 * Who writes to it beside those that change: it did not ask for its writes to be taken back. Not
 * asked where nobody else writes: a database that does not change is changed by the application
 * that uses it, so its data goes back with the application.
 */
static const char *steady_writer(const struct taking *t, const struct project_volume *v)
{
	const char *steady = NULL;
	bool changes = false;

	for (size_t i = 0; i < t->volumes.uses.n; i++) {
		const struct user *c = &t->volumes.uses.v[i];
		const struct mount *m = volume_mount(c, v);

		if (!m || !m->writes || !user_runs(c))
			continue;
		if (quiesce_replaced(t, c))
			changes = true;
		else
			steady = c->name;
	}
	return changes ? steady : NULL;
}

/* For the report of a trial that goes back: this data does not. */
static void note_left(struct taking *t, const struct project_volume *v)
{
	if (v->why_not && !v->unwanted)
		strv_pushf(&t->bench->intent.snap.left, "%s (%s)", shown(v), v->why_not);
}

static void plan_restore(struct taking *t, const struct project_volume *v)
{
	struct snap_state *s = &t->bench->intent.snap;
	const char *steady = steady_writer(t, v);

	if (v->restore == RESTORE_MANUAL || v->restore == RESTORE_NEVER)
		strv_pushf(&s->left, "%s (the settings say restore: %s)", shown(v),
			   restore_name(v->restore));
	else if (v->shared_with.n > 0)
		strv_pushf(&s->left, "%s (%s uses it too)", shown(v), v->shared_with.v[0]);
	else if (steady)
		strv_pushf(&s->left, "%s (container %s, which does not change, writes to it too)",
			   shown(v), steady);
	else
		strv_push(&s->auto_restore, v->name);
}

/* ---- the record to be ---- */
static char *place_of(const struct project_volume *v, const char *id, size_t i)
{
	if (v->kind == VOLUME_BIND)
		return xasprintf("%s/%s/path-%zu", v->tree.store, id, i);
	return xasprintf("%s/%s/%s", v->tree.store, id, v->name);
}

static void add_volume(struct snapshot *x, const struct project_volume *v, size_t i)
{
	x->v = xreallocarray(x->v, x->n + 1, sizeof(*x->v));
	x->v[x->n++] = (struct snapshot_volume){
		.name = xstrdup(v->name),
		.mount = xstrdup_null(v->mount),
		.bind = v->kind == VOLUME_BIND,
		.path = xstrdup_null(v->path),
		.absent = v->absent,
		.driver = v->absent ? NULL : xstrdup(driver_name(v->tree.driver)),
		.place = v->absent ? NULL : place_of(v, x->id, i),
		.bytes = -1,
	};
}

/* Of a trial: named after the generation that it is taken before. */
static char *new_id(const struct taking *t, int64_t generation)
{
	const struct bench *b = t->bench;

	if (!t->trial_follows)
		return snapshot_new_id(b->trial->name, generation);
	auto_free char *name = xasprintf("%s_PRE", b->trial->name);

	return snapshot_new_id(name, b->sync->number);
}

static void plan_record(struct taking *t)
{
	struct bench *b = t->bench;
	struct snap_state *s = &b->intent.snap;
	int64_t generation = b->trial->has_old ? b->sync->current.number : 0;

	s->snapshot = (struct snapshot){
		.id = new_id(t, generation),
		.project = xstrdup(b->trial->name),
		.kind = t->trial_follows ? SNAPSHOT_TRIAL : SNAPSHOT_MANUAL,
		.generation = generation,
		.before = t->trial_follows ? b->sync->number : 0,
		.quiesce = t->quiesce,
	};
	memcpy(s->snapshot.digest, b->trial->old.want.digest, sizeof(s->snapshot.digest));
	commit_info_copy(&s->snapshot.commit, &b->trial->old.commit);
	for (size_t i = 0; i < t->volumes.n; i++) {
		const struct project_volume *v = &t->volumes.v[i];

		if (v->why_not)
			continue;
		add_volume(&s->snapshot, v, i);
		if (taking_has(v))
			plan_restore(t, v);
	}
}

/* A name that is nowhere would mean a dump that is never made. */
static int check_hook(const struct taking *t, const struct hook *h, const char *which,
		      struct err *e)
{
	if (h->command.n == 0 || !h->service ||
	    cJSON_GetObjectItemCaseSensitive(json_obj(t->new_model, "services"), h->service) ||
	    cJSON_GetObjectItemCaseSensitive(json_obj(t->old_model, "services"), h->service))
		return 0;
	return err_set(e, ERR_FAILED, 0,
		       "hook %s names service %s, which the Compose files do not have", which,
		       h->service);
}

int taking_plan(struct taking *t, bool *any, struct err *e)
{
	struct volumes_query q = {.project = t->bench->trial->name,
				  .compose = trial_compose_name(t->bench->trial),
				  .settings = t->settings,
				  .model = t->new_model,
				  .old_model = t->old_model};

	*any = false;
	if (!may_have_volumes(t))
		return 0;
	if (volumes_of(t->bench->sync, &q, &t->volumes, e) < 0)
		return -1;
	snap_state_done(&t->bench->intent.snap);
	for (size_t i = 0; i < t->volumes.n; i++) {
		leave_out_shared(t, &t->volumes.v[i]);
		note_left(t, &t->volumes.v[i]);
		*any |= taking_has(&t->volumes.v[i]);
	}
	if (!*any)
		return 0;
	if (check_hook(t, &t->settings->before_snapshot, "before_snapshot", e) < 0 ||
	    check_hook(t, &t->settings->after_snapshot, "after_snapshot", e) < 0 ||
	    check_quiesce(t, e) < 0 || check_room(t, e) < 0)
		return -1;
	plan_record(t);
	quiesce_plan(t);
	return 0;
}
