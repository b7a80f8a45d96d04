/*
 * take - copy a project's volumes while their writers are held. The order is what makes it safe:
 * flush, intent on disk, hook, hold, copy each, record, let go. Killed anywhere, the intent says
 * who is held and where copies lie; without its record a snapshot does not exist.
 * Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"
#include "agent/model/places.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>

void taking_done(struct taking *t)
{
	guard_end(TAKE(t->guard));
	cJSON_Delete(t->old_model);
	cJSON_Delete(t->new_model);
	project_volumes_done(&t->volumes);
}

static const struct project_volume *planned(const struct taking *t, const char *name)
{
	for (size_t i = 0; i < t->volumes.n; i++)
		if (strcmp(t->volumes.v[i].name, name) == 0)
			return &t->volumes.v[i];
	return NULL;
}

static void presync(struct taking *t)
{
	auto_strv struct strv paths = STRV_INIT;
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < t->volumes.n; i++)
		if (taking_has(&t->volumes.v[i]))
			strv_push(&paths, t->volumes.v[i].path);
	(void)tree_presync(&paths, &ignored); /* it only makes the hold shorter */
}

/* ---- copying ---- */
static void show_progress(int64_t files, int64_t bytes, void *arg)
{
	char size[32];
	auto_free char *text = xasprintf("%lld files, %s", (long long)files,
					 size_text((unsigned long long)bytes, size, sizeof(size)));

	bench_show(arg, "snapshot", text);
}

static bool asked_to_stop(void *arg)
{
	struct bench *b = arg;

	return stop_asked(&b->sync->stop);
}

/* Containers without root write as users that only root of the user's own namespace may be. */
static void add_hint(struct err *e)
{
	auto_free char *cause = xstrdup(e->cause);

	if ((e->errnum == EPERM || e->errnum == EACCES) && place_is_user() && !place_is_unshared())
		(void)err_set(
			e, e->kind, e->errnum,
			"%s: these files belong to users of containers; let the agent run in "
			"`podman unshare mdc-agent ...` (unit: share/mdc-agent/unit/podman-unshare.conf)",
			cause);
}

static int copy_each(struct taking *t, struct err *e)
{
	struct bench *b = t->bench;
	struct snapshot *x = &b->intent.snap.snapshot;
	struct tree_progress p = {.show = show_progress, .stop = asked_to_stop, .arg = b};
	bool first = true;

	for (size_t i = 0; i < x->n; i++) {
		struct snapshot_volume *v = &x->v[i];
		const struct project_volume *from = planned(t, v->name);

		if (v->absent || !from)
			continue;
		bench_show(b, "snapshot", v->mount ? v->mount : v->name);
		if (tree_take(&from->tree, v->place, &p, &v->identity, &v->bytes, e) < 0) {
			add_hint(e);
			return err_wrap(e, "volume %s", v->mount ? v->mount : v->name);
		}
		if (first && fault_hit(FAULT_snapshot_half, e) < 0)
			return -1;
		first = false;
	}
	return fault_hit(FAULT_snapshot_copied, e);
}

static void tell(struct taking *t)
{
	struct bench *b = t->bench;
	const struct snapshot *x = &b->intent.snap.snapshot;

	for (size_t i = 0; i < x->n; i++) {
		const struct snapshot_volume *v = &x->v[i];
		struct event_fields f = {.project = x->project,
					 .volume = v->mount ? v->mount : v->name,
					 .snapshot = x->id,
					 .generation = b->sync->number,
					 .duration_ms = x->took_ms,
					 .bytes = v->bytes > 0 ? v->bytes : 0};

		if (!v->absent)
			report_event(b->sync, EVENT_SNAPSHOT_MADE, &f, NULL);
	}
}

