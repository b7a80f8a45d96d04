/*
 * resume - a trial that was cut off goes on from its intent: forward once more, back, or to the end
 * that it had reached. The same code for a worker that died and for an agent that did. Depends on:
 * trial.h.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

enum { MAX_ATTEMPTS = 2 };

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

int trial_resume(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc = -1;

	if (bench_take_up(j, o, &b, e) == 0) {
		const char *phase = b.intent.phase;

		job_hide(j);
		if (!phase) /* it ended before it began, or its end was recorded */
			rc = ended(&b, result, e);
		else if (strcmp(phase, PHASE_REMOVE) == 0)
			rc = remove_resume(&b, result, e);
		else if (strcmp(phase, PHASE_SNAPSHOT) == 0)
			rc = snapshot_resume(&b, result, e);
		else if (strcmp(phase, PHASE_RESTORE) == 0 && b.intent.snap.by_hand)
			rc = hand_resume(&b, result, e);
		else if (strcmp(phase, PHASE_UNDO) == 0)
			rc = undo_resume(&b, result, e);
		else if (strcmp(phase, PHASE_HEALTHY) == 0)
			rc = undo_undecided(&b, result, e);
		else
			rc = resume_apply(&b, result, e);
	}
	bench_close(&b);
	return rc;
}

int finish_commit_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc = bench_take_up(j, o, &b, e);

	if (rc == 0)
		rc = trial_persist(&b, trial_commit, e);
	if (rc == 0)
		*result = trial_end(&b, "good", NULL);
	bench_close(&b);
	return rc;
}

/* Recovery of an atomic sync that was decided to commit: healthy ones commit; one that is not is as
 * any other. */
int resume_decided(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	auto_json cJSON *intent = NULL;

	if (intent_read(j->sync->store, j->trial->name, &intent, e) < 0)
		return -1;
	if (strcmp(json_str(intent, "phase", ""), PHASE_HEALTHY) == 0)
		return finish_commit_work(arg, o, result, e);
	return trial_resume(arg, o, result, e);
}
