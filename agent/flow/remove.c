/*
 * remove - a project that is not wanted any more goes down once; its volumes stay, always, and so
 * does what its containers wrote below live/. Depends on: trial.h.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/trial.h"

#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

static int take_down(struct bench *b, struct err *e)
{
	const char *how = b->intent.on_remove ? b->intent.on_remove : "down";

	bench_show(b, how, NULL);
	if (strcmp(how, "keep") == 0)
		return 0;
	return strcmp(how, "stop") == 0 ? apply_stop(b, e) : apply_down(b, e);
}

static int finish(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;

	if (take_down(b, e) < 0 || fault_hit(FAULT_remove_done, e) < 0)
		return -1;
	/* Stopped or kept containers go on using their files. */
	if (!b->intent.on_remove || strcmp(b->intent.on_remove, "down") == 0) {
		secrets_prune(b->sync, t->name, NULL);
		if (place_nothing(b, &t->old, e) < 0)
			return -1;
	}
	if (active_remove(b->sync->store, t->name, e) < 0)
		return -1;
	return intent_remove(b->sync->store, t->name, e);
}

int remove_resume(struct bench *b, cJSON **result, struct err *e)
{
	if (trial_persist(b, finish, e) == 0) {
		*result = trial_end(b, "good", NULL);
		return 0;
	}
	/* It is still on the way down: the intent stays and the next sync goes on. */
	*result = trial_end(NULL, "retry", e->cause);
	err_clear(e);
	return 0;
}

static const char *how_of(const struct active *a)
{
	switch (a->want.settings.on_remove) {
	case ON_REMOVE_STOP:
		return "stop";
	case ON_REMOVE_KEEP:
		return "keep";
	default:
		return "down";
	}
}

int remove_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc;

	j->out = o;
	rc = bench_open(j, &b, e);
	if (rc == 0) {
		bench_phase(&b, PHASE_REMOVE);
		b.intent.on_remove = xstrdup(how_of(&j->trial->old));
		b.intent.attempt = 1;
		rc = bench_save(&b, e);
	}
	if (rc == 0)
		rc = fault_hit(FAULT_remove_begun, e);
	if (rc == 0)
		rc = remove_resume(&b, result, e);
	bench_close(&b);
	return rc;
}

/* Drift: the same content again. Nothing is open, nothing is undone: `up` leads to what is
 * recorded. */
static int repair(struct bench *b, struct err *e)
{
	bench_show(b, "repair", NULL);
	if (place_files(b, NULL, &b->trial->new, e) < 0 || apply_model(b, &b->trial->new, e) < 0)
		return -1;
	return trial_judge(b, &b->trial->new, e);
}

int repair_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc;

	j->out = o;
	rc = bench_open(j, &b, e);
	if (rc == 0) {
		bool good = trial_persist(&b, repair, e) == 0 &&
			    apply_hashes(&b, &j->trial->new, e) == 0;

		*result = trial_end(&b, good ? "good" : "retry", good ? NULL : e->cause);
		err_clear(e);
	}
	bench_close(&b);
	return rc;
}
