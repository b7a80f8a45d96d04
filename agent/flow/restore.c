/*
 * restore - put volumes' data back: containers go first, then each tree is built beside its place,
 * then all are exchanged, and what was there is set aside (restore_aside.c). Each stage is in the
 * intent before the next begins, with the identities by which a restart tells old from new; so it
 * is repeatable from any instruction. Needs no space where a copy itself can be exchanged in.
 * Depends on: snap_parts.h.
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
	/* Whether blocks are shared is found out by copying, if there is anything to copy: the
	 * question needs room, and the failed version may have left none. */
	struct tree_where w =
		snap_where(b->sync, root, str_eq(x->driver, "reflink") ? "copy" : x->driver);

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

static void tell(struct bench *b, int64_t ms)
{
	const struct snap_state *s = &b->intent.snap;
	const char *from = s->undoing ? s->snapshot.id : s->from_id;

	for (size_t i = 0; i < s->n_exchanges; i++) {
		const struct exchange *x = &s->exchanges[i];
		auto_free char *kept =
			x->aside ? xasprintf("what was there is kept in snapshot %s", s->aside_id)
			: strv_has(&s->dropped, exchange_shown(x))
				? xstrdup("what was there is not kept: its disk is full")
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
	if (check_copies(&b->intent.snap, e) < 0 || restore_clear_users(b, true, e) < 0)
		return -1;
	(void)bench_reserve(b, false, e); /* now that nobody is left who could take that room */
	if (fault_hit(FAULT_restore_cleared, e) < 0 || build_each(b, e) < 0)
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
	if (swap_each(b, e) < 0 || restore_keep_aside(b, true, e) < 0)
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
	(void)restore_keep_aside(b, false, &ignored); /* a person decides now */
}
