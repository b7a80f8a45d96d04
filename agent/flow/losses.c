/*
 * losses - what putting data back would discard, and what would stay as it is and why: asked before
 * a person says yes. Depends on: data.h, snap.h.
 */
#include "agent/flow/data.h"
#include "agent/flow/snap.h"

#include "common/mem.h"

#include <string.h>

void losses_done(struct losses *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].project);
		free(l->v[i].volume);
		free(l->v[i].name);
		free(l->v[i].snapshot);
		free(l->v[i].why_not);
	}
	free(l->v);
	memset(l, 0, sizeof(*l));
}

static bool asked(const struct strv *only, const char *name, const char *mount)
{
	return !only || only->n == 0 || strv_has(only, name) || (mount && strv_has(only, mount));
}

static struct loss *add(struct losses *l, const char *project, const char *name, const char *mount)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	struct loss *x = &l->v[l->n++];

	*x = (struct loss){.project = xstrdup(project),
			   .volume = xstrdup(mount ? mount : name),
			   .name = xstrdup(name)};
	return x;
}

/* Of one project: what the snapshot holds (NULL: there is none, why says so). */
struct one {
	const char *project;
	const struct active *active;
	const struct snapshot *x;
	const char *why;
};

static const struct project_volume *volume_named(const struct project_volumes *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static char *why_stays(const struct snapshot_volume *v, const struct project_volume *now,
		       const struct strv *only)
{
	if (v->absent)
		return xstrdup("there was no such volume then");
	if (v->moved)
		return xstrdup("its copy was put back earlier and is not kept any more");
	if (now && now->restore == RESTORE_NEVER && (!only || only->n == 0))
		return xstrdup("its settings say restore: never; name it to put it back");
	if (now && now->shared_ids.n > 0)
		return xasprintf("%s runs on it", now->shared_with.v[0]);
	if (now && now->why_not && !now->unwanted)
		return xstrdup(now->why_not);
	return NULL;
}

static void add_held(struct losses *l, const struct one *o, const struct project_volumes *now,
		     const struct strv *only)
{
	for (size_t i = 0; o->x && i < o->x->n; i++) {
		const struct snapshot_volume *v = &o->x->v[i];

		if (!asked(only, v->name, v->mount))
			continue;
		struct loss *to = add(l, o->project, v->name, v->mount);

		to->why_not = why_stays(v, volume_named(now, v->name), only);
		to->made = o->x->made;
		if (!to->why_not)
			to->snapshot = xstrdup(o->x->id);
	}
}

static bool holds(const struct snapshot *x, const char *name)
{
	for (size_t i = 0; x && i < x->n; i++)
		if (strcmp(x->v[i].name, name) == 0)
			return true;
	return false;
}

static void add_others(struct losses *l, const struct one *o, const struct project_volumes *now,
		       const struct strv *only)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct project_volume *v = &now->v[i];

		if (holds(o->x, v->name) || !asked(only, v->name, v->mount))
			continue;
		struct loss *to = add(l, o->project, v->name, v->mount);

		to->why_not = v->why_not ? xstrdup(v->why_not)
			      : o->x     ? xstrdup("it is not in the snapshot")
					 : xstrdup(o->why);
	}
}

static int of_project(struct sync *s, const struct one *o, const struct strv *only,
		      struct losses *l, struct err *e)
{
	auto_json cJSON *model = NULL;
	auto_project_volumes struct project_volumes now = {.n = 0};

	if (model_read(s->store, o->project, o->active->model, &model, e) < 0)
		return -1;
	struct volumes_query q = {.project = o->project,
				  .compose = project_compose_name(&o->active->want),
				  .settings = &o->active->want.settings,
				  .model = model,
				  .old_model = model};

	if (volumes_of(s, &q, &now, e) < 0)
		return -1;
	add_held(l, o, &now, only);
	add_others(l, o, &now, only);
	return 0;
}

/* ---- which projects ---- */
static int of_snapshot(struct sync *s, const struct loss_question *q, struct losses *l,
		       struct err *e)
{
	auto_snapshot struct snapshot x = {.n = 0};
	auto_active struct active a;
	bool found = false;

	active_init(&a);
	if (snapshot_pick(s->store, q->snapshot, &x, e) < 0 ||
	    active_read(s->store, x.project, &a, &found, e) < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_USAGE, 0,
			       "project %s is not deployed here: `mdc-agent restore %s --to "
			       "DIRECTORY` copies the data out",
			       x.project, x.id);
	struct one o = {.project = x.project, .active = &a, .x = &x};

	return of_project(s, &o, q->only, l, e);
}

static bool changes(const struct generation_entry *was, const struct generation_entry *is)
{
	return was && is && was->status != ENTRY_MISSING && is->status != ENTRY_MISSING &&
	       (strcmp(was->active.want.digest, is->active.want.digest) != 0 ||
		strcmp(was->active.model, is->active.model) != 0);
}

static int of_target(struct sync *s, const struct loss_question *q, struct losses *l, struct err *e)
{
	if (generation_read(s->store, q->target, &s->target, e) < 0)
		return -1;
	auto_free char *why = xasprintf("no snapshot of its data in generation %lld is kept",
					(long long)q->target);

	for (size_t i = 0; i < s->current.n; i++) {
		const struct generation_entry *was = &s->current.v[i];
		const struct generation_entry *is = generation_find(&s->target, was->name);
		auto_snapshot struct snapshot x = {.n = 0};
		bool found = false;

		if ((q->project && strcmp(q->project, was->name) != 0) || !changes(was, is))
			continue;
		if (snap_of_target(s, &is->active, q->target, &x, &found, e) < 0)
			return -1;
		struct one o = {.project = was->name,
				.active = &was->active,
				.x = found ? &x : NULL,
				.why = why};

		if (of_project(s, &o, q->only, l, e) < 0)
			return -1;
	}
	return 0;
}

static int check_names(const struct loss_question *q, const struct losses *l, struct err *e)
{
	for (size_t i = 0; q->only && i < q->only->n; i++) {
		bool hit = false;
		auto_free char *shown = str_printable(q->only->v[i], 128);

		for (size_t k = 0; k < l->n; k++)
			hit |= strcmp(l->v[k].volume, q->only->v[i]) == 0 ||
			       strcmp(l->v[k].name, q->only->v[i]) == 0;
		if (!hit)
			return err_set(e, ERR_USAGE, 0,
				       "no volume %s in what would be put back: "
				       "`mdc-agent snapshots show ID` lists a snapshot's",
				       shown);
	}
	return 0;
}

int flow_losses(const struct config *c, const struct loss_question *q, struct losses *out,
		struct err *e)
{
	struct sync_options so = {.lock_wait_ms = 0};
	auto_sync_report struct sync_report report = {.n = 0};
	auto_losses struct losses l = {.n = 0};
	struct sync s = {
		.config = c, .options = &so, .report = &report, .lock_fd = -1, .dry = true};
	int64_t number = 0;
	int rc;

	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = store_open(c, false, &s.store, e);
	if (rc == 0)
		rc = current_read(s.store, &number, e);
	if (rc == 0 && number > 0)
		rc = generation_read(s.store, number, &s.current, e);
	if (rc == 0)
		rc = sync_engine(&s, e);
	if (rc == 0)
		rc = q->snapshot ? of_snapshot(&s, q, &l, e) : of_target(&s, q, &l, e);
	if (rc == 0)
		rc = check_names(q, &l, e);
	if (rc == 0)
		*out = TAKE_STRUCT(l);
	sync_close(&s);
	return rc;
}