static int hold_and_copy(struct taking *t, struct err *e)
{
	struct bench *b = t->bench;
	struct snapshot *x = &b->intent.snap.snapshot;

	if (b->intent.snap.n_holds > 0) {
		bench_show(b, "quiesce", quiesce_name(t->quiesce));
		if (guard_start(b, &t->guard, e) < 0)
			return -1;
	}
	t->held_ms = clock_ms();
	if (quiesce_hold(t, e) < 0 || fault_hit(FAULT_quiesced, e) < 0 || copy_each(t, e) < 0)
		return -1;
	x->took_ms = clock_ms() - t->held_ms;
	x->made = clock_wall();
	/* The record first: what is let go writes again, and must find its copy complete. */
	if (snapshot_write(b->sync->store, x, e) < 0 || fault_hit(FAULT_snapshot_made, e) < 0)
		return -1;
	return quiesce_let_go(b->sync->engine, &b->intent.snap, false, e);
}

int taking_run(struct taking *t, struct err *e)
{
	struct bench *b = t->bench;

	presync(t);
	bench_phase(b, PHASE_SNAPSHOT);
	if (bench_save(b, e) < 0 || fault_hit(FAULT_snapshot_begun, e) < 0)
		return -1;
	if (hook_run(b, &t->settings->before_snapshot, "before_snapshot", &t->volumes.uses, e) < 0)
		return -1;
	if (hold_and_copy(t, e) < 0)
		return -1;
	tell(t);
	return 0;
}

/* ---- the way out ---- */
/* Set aside by an earlier restore that could not move it: a record says so. */
static int is_recorded(const struct store *s, const char *project, const char *place, bool *yes,
		       struct err *e)
{
	struct snapshot *v = NULL;
	size_t n = 0;

	*yes = false;
	if (snapshot_list(s, project, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n; j++)
			*yes |= str_eq(v[i].v[j].place, place);
	snapshots_done(v, n);
	return 0;
}

/* What a directory that was becoming a subvolume has left beside it. */
static int drop_side(struct bench *b, const struct snapshot_volume *v, struct err *e)
{
	auto_free char *side = tree_sibling(v->path);
	bool recorded = false;

	if (!file_exists(side))
		return 0;
	if (is_recorded(b->sync->store, b->trial->name, side, &recorded, e) < 0)
		return -1;
	return recorded ? 0 : snapshot_drop(NULL, side, e);
}

static int drop_copies(struct bench *b, struct err *e)
{
	struct snapshot *x = &b->intent.snap.snapshot;

	if (!x->id)
		return 0;
	if (snapshot_forget(b->sync->store, x->id, e) < 0)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		const struct snapshot_driver *d =
			x->v[i].driver ? driver_find(x->v[i].driver) : NULL;

		if (!d || !x->v[i].place)
			continue;
		if (snapshot_drop(d, x->v[i].place, e) < 0 ||
		    (x->v[i].path && drop_side(b, &x->v[i], e) < 0))
			return -1;
		auto_free char *dir = path_dir(x->v[i].place);

		(void)rmdir(dir);
	}
	return 0;
}

static int let_go_of_all(struct bench *b, struct err *e)
{
	return quiesce_let_go(b->sync->engine, &b->intent.snap, true, e);
}

int taking_abandon(struct bench *b, struct err *e)
{
	struct err left = ERR_INIT;

	/* Running comes first. Copies that cannot be removed now go with the next clean-up. */
	if (trial_persist(b, let_go_of_all, e) < 0)
		return -1;
	if (fault_hit(FAULT_snapshot_abandoned, e) < 0)
		return -1;
	(void)drop_copies(b, &left);
	return intent_remove(b->sync->store, b->trial->name, e);
}

static void tell_failure(struct bench *b, const struct err *why)
{
	char text[sizeof(why->cause) + sizeof(why->trail)];
	struct event_fields f = {.project = b->trial->name,
				 .snapshot = b->intent.snap.snapshot.id,
				 .generation = b->sync->number,
				 .reason = err_text(why, text, sizeof(text))};

	report_failure(b->sync, EVENT_SNAPSHOT_FAILED, &f, text);
}

