/*
 * by_hand - a snapshot or a restore that a person asked for: the same steps as in a trial, with an
 * intent of its own, so that a death in between is mended by the next start. Depends on:
 * snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/mem.h"

#include <string.h>

static int open_taking(struct taking *t, struct err *e)
{
	struct trial *trial = t->bench->trial;
	const struct store *s = t->bench->sync->store;

	active_done(&trial->new);
	active_init(&trial->new);
	active_copy(&trial->new, &trial->old);
	trial->want = &trial->new.want;
	t->settings = &trial->old.want.settings;
	if (model_read(s, trial->name, trial->old.model, &t->old_model, e) < 0)
		return -1;
	t->new_model = cJSON_Duplicate(t->old_model, true);
	return 0;
}

int snap_by_hand(struct bench *b, struct snapshot *out, struct err *e)
{
	AUTO(taking_done) struct taking t = {.bench = b};
	bool any = false;

	b->intent.attempt = 1;
	b->intent.unblamed = true;
	if (open_taking(&t, e) < 0)
		return -1;
	if (taking_plan(&t, &any, e) < 0)
		return -1;
	if (!any)
		return err_set(e, ERR_USAGE, 0,
			       "project %s has no volume that can be copied (`mdc-agent plan` says "
			       "why of each)",
			       b->trial->name);
	if (taking_run(&t, e) < 0 ||
	    hook_run(b, &t.settings->after_snapshot, "after_snapshot", &t.volumes.uses, e) < 0)
		return taking_give_up(&t, e);
	snapshot_copy(out, &b->intent.snap.snapshot);
	return intent_remove(b->sync->store, b->trial->name, e);
}

static int put_back(struct bench *b, struct err *e)
{
	if (restore_run(b, e) < 0 || apply_model(b, &b->trial->old, e) < 0)
		return -1;
	restore_policies(b);
	return trial_judge(b, &b->trial->old, e);
}

/* Its record was written with the exchange. */
static int read_aside(struct bench *b, struct snapshot *aside, struct err *e)
{
	bool found = false;

	if (snapshot_read(b->sync->store, b->intent.snap.aside_id, aside, &found, e) < 0)
		return -1;
	if (!found)
		aside->id = xstrdup(b->intent.snap.aside_id);
	return 0;
}

static int up_again(struct bench *b, struct err *e)
{
	return apply_model(b, &b->trial->old, e);
}

/* Nothing was exchanged yet: as if it had not been asked for. */
static int call_off(struct bench *b, struct err *e)
{
	struct err why = ERR_INIT;

	restore_drop_built(b);
	if (trial_persist(b, up_again, &why) < 0)
		return err_wrap(e, "its containers are not up again");
	restore_policies(b);
	(void)intent_remove(b->sync->store, b->trial->name, &why);
	return err_wrap(e, "nothing was put back");
}

static int hand_failed(struct bench *b, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool begun = str_eq(b->intent.snap.stage, RESTORE_BEGUN);

	/* An engine that is away, a stop: the next start goes on. */
	if (e->kind == ERR_RETRY && !trial_disk_error(e))
		return -1;
	if (begun)
		return call_off(b, e);
	if (e->kind == ERR_RETRY)
		return -1;
	restore_settle(b);
	(void)intent_remove(b->sync->store, b->trial->name, &ignored);
	return err_wrap(e, "the data is back, but its containers are not well");
}

int restore_by_hand(struct bench *b, const struct snapshot *from, const struct strv *only,
		    struct snapshot *aside, struct err *e)
{
	active_done(&b->trial->new);
	active_init(&b->trial->new);
	active_copy(&b->trial->new, &b->trial->old);
	b->trial->want = &b->trial->new.want;
	b->intent.attempt = 1;
	b->intent.unblamed = true;
	b->intent.snap.by_hand = true;
	if (restore_plan_from(b, from, only, e) < 0)
		return -1;
	bench_phase(b, PHASE_RESTORE);
	if (bench_save(b, e) < 0)
		return -1;
	if (trial_persist(b, put_back, e) < 0)
		return hand_failed(b, e);
	return read_aside(b, aside, e) < 0 ? -1 : intent_remove(b->sync->store, b->trial->name, e);
}

/* Recovery: it goes on to its end, as asked. */
int hand_resume(struct bench *b, cJSON **result, struct err *e)
{
	if (++b->intent.attempt > 3)
		(void)err_set(e, ERR_FAILED, 0, "the restore was cut off again and again");
	else if (bench_save(b, e) == 0 && trial_persist(b, put_back, e) == 0) {
		*result = trial_end(NULL, "good", NULL);
		return intent_remove(b->sync->store, b->trial->name, e);
	}
	if (e->kind == ERR_RETRY && !trial_disk_error(e))
		return -1;
	char text[sizeof(e->cause) + sizeof(e->trail)];
	struct err ignored = ERR_INIT;

	if (str_eq(b->intent.snap.stage, RESTORE_BEGUN)) {
		(void)call_off(b, e);
		*result = trial_end(NULL, "failed", err_text(e, text, sizeof(text)));
		err_clear(e);
		return 0;
	}
	(void)err_text(e, text, sizeof(text));
	err_clear(e);
	if (degraded_write(b->sync->store, b->trial->name, text, &ignored) < 0) {
		*result = trial_end(NULL, "retry", text); /* its intent is all that knows of it */
		return 0;
	}
	restore_settle(b);
	*result = trial_end(NULL, "degraded", text);
	return intent_remove(b->sync->store, b->trial->name, e);
}
