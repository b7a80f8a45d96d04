/*
 * restore_plan - which data goes back where, decided before anything is touched: for an undo, for a
 * rollback with data, and by hand. Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/mem.h"
#include "common/path.h"

#include <string.h>

/* The copy's own place with another snapshot's id: <store>/<id>/<name>. */
static char *place_beside(const char *place, const char *id)
{
	auto_free char *dir = path_dir(place);
	auto_free char *store = path_dir(dir);
	const char *leaf = strrchr(place, '/');

	return xasprintf("%s/%s%s", store, id, leaf ? leaf : "/data");
}

static void add(struct snap_state *s, const struct snapshot_volume *v, bool consume)
{
	s->exchanges = xreallocarray(s->exchanges, s->n_exchanges + 1, sizeof(*s->exchanges));
	s->exchanges[s->n_exchanges++] = (struct exchange){
		.name = xstrdup(v->name),
		.mount = xstrdup_null(v->mount),
		.path = xstrdup(v->path),
		.driver = xstrdup(v->driver),
		.from = xstrdup(v->place),
		.aside = s->aside_id ? place_beside(v->place, s->aside_id) : NULL,
		.consume = consume,
	};
}

/* What a restore that was to go forward has built: its source is still in its snapshot, and what it
 * may have taken out is in this trial's own. */
void restore_drop_built(struct bench *b)
{
	struct snap_state *s = &b->intent.snap;
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < s->n_exchanges; i++) {
		auto_free char *side = tree_sibling(s->exchanges[i].path);
		const char *built = s->exchanges[i].built ? s->exchanges[i].built : side;

		(void)snapshot_drop(driver_find(s->exchanges[i].driver), built, &ignored);
	}
}

void restore_plan_undo(struct bench *b)
{
	struct snap_state *s = &b->intent.snap;

	if (!s->snapshot.id || s->snapshot.made == 0 || s->undoing)
		return;
	restore_drop_built(b);
	snap_exchanges_done(s);
	snap_holds_done(s);
	s->undoing = true;
	s->aside_id = snapshot_new_id(b->trial->name, b->sync->number);
	for (size_t i = 0; i < s->snapshot.n; i++)
		if (!s->snapshot.v[i].absent && strv_has(&s->auto_restore, s->snapshot.v[i].name))
			add(s, &s->snapshot.v[i], true);
	if (s->n_exchanges > 0)
		snap_stage(s, RESTORE_BEGUN);
}

static bool asked_for(const struct strv *only, const struct snapshot_volume *v)
{
	return !only || only->n == 0 || strv_has(only, v->name) ||
	       (v->mount && strv_has(only, v->mount));
}

bool restore_fits(const struct snapshot *from, const struct strv *only)
{
	for (size_t i = 0; i < from->n; i++)
		if (!from->v[i].absent && !from->v[i].moved && asked_for(only, &from->v[i]))
			return true;
	return false;
}

int restore_plan_from(struct bench *b, const struct snapshot *from, const struct strv *only,
		      struct err *e)
{
	struct snap_state *s = &b->intent.snap;

	snap_exchanges_done(s);
	snap_holds_done(s);
	s->undoing = false;
	free(s->from_id);
	s->from_id = xstrdup(from->id);
	if (s->by_hand)
		s->aside_id = snapshot_new_id(b->trial->name, b->trial->old.generation);
	for (size_t i = 0; i < from->n; i++)
		if (!from->v[i].absent && !from->v[i].moved && asked_for(only, &from->v[i]))
			add(s, &from->v[i], false);
	if (s->n_exchanges == 0)
		return err_set(e, ERR_USAGE, 0, "snapshot %s has none of these volumes", from->id);
	snap_stage(s, RESTORE_BEGUN);
	return 0;
}

/* ---- in words, behind a trial's reason ---- */
static void add_new_volumes(const struct snapshot *x, struct str *out)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].absent)
			str_addf(out, "; volume %s was new and stays as the failed version left it",
				 x->v[i].mount ? x->v[i].mount : x->v[i].name);
}

static void add_aside(const struct snap_state *s, struct str *out)
{
	auto_free char *dropped = strv_join(&s->dropped, ", ");
	bool kept = false;

	for (size_t i = 0; i < s->n_exchanges; i++)
		kept |= s->exchanges[i].aside != NULL;
	str_add(out, "; its data is as before");
	if (kept)
		str_addf(out, ", and what the failed version wrote is kept in snapshot %s",
			 s->aside_id);
	if (s->dropped.n > 0)
		str_addf(out,
			 "; what it wrote to %s was not kept: the disk was full, and the old "
			 "version needs room",
			 dropped);
}

char *restore_words(const struct bench *b)
{
	const struct snap_state *s = &b->intent.snap;
	auto_free char *left = strv_join(&s->left, ", ");
	struct str out = STR_INIT;

	if (s->undoing && s->n_exchanges > 0 && str_eq(s->stage, RESTORE_DONE))
		add_aside(s, &out);
	if (s->undoing && s->left.n > 0)
		str_addf(&out, "; not put back: %s; the data from before is snapshot %s", left,
			 s->snapshot.id);
	if (!s->snapshot.id && !s->from_id && s->left.n > 0) /* nothing could be copied */
		str_addf(&out, "; not put back: %s", left);
	if (s->undoing)
		add_new_volumes(&s->snapshot, &out);
	return str_take(&out);
}
