/*
 * resume - a trial that was cut off goes on from its intent: forward once more, back, or to the end
 * that it had reached. The same code for a worker that died and for an agent that did. Depends on:
 * trial.h.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <string.h>

/* Of the content; of taking up one that was cut off; of records of one trial: a way from the first
 * to the last end writes less than twenty. */
enum { MAX_ATTEMPTS = 2, MAX_RESUMES = 5, MAX_RECORDS = 60 };

/* Was the point of no return passed before we died? */
static int committed(struct bench *b, bool *yes, struct err *e)
{
	auto_active struct active now;
	bool found = false;

	active_init(&now);
	if (active_read(b->sync->store, b->trial->name, &now, &found, e) < 0)
		return -1;
	*yes = found && strcmp(now.want.digest, b->trial->new.want.digest) == 0 &&
	       strcmp(now.model, b->trial->new.model) == 0;
	if (*yes) {
		active_done(&b->trial->new);
		active_init(&b->trial->new);
		active_copy(&b->trial->new, &now);
	}
	return 0;
}

static int resume_apply(struct bench *b, cJSON **result, struct err *e)
{
	bool done = false;

	if (committed(b, &done, e) < 0)
		return -1;
	if (done) {
		*result = trial_end(b, "good", NULL);
		return intent_remove(b->sync->store, b->trial->name, e);
	}
	if (b->uncounted) { /* forward it would need more room still */
		b->intent.disk = true;
		err_set(e, ERR_RETRY, ENOSPC, "no room to go on with it");
		return undo_trial(b, e, result);
	}
	if (b->intent.attempt >= MAX_ATTEMPTS) {
		err_set(e, ERR_FAILED, 0, "the agent died twice while deploying this content");
		return undo_trial(b, e, result);
	}
	if (str_eq(b->intent.phase, PHASE_RESTORE)) { /* nothing of the target ran yet */
		err_set(e, ERR_FAILED, 0, "the agent died while it put the data in place");
		return undo_trial(b, e, result);
	}
	b->intent.attempt++;
	if (bench_save(b, e) < 0)
		return -1;
	return trial_run(b, result, e);
}

/* No intent: it ended before it began, or its end is recorded already. */
static int ended(struct bench *b, cJSON **result, struct err *e)
{
	struct trial *t = b->trial;
	auto_active struct active now;
	bool found = false;

	active_init(&now);
	if (active_read(b->sync->store, t->name, &now, &found, e) < 0)
		return -1;
	if (t->action == PLAN_REMOVE ? !found : found && now.generation == b->sync->number) {
		active_done(&t->new);
		active_init(&t->new);
		active_copy(&t->new, &now);
		*result = trial_end(b, "good", NULL);
	} else {
		*result = trial_end(NULL, "retry", "its worker died before anything was touched");
	}
	return 0;
}

/* Taken up again and again without an end: a person decides, and what it knows is kept. */
static int give_up(struct bench *b, cJSON **result, struct err *e)
{
	bool looped = b->intent.records > MAX_RECORDS;
	auto_free char *why =
		looped ? xasprintf("it went on for %d records without an end (%s)",
				   b->intent.records, b->intent.phase)
		       : xasprintf("its worker died %d times while it was taken up again (%s)",
				   b->intent.resumes, b->intent.phase);

	if (park_project(b->sync, b->trial->name, why, e) < 0)
		return -1;
	*result = trial_end(NULL, "degraded", why);
	return 0;
}

/* Before it is made. Without room it goes back all the same, uncounted: the copy that is dropped
 * then, or the version that failed, may be what fills the disk. */
static int count(struct bench *b, struct err *e)
{
	const char *phase = b->intent.phase;

	b->intent.resumes++;
	if (bench_save(b, e) == 0)
		return 0;
	b->uncounted =
		trial_disk_error(e) && (str_eq(phase, PHASE_APPLY) || str_eq(phase, PHASE_UNDO) ||
					str_eq(phase, PHASE_SNAPSHOT));
	if (!b->uncounted)
		return -1;
	err_clear(e);
	return 0;
}

/* It came to an end of its own, and is still open: no death. */
static void take_back(struct bench *b)
{
	auto_json cJSON *open = NULL;
	struct err ignored = ERR_INIT;

	if (intent_read(b->sync->store, b->trial->name, &open, &ignored) < 0 || !open)
		return;
	b->intent.resumes--;
	(void)bench_save(b, &ignored);
}

static int go_on(struct bench *b, cJSON **result, struct err *e)
{
	const char *phase = b->intent.phase;

	if (strcmp(phase, PHASE_REMOVE) == 0)
		return remove_resume(b, result, e);
	if (strcmp(phase, PHASE_SNAPSHOT) == 0)
		return snapshot_resume(b, result, e);
	if (strcmp(phase, PHASE_RESTORE) == 0 && b->intent.snap.by_hand)
		return hand_resume(b, result, e);
	if (strcmp(phase, PHASE_UNDO) == 0)
		return undo_resume(b, result, e);
	if (strcmp(phase, PHASE_HEALTHY) == 0)
		return undo_undecided(b, result, e);
	return resume_apply(b, result, e);
}

static int commit_healthy(struct bench *b, cJSON **result, struct err *e)
{
	if (trial_persist(b, trial_commit, e) < 0)
		return -1;
	*result = trial_end(b, "good", NULL);
	return 0;
}

static int resume(struct bench *b, bool decided, cJSON **result, struct err *e)
{
	job_hide(b->job);
	if (!b->intent.phase) /* it ended before it began, or its end was recorded */
		return ended(b, result, e);
	if (b->intent.resumes >= MAX_RESUMES || b->intent.records > MAX_RECORDS)
		return give_up(b, result, e);
	if (count(b, e) < 0)
		return -1;
	bool healthy = decided && strcmp(b->intent.phase, PHASE_HEALTHY) == 0;
	int rc = healthy ? commit_healthy(b, result, e) : go_on(b, result, e);

	take_back(b);
	return rc;
}

int trial_resume(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct bench b;
	int rc = bench_take_up(arg, o, &b, e);

	if (rc == 0)
		rc = resume(&b, false, result, e);
	bench_close(&b);
	return rc;
}

int finish_commit_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct bench b;
	int rc = bench_take_up(arg, o, &b, e);

	if (rc == 0)
		rc = commit_healthy(&b, result, e);
	bench_close(&b);
	return rc;
}

/* Recovery of an atomic sync that was decided to commit: healthy ones commit; one that is not is as
 * any other. */
int resume_decided(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct bench b;
	int rc = bench_take_up(arg, o, &b, e);

	if (rc == 0)
		rc = resume(&b, true, result, e);
	bench_close(&b);
	return rc;
}
