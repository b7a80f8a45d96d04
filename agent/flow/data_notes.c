/*
 * data_notes - what a plan says about a project's data: which driver copies which volume, what that
 * costs, and which cannot be put back and why. Depends on: snap.h.
 */
#include "agent/flow/snap.h"

#include "common/duration.h"
#include "common/mem.h"

#include <string.h>

static const char *shown(const struct project_volume *v)
{
	return v->mount ? v->mount : v->name;
}

static bool is_copied(const struct project_volume *v)
{
	return !v->why_not && !v->absent && v->tree.driver;
}

/* "put back by hand only: restore: manual"; NULL: an undo puts it back. The caller frees. */
static char *why_by_hand(const struct project_volume *v)
{
	struct str out = STR_INIT;

	if (v->restore == RESTORE_MANUAL || v->restore == RESTORE_NEVER)
		str_addf(&out, "its settings say restore: %s", restore_name(v->restore));
	else if (v->shared_with.n > 0)
		str_addf(&out, "%s uses it too", v->shared_with.v[0]);
	return out.len > 0 ? str_take(&out) : NULL;
}

static void note_copy(const struct project_volume *v, struct strv *notes)
{
	const struct tree_choice *t = &v->tree;
	auto_free char *by_hand = why_by_hand(v);
	auto_str struct str text = STR_INIT;
	char size[32], span[64];

	str_addf(&text, "data of %s: snapshot by %s", shown(v), driver_name(t->driver));
	if (t->convert)
		str_add(&text, " once it is made a subvolume");
	if (t->bytes >= 0)
		str_addf(&text, ", %s", size_text((uint64_t)t->bytes, size, sizeof(size)));
	str_addf(&text, ", about %s",
		 duration_text(t->cost_ms > 0 ? t->cost_ms : 1, span, sizeof(span)));
	if (by_hand)
		str_addf(&text, "; put back only by `mdc-agent restore`: %s", by_hand);
	strv_push(notes, str_text(&text));
}

/* How long the project stands for it. */
static void note_hold(const struct settings *s, int64_t ms, struct strv *notes)
{
	char span[64];

	if (s->snapshot.quiesce == QUIESCE_NONE)
		return;
	strv_pushf(notes, "its writers are %s for the snapshot, about %s",
		   s->snapshot.quiesce == QUIESCE_PAUSE ? "paused" : "stopped",
		   duration_text(ms > 0 ? ms : 1, span, sizeof(span)));
}

/* What happens to its data, in the order it happens. */
static void note_order(struct sync *s, const struct volumes_query *q, struct strv *notes)
{
	static const char *const first[] = {
		[QUIESCE_STOP] = "stop, ", [QUIESCE_PAUSE] = "pause, ", [QUIESCE_NONE] = ""};
	struct err ignored = ERR_INIT;
	int64_t number = 0;

	if (generation_next(s->store, &number, &ignored) < 0)
		return;
	strv_pushf(notes, "order: %ssnapshot %s_PRE-%lld, upgrade, health",
		   (size_t)q->settings->snapshot.quiesce < COUNT_OF(first) &&
				   first[q->settings->snapshot.quiesce]
			   ? first[q->settings->snapshot.quiesce]
			   : "",
		   q->project, (long long)number);
}

static bool has_driver(const struct project_volumes *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_copied(&l->v[i]) && strcmp(driver_name(l->v[i].tree.driver), name) == 0)
			return true;
	return false;
}

int data_notes(struct sync *s, const struct volumes_query *q, struct strv *notes, struct err *e)
{
	auto_project_volumes struct project_volumes l = {.n = 0};
	int64_t ms = 0;
	size_t copied = 0;

	if (volumes_of(s, q, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct project_volume *v = &l.v[i];

		if (v->why_not)
			strv_pushf(notes, "data of %s cannot be put back: %s", shown(v),
				   v->why_not);
		if (!is_copied(v))
			continue;
		note_copy(v, notes);
		ms += v->tree.cost_ms;
		copied++;
	}
	if (copied > 0) {
		note_order(s, q, notes);
		note_hold(q->settings, ms, notes);
	}
	if (q->settings->snapshot.quiesce == QUIESCE_NONE &&
	    (has_driver(&l, "copy") || has_driver(&l, "reflink")))
		strv_push(notes, "quiesce: none does not go with copying file by file: it will be "
				 "refused; use stop or pause");
	return 0;
}
