/*
 * undo - a trial that failed goes back: remembered as failed first, then the data, old files, old
 * model, and the old version's health. Never depends on what failed: old files come from the object
 * store, the old model and its images are kept. Depends on: trial.h.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/snap_parts.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

int undo_remember(struct bench *b, struct err *e)
{
	const struct project *w = &b->trial->new.want;
	struct mark m = {.project = w->name,
			 .digest = (char *)w->digest,
			 .reason = b->intent.why,
			 .when = clock_wall(),
			 .attempts = b->intent.attempt};

	if (b->intent.unblamed || !b->intent.why)
		return 0;
	/* A full disk is not the content's fault; twice in a row it is left alone all the same. */
	if (b->intent.disk && b->intent.attempt < 2)
		m.reason = NULL;
	memcpy(m.commit, b->trial->new.commit.id, sizeof(m.commit));
	return mark_write(b->sync->store, &m, e);
}

static int back_to_nothing(struct bench *b, struct err *e)
{
	if (b->intent.adopted)
		return err_set(
			e, ERR_FAILED, 0,
			"it took over containers that were not ours: there is no version of ours to go back to");
	if (apply_down(b, e) < 0 || restore_run(b, e) < 0)
		return -1;
	secrets_prune(b->sync, b->trial->name, NULL);
	return place_nothing(b, &b->trial->new, e);
}

static int back(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;

	bench_show(b, "undo", "going back");
	if (!t->has_old)
		return back_to_nothing(b, e);
	if (restore_run(b, e) < 0)
		return -1;
	if (place_files(b, &t->new, &t->old, e) < 0 || fault_hit(FAULT_undo_files, e) < 0)
		return -1;
	if (t->same_model)
		return 0;
	if (apply_model(b, &t->old, e) < 0)
		return -1;
	secrets_prune(b->sync, t->name, &t->old);
	restore_policies(b);
	if (fault_hit(FAULT_undo_applied, e) < 0)
		return -1;
	return trial_judge(b, &t->old, e);
}

static int degrade(struct bench *b, const struct err *why, cJSON **result)
{
	char text[sizeof(why->cause) + sizeof(why->trail)];
	struct err e = ERR_INIT;
	auto_free char *data = restore_words(b);
	auto_free char *all = xasprintf("%s; going back failed too: %s%s",
					b->intent.why ? b->intent.why : "undone",
					err_text(why, text, sizeof(text)), data);

	/* Without a record that says so only the intent knows of it: the next start goes on. */
	if (fault_hit(FAULT_degrade_begun, &e) < 0 ||
	    degraded_write(b->sync->store, b->trial->name, all, &e) < 0) {
		*result = trial_end(NULL, "retry", all);
		return 0;
	}
	/* Killed from here on it is parked: `retry` goes on with it. */
	(void)fault_hit(FAULT_degrade_written, &e);
	restore_settle(b);
	(void)intent_remove(b->sync->store, b->trial->name, &e);
	*result = trial_end(NULL, "degraded", all);
	return 0;
}

/* It is back as it was. */
static void tell_end(struct bench *b, cJSON **result)
{
	auto_free char *data = restore_words(b);
	auto_free char *why = xasprintf(
		"%s%s",
		b->intent.why ? b->intent.why : "the sync ended before all projects were good",
		data);

	if (b->intent.disk)
		*result = trial_end(NULL, "retry", why);
	else
		*result = trial_end(
			NULL, b->intent.blocked || !b->intent.why ? "blocked" : "failed", why);
}

/* It is back: a disk that fails just now makes nothing degraded. The next start closes it. */
static int close_intent(struct bench *b, struct err *e)
{
	if (intent_remove(b->sync->store, b->trial->name, e) == 0)
		return 0;
	err_clear(e);
	return intent_remove(b->sync->store, b->trial->name, e);
}

/* The intent says undo and is on disk. */
static int go_back(struct bench *b, cJSON **result)
{
	struct err e = ERR_INIT;
	int rc = trial_persist(b, back, &e);

	if (rc < 0 && e.kind != ERR_RETRY && !stop_asked(&b->sync->stop)) {
		err_clear(&e); /* once more: a port that was still held, a container that was just
				  being removed */
		rc = trial_persist(b, back, &e);
	}
	if (rc < 0 && e.kind == ERR_RETRY) {
		*result = trial_end(NULL, "retry", e.cause); /* goes on at the next start */
		return 0;
	}
	if (rc < 0)
		return degrade(b, &e, result);
	if (b->unmarked) /* there may be room now; else the same content would be tried again */
		(void)undo_remember(b, &e);
	err_clear(&e);
	if (fault_hit(FAULT_undo_done, &e) < 0)
		return degrade(b, &e, result);
	if (close_intent(b, &e) < 0) {
		*result = trial_end(NULL, "retry", e.cause);
		return 0;
	}
	tell_end(b, result);
	return 0;
}

int undo_trial(struct bench *b, struct err *why, cJSON **result)
{
	struct err e = ERR_INIT;

	free(b->intent.why);
	b->intent.why = xstrdup(why->cause);
	err_clear(why);
	bench_phase(b, PHASE_UNDO);
	restore_plan_undo(b);
	/* With data to put back only then, when the containers that may have filled it are gone. */
	if (!b->intent.snap.stage)
		(void)bench_reserve(b, false, &e);
	/* Even if the disk is full: the undo is done, and the record that says "apply" leads to it
	 * again. */
	b->unmarked = undo_remember(b, &e) < 0;
	(void)bench_save(b, &e);
	if (fault_hit(FAULT_mark_written, &e) < 0)
		return degrade(b, &e, result);
	return go_back(b, result);
}

int undo_resume(struct bench *b, cJSON **result, struct err *e)
{
	b->unmarked = undo_remember(b, e) < 0;
	if (b->unmarked && !trial_disk_error(e))
		return -1;
	err_clear(e); /* what failed may be what fills the disk */
	return go_back(b, result);
}

int undo_undecided(struct bench *b, cJSON **result, struct err *e)
{
	const struct project *w = &b->trial->new.want;
	struct mark m = {.project = w->name,
			 .digest = (char *)w->digest,
			 .when = clock_wall(),
			 .attempts = b->intent.attempt};

	/* Only our death ended it; twice is enough all the same. */
	memcpy(m.commit, b->trial->new.commit.id, sizeof(m.commit));
	if (!b->intent.unblamed && mark_write(b->sync->store, &m, e) < 0)
		return -1;
	bench_phase(b, PHASE_UNDO);
	restore_plan_undo(b);
	if (bench_save(b, e) < 0)
		return -1;
	return go_back(b, result);
}

int finish_undo_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc = bench_take_up(j, o, &b, e);

	if (rc == 0) {
		free(b.intent.why);
		b.intent.why = xstrdup("the sync is atomic and another project failed");
		b.intent.unblamed = b.intent.blocked = true;
		bench_phase(&b, PHASE_UNDO);
		restore_plan_undo(&b);
		rc = bench_save(&b, e);
	}
	if (rc == 0)
		rc = undo_resume(&b, result, e);
	bench_close(&b);
	return rc;
}