/* Something failed: all is as before, or the intent stays open for the next start. */
int taking_give_up(struct taking *t, struct err *e)
{
	struct bench *b = t->bench;
	struct err again = ERR_INIT;

	tell_failure(b, e);
	if (str_eq(b->intent.phase, PHASE_SNAPSHOT) && taking_abandon(b, &again) < 0) {
		guard_leave(TAKE(t->guard)); /* it goes on trying; the next start does too */
		*e = again;
	}
	return err_wrap(e, "snapshot");
}

/* A rollback that takes its data along: the record of when its content was left. */
static int plan_target(struct bench *b, struct err *e)
{
	auto_snapshot struct snapshot from = {.id = NULL};
	bool found = false;

	if (snap_of_target(b->sync, &b->trial->new, b->sync->target.number, &from, &found, e) < 0)
		return -1;
	/* The verb has said which data stays as it is. */
	if (!found || !restore_fits(&from, b->sync->options->restore_only))
		return 0;
	if (restore_plan_from(b, &from, b->sync->options->restore_only, e) < 0)
		return -1;
	b->trial->same_model = false; /* its containers go, so they must come up again */
	bench_phase(b, PHASE_RESTORE);
	return 0;
}

static int read_models(struct taking *t, struct err *e)
{
	struct trial *trial = t->bench->trial;
	const struct store *s = t->bench->sync->store;

	if (model_read(s, trial->name, trial->new.model, &t->new_model, e) < 0)
		return -1;
	return trial->has_old ? model_read(s, trial->name, trial->old.model, &t->old_model, e) : 0;
}

/* From here on the new content may be touched; until then a death starts again what was held. */
static int open_intent(struct bench *b, struct err *e)
{
	auto_json cJSON *was = cJSON_CreateObject();

	snap_state_to_json(&b->intent.snap, was);
	bench_phase(b, PHASE_APPLY);
	if ((!b->sync->options->restore_volumes || plan_target(b, e) == 0) && bench_save(b, e) == 0)
		return 0;
	/* plan_target() has forgotten who is held, and they are to run again. */
	snap_state_done(&b->intent.snap);
	snap_state_from_json(was, &b->intent.snap);
	return -1;
}

int snap_before(struct bench *b, struct err *e)
{
	struct trial *trial = b->trial;
	AUTO(taking_done)
	struct taking t = {
		.bench = b, .settings = &trial->new.want.settings, .trial_follows = true};
	bool any = false;

	if ((snap_wanted(t.settings) && !trial->same_model) || b->sync->options->restore_volumes) {
		if (read_models(&t, e) < 0)
			return -1;
		if (taking_plan(&t, &any, e) < 0)
			return taking_give_up(&t, e);
		/* Nobody has to wait, held, for what can be done before. */
		if (any && place_ahead(b, trial->has_old ? &trial->old : NULL, &trial->new, e) < 0)
			return -1;
		if (any && taking_run(&t, e) < 0)
			return taking_give_up(&t, e);
	}
	if (any &&
	    hook_run(b, &t.settings->after_snapshot, "after_snapshot", &t.volumes.uses, e) < 0)
		return taking_give_up(&t, e);
	if (open_intent(b, e) < 0) {
		bench_phase(b, PHASE_SNAPSHOT);
		return any ? taking_give_up(&t, e) : -1;
	}
	return 0;
}

/* Recovery: nothing of the new content was touched. What was held runs again, copies go. */
int snapshot_resume(struct bench *b, cJSON **result, struct err *e)
{
	struct trial *t = b->trial;
	struct mark m = {.project = t->name,
			 .digest = (char *)t->new.want.digest,
			 .when = clock_wall(),
			 .attempts = b->intent.attempt};

	memcpy(m.commit, t->new.commit.id, sizeof(m.commit));
	/* Only our death cut it off; twice is enough all the same. */
	if (b->intent.snap.snapshot.kind == SNAPSHOT_TRIAL && !b->intent.unblamed &&
	    mark_write(b->sync->store, &m, e) < 0)
		return -1;
	if (taking_abandon(b, e) < 0)
		return -1;
	*result = trial_end(NULL, "untouched",
			    "it was cut off while its volumes were copied; nothing was changed and "
			    "what was held runs again");
	return 0;
}
