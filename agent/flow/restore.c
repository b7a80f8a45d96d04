/*
 * restore - put volumes' data back: containers go first, then each tree is built beside its place,
 * then all are exchanged, and what was there is set aside. Each stage is in the intent before the
 * next begins, with the identities by which a restart tells old from new; so it is repeatable from
 * any instruction. Needs no space where a copy itself can be exchanged in. Depends on:
 * snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>

const char *exchange_shown(const struct exchange *x)
{
	return x->mount ? x->mount : x->name;
}

/* ---- building and swapping ---- */
/* The volume was deleted meanwhile: Compose would make it anew, empty. */
static int make_place(struct bench *b, const struct exchange *x, struct err *e)
{
	if (file_exists(x->path))
		return 0;
	if (x->name[0] != '/' &&
	    engine_volume_create(b->sync->engine, x->name, trial_compose_name(b->trial), x->mount,
				 e) < 0)
		return -1;
	return file_exists(x->path) ? 0 : dir_make(x->path, 0755, e);
}

static int choose(struct bench *b, const struct exchange *x, struct tree_choice *c, struct err *e)
{
	auto_free char *root = engine_root_of(x->path, x->name);
	auto_free char *dir = path_dir(x->from);
	auto_free char *store = path_dir(dir); /* <store>/<id>/<name>: wherever that is now */
	struct tree_where w = snap_where(b->sync, root, x->driver);

	w.store_dir = store;
	w.subvolumes = false;
	if (make_place(b, x, e) < 0 || tree_choose(x->path, &w, false, c, e) < 0)
		return -1;
	if (!c->driver)
		return err_set(e, ERR_FAILED, 0, "the data of %s cannot be put back: %s",
			       exchange_shown(x), c->why ? c->why : "nothing here can do it");
	return 0;
}

static int build_each(struct bench *b, struct err *e)
{
	struct snap_state *s = &b->intent.snap;

	for (size_t i = 0; i < s->n_exchanges; i++) {
		struct exchange *x = &s->exchanges[i];
		auto_tree_choice struct tree_choice c = {.driver = NULL};

		bench_show(b, "restore", exchange_shown(x));
		if (choose(b, x, &c, e) < 0)
			return -1;
		bool consume = x->consume && c.consume;

		free(TAKE(x->built));
		free(TAKE(x->identity));
		if (tree_build(&c, x->from, consume, &x->built, &x->identity, e) < 0)
			return err_wrap(e, "restore %s", exchange_shown(x));
		x->consume = consume;
	}
	return 0;
}

static int swap_each(struct bench *b, struct err *e)
{
	struct snap_state *s = &b->intent.snap;

	for (size_t i = 0; i < s->n_exchanges; i++) {
		struct exchange *x = &s->exchanges[i];
		struct tree_choice c = {.driver = driver_find(x->driver), .path = x->path};

		if (tree_swap(&c, x->built, x->identity, e) < 0)
			return err_wrap(e, "restore %s", exchange_shown(x));
		if (i == 0 && fault_hit(FAULT_restore_half, e) < 0)
			return -1;
	}
	return fault_hit(FAULT_restore_swapped, e);
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
static int put_aside(const char *aside_id, struct exchange *x, struct err *e)
{
	if (!x->aside)
		return snapshot_drop(driver_find(x->driver), x->built, e);
	auto_free char *side = tree_sibling(x->path);
	auto_free char *beside = xasprintf("%s.%s", side, aside_id);

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

static int keep_aside(struct bench *b, struct err *e)
{
	struct snap_state *s = &b->intent.snap;
	auto_snapshot struct snapshot aside = {.id = NULL};

	for (size_t i = 0; i < s->n_exchanges; i++)
		if (put_aside(s->aside_id, &s->exchanges[i], e) < 0)
			return -1;
	if (s->aside_id)
		fill_aside(b, &aside);
	if (aside.n > 0 && snapshot_write(b->sync->store, &aside, e) < 0)
		return -1;
	if (s->undoing && update_source(b, e) < 0)
		return -1;
	return fault_hit(FAULT_restore_aside, e);
}

static void tell(struct bench *b, int64_t ms)
{
	const struct snap_state *s = &b->intent.snap;
	const char *from = s->undoing ? s->snapshot.id : s->from_id;

	for (size_t i = 0; i < s->n_exchanges; i++) {
		const struct exchange *x = &s->exchanges[i];
		auto_free char *kept =
			x->aside ? xasprintf("what was there is kept in snapshot %s", s->aside_id)
				 : NULL;
		struct event_fields f = {.project = b->trial->name,
					 .volume = exchange_shown(x),
					 .snapshot = from,
					 .generation = b->sync->number,
					 .duration_ms = ms,
					 .reason = kept};

		report_event(b->sync, EVENT_SNAPSHOT_RESTORED, &f, NULL);
	}
}

/* Before anything is removed: without its copy a volume is better left with what runs on it. */
static int check_copies(const struct snap_state *s, struct err *e)
{
	for (size_t i = 0; i < s->n_exchanges; i++)
		if (!file_exists(s->exchanges[i].from))
			return err_set(e, ERR_FAILED, 0, "the copy of %s is gone: %s",
				       exchange_shown(&s->exchanges[i]), s->exchanges[i].from);
	return 0;
}

static int begin(struct bench *b, struct err *e)
{
	if (check_copies(&b->intent.snap, e) < 0 || restore_clear_users(b, true, e) < 0 ||
	    fault_hit(FAULT_restore_cleared, e) < 0 || build_each(b, e) < 0)
		return -1;
	snap_stage(&b->intent.snap, RESTORE_BUILT);
	if (bench_save(b, e) < 0) {
		snap_stage(&b->intent.snap, RESTORE_BEGUN);
		return -1;
	}
	return fault_hit(FAULT_restore_built, e);
}

int restore_run(struct bench *b, struct err *e)
{
	struct snap_state *s = &b->intent.snap;
	int64_t from_ms = clock_ms();

	if (!s->stage || str_eq(s->stage, RESTORE_DONE))
		return 0;
	bench_show(b, "restore", NULL);
	if (str_eq(s->stage, RESTORE_BEGUN)) {
		if (begin(b, e) < 0)
			return -1;
	} else if (restore_clear_users(b, false, e) <
		   0) { /* a restart: somebody may have started one */
		return -1;
	}
	if (swap_each(b, e) < 0 || keep_aside(b, e) < 0)
		return -1;
	snap_stage(s, RESTORE_DONE);
	if (bench_save(b, e) < 0) {
		snap_stage(s, RESTORE_BUILT);
		return -1;
	}
	tell(b, clock_ms() - from_ms);
	return fault_hit(FAULT_restore_done, e);
}

/* It may have stopped between two volumes: a copy that was exchanged in is none any more. */
void restore_settle(struct bench *b)
{
	struct snap_state *s = &b->intent.snap;
	struct err ignored = ERR_INIT;

	if (!str_eq(s->stage, RESTORE_BUILT))
		return;
	for (size_t i = s->n_exchanges; i > 0; i--) {
		const struct exchange *x = &s->exchanges[i - 1];
		auto_free char *now = NULL;

		if (tree_identity(driver_find(x->driver), x->path, &now, &ignored) < 0 ||
		    !str_eq(now, x->identity))
			snap_drop_exchange(s, i - 1);
	}
	(void)keep_aside(b, &ignored);
}
