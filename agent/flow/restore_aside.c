/*
 * restore_aside - what lay in the volumes before a restore: kept under a record of its own. Only
 * what a failed version wrote, and has filled its disk with, goes: the old version could not run
 * beside it. Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/mem.h"

#include <string.h>

/* A disk as full as that, or that of an earlier try, which dropped it. */
static bool is_too_much(const struct snap_state *s, const struct exchange *x, const char *beside,
			bool make_room)
{
	if (!s->undoing)
		return false; /* somebody asked for the data: what was there is good too */
	if (!file_exists(x->built))
		return !file_exists(x->aside) && !file_exists(beside);
	return make_room && disk_is_full(x->path);
}

/* A move may fail after the move itself, when the directory cannot be synced. */
static bool moved_to(const struct exchange *x, const char *place)
{
	struct err why = ERR_INIT;

	return tree_set_aside(driver_find(x->driver), x->built, place, &why) == 0 ||
	       (!file_exists(x->built) && file_exists(place));
}

/* What cannot be moved stays where it lies; beside the volume, where the next restore builds, under
 * a name of its own. The record says so. */
static int put_aside(struct snap_state *s, struct exchange *x, bool make_room, struct err *e)
{
	auto_free char *side = tree_sibling(x->path);
	auto_free char *beside = xasprintf("%s.%s", side, s->aside_id ? s->aside_id : "");

	if (x->aside && is_too_much(s, x, beside, make_room)) {
		strv_push(&s->dropped, exchange_shown(x));
		free(TAKE(x->aside));
	}
	if (!x->aside)
		return snapshot_drop(driver_find(x->driver), x->built, e);
	/* Before the record was written it may have been left beside already. */
	if (!(file_exists(beside) && !file_exists(x->built)) && moved_to(x, x->aside))
		return 0;
	bool beside_now = str_eq(x->built, side) && moved_to(x, beside);

	free(x->aside);
	x->aside = beside_now ? TAKE(beside) : xstrdup(x->built);
	return 0;
}

static void fill_aside(const struct bench *b, struct snapshot *x)
{
	const struct snap_state *s = &b->intent.snap;
	const struct active *of = s->by_hand ? &b->trial->old : &b->trial->new;

	*x = (struct snapshot){
		.id = xstrdup(s->aside_id),
		.project = xstrdup(b->trial->name),
		.kind = s->by_hand ? SNAPSHOT_MANUAL : SNAPSHOT_FAILED,
		.made = clock_wall(),
		.generation = s->by_hand ? b->trial->old.generation : b->sync->number,
		.before = s->by_hand ? 0 : b->sync->number,
		.quiesce = QUIESCE_STOP,
		.why = xstrdup_null(b->intent.why),
	};
	memcpy(x->digest, of->want.digest, sizeof(x->digest));
	commit_info_copy(&x->commit, &of->commit);
	x->v = xcalloc(s->n_exchanges + 1, sizeof(*x->v));
	for (size_t i = 0; i < s->n_exchanges; i++) {
		const struct exchange *c = &s->exchanges[i];
		struct err ignored = ERR_INIT;

		if (!c->aside)
			continue;
		struct snapshot_volume *v = &x->v[x->n++];

		*v = (struct snapshot_volume){
			.name = xstrdup(c->name),
			.mount = xstrdup_null(c->mount),
			.bind = c->name[0] == '/',
			.path = xstrdup(c->path),
			.driver = xstrdup(c->driver),
			.place = xstrdup(c->aside),
			.bytes = -1,
		};
		(void)tree_identity(driver_find(c->driver), v->place, &v->identity, &ignored);
	}
}

/* Copies that were exchanged in are not in the store any more. */
static int update_source(struct bench *b, struct err *e)
{
	struct snap_state *s = &b->intent.snap;
	struct snapshot *x = &s->snapshot;
	size_t left = 0;
	bool moved = false;

	for (size_t i = 0; i < x->n; i++) {
		for (size_t k = 0; k < s->n_exchanges; k++)
			if (s->exchanges[k].consume && str_eq(x->v[i].name, s->exchanges[k].name))
				moved = x->v[i].moved = true;
		left += !x->v[i].moved && !x->v[i].absent;
	}
	if (!moved)
		return 0;
	return left > 0 ? snapshot_write(b->sync->store, x, e)
			: snapshot_forget(b->sync->store, x->id, e);
}

int restore_keep_aside(struct bench *b, bool make_room, struct err *e)
{
	struct snap_state *s = &b->intent.snap;
	auto_snapshot struct snapshot aside = {.id = NULL};

	for (size_t i = 0; i < s->n_exchanges; i++)
		if (put_aside(s, &s->exchanges[i], make_room, e) < 0)
			return -1;
	if (s->dropped.n > 0) /* what runs next needs that room */
		for (size_t i = 0; i < s->n_exchanges; i++)
			if (!s->exchanges[i].aside)
				snapshot_settle(s->exchanges[i].path);
	if (s->aside_id)
		fill_aside(b, &aside);
	if (aside.n > 0 && snapshot_write(b->sync->store, &aside, e) < 0)
		return -1;
	if (s->undoing && update_source(b, e) < 0)
		return -1;
	return fault_hit(FAULT_restore_aside, e);
}
