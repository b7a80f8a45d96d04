/*
 * trial - one project forward: intent, [quiesce, snapshot: they stand between the intent and apply
 * once snapshots exist], apply, health, commit. Any failure goes to undo; an engine that is away is
 * waited for; a stop leaves the intent open. Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

enum { MAX_ATTEMPTS = 2, ENGINE_ROUNDS = 5, ENGINE_WAIT_MS = 10 * 60 * 1000 };

cJSON *trial_end(const struct bench *b, const char *end, const char *why)
{
	cJSON *j = cJSON_CreateObject();

	json_set_str(j, "end", end);
	json_set_str(j, "why", why);
	if (b && b->trial->action != PLAN_REMOVE && b->trial->new.hashes)
		cJSON_AddItemToObject(j, "new", active_to_json(&b->trial->new));
	return j;
}

/* Wait for an engine that went away: unknown is not unhealthy (promise 8). 0 once it answers. */
static int wait_for_engine(struct bench *b, struct err *e)
{
	struct deadline d = deadline_in(ENGINE_WAIT_MS);

	for (;;) {
		struct err ping = ERR_INIT;

		if (engine_ping(b->sync->engine, &ping) == 0) {
			err_clear(e);
			return 0;
		}
		if (deadline_over(d) || stop_asked(&b->sync->stop))
			return -1; /* e keeps the first reason */
		bench_show(b, "waiting", "for the engine");
		clock_pause_ms(500);
	}
}

int trial_persist(struct bench *b, int (*go)(struct bench *b, struct err *e), struct err *e)
{
	for (int round = 0;; round++) {
		if (go(b, e) == 0)
			return 0;
		if (e->kind != ERR_RETRY || stop_asked(&b->sync->stop) || round >= ENGINE_ROUNDS)
			return -1;
		if (wait_for_engine(b, e) < 0)
			return -1;
	}
}

static int step_apply(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;

	bench_show(b, "apply", NULL);
	if (place_files(b, t->has_old ? &t->old : NULL, &t->new, e) < 0 ||
	    fault_hit(FAULT_files_placed, e) < 0)
		return -1;
	if (t->same_model)
		return 0;
	return apply_model(b, &t->new, e) < 0 ? -1 : fault_hit(FAULT_apply_done, e);
}

static void show_wait(const char *what, void *arg)
{
	bench_show(arg, "health", what);
}

int trial_judge(struct bench *b, const struct active *a, struct err *e)
{
	auto_json cJSON *model = NULL;

	if (model_read(b->sync->store, b->trial->name, a->model, &model, e) < 0)
		return -1;
	struct judge j = {
		.engine = b->sync->engine,
		.project = b->trial->name,
		.settings = &a->want.settings,
		.model = model,
		.failing = &b->intent.failing,
		.stop = &b->sync->stop,
		.since = clock_wall() - (clock_ms() - b->begun_ms) / 1000 - 1,
		.waiting = show_wait,
		.arg = b,
	};
	return health_wait(&j, e);
}

static int step_health(struct bench *b, struct err *e)
{
	if (b->trial->same_model)
		return 0;
	bench_show(b, "health", NULL);
	return trial_judge(b, &b->trial->new, e) < 0 ? -1 : fault_hit(FAULT_health_done, e);
}

int trial_commit(struct bench *b, struct err *e)
{
	struct active *a = &b->trial->new;

	bench_show(b, "commit", NULL);
	a->since = clock_wall();
	a->generation = b->sync->number;
	if (apply_hashes(b, a, e) < 0 || active_write(b->sync->store, a, e) < 0)
		return -1;
	if (fault_hit(FAULT_project_committed, e) < 0)
		return -1;
	return intent_remove(b->sync->store, b->trial->name, e);
}

static int forward(struct bench *b, struct err *e)
{
	if (step_apply(b, e) < 0 || step_health(b, e) < 0)
		return -1;
	return b->intent.atomic ? 0 : trial_commit(b, e);
}

/* Make intent.json say so, for a polite stop: this attempt does not count. */
static cJSON *stopped(struct bench *b, const struct err *why)
{
	struct err ignored = ERR_INIT;

	if (stop_asked(&b->sync->stop) && strcmp(b->intent.phase, PHASE_APPLY) == 0) {
		b->intent.attempt--;
		(void)bench_save(b, &ignored);
		return trial_end(b, "stopped", "stopped; it goes on at the next start");
	}
	return trial_end(b, "retry", why->cause);
}

/* Forward to a good end, or back. The result says which; -1 only when nothing could be recorded. */
static int run(struct bench *b, cJSON **result, struct err *e)
{
	if (trial_persist(b, forward, e) == 0) {
		if (!b->intent.atomic) {
			*result = trial_end(b, "good", NULL);
			return 0;
		}
		bench_phase(b, PHASE_HEALTHY);
		if (bench_save(b, e) < 0)
			return -1;
		*result = trial_end(b, "healthy", NULL);
		return 0;
	}
	if (e->kind == ERR_RETRY) {
		*result = stopped(b, e);
		err_clear(e);
		return 0;
	}
	return undo_trial(b, e, result);
}

/* What fails already is not the change's fault; what of others runs under this name is worth
 * knowing. */
static int baseline(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;
	auto_json cJSON *model = NULL;
	auto_containers struct containers now = CONTAINERS_INIT;

	if (!t->has_old) {
		if (t->want->settings.adopt != TRI_YES)
			return 0;
		if (engine_list(b->sync->engine, t->name, &now, e) < 0)
			return -1;
		b->intent.adopted = now.n > 0;
		return 0;
	}
	if (t->same_model)
		return 0;
	if (model_read(b->sync->store, t->name, t->old.model, &model, e) < 0)
		return -1;
	struct judge j = {.engine = b->sync->engine,
			  .project = t->name,
			  .settings = &t->old.want.settings,
			  .model = model};

	return health_failing(&j, &b->intent.failing, e);
}

int trial_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc;

	j->out = o;
	if (bench_open(j, &b, e) < 0 || baseline(&b, e) < 0) {
		*result = trial_end(NULL, "retry",
				    e->cause); /* nothing was touched and nothing is open */
		bench_close(&b);
		err_clear(e);
		return 0;
	}
	bench_phase(&b, PHASE_APPLY);
	b.intent.attempt = j->trial->attempts + 1;
	b.intent.atomic = j->sync->atomic && !j->sync->options->rollback;
	b.intent.unblamed = j->sync->options->rollback;
	rc = bench_save(&b, e); /* the attempt is counted before it is made */
	if (rc < 0) {
		*result = trial_end(NULL, "retry", e->cause);
		err_clear(e);
		rc = 0;
	} else {
		rc = fault_hit(FAULT_intent_written, e) < 0 ? -1 : run(&b, result, e);
	}
	bench_close(&b);
	return rc;
}

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
	b->intent.attempt++;
	if (bench_save(b, e) < 0)
		return -1;
	return run(b, result, e);
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
	if (t->action == PLAN_REMOVE || (found && now.generation == b->sync->number)) {
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

	j->out = o;
	if (bench_open(j, &b, e) == 0 &&
	    intent_load(j->sync, j->trial->name, j->trial, &b.intent, e) == 0) {
		const char *phase = b.intent.phase;

		if (!phase) /* it ended before it began, or its end was recorded */
			rc = ended(&b, result, e);
		else if (strcmp(phase, PHASE_REMOVE) == 0)
			rc = remove_resume(&b, result, e);
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
	int rc;

	j->out = o;
	rc = bench_open(j, &b, e);
	if (rc == 0)
		rc = intent_load(j->sync, j->trial->name, j->trial, &b.intent, e);
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
